//! An axum service, and the load on it: the same program over each allocator, in `bin`.

#![allow(clippy::print_stdout, reason = "what a benchmark says")]

mod pair;
mod service;

/// `serve` listens on a free port of the loopback, prints it, and ends with its standard input; `pair` tells the nanoseconds of an allocation with its free.
pub fn run() {
    let what = std::env::args().nth(1);
    match what.as_deref() {
        Some("serve") => service::serve(),
        Some("pair") => println!("{:.2}", pair::nanoseconds()),
        _ => panic!("serve or pair"),
    }
}
