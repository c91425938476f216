//! What can keep memdump from getting into a process, each with its cure.

use std::io;
use std::time::Duration;

/// Why there is no memdump in the process now. Unless it says otherwise, the process is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Nothing has that pid.
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The pid.
        pid: u32,
    },
    /// It has ended, and waits for its parent.
    #[error("process {pid} has ended: it is a zombie that its parent has not waited for")]
    Zombie {
        /// The pid.
        pid: u32,
    },
    /// The pid is that of a thread.
    #[error("{pid} is a thread of process {process}; attach to {process}")]
    Thread {
        /// The pid.
        pid: u32,
        /// Its process.
        process: u32,
    },
    /// It is stopped by a signal, so it runs no Python code.
    #[error("process {pid} is stopped, so it runs no code; let it go on with `kill -CONT {pid}`")]
    Stopped {
        /// The pid.
        pid: u32,
    },
    /// A debugger is there.
    #[error(
        "process {pid} is already traced by process {tracer} (a debugger, strace, a profiler); end that first"
    )]
    Traced {
        /// The pid.
        pid: u32,
        /// Who traces it.
        tracer: u32,
    },
    /// The kernel does not let us.
    #[error("process {pid} may not be looked into ({cause}): {cure}")]
    NoPermission {
        /// The pid.
        pid: u32,
        /// What the kernel said.
        cause: io::Error,
        /// What would help here.
        cure: String,
    },
    /// It is no Python at all, or one of another kind.
    #[error("process {pid} is not a CPython that memdump can be brought into: {why}")]
    NotPython {
        /// The pid.
        pid: u32,
        /// What it is instead.
        why: String,
    },
    /// A CPython that cannot be supported.
    #[error("process {pid} cannot be attached to: {why}")]
    Unsupported {
        /// The pid.
        pid: u32,
        /// What about it, and what to do instead.
        why: String,
    },
    /// The interpreter's structures are not what they should be.
    #[error(
        "process {pid} says it is Python {version}, but its interpreter does not look like one ({why}), so nothing was \
         written to it. Start it with `python -m memdump run …` or call memdump.install() in it"
    )]
    NotAsExpected {
        /// The pid.
        pid: u32,
        /// The version that it claims.
        version: String,
        /// What does not fit.
        why: String,
    },
    /// Remote debugging was switched off.
    #[error(
        "process {pid} forbids remote debugging (PYTHON_DISABLE_REMOTE_DEBUG, -X disable-remote-debug, or a Python that was \
         built without it); start it without that, or call memdump.install() in it"
    )]
    SwitchedOff {
        /// The pid.
        pid: u32,
    },
    /// There is no directory through which the process could be told what to do.
    #[error(
        "no directory was found in which both memdump and process {pid} can write ({tried}); mount a tmpfs there, or run \
         memdump as the same user as the process, or as root"
    )]
    NoDirectory {
        /// The pid.
        pid: u32,
        /// What was tried, and what happened.
        tried: String,
    },
    /// Somebody else attaches at the same time.
    #[error("another `memdump attach {pid}` is at work; wait for it")]
    Busy {
        /// The pid.
        pid: u32,
    },
    /// Its threads could not be held, or were never in a state in which something may be written.
    #[error(
        "process {pid} could not be held still for a moment: {why}. Nothing was written to it; try again"
    )]
    NotHeld {
        /// The pid.
        pid: u32,
        /// What was in the way.
        why: String,
    },
    /// No Python code ran, so the request was taken back.
    #[error(
        "process {pid} ran no Python code in its {who} within {}, so the request was taken back and the process is as it \
         was. {hint}",
        humantime::format_duration(*.waited)
    )]
    NothingRan {
        /// The pid.
        pid: u32,
        /// Whose code it is that must run.
        who: &'static str,
        /// How long was waited.
        waited: Duration,
        /// What it is doing, and what helps.
        hint: String,
    },
    /// The request was taken, but nothing came of it.
    #[error(
        "process {pid} took the request, but has not answered within {}. It may still be importing memdump: look at \
         `memdump send {pid}` later. If not, look whether it may read {directory}",
        humantime::format_duration(*.waited)
    )]
    NoAnswer {
        /// The pid.
        pid: u32,
        /// How long was waited.
        waited: Duration,
        /// Where it was told what to do.
        directory: String,
    },
    /// The target's `memdump.install()` raised.
    #[error("process {pid} could not install memdump: {why}")]
    InstallFailed {
        /// The pid.
        pid: u32,
        /// The error in the target's words.
        why: String,
    },
    /// The package cannot be imported by the target.
    #[error(
        "process {pid} has no package `memdump` to import ({why}); install it into its environment, or get it into a \
         directory and name that: in memdump's sources `pip install --target /opt/memdump ./dumper/cpython`, then \
         `memdump attach {pid} --package /opt/memdump`"
    )]
    NoPackage {
        /// The pid.
        pid: u32,
        /// What the target said.
        why: String,
    },
    /// Somebody wanted it to give up.
    #[error(
        "interrupted; the request to process {pid} was taken back, unless it was being run just then"
    )]
    Interrupted {
        /// The pid.
        pid: u32,
    },
    /// It ended while it was being attached to.
    #[error("process {pid} ended, or became another program, before it answered")]
    Ended {
        /// The pid.
        pid: u32,
    },
    /// The signal would do harm, or nothing.
    #[error(
        "process {pid} has no handler for signal {signal}, so it would not wake up by it; {caught}"
    )]
    NoHandler {
        /// The pid.
        pid: u32,
        /// The signal that was to wake it.
        signal: i32,
        /// Which signals it has handlers for.
        caught: String,
    },
    /// Files and memory of the process.
    #[error("process {pid}: {what}: {cause}")]
    Io {
        /// The pid.
        pid: u32,
        /// What was being done.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
}
