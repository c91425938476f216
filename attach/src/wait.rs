//! Waits for the target: to be held, to come to the request, to answer. Takes the request back when it does not come.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::Patience;
use crate::channel::{Channel, Done};
use crate::error::AttachError;
use crate::mailbox::Mailbox;
use crate::process::Process;

/// How often the answer is looked for.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long is tried to hold the process, or to find its ring free. Each try is short, and lets it run in between.
const TRYING: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(30);
/// When a request that was not seen is pointed out again, and the process woken if that is wanted.
const AGAIN: Duration = Duration::from_millis(500);
/// How long an import of memdump may take once it has begun.
const IMPORTING: Duration = Duration::from_secs(30);

pub(crate) struct Wait<'p> {
    process: &'p Process,
    patience: &'p Patience,
    begun: Instant,
}

impl<'p> Wait<'p> {
    pub(crate) fn new(process: &'p Process, patience: &'p Patience) -> Self {
        Wait {
            process,
            patience,
            begun: Instant::now(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Tries until it can be done, or turns out to be impossible.
    pub(crate) fn until_done(
        &self,
        mut attempt: impl FnMut() -> Result<Done, AttachError>,
    ) -> Result<Done, AttachError> {
        let begun = Instant::now();
        loop {
            let done = attempt()?;
            let Done::Later(why) = done else {
                return Ok(done);
            };
            if begun.elapsed() > TRYING {
                return Err(AttachError::NotHeld {
                    pid: self.process.pid(),
                    why: why.to_owned(),
                });
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    pub(crate) fn for_answer(
        &self,
        channel: &Channel<'_>,
        mailbox: &Mailbox,
        script: &str,
    ) -> Result<(), AttachError> {
        let mut next_push = self.begun + AGAIN;
        let mut wake = self.patience.wake;
        let mut taken = None;
        loop {
            if let Some(answer) = self.answer(mailbox)? {
                return answer;
            }
            if self.process.status().is_none() {
                return Err(self.ended());
            }
            if self.patience.stop.load(Ordering::Relaxed) {
                return Err(AttachError::Interrupted {
                    pid: self.process.pid(),
                });
            }
            let now = Instant::now();
            if taken.is_none() && mailbox.is_taken() {
                taken = Some(now);
            }
            match taken {
                Some(since) if now - since > IMPORTING => return Err(self.no_answer(mailbox)),
                Some(_) => {}
                None if self.elapsed() > self.patience.timeout => {
                    if self.until_done(|| channel.take_back(script))? == Done::Yes {
                        return Err(self.nothing_ran(channel));
                    }
                    // It came just now.
                    taken = Some(now);
                }
                None if now > next_push => {
                    next_push = now + AGAIN;
                    channel.ask_again(script)?;
                    if let Some(signal) = wake.take() {
                        self.wake(signal)?;
                    }
                }
                None => {}
            }
            std::thread::sleep(INTERVAL);
        }
    }

    fn answer(&self, mailbox: &Mailbox) -> Result<Option<Result<(), AttachError>>, AttachError> {
        let pid = self.process.pid();
        let outcome = mailbox.outcome().map_err(|cause| AttachError::Io {
            pid,
            what: format!("its answer in {} cannot be read", mailbox.path),
            cause,
        })?;
        Ok(outcome.map(|outcome| match outcome.split_once(' ') {
            None if outcome == "ok" => Ok(()),
            Some(("import", why)) => Err(AttachError::NoPackage {
                pid,
                why: why.to_owned(),
            }),
            Some(("install", why)) => Err(AttachError::InstallFailed {
                pid,
                why: why.to_owned(),
            }),
            _ => Err(AttachError::InstallFailed {
                pid,
                why: format!("it answers {outcome:?}"),
            }),
        }))
    }

    fn wake(&self, signal: i32) -> Result<(), AttachError> {
        let pid = self.process.pid();
        let failed = |error: rustix::io::Errno| self.process.no_permission(error.into());
        let signal =
            rustix::process::Signal::from_named_raw(signal).ok_or(AttachError::NoHandler {
                pid,
                signal,
                caught: "it is none of the signals that have names".to_owned(),
            })?;
        let process = rustix::process::Pid::from_raw(pid as i32).ok_or_else(|| self.ended())?;
        rustix::process::kill_process(process, signal).map_err(failed)
    }

    fn ended(&self) -> AttachError {
        AttachError::Ended {
            pid: self.process.pid(),
        }
    }

    fn no_answer(&self, mailbox: &Mailbox) -> AttachError {
        AttachError::NoAnswer {
            pid: self.process.pid(),
            waited: IMPORTING,
            directory: mailbox.path.clone(),
        }
    }

    fn nothing_ran(&self, channel: &Channel<'_>) -> AttachError {
        let pid = self.process.pid();
        let waiting = self.process.waiting_in();
        let caught = caught(self.process);
        let doing = waiting.map_or("It is busy in native code".to_owned(), |call| {
            format!("It waits in {call}")
        });
        let hint = format!(
            "{doing}. Let it do something (a request, input), or give a greater --timeout; `--wake SIGNAL` sends it a signal for which it has \
             a handler written in Python, and so runs code ({caught})"
        );
        AttachError::NothingRan {
            pid,
            who: channel.who(),
            waited: self.patience.timeout,
            hint,
        }
    }
}

/// That the signal which is to wake the process will not end it.
pub(crate) fn check_wake(process: &Process, wake: Option<i32>) -> Result<(), AttachError> {
    let Some(signal) = wake else {
        return Ok(());
    };
    let mask = process.status().map_or(0, |status| status.sigcgt);
    if (1..=64).contains(&signal) && mask & (1 << (signal - 1)) != 0 {
        return Ok(());
    }
    Err(AttachError::NoHandler {
        pid: process.pid(),
        signal,
        caught: caught(process),
    })
}

/// Signals for which the process has handlers, in words.
fn caught(process: &Process) -> String {
    let mask = process.status().map_or(0, |status| status.sigcgt);
    let names: Vec<_> = (1..32)
        .filter(|signal| mask & (1 << (signal - 1)) != 0)
        .filter_map(|signal| signal_hook::low_level::signal_name(signal))
        .collect();
    if names.is_empty() {
        "it has handlers for no signal".to_owned()
    } else {
        format!(
            "it has handlers, in whatever language, for {}",
            names.join(", ")
        )
    }
}
