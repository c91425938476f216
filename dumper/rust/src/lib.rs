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
mod header;
mod heap;
mod images;
mod install;
mod local;
mod map;
mod sites;
mod target;
mod thread_locals;
mod threads;
mod walk;

pub use heap::Heap;
pub use install::{InstallError, dump, install, install_with};
pub use memdump_dumper::{
    DumpError, Report, Settings, SettingsBuilder, SettingsError, Signal, Status, shutdown, status,
    wait_plainly,
};
