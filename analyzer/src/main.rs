//! The command `memdump`.

mod huge_pages;

use std::process::ExitCode;

use anstream::eprintln;
use clap::Parser;
use memdump_analyzer::command::{Arguments, run};
use memdump_analyzer::cut_off::tell_when_cut_off;
use memdump_analyzer::exit_code::{self, is_closed_pipe};

#[global_allocator]
static ALLOCATOR: huge_pages::HugePages = huge_pages::HugePages;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Without it everything works; only who cuts a dump off would not hear of it.
    let _ = tell_when_cut_off();
    let code = match run(arguments) {
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
