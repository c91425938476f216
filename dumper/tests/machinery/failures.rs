//! Everything that can go wrong: one clear line, nothing left behind, and the next dump works.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::toy::{Toy, check, files_in, signal_to};

/// The one line that a request gives, with the toy serving on.
fn failure(toy: &mut Toy) -> String {
    let count = toy.lines("failed").len() + 1;
    toy.signal(libc::SIGUSR1);
    let line = toy.wait_for("failed", count);
    assert_eq!(toy.lines("failed").len(), count);
    assert_eq!(toy.children(), Vec::<i32>::new(), "a zombie");
    assert!(toy.tell("status").contains("agent=true"));
    line
}

/// Asserts that the fault gives this line and leaves no file.
fn fails_with(failpoint: &str, variables: &[(&str, &str)], expected: &str) {
    let variables = [&[("MEMDUMP_FAILPOINTS", failpoint)], variables].concat();
    let mut toy = Toy::installed(&variables);
    for _ in 0..2 {
        let line = failure(&mut toy);
        assert!(line.contains(expected), "{line}");
        assert!(line.contains("; "), "no cure: {line}");
    }
    assert_eq!(toy.files(), Vec::<String>::new());
    assert!(toy.tell("status").contains("dumps=0 ignored=0 error=true"));
    let path = toy.directory.join("direct.dump");
    let answer = toy.tell(&format!("dump {}", path.display()));
    assert!(answer.starts_with("error "), "{answer}");
    assert_eq!(toy.files(), Vec::<String>::new());
}

const LARGE: (&str, &str) = ("TOY_OBJECTS", "300000");

#[test]
fn clone_refused() {
    fails_with(
        "clone-refused",
        &[],
        "the system refused a snapshot process: Resource temporarily",
    );
}

#[test]
fn no_memory_for_the_shared_page() {
    fails_with(
        "mmap-fails",
        &[],
        "no memory for a page: Cannot allocate memory",
    );
}

#[test]
fn killed_at_the_start() {
    fails_with(
        "child-killed-at-start",
        &[],
        "the snapshot process was killed (signal 9)",
    );
}

#[test]
fn killed_midway() {
    fails_with(
        "child-killed=100000",
        &[LARGE],
        "the snapshot process was killed (signal 9)",
    );
}

#[test]
fn a_file_that_cannot_be_removed_holds_up_nobody() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-killed=1,remove-hangs")]);
    failure(&mut toy);
    let child = toy.tell("fork");
    signal_to(
        child.split(' ').next().unwrap().parse().unwrap(),
        libc::SIGKILL,
    );
    // The child is not reaped by the toy, so `failure` would take it for one of ours.
    toy.signal(libc::SIGUSR1);
    toy.wait_for("failed", 2);
    let left = toy.files();
    assert!(!left.is_empty() && left.iter().all(|name| name.ends_with(".partial")));
    assert!(toy.tell("status").contains("agent=true"));
}

#[test]
fn hangs() {
    let deadline = ("MEMDUMP_DEADLINE", "300ms");
    fails_with(
        "child-hangs=1",
        &[LARGE, deadline],
        "the dump took longer than 300ms",
    );
}

#[test]
fn memory_fault_in_the_walk() {
    fails_with(
        "walk-faults",
        &[],
        "the walk ran into a memory fault (signal 11)",
    );
}

#[test]
fn panic_in_the_walk() {
    fails_with(
        "walk-panics",
        &[],
        "the walk panicked at dumper/src/child.rs:",
    );
}

#[test]
fn disk_full_midway() {
    fails_with("no-space-after=100000", &[LARGE], "No space left on device");
}

#[test]
fn rename_fails() {
    fails_with("rename-fails", &[], "cannot give the dump in ");
}

#[test]
fn runtime_refuses() {
    let refuses = ("TOY_REFUSES", "1");
    fails_with(
        "",
        &[refuses],
        "the runtime could not be held still: the toy does not want to",
    );
}

#[test]
fn too_little_free_space() {
    fails_with(
        "",
        &[("MEMDUMP_MIN_FREE", "1000000T")],
        "bytes are free on the file system of",
    );
}

