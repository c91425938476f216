//! Whatever happens to a dump, the program goes on, and nothing is left of what failed: the faults that Python's tests have, for the walk over blocks.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use memdump_format::Dump;
use support::{DEADLINE, Fire, LOG, file_of, signal, wait_for_end};

/// What lies in a directory, but for the log.
fn left(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != LOG).collect()
}

/// Asks twice for a dump that fails, and says so.
fn fails_with(fire: &mut Fire, directory: &Path, says: &str) {
    let rounds = fire.rounds();
    for number in 0..2 {
        fire.ask();
        let line = wait_for_end(&directory.join(LOG), number);
        assert!(line.contains(" failed ") && line.contains(says), "{line}");
        // A cause and a cure.
        assert!(line.contains("; "), "{line}");
    }
    fire.goes_on(rounds);
    assert_eq!(left(directory), Vec::<String>::new(), "{says}");
}

/// Sets a limit of the running program: `--fsize=4096`.
fn limit(fire: &Fire, what: &str) {
    let process = fire.process.id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &process, what])
        .status();
    assert!(set.unwrap().success());
}

fn verify(path: &Path) {
    let dump = Dump::open(path).unwrap();
    for block in dump.blocks() {
        dump.verify_block(block.number).unwrap();
    }
    assert!(dump.counts().objects > 1000);
}

#[test]
fn a_dump_that_fails_costs_only_itself() {
    for (point, says) in [
        ("clone-refused", "refused a snapshot process"),
        ("mmap-fails", "no memory for a page"),
        ("child-killed-at-start", "was killed (signal 9)"),
        ("child-killed=2000", "was killed (signal 9)"),
        ("walk-faults", "memory fault"),
        ("walk-panics", "panicked at"),
        ("no-space-after=0", "No space left on device"),
        ("no-space-after=2000", "No space left on device"),
        ("rename-fails", "Input/output error"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut fire = Fire::start(directory.path(), "2", &[("MEMDUMP_FAILPOINTS", point)]);
        fails_with(&mut fire, directory.path(), says);
    }
}

#[test]
fn a_dump_that_hangs_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [
        ("MEMDUMP_FAILPOINTS", "child-hangs"),
        ("MEMDUMP_DEADLINE", "0.5"),
    ];
    let mut fire = Fire::start(directory.path(), "2", &settings);
    fails_with(&mut fire, directory.path(), "took longer than 500ms");
}

#[test]
fn a_snapshot_process_may_be_killed_by_anybody() {
    let directory = tempfile::tempdir().unwrap();
    let mut fire = Fire::start(
        directory.path(),
        "2",
        &[("MEMDUMP_FAILPOINTS", "child-hangs")],
    );
    let rounds = fire.rounds();
    fire.ask();
    signal("-KILL", fire.snapshot());
    let line = wait_for_end(&directory.path().join(LOG), 0);
    assert!(line.contains("was killed (signal 9)"), "{line}");
    fire.goes_on(rounds);
    assert_eq!(left(directory.path()), Vec::<String>::new());
}

#[test]
fn a_file_that_may_not_be_so_long_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut fire = Fire::start(directory.path(), "2", &[]);
    limit(&fire, "--fsize=4096");
    fails_with(&mut fire, directory.path(), "File too large");
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(LOG).join("dumps");
    let settings = [("MEMDUMP_DIR", file.to_str().unwrap())];
    let mut fire = Fire::start(directory.path(), "2", &settings);
    fails_with(&mut fire, directory.path(), "Not a directory");
}

/// The snapshot process needs none of the program's.
#[test]
fn a_program_without_a_free_descriptor_is_dumped() {
    let directory = tempfile::tempdir().unwrap();
    let fire = Fire::start(directory.path(), "2", &[]);
    let open = std::fs::read_dir(format!("/proc/{}/fd", fire.process.id())).unwrap();
    let numbers = open.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    let most = numbers.max().unwrap() + 1;
    limit(&fire, &format!("--nofile={most}:"));
    fire.ask();
    verify(&file_of(&wait_for_end(&directory.path().join(LOG), 0)));
}

#[test]
fn what_a_program_has_begun_is_completed_when_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("MEMDUMP_FAILPOINTS", "child-stops=1")];
    let mut fire = Fire::start(directory.path(), "2", &settings);
    fire.ask();
    let snapshot = fire.snapshot();
    await_stopped(snapshot);
    fire.process.kill().unwrap();
    fire.process.wait().unwrap();
    signal("-CONT", snapshot);
    let dumps = || {
        left(directory.path())
            .into_iter()
            .find(|name| name.ends_with(".dump"))
    };
    await_that(|| dumps().is_some());
    verify(&directory.path().join(dumps().unwrap()));
    assert_eq!(left(directory.path()).len(), 1);
}

/// Those that come meanwhile are counted.
#[test]
fn requests_during_a_dump_begin_no_other_one() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join(LOG);
    let settings = [("MEMDUMP_FAILPOINTS", "child-stops=1")];
    let mut fire = Fire::start(directory.path(), "2", &settings);
    let rounds = fire.rounds();
    fire.ask();
    let snapshot = fire.snapshot();
    let is_told = |word: &str| std::fs::read_to_string(&log).unwrap().contains(word);
    fire.ask();
    await_that(|| is_told(" busy "));
    fire.goes_on(rounds);
    await_stopped(snapshot);
    signal("-CONT", snapshot);
    await_that(|| is_told(" end file="));
    let text = std::fs::read_to_string(&log).unwrap();
    let end = text
        .lines()
        .find(|line| line.contains(" end file="))
        .unwrap();
    assert!(end.ends_with(" ignored=1"), "{end}");
    assert_eq!(text.matches(" begin ").count(), 1);
    verify(&file_of(end));
}

/// A signal that lets it go on is lost on a process that runs.
fn await_stopped(process: u32) {
    await_that(|| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    });
}

fn await_that(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}
