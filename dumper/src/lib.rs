//! What runs inside a target of memdump and does not depend on its kind: the signal, the agent, the snapshot process, the file.
//!
//! A kind of target implements [`Target`] and calls [`install`]; the final library or program declares
//! [`SwitchAllocator`] as its global allocator, because the snapshot process must not use libc's.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod agent;
mod arena;
mod census;
mod child;
mod context;
mod direct;
mod doorbell;
mod dump_file;
mod exchange;
mod failpoint;
mod fork;
mod install;
mod landing;
mod log;
mod memory;
mod pace;
mod process;
mod publish;
mod report;
mod reserve;
mod settings;
mod signal;
mod signals;
mod snapshot;
mod status;
mod sweep;
mod sys;
mod target;
mod trigger;
mod triggers;
mod unattended;
mod units;
mod vigil;
mod wording;

pub use arena::{SwitchAllocator, in_child, mapped_bytes};
pub use census::{TypeCount, TypeGrowth};
pub use context::SnapshotContext;
pub use direct::dump_now;
pub use dump_file::DumpFile;
pub use fork::{after_fork_in_child, after_fork_in_parent, before_fork};
pub use install::{install, settings, shutdown, status};
pub use landing::{MemoryFault, protect};
pub use log::notice;
pub use report::{DumpError, InstallError, Installed, Report, Status};
pub use settings::{Identity, IoPriority, Settings, SettingsBuilder, SettingsError};
pub use signal::Signal;
pub use target::{Target, WalkError, WalkSummary};
pub use trigger::Trigger;
pub use triggers::{Amount, MemoryLevels, MemoryRise, Triggers};
pub use unattended::{memory_error, wait_at_exit};
pub use units::{parse_duration, parse_size};

/// How a caller that holds the runtime's lock (the GIL) waits: gets what blocks, lets the lock go, calls it, takes the lock back.
/// A caller without a lock gives [`wait_plainly`].
pub type Waiting<'a> = &'a dyn Fn(&mut dyn FnMut());

/// Waits without letting go of anything.
pub fn wait_plainly(block: &mut dyn FnMut()) {
    block();
}
