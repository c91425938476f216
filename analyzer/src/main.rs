//! The command `memdump`.

mod huge_pages;

use std::process::ExitCode;

use anstream::eprintln;
use clap::Parser;
use memdump_analyzer::command::{Arguments, run};
use memdump_analyzer::exit_code;

#[global_allocator]
static ALLOCATOR: huge_pages::HugePages = huge_pages::HugePages;

fn main() -> ExitCode {
    let code = match run(Arguments::parse()) {
        Ok(()) => exit_code::SUCCESS,
        // Whoever closes the pipe has read enough.
        Err(error) if is_closed_pipe(&error) => exit_code::SUCCESS,
        Err(error) => {
            eprintln!("memdump: {error:#}");
            exit_code::of(&error)
        }
    };
    ExitCode::from(code)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
