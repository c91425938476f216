//! What memdump knows in one process: whose turn it is, the dumps so far, the snapshot that is under way.
//!
//! A forked process gets a new one of these and never touches its parent's, whose lock may be held for ever.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::agent::Agent;
use crate::census::Census;
use crate::exchange::Published;
use crate::pace::Pace;
use crate::report::{DumpError, Report};
use crate::settings::Settings;
use crate::snapshot::{Destination, Finished, Running, Trouble};
use crate::status::Page;
use crate::sys;
use crate::trigger::Trigger;
use crate::vigil::Vigil;
use crate::wording;

/// The state of one process.
#[derive(Debug)]
pub(crate) struct Process {
    pid: libc::pid_t,
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The agent's thread, where there is one.
    pub(crate) agent: Option<Agent>,
    /// Installed and not shut down.
    pub(crate) wanted: bool,
    /// Forks that have begun and not ended: there is no agent meanwhile.
    pub(crate) forks: u32,
    /// Somebody is taking a dump.
    pub(crate) busy: bool,
    /// The agent's snapshot. Here and not on the agent's stack, because it outlives agents: those end for every fork.
    pub(crate) watched: Option<Watched>,
    /// A dump that the process itself wants, of which the agent has not heard yet.
    pub(crate) wanted_dump: Option<Trigger>,
    /// Lines about what happened on other threads: only the agent writes.
    pub(crate) unsaid: Vec<String>,
    /// What is watched, where something is.
    pub(crate) vigil: Option<Vigil>,
    /// How often dumps are taken that nobody asked for by hand; where some may be.
    pub(crate) pace: Option<Pace>,
    /// Where `memdump send` looks.
    pub(crate) page: Option<Page>,
    pub(crate) book: Book,
}

/// The agent's snapshot and what it was asked with.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) running: Running,
    pub(crate) settings: &'static Settings,
    pub(crate) sequence: u64,
    pub(crate) tokens: Vec<u32>,
    pub(crate) ignored: u64,
    pub(crate) trigger: Trigger,
}

/// What a forked process has of its parent.
#[derive(Debug, Default)]
pub(crate) struct Heritage {
    /// The parent had an agent or wanted one.
    pub(crate) wanted: bool,
    pub(crate) vigil: Option<Vigil>,
    pub(crate) pace: Option<Pace>,
}

/// The dumps of this process so far.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) dumps: u64,
    pub(crate) ignored: u64,
    pub(crate) last_report: Option<Report>,
    pub(crate) last_error: Option<DumpError>,
    /// How many objects of each type the last dump had.
    pub(crate) census: Option<Arc<Census>>,
    last_sequence: u64,
    /// Dumps of the series that `keep` may delete, oldest first.
    kept: VecDeque<Published>,
}

/// Without `keep` nothing is ever deleted; so many are remembered in case it is set later.
const REMEMBERED: usize = 4096;

static CURRENT: AtomicPtr<Process> = AtomicPtr::new(std::ptr::null_mut());

impl Process {
    /// This process's.
    pub(crate) fn current() -> &'static Self {
        loop {
            let found = CURRENT.load(Ordering::Acquire);
            if let Some(process) = leaked(found)
                && process.pid == sys::process_id()
            {
                return process;
            }
            Self::replace(found);
        }
    }

    /// This process's, if it has one already.
    pub(crate) fn existing() -> Option<&'static Self> {
        leaked(CURRENT.load(Ordering::Acquire)).filter(|p| p.pid == sys::process_id())
    }

    /// In a forked process: lets go of the parent's status page, and tells what goes on from there.
    pub(crate) fn leave_parent() -> Heritage {
        let Some(parent) = leaked(CURRENT.load(Ordering::Acquire)) else {
            return Heritage::default();
        };
        // The parent's lock may be held by a thread that does not exist here; then its page stays open, unused.
        match parent.state.try_lock() {
            Ok(mut state) => {
                state.page = None;
                Heritage {
                    wanted: state.wanted,
                    vigil: state.vigil.clone(),
                    pace: state.pace,
                }
            }
            Err(_) => Heritage {
                wanted: true,
                ..Heritage::default()
            },
        }
    }

    /// Leaked: its threads may look at it until the process ends.
    fn replace(found: *mut Self) {
        let new = Box::into_raw(Box::new(Self {
            pid: sys::process_id(),
            state: Mutex::default(),
            turn: Condvar::new(),
        }));
        // Somebody else was quicker: then theirs stands, and this one is a few lost bytes.
        let _ = CURRENT.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Held for moments only: never while the runtime is held still, while waiting, or over a fork.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a turn is passed on, for `limit` at most.
    pub(crate) fn wait_for_change(&self, state: MutexGuard<'_, State>, limit: Duration) {
        let _ = self.turn.wait_timeout(state, limit);
    }

    /// Passes the turn on.
    pub(crate) fn pass_turn(&self, state: &mut State) {
        state.busy = false;
        self.turn.notify_all();
    }
}

#[allow(unsafe_code)]
fn leaked(process: *mut Process) -> Option<&'static Process> {
    // SAFETY: null, or leaked by `replace`.
    unsafe { process.as_ref() }
}

impl Book {
    /// The number that the next dump tries first.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.last_sequence + 1
    }

    /// The dumps that must go when the next one is published.
    pub(crate) fn obsolete(&self, settings: &Settings) -> Vec<Published> {
        let Some(keep) = settings.keep else {
            return Vec::new();
        };
        let staying = keep.get() as usize - 1;
        let going = self.kept.len().saturating_sub(staying);
        self.kept.iter().take(going).cloned().collect()
    }

    /// Takes down how a dump ended.
    pub(crate) fn settle(
        &mut self,
        outcome: Result<Finished, Trouble>,
        settings: &Settings,
        destination: &Destination,
    ) -> Result<Report, DumpError> {
        match outcome {
            Ok(finished) => {
                self.dumps += 1;
                self.last_sequence = finished.sequence;
                if *destination == Destination::Series {
                    self.remember(finished.file.clone(), settings);
                }
                let census = finished.census.as_ref();
                let growth = census.and_then(|census| census.growth());
                self.census = finished.census;
                let report = Report {
                    growth,
                    path: finished.file.path,
                    sequence: finished.sequence,
                    summary: finished.summary,
                    wait: finished.wait,
                    pause: finished.pause,
                    duration: finished.duration,
                };
                self.last_report = Some(report.clone());
                Ok(report)
            }
            Err(trouble) => {
                let error = wording::explain(&trouble, settings, destination);
                self.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    fn remember(&mut self, file: Published, settings: &Settings) {
        let gone = self.obsolete(settings).len();
        self.kept.drain(..gone);
        self.kept.push_back(file);
        if self.kept.len() > REMEMBERED {
            self.kept.pop_front();
        }
    }
}
