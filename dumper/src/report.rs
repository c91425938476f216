//! What callers are told: about one dump, and about the installation.

use std::path::PathBuf;
use std::time::Duration;

use crate::census::TypeGrowth;
use crate::settings::Settings;
use crate::signal::Signal;
use crate::target::WalkSummary;

/// A published dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The dump.
    pub path: PathBuf,
    /// Its number in this process.
    pub sequence: u64,
    /// What it holds.
    pub summary: WalkSummary,
    /// How long it took until the runtime held still.
    pub wait: Duration,
    /// How long the runtime was held still: the clone, as seen from the target.
    pub pause: Duration,
    /// From the request to the published file.
    pub duration: Duration,
    /// The types that grew most since the last dump of this process, most first; `None` where there is none to compare with.
    pub growth: Option<Vec<TypeGrowth>>,
}

/// Why there is no dump. Says what happened and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}; {cure}")]
pub struct DumpError {
    /// What happened.
    pub cause: String,
    /// What to do.
    pub cure: &'static str,
    /// The system's error number where one is behind it; 0 otherwise. EEXIST: the file exists.
    pub errno: i32,
}

/// The signal cannot be armed or the agent not started.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A signal's handler cannot be set.
    #[error("cannot handle signal {signal}: {error}; choose another one by MEMDUMP_SIGNAL")]
    Signal {
        /// The signal's number.
        signal: i32,
        /// The system's error.
        error: std::io::Error,
    },
    /// The agent's thread cannot be started.
    #[error(
        "cannot start the agent's thread: {0}; raise the limit on processes (ulimit -u, pids.max)"
    )]
    Thread(std::io::Error),
}

/// How things stand in this process.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Whether a signal is armed; `None` before the first installation.
    pub installed: Option<Installed>,
    /// The settings in force; `None` before the first installation.
    pub settings: Option<Settings>,
    /// Resident memory, bytes, at which the next dump is taken by itself; `None` where that is not asked for.
    pub next_level: Option<u64>,
    /// For how long dumps for the memory's sake are held back, because one was taken not long ago.
    pub held_back: Duration,
    /// Whether the agent's thread is there to answer.
    pub agent_alive: bool,
    /// Whether a dump is being taken.
    pub in_progress: bool,
    /// Dumps published by this process.
    pub dumps: u64,
    /// Requests that came while a dump was being taken.
    pub ignored: u64,
    /// The last published dump.
    pub last_report: Option<Report>,
    /// Why the last dump that failed failed.
    pub last_error: Option<DumpError>,
}

/// The armed signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The signal of the settings.
    pub signal: Signal,
    /// Whether somebody replaced its handler since. The second signal still works; installing again takes it back.
    pub taken_away: bool,
    /// The signal of `memdump send`; `None` when no real-time signal was free.
    pub second_signal: Option<Signal>,
}
