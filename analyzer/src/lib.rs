//! Offline analysis of memdump heap dumps: what grew, what is new, what keeps it alive.
//!
//! Data flows one way: dump file → [`snapshot`] (columns) → [`graph`] → [`analysis`] → [`view`]. Analyses are pure functions
//! to plain results; only [`command`] opens files and prints.

#![forbid(unsafe_op_in_unsafe_fn)]

pub mod analysis;
pub mod command;
pub mod cut_off;
pub mod exit_code;
pub mod graph;
pub mod pattern;
pub mod picture;
pub mod progress;
pub mod report;
pub mod send;
pub mod snapshot;
pub mod sql;
pub mod ui;
mod unfinished;
pub mod view;
pub mod watch;
pub mod web;
