//! Heap dumps of Rust programs: which blocks there are, when they were born, who holds them.
//!
//! ```no_run
//! #[global_allocator]
//! static HEAP: memdump::Heap = memdump::Heap::system();
//!
//! fn main() -> Result<(), memdump::InstallError> {
//!     memdump::install()?;
//!     // … and from now on `kill -USR1` writes a dump.
//!     Ok(())
//! }
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod births;
mod blocks;
mod frames;
mod header;
mod heap;
mod images;
mod install;
mod local;
#[cfg(feature = "preload")]
pub mod malloc;
mod map;
mod memory;
mod sites;
mod stack_frames;
#[cfg(feature = "preload")]
mod static_local;
mod target;
mod thread_locals;
mod threads;
mod walk;

pub use heap::Heap;
pub use install::{Builder, InstallError, dump, install};
pub use memdump_dumper::{
    DumpError, Report, Settings, SettingsBuilder, SettingsError, Signal, Status, shutdown, status,
    wait_plainly,
};
// For libmemdump_preload.
#[doc(hidden)]
pub use install::dump_of;
#[doc(hidden)]
pub use target::Runtime;
