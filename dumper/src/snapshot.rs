//! Takes a snapshot: holds the runtime still, clones the process, and watches over the snapshot process until it is gone.
#![allow(unsafe_code)]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::census::Census;
use crate::child;
use crate::exchange::{Exchange, Failure, Published, Told};
use crate::failpoint::{self, Failpoint};
use crate::settings::Settings;
use crate::sweep;
use crate::sys;
use crate::target::{Target, WalkSummary};
use crate::trigger::Trigger;

/// Where a dump goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// `NAME.PID.SEQ.dump` in the directory of the settings, with the next free number.
    Series,
    /// This very path.
    Exact(PathBuf),
}

/// What is to be dumped, where to, and why.
pub(crate) struct Order<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) settings: &'a Settings,
    pub(crate) destination: Destination,
    pub(crate) trigger: Trigger,
    /// The first number to try.
    pub(crate) sequence: u64,
    /// Earlier dumps to be deleted when this one is published.
    pub(crate) obsolete: Vec<Published>,
    /// How many objects of each type the last dump had.
    pub(crate) previous: Option<Arc<Census>>,
}

/// Why no snapshot was taken, or what became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The system has no memory for the page that is shared with the snapshot process.
    Map(i32),
    /// The system refused the clone.
    Clone(i32),
    /// The target cannot be held still.
    Target(String),
    /// The snapshot process says so.
    Told(Told),
    /// The snapshot process was killed at the deadline.
    Overdue,
    /// The snapshot process was ended by this signal.
    Killed(i32),
    /// The snapshot process ended with this code without saying why.
    Exited(i32),
}

/// What a snapshot process left behind.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) file: Published,
    pub(crate) sequence: u64,
    pub(crate) summary: WalkSummary,
    pub(crate) wait: Duration,
    pub(crate) pause: Duration,
    pub(crate) duration: Duration,
    pub(crate) census: Option<Arc<Census>>,
}

/// A snapshot process that has not been reaped yet.
#[derive(Debug)]
pub(crate) struct Running {
    pid: libc::pid_t,
    exchange: Exchange,
    census: Option<Arc<Census>>,
    asked: Instant,
    kill_at: Instant,
    overdue: bool,
    wait: Duration,
    pause: Duration,
}

/// Takes the snapshot; returns as soon as the runtime goes on. Calls `held` when the runtime holds still, before the clone.
pub(crate) fn take(order: &Order<'_>, held: &mut dyn FnMut()) -> Result<Running, Trouble> {
    failpoint::load();
    let asked = Instant::now();
    let exchange = new_exchange().map_err(|e| Trouble::Map(e.raw_os_error().unwrap_or(0)))?;
    // Without it the dump tells no growth, and nothing else is missing.
    let census = Census::new().ok().map(Arc::new);
    let mut cloned = None;
    order
        .target
        .hold_still(&mut || {
            if cloned.is_none() {
                let wait = asked.elapsed();
                held();
                cloned = Some((wait, clone(order, &exchange, census.as_ref(), wait)));
            }
        })
        .map_err(Trouble::Target)?;
    let Some((wait, result)) = cloned else {
        return Err(Trouble::Target("the runtime did not hold still".into()));
    };
    let (pid, pause) = result.map_err(|e| Trouble::Clone(e.raw_os_error().unwrap_or(0)))?;
    exchange.set_pause(pause);
    Ok(Running {
        pid,
        exchange,
        census,
        asked,
        kill_at: asked + wait + order.settings.deadline,
        overdue: false,
        wait,
        pause,
    })
}

fn new_exchange() -> io::Result<Exchange> {
    if failpoint::is_on(Failpoint::MapFails) {
        return Err(io::Error::from_raw_os_error(libc::ENOMEM));
    }
    Exchange::new()
}

/// The pause: from here to the return in the target nothing of the runtime runs.
fn clone(
    order: &Order<'_>,
    exchange: &Exchange,
    census: Option<&Arc<Census>>,
    wait: Duration,
) -> io::Result<(libc::pid_t, Duration)> {
    if failpoint::is_on(Failpoint::CloneRefused) {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    let target = sys::process_id();
    // No handler of the application may run in the snapshot process, not even before that has reset them.
    let mask = sys::signal_mask(libc::SIG_SETMASK, &sys::all_signals());
    let before = Instant::now();
    // SAFETY: without CLONE_VM this is a fork: the child runs on its own copy of this stack. It is not libc's fork because that
    // takes libc's locks and runs the handlers of pthread_atfork, both of which have hung live processes; and without an exit
    // signal (flags 0) the application's SIGCHLD handler and wait calls do not notice. The child keeps to what
    // that costs it (see `child`) and never returns from here.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if pid == 0 {
        child::run(order, exchange, census, target, before, wait);
    }
    let pause = before.elapsed();
    let error = io::Error::last_os_error();
    sys::signal_mask(libc::SIG_SETMASK, &mask);
    if pid < 0 {
        return Err(error);
    }
    Ok((pid as libc::pid_t, pause))
}

impl Running {
    /// What became of the snapshot process; `None` while it is at work. Kills it when its time is over.
    pub(crate) fn poll(&mut self) -> Option<Result<Finished, Trouble>> {
        let status = match self.reap() {
            Some(status) => status,
            None => {
                if !self.overdue && Instant::now() >= self.kill_at {
                    self.overdue = true;
                    // SAFETY: the process is our child and not reaped, so the id is still its own.
                    unsafe { libc::kill(self.pid, libc::SIGKILL) };
                }
                return None;
            }
        };
        let outcome = self.outcome(status);
        if outcome.is_err() {
            self.remove_partial();
        }
        Some(outcome)
    }

    /// The wait status once the process is gone.
    fn reap(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: points to an int. __WALL because a child without exit signal is otherwise not waited for.
        let pid = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG | libc::__WALL) };
        match pid {
            0 => None,
            pid if pid == self.pid => Some(status),
            _ if sys::errno() == libc::EINTR => None,
            // The application waited for it with __WALL itself. What it left in the page tells the rest.
            _ => Some(0),
        }
    }

    fn outcome(&self, status: i32) -> Result<Finished, Trouble> {
        // A dump that was published counts, whatever ended the process afterwards.
        if let Some((file, sequence, summary)) = self.exchange.published() {
            return Ok(Finished {
                file,
                sequence,
                summary,
                wait: self.wait,
                pause: self.pause,
                duration: self.asked.elapsed(),
                census: self.census.clone(),
            });
        }
        if let Some(told) = self.exchange.failure() {
            return Err(Trouble::Told(told));
        }
        if self.overdue || (libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM) {
            return Err(Trouble::Overdue);
        }
        if libc::WIFSIGNALED(status) {
            return Err(Trouble::Killed(libc::WTERMSIG(status)));
        }
        Err(Trouble::Exited(libc::WEXITSTATUS(status)))
    }

    /// The snapshot process removes its file itself unless it was killed.
    fn remove_partial(&self) {
        if let Some(path) = self.exchange.partial() {
            sweep::remove(path);
        }
    }

    /// How long a caller without a deadline of its own may sleep before it polls again: short dumps are not kept waiting, and
    /// long ones cost next to nothing.
    pub(crate) fn patience(&self) -> Duration {
        (self.asked.elapsed() / 8).clamp(Duration::from_micros(500), Duration::from_millis(10))
    }
}

impl Failure {
    /// The exit code of a snapshot process that gave up for this reason.
    pub(crate) fn exit_code(self) -> i32 {
        64 + self as i32
    }
}
