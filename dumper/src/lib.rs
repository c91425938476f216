//! What runs inside a target of memdump and does not depend on its kind: the signal, the agent, the snapshot process, the file.
//!
//! A kind of target implements [`Target`] and calls [`install`]; the final library or program declares
//! [`SwitchAllocator`] as its global allocator, because the snapshot process must not use libc's.

#![deny(clippy::unwrap_used, clippy::expect_used)]

mod arena;
mod context;
mod dump_file;
mod landing;
mod report;
mod settings;
mod sys;
mod target;
mod trigger;

use std::path::Path;
use std::sync::Arc;

pub use arena::{SwitchAllocator, mapped_bytes};
pub use context::SnapshotContext;
pub use dump_file::DumpFile;
pub use landing::{MemoryFault, protect};
pub use report::{DumpError, InstallError, Installed, Report, Status};
pub use settings::{Settings, SettingsBuilder, SettingsError, Signal, parse_duration, parse_size};
pub use target::{Target, WalkError, WalkSummary};
pub use trigger::Trigger;

/// How a caller that holds the runtime's lock (the GIL) waits: gets what blocks, lets the lock go, calls it, takes the lock back.
/// A caller without a lock gives [`wait_plainly`].
pub type Waiting<'a> = &'a dyn Fn(&mut dyn FnMut());

/// Waits without letting go of anything.
pub fn wait_plainly(block: &mut dyn FnMut()) {
    block();
}

/// Arms the signals and starts the agent. Called again: takes the new settings, and takes the signal back if somebody replaced its
/// handler meanwhile (that handler is then called as well).
///
/// # Errors
///
/// Nothing is armed then.
pub fn install(
    target: Arc<dyn Target>,
    settings: Settings,
    waiting: Waiting<'_>,
) -> Result<(), InstallError> {
    let _ = (target, settings, waiting);
    Err(InstallError::Thread(std::io::Error::from_raw_os_error(
        libc::ENOSYS,
    )))
}

/// The settings of the last installation.
pub fn settings() -> Option<Settings> {
    None
}

/// Writes a dump to `path` now and waits until it is published; needs no installation. Another dump that is being taken is
/// waited for. An existing file is never overwritten. The runtime's lock may be held: `waiting` lets it go where this blocks, and
/// [`Target::hold_still`] is called outside of `waiting`.
///
/// # Errors
///
/// Why there is no dump; no part of it is left then.
pub fn dump_now(
    target: &dyn Target,
    path: &Path,
    settings: &Settings,
    waiting: Waiting<'_>,
) -> Result<Report, DumpError> {
    let _ = (target, path, settings, waiting);
    Err(DumpError {
        cause: "not built yet".into(),
        cure: "wait",
    })
}

/// How things stand in this process.
pub fn status() -> Status {
    Status::default()
}

/// Stops the agent's thread, so that the process forks with one thread less. Nothing that was asked for is lost.
pub fn before_fork(waiting: Waiting<'_>) {
    let _ = waiting;
}

/// Starts the agent's thread again; a snapshot that was being taken goes on.
pub fn after_fork_in_parent() {}

/// Gives the forked process an agent, a status page and sequence numbers of its own.
pub fn after_fork_in_child() {}

/// Stops the agent for good: to be called before the runtime goes away. Signals are only counted from then on. A snapshot process
/// that is under way completes its dump.
pub fn shutdown(waiting: Waiting<'_>) {
    let _ = waiting;
}
