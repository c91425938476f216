//! An axum service, and the load on it: the same program over each allocator, in `bin`.

#![allow(clippy::print_stdout, reason = "what a benchmark says")]

#[path = "../../../../dumper/preload/examples/json.rs"]
mod json;
mod pair;
mod service;

/// How often the document is parsed.
const DOCUMENTS: u32 = 10;

/// `serve` listens on a free port of the loopback, prints it, and ends with its standard input; `pair` tells the nanoseconds of an allocation with its free;
/// `json` parses JSON.
pub fn run() {
    let what = std::env::args().nth(1);
    match what.as_deref() {
        Some("serve") => service::serve(),
        Some("pair") => println!("{:.2}", pair::nanoseconds()),
        Some("json") => json::parse(DOCUMENTS),
        _ => panic!("serve, pair or json"),
    }
}
