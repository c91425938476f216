//! Holds all threads of a process still for a moment, and writes to its memory while they are.
//!
//! Threads are seized, not attached to: no signal is sent to them, none is lost, and when the holder ends (even by SIGKILL) the kernel
//! lets them go on as if nothing had been. No register is touched. The one file that calls `ptrace`: the safe wrappers know no
//! real-time signals, and a status that they cannot name would be lost.

#![allow(unsafe_code)]

use std::io;
use std::ptr;
use std::time::{Duration, Instant};

use crate::error::AttachError;
use crate::memory::Address;
use crate::process::Process;

/// How long threads may stand still while the others are waited for. A thread in a system call that cannot be interrupted (`vfork`, a
/// hung disk) does not stop before it is over.
const PATIENCE: Duration = Duration::from_millis(50);

/// All threads of a process stand still as long as this lives.
#[derive(Debug)]
pub(crate) struct Held<'p> {
    process: &'p Process,
    threads: Vec<Thread>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    id: i32,
    /// A signal that was about to be delivered when it stopped, and must be.
    signal: i32,
}

/// What became of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// It was held.
    Done(T),
    /// Not all threads stopped in time.
    NotStopped,
}

/// Runs `work` while all threads of the process stand still, and tells for how long the first of them did, at most.
///
/// In a thread of its own: should anything go wrong on the way, its end makes the kernel let go of whatever it still holds.
pub(crate) fn hold<T: Send>(
    process: &Process,
    work: impl FnOnce(&Held<'_>) -> Result<T, AttachError> + Send,
) -> Result<(Attempt<T>, Duration), AttachError> {
    let holder = || {
        let begun = Instant::now();
        let attempt = match Held::all(process)? {
            Some(held) => Attempt::Done(work(&held)?),
            None => Attempt::NotStopped,
        };
        Ok((attempt, begun.elapsed()))
    };
    std::thread::scope(|scope| match scope.spawn(holder).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

impl<'p> Held<'p> {
    fn all(process: &'p Process) -> Result<Option<Self>, AttachError> {
        // It would not stop, and the others would stand still in vain.
        if process.has_uninterruptible_thread()? {
            return Ok(None);
        }
        let give_up = Instant::now() + PATIENCE;
        let mut held = Held {
            process,
            threads: Vec::new(),
        };
        // Threads that run may make others; those that stand still cannot. So in the end a look finds no new one.
        loop {
            let mut fresh = process.threads()?;
            fresh.retain(|id| held.threads.iter().all(|thread| thread.id != *id));
            if fresh.is_empty() {
                return Ok(Some(held));
            }
            let mut seized = Vec::new();
            for id in fresh {
                if held.seize(id)? {
                    seized.push(id);
                }
            }
            for id in seized {
                match wait_until_stopped(id, give_up)
                    .map_err(|error| process.no_permission(error))?
                {
                    Stop::Stopped(signal) => held.threads.push(Thread { id, signal }),
                    Stop::Gone => {}
                    Stop::TooLate => return Ok(None),
                }
            }
            if Instant::now() > give_up {
                return Ok(None);
            }
        }
    }

    /// Asks a thread to stop; false if it is gone.
    fn seize(&self, id: i32) -> Result<bool, AttachError> {
        let result = ptrace(libc::PTRACE_SEIZE, id, 0, 0)
            .and_then(|()| ptrace(libc::PTRACE_INTERRUPT, id, 0, 0));
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            Err(error) => Err(self.not_seized(error)),
        }
    }

    fn not_seized(&self, error: io::Error) -> AttachError {
        let pid = self.process.pid();
        // The same error as for missing rights; somebody may have come since.
        match self.process.status().map(|status| status.tracerpid) {
            None => AttachError::Ended { pid },
            Some(tracer) if tracer != 0 && tracer.unsigned_abs() != std::process::id() => {
                let tracer = tracer.unsigned_abs();
                AttachError::Traced { pid, tracer }
            }
            Some(_) => self.process.no_permission(error),
        }
    }

    /// Writes to memory that the process itself may write to. One system call, in this order.
    pub(crate) fn write(&self, pieces: &[(Address, &[u8])]) -> Result<(), AttachError> {
        let local = pieces.iter().map(|(_, bytes)| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        });
        let remote = pieces.iter().map(|(address, bytes)| libc::iovec {
            iov_base: ptr::without_provenance_mut(address.0 as usize),
            iov_len: bytes.len(),
        });
        let (local, remote): (Vec<_>, Vec<_>) = (local.collect(), remote.collect());
        let (count, pid) = (pieces.len() as libc::c_ulong, self.process.pid() as i32);
        // SAFETY: the call reads our slices, which live until it returns, and writes the other process's memory only.
        let written = unsafe {
            libc::process_vm_writev(pid, local.as_ptr(), count, remote.as_ptr(), count, 0)
        };
        let wanted: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        match usize::try_from(written) {
            Ok(written) if written == wanted => Ok(()),
            Ok(_) => Err(self.not_written(io::Error::from_raw_os_error(libc::EFAULT))),
            Err(_) => Err(self.not_written(io::Error::last_os_error())),
        }
    }

    /// Writes a word to memory that the process may only read: its page is copied first, so that no file changes.
    pub(crate) fn write_read_only(&self, at: Address, word: [u8; 8]) -> Result<(), AttachError> {
        let pid = self.process.pid();
        let thread = self.threads.first().ok_or(AttachError::Ended { pid })?;
        let word = usize::from_ne_bytes(word);
        ptrace(libc::PTRACE_POKEDATA, thread.id, at.0 as usize, word)
            .map_err(|error| self.not_written(error))
    }

    fn not_written(&self, cause: io::Error) -> AttachError {
        match cause.raw_os_error() {
            Some(libc::ESRCH) => AttachError::Ended {
                pid: self.process.pid(),
            },
            Some(libc::EPERM) => self.process.no_permission(cause),
            _ => AttachError::Io {
                pid: self.process.pid(),
                what: "its memory cannot be written".to_owned(),
                cause,
            },
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        for thread in &self.threads {
            // One that was killed meanwhile is gone; then there is nothing to let go of.
            let _ = ptrace(libc::PTRACE_DETACH, thread.id, 0, thread.signal as usize);
        }
    }
}

enum Stop {
    /// With a signal to deliver, or 0.
    Stopped(i32),
    Gone,
    TooLate,
}

fn wait_until_stopped(id: i32, give_up: Instant) -> io::Result<Stop> {
    loop {
        let mut status = 0;
        // SAFETY: writes one int of ours.
        let waited = unsafe { libc::waitpid(id, &raw mut status, libc::__WALL | libc::WNOHANG) };
        if waited == id && libc::WIFSTOPPED(status) {
            // Stopped because it was asked to, or as the rest of its process is (SIGSTOP): nothing to deliver.
            let asked = status >> 16 == libc::PTRACE_EVENT_STOP;
            return Ok(Stop::Stopped(if asked {
                0
            } else {
                libc::WSTOPSIG(status)
            }));
        }
        if waited == id {
            return Ok(Stop::Gone);
        }
        let error = io::Error::last_os_error();
        if waited < 0 && error.raw_os_error() == Some(libc::ECHILD) {
            return Ok(Stop::Gone);
        }
        if waited < 0 && error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
        if Instant::now() > give_up {
            return Ok(Stop::TooLate);
        }
        std::thread::sleep(Duration::from_micros(10));
    }
}

fn ptrace(request: libc::c_uint, id: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take numbers only; none makes the kernel write to our memory.
    let result = unsafe { libc::ptrace(request, id, address, data) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
