//! The command `memdump`.

mod huge_pages;

use std::process::ExitCode;

use anstream::eprintln;
use clap::Parser;
use memdump_analyzer::command::{Arguments, run};
use memdump_analyzer::exit_code::{self, is_closed_pipe};

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
