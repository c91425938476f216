//! Offline analysis of memdump heap dumps: what grew, what is new, what keeps it alive.
//!
//! Data flows one way: dump file → [`snapshot`] (columns) → [`graph`] → [`analysis`]. Analyses are pure functions
//! to plain results; only the commands open files and print.

#![forbid(unsafe_op_in_unsafe_fn)]

pub mod analysis;
pub mod graph;
pub mod pattern;
pub mod progress;
pub mod snapshot;
