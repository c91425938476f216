//! SQL over dumps and in loaded files: every table, view and function by exact rows, in both homes.

#![allow(missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod document;
mod functions;
mod homes;
mod loading;
mod pushdown;
mod tables;
mod views;
