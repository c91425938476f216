//! Dumps as tables of SQL: virtual ones over open dumps, real ones in a loaded file, described once in the [`catalogue`].

pub mod catalogue;
mod database;
mod error;
pub mod export;
mod functions;
mod load;
mod relation;
mod sources;
mod tables;
pub mod views;
mod virtual_table;

pub use database::{Database, OpenError};
pub use error::SqlError;
pub use load::{LoadError, Loaded, forget_all_but, load};
pub use sources::Sources;
pub(crate) use sources::{Once, OpenDump};
