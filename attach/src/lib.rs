//! Brings memdump's handler into a CPython that runs and was not prepared for it.
//!
//! No code is injected and no register touched: the interpreter is asked, by its own means, to run a few lines of Python. From 3.14 on
//! that is what its interface for debuggers is for (`remote_debug`); before, its ring of pending calls does (`pending`). Everything is
//! looked at before something is written (`runtime`, `image`), it is written while all threads stand still, for about a millisecond
//! (`hold`), and it is taken back if the interpreter does not come to it.

mod channel;
mod error;
mod hold;
mod image;
mod layout;
mod mailbox;
mod memory;
mod pending;
mod permission;
mod place;
mod process;
mod remote_debug;
mod runtime;
mod script;
mod wait;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use error::AttachError;
pub use runtime::Version;
pub use script::{Installation, Value};

use channel::Channel;
use mailbox::Mailbox;
use process::Process;
use wait::Wait;

/// For how long, and how hard, an answer is waited for.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long the interpreter may take to come to the request.
    pub timeout: Duration,
    /// A signal that is sent once if it does not come by itself. Only one for which the process has a handler.
    pub wake: Option<i32>,
    /// Set by who wants it to give up: the request is taken back then.
    pub stop: Arc<AtomicBool>,
}

/// A process that has memdump in it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The process.
    pub pid: u32,
    /// Its Python.
    pub version: Version,
    /// From the request to the answer.
    pub took: Duration,
    /// For how long its threads stood still, the longest of the two or three times.
    pub held: Duration,
}

/// Has a process import memdump and call `memdump.install`, and waits until that is done.
///
/// # Errors
/// Why it could not be done; the process is then as it was, unless the error says otherwise.
pub fn attach(
    pid: u32,
    installation: &Installation,
    patience: Patience,
) -> Result<Attached, AttachError> {
    let process = Process::look(pid)?;
    let channel = Channel::find(&process)?;
    wait::check_wake(&process, patience.wake)?;
    let mut mailbox = Mailbox::make(&process, channel.left())?;
    let io = |cause| AttachError::Io {
        pid,
        what: format!("{} cannot be written to", mailbox.path),
        cause,
    };
    let installation = &seen_from(&process, &mailbox, installation).map_err(io)?;
    let errand = script::errand(&mailbox.path, mailbox.token(), installation);
    let call = script::call(&mailbox.path);
    mailbox.put_errand(&errand).map_err(io)?;
    let script = mailbox
        .put_call(call.split(|&byte| byte == 0).next().unwrap_or_default())
        .map_err(io)?;

    let wait = Wait::new(&process, &patience);
    wait.until_done(|| channel.ask(&call, &script))?;
    let answer = wait.for_answer(&channel, &mailbox, &script);
    match &answer {
        // It has been run, so nobody looks at its text any more. If it cannot be restored, some bytes stay that nobody looks at.
        Ok(()) | Err(AttachError::InstallFailed { .. } | AttachError::NoPackage { .. }) => {
            let _ = wait.until_done(|| channel.clean());
        }
        // It may be in the midst of it.
        Err(AttachError::NoAnswer { .. }) => mailbox.keep(),
        Err(AttachError::NothingRan { .. }) => {}
        // Whatever went wrong, the request should not be found later. If this goes wrong as well, the process is gone, or comes to an
        // errand that is not there.
        Err(_) => {
            let _ = wait.until_done(|| channel.take_back(&script));
        }
    }
    answer.map(|()| Attached {
        pid,
        version: channel.runtime().version,
        took: wait.elapsed(),
        held: channel.longest_hold(),
    })
}

/// The same, with the package in a place that the process can see.
fn seen_from(
    process: &Process,
    mailbox: &Mailbox,
    installation: &Installation,
) -> std::io::Result<Installation> {
    let mut seen = installation.clone();
    if process.sees_our_files() {
        return Ok(seen);
    }
    // With a package there is no fallback, and a directory of that name in the container may be meant.
    let wanted = if seen.package.is_some() {
        &mut seen.package
    } else {
        &mut seen.fallback
    };
    if let Some(path) = wanted
        && !process.has(&path.join("memdump/__init__.py"))
    {
        *path = mailbox.put_package(path)?.into();
    }
    Ok(seen)
}

/// The version of the Python in a process, if it can be attached to as far as can be told without touching it.
///
/// # Errors
/// Why it cannot.
pub fn look(pid: u32) -> Result<Version, AttachError> {
    let process = Process::look(pid)?;
    Ok(Channel::find(&process)?.runtime().version)
}

/// Whether paths of a process mean the same files as here: false for one in a container.
pub fn sees_our_files(pid: u32) -> Result<bool, AttachError> {
    Ok(Process::look(pid)?.sees_our_files())
}
