//! A small service that can be dumped, driven by commands on its standard input: what the tests send signals to.
//!
//! It does to itself what applications do: handlers, children, threads, forks, becoming a daemon. Answers each command by one line.
#![allow(unsafe_code, clippy::print_stdout, clippy::unwrap_used)]

mod application;
mod control;
mod heap;

use std::path::Path;
use std::sync::Arc;

use memdump_dumper::{
    Settings, SettingsBuilder, SwitchAllocator, after_fork_in_child, after_fork_in_parent,
    before_fork, dump_now, install, shutdown, status, wait_plainly,
};

#[global_allocator]
static ALLOCATOR: SwitchAllocator = SwitchAllocator::new();

fn main() {
    let mut control = control::Control::new();
    while let Some(line) = control.command() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = obey(&words, &mut control);
        control.answer(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
}

fn settings() -> Result<Settings, String> {
    SettingsBuilder::new().build().map_err(|e| e.to_string())
}

fn obey(words: &[&str], control: &mut control::Control) -> Result<String, String> {
    match words {
        ["install"] => {
            install(Arc::new(heap::ToyHeap), settings()?, &wait_plainly)
                .map_err(|e| e.to_string())?;
            Ok("ok".into())
        }
        ["dump", path] => {
            let path = Path::new(path);
            let report = dump_now(&heap::ToyHeap, path, &settings()?, &wait_plainly)
                .map_err(|e| format!("{e} (errno {})", e.errno))?;
            Ok(format!(
                "dumped sequence={} objects={}",
                report.sequence, report.summary.objects
            ))
        }
        ["status"] => {
            let now = status();
            let armed = now.installed;
            Ok(format!(
                "taken_away={} second={} agent={} dumps={} ignored={} error={}",
                armed.is_some_and(|a| a.taken_away),
                armed
                    .and_then(|a| a.second_signal)
                    .map_or(0, |s| s.number()),
                now.agent_alive,
                now.dumps,
                now.ignored,
                now.last_error.is_some(),
            ))
        }
        ["shutdown"] => {
            shutdown(&wait_plainly);
            Ok("ok".into())
        }
        ["fork"] => {
            before_fork(&wait_plainly);
            let threads = application::threads();
            // SAFETY: the child goes on in this thread with its own memory, as a worker does.
            let child = unsafe { libc::fork() };
            if child == 0 {
                after_fork_in_child();
                application::work_for_ever();
            }
            after_fork_in_parent();
            Ok(format!("{child} threads={threads}"))
        }
        ["fork-without-hooks"] => {
            // SAFETY: as above.
            let child = unsafe { libc::fork() };
            if child == 0 {
                application::work_for_ever();
            }
            Ok(child.to_string())
        }
        ["daemonise", directory] => {
            control.move_up();
            application::close_all_below(control::LOWEST);
            Ok(application::occupy_descriptors(Path::new(directory)).to_string())
        }
        ["exit"] => std::process::exit(0),
        _ => application::obey(words),
    }
}
