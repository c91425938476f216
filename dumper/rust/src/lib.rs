//! Heap dumps of Rust programs.
//!
//! ```no_run
//! #[global_allocator]
//! static HEAP: memdump::Heap = memdump::Heap::system();
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod births;
mod header;
mod heap;
mod local;
mod map;
mod sites;

pub use heap::Heap;
