//! Dumps as tables of SQL: virtual ones over open dumps, real ones in a loaded file, described once in the [`catalogue`].

pub mod catalogue;
