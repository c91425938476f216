//! A process that is forked without `exec` is dumped under its own number once it has installed memdump itself.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memdump_format::Dump;

#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

/// Far more than it ever takes.
const DEADLINE: Duration = Duration::from_secs(60);

fn install(directory: &Path) {
    let settings = memdump::SettingsBuilder::new()
        .directory(directory.to_path_buf())
        .min_free(0);
    memdump::Builder::new()
        .settings(settings)
        .install()
        .expect("installed");
}

/// Asks this process for a dump, and waits for it.
fn dump_of_this_process(directory: &Path) -> Option<PathBuf> {
    // SAFETY: memdump handles the signal.
    unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
    let own = format!(".{}.", std::process::id());
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let entries = std::fs::read_dir(directory).ok()?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_own = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(&own) && name.ends_with(".dump")
        };
        if let Some(found) = paths.find(is_own) {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

#[test]
fn a_forked_process_installs_anew_and_its_parent_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    install(directory.path());
    let kept: Vec<u64> = vec![7; 1234];

    // SAFETY: the child uses what libc and this crate let a forked process use, and ends without unwinding.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        install(directory.path());
        let is_dumped = dump_of_this_process(directory.path()).is_some();
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!is_dumped)) };
    }
    let mut status = 0;
    // SAFETY: the status lives on the stack.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child ended well");

    let own = dump_of_this_process(directory.path()).expect("the parent is dumped");
    let all: Vec<PathBuf> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(all.len(), 2, "{all:?}");
    for path in &all {
        let dump = Dump::open(path).unwrap();
        for block in dump.blocks() {
            dump.verify_block(block.number).unwrap();
        }
        let number = match *path == own {
            true => std::process::id(),
            false => child.unsigned_abs(),
        };
        let metadata = dump.metadata().unwrap();
        assert_eq!(metadata.get("pid"), Some(number.to_string().as_str()));
        assert!(dump.counts().objects > 0);
    }
    drop(kept);
}
