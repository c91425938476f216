//! Asks a live target for a dump, and waits until it is complete.
//!
//! The request is the target's second signal, aimed at the thread that takes dumps, so that no system call of the
//! application is interrupted. It carries a token; the target's status page tells what became of it.

mod find;
mod queue_signal;
mod target;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use memdump_format::status_page::{RequestOutcome, StatusPage, TargetState};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::find::{find_all, find_one};
use self::queue_signal::queue_signal;
use self::target::Target;

/// How often the status page is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// A dump that was asked for, and is complete.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Sent {
    /// The process.
    pub pid: u32,
    /// The number of the dump in the process.
    pub sequence: u64,
    /// Where the dump is, as this process sees it.
    pub path: PathBuf,
}

/// Why there is no dump.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing has that pid.
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The pid.
        pid: u32,
    },
    /// The process belongs to somebody else.
    #[error(
        "process {pid} may not be looked into or signalled ({cause}); run memdump as the same user, or with sudo"
    )]
    NoPermission {
        /// The pid.
        pid: u32,
        /// What the system said.
        cause: io::Error,
    },
    /// The process has no memdump in it.
    #[error(
        "process {pid} has no memdump in it; bring it in with `memdump attach {pid}`, or call memdump.install() in the program. If it \
         does, look whether {pid} is a parent (a shell, a supervisor) of the process that is meant"
    )]
    NotInstalled {
        /// The pid.
        pid: u32,
    },
    /// No command line has the text in it.
    #[error("no process has {text:?} in its command line; `ps -ef` shows what there is")]
    NoMatch {
        /// What was looked for.
        text: String,
    },
    /// None of those that were found has memdump in it, as far as may be seen.
    #[error(
        "none of the processes with {text:?} in their command lines has memdump in it, or may be looked into; bring it in with `memdump attach \
         PID`, or call memdump.install() in the program:{list}"
    )]
    NoneInstalled {
        /// What was looked for.
        text: String,
        /// What was found, a line each.
        list: String,
    },
    /// Several were found, and one was wanted.
    #[error(
        "several processes with memdump in them have {text:?} in their command lines; name one, or ask them --all:{list}"
    )]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// What was found, a line each.
        list: String,
    },
    /// Of several, some failed; why has been told.
    #[error("{failed} of {of} processes did not deliver a dump")]
    NotAll {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// The target cannot take requests now.
    #[error("process {pid} does not answer requests: {why}")]
    NotReady {
        /// The pid.
        pid: u32,
        /// Why not.
        why: &'static str,
    },
    /// The status page makes no sense.
    #[error("the status page of process {pid} cannot be read: {cause}")]
    Page {
        /// The pid.
        pid: u32,
        /// What is wrong with it.
        cause: io::Error,
    },
    /// The target tried, and failed.
    #[error("process {pid} could not dump: {why}")]
    Failed {
        /// The pid.
        pid: u32,
        /// Cause and cure, in the target's words.
        why: String,
    },
    /// The dump is complete, but its path did not fit the status page.
    #[error(
        "process {pid} wrote dump {sequence}, but its path is too long to be told; look into the directory that \
         memdump.status() names"
    )]
    PathUnknown {
        /// The pid.
        pid: u32,
        /// The number of the dump.
        sequence: u64,
    },
    /// It ended first.
    #[error(
        "process {pid} ended before it answered; a dump that was under way may still be completed"
    )]
    Ended {
        /// The pid.
        pid: u32,
    },
    /// It takes too long.
    #[error(
        "process {pid} has not answered within {}; it goes on, and its stderr tells when it is done. A greater --timeout \
         waits longer",
        humantime::format_duration(*.waited)
    )]
    Timeout {
        /// The pid.
        pid: u32,
        /// How long was waited.
        waited: Duration,
    },
}

/// What a process with memdump in it says about itself.
///
/// # Errors
/// [`SendError::NotInstalled`] if it has no memdump, or why that cannot be told.
pub fn status(pid: u32) -> Result<StatusPage, SendError> {
    Target::find(pid)?.page()
}

/// Has a process dump, and waits for at most `timeout`.
///
/// A dump that is being taken for somebody else is waited for first: what was asked for is a dump of now.
pub fn send(pid: u32, timeout: Duration) -> Result<Sent, SendError> {
    let target = Target::find(pid)?;
    let wait = Wait {
        target: &target,
        timeout,
        begun: Instant::now(),
    };
    loop {
        let page = wait.until(|page| (page.state != TargetState::Dumping).then(|| page.clone()))?;
        let not_ready = |why| SendError::NotReady { pid, why };
        if page.state == TargetState::ShutDown {
            return Err(not_ready(
                "it is shutting down, or memdump was not started in it",
            ));
        }
        let signal = page.second_signal.ok_or_else(|| {
            not_ready("no second signal was free in it; use `kill` with its signal, as memdump.status() names it")
        })?;
        // Around a fork the agent is away for some milliseconds.
        let agent = wait.until(|page| page.agent)?;
        let token = token();
        queue_signal(pid, target.thread(agent)?, signal, token)
            .map_err(|cause| target.refused(cause))?;
        match wait.until(|page| page.answer_to(token).cloned())? {
            RequestOutcome::Published {
                sequence,
                path: Some(path),
            } => {
                let path = target.path_from_here(&path);
                return Ok(Sent {
                    pid,
                    sequence,
                    path,
                });
            }
            RequestOutcome::Published {
                sequence,
                path: None,
            } => {
                return Err(SendError::PathUnknown { pid, sequence });
            }
            RequestOutcome::Failed(why) => return Err(SendError::Failed { pid, why }),
            // Another request was quicker.
            RequestOutcome::Ignored => {}
        }
    }
}

struct Wait<'t> {
    target: &'t Target,
    timeout: Duration,
    begun: Instant,
}

impl Wait<'_> {
    /// Looks at the status page until it tells what is wanted.
    fn until<T>(&self, wanted: impl Fn(&StatusPage) -> Option<T>) -> Result<T, SendError> {
        loop {
            if let Some(found) = wanted(&self.target.page()?) {
                return Ok(found);
            }
            if self.begun.elapsed() >= self.timeout {
                return Err(SendError::Timeout {
                    pid: self.target.pid(),
                    waited: self.timeout,
                });
            }
            std::thread::sleep(INTERVAL);
        }
    }
}

/// A number that no other request comes with: 31 random bits, not 0.
fn token() -> u32 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Each RandomState has keys of its own, taken from the system's randomness.
    let random = RandomState::new().build_hasher().finish();
    (random as u32 >> 1).max(1)
}
