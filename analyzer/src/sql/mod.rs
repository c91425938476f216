//! Dumps as tables of SQL: virtual ones over open dumps, real ones in a loaded file, described once in the [`catalogue`].

pub mod catalogue;
mod database;
mod error;
pub mod export;
mod functions;
mod relation;
mod sources;
mod tables;
mod virtual_table;

pub use database::Database;
pub use error::SqlError;
pub use sources::Sources;
