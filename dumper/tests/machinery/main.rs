//! The machinery in a real process, from the signal to the published file, and everything that can go wrong in between.
#![allow(unsafe_code)]

mod failures;
mod forks;
mod handlers;
mod quiet;
mod send;
mod series;
mod toy;
mod unattended;