#[test]
fn directory_without_a_parent() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("no/such");
    let mut toy = Toy::start(&[], &directory, scratch.path());
    toy.tell("install");
    let line = failure(&mut toy);
    assert!(line.contains("cannot make the directory"), "{line}");
    assert!(line.contains("No such file or directory"), "{line}");
    // As soon as it is there, dumps are.
    fs::create_dir_all(&directory).unwrap();
    check(&toy.dump());
}

#[test]
fn the_directory_is_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("file");
    fs::write(&directory, "").unwrap();
    let mut toy = Toy::start(&[], &directory, scratch.path());
    toy.tell("install");
    let line = failure(&mut toy);
    assert!(line.contains("Not a directory"), "{line}");
}

fn is_root() -> bool {
    // SAFETY: has no arguments.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn processes_used_up_and_directory_not_writable() {
    if !is_root() {
        eprintln!("skipped: needs root to become another user");
        return;
    }
    let mut toy = Toy::installed(&[]);
    toy.tell("processes 1");
    toy.tell("nobody");
    let line = failure(&mut toy);
    assert!(
        line.contains("the system refused a snapshot process"),
        "{line}"
    );
    assert!(line.contains("raise the limit on processes"), "{line}");
    let mut toy = Toy::installed(&[]);
    // Another user in a directory of root's.
    toy.tell("nobody");
    let line = failure(&mut toy);
    assert!(
        line.contains("cannot make a dump in") && line.contains("Permission denied"),
        "{line}"
    );
    assert!(line.contains("let this user write there"), "{line}");
}

#[test]
fn a_target_without_a_free_descriptor_is_dumped() {
    let mut toy = Toy::installed(&[]);
    // Standard streams and the status page.
    toy.tell("descriptors 4");
    check(&toy.dump());
    // All that the snapshot process needs; the metadata is poorer then.
    toy.tell("descriptors 1");
    check(&toy.dump());
}

/// A file system of its own, unmounted at the end.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(at: &'a Path, options: &str) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at)
            .output();
        mount
            .is_ok_and(|done| done.status.success())
            .then_some(Self(at))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn disk_really_full_and_read_only() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("small");
    fs::create_dir(&directory).unwrap();
    let Some(_mounted) = Mounted::new(&directory, "size=64k") else {
        eprintln!("skipped: needs the right to mount");
        return;
    };
    let mut toy = Toy::start(&[("TOY_OBJECTS", "1000000")], &directory, scratch.path());
    toy.tell("install");
    let line = failure(&mut toy);
    assert!(
        line.contains("No space left on device (os error 28); free space"),
        "{line}"
    );
    assert_eq!(files_in(&directory), Vec::<String>::new());
    let remount = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&directory)
        .status();
    assert!(remount.unwrap().success());
    let line = failure(&mut toy);
    assert!(line.contains("Read-only file system"), "{line}");
}

#[test]
fn space_that_must_stay_free_is_watched_while_writing() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("small");
    fs::create_dir(&directory).unwrap();
    let Some(_mounted) = Mounted::new(&directory, "size=24m") else {
        eprintln!("skipped: needs the right to mount");
        return;
    };
    let variables = [("TOY_OBJECTS", "2000000"), ("MEMDUMP_MIN_FREE", "16M")];
    let mut toy = Toy::start(&variables, &directory, scratch.path());
    toy.tell("install");
    let line = failure(&mut toy);
    assert!(line.contains("less than 16777216 bytes are free"), "{line}");
    assert_eq!(files_in(&directory), Vec::<String>::new());
}

#[test]
fn the_snapshot_process_is_killed_from_outside() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.stopped_snapshot_process();
    signal_to(snapshot, libc::SIGKILL);
    let line = toy.wait_for("failed", 1);
    assert!(
        line.contains("killed (signal 9)") && line.contains("memory limit"),
        "{line}"
    );
    assert_eq!(toy.files(), Vec::<String>::new());
    assert!(toy.tell("status").contains("agent=true"));
    check(&toy.dump());
}
