//! Dumps that succeed: their names, their contents, one after the other.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::toy::{Toy, check, metadata, path_of};

#[test]
fn a_signal_makes_a_dump() {
    let toy = Toy::installed(&[("TOY_OBJECTS", "100000")]);
    let path = toy.dump();
    assert_eq!(
        path,
        toy.directory.join(format!("toy.{}.1.dump", toy.pid()))
    );
    let counts = check(&path);
    assert_eq!(
        (counts.objects, counts.references, counts.faults),
        (100_000, 99_999, 1)
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(toy.files(), [format!("toy.{}.1.dump", toy.pid())]);
    assert_eq!(metadata(&path, "pid"), toy.pid().to_string());
    assert_eq!(metadata(&path, "sequence"), "1");
    assert_eq!(metadata(&path, "trigger"), "signal 10");
    assert_eq!(metadata(&path, "labels"), "on");
    assert!(metadata(&path, "program").ends_with("/toy"));
    let begin = format!(
        "memdump[{}]: begin sequence=1 trigger=\"signal 10\"",
        toy.pid()
    );
    assert_eq!(toy.lines("begin"), [begin]);
    let end = toy.wait_for("end", 1);
    assert!(
        end.contains(" objects=100000 references=99999 bytes="),
        "{end}"
    );
    assert_eq!(toy.log().lines().count(), 2, "one line per event");
}

#[test]
fn dumps_are_numbered_and_leave_nothing_behind() {
    let mut toy = Toy::installed(&[]);
    for sequence in 1..=20 {
        let path = toy.dump();
        assert_eq!(metadata(&path, "sequence"), sequence.to_string());
    }
    assert_eq!(toy.files().len(), 20);
    assert_eq!(toy.children(), Vec::<i32>::new());
    assert!(
        toy.tell("status")
            .contains("dumps=20 ignored=0 error=false")
    );
}

#[test]
fn a_direct_call_writes_to_its_path_without_an_installation() {
    let mut toy = Toy::new(&[]);
    let path = toy.directory.join("mine.dump");
    let answer = toy.tell(&format!("dump {}", path.display()));
    assert_eq!(answer, "dumped sequence=1 objects=1000");
    assert_eq!(check(&path).objects, 1000);
    assert_eq!(metadata(&path, "trigger"), "call");
    assert_eq!(toy.log(), "");
    assert_eq!(toy.tell("threads"), "1");
}

#[test]
fn direct_calls_and_signals_share_the_numbers() {
    let mut toy = Toy::installed(&[]);
    toy.dump();
    let path = toy.directory.join("mine.dump");
    let answer = toy.tell(&format!("dump {}", path.display()));
    assert_eq!(answer, "dumped sequence=2 objects=1000");
    let third = toy.dump();
    assert!(third.ends_with(format!("toy.{}.3.dump", toy.pid())));
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let mut toy = Toy::installed(&[]);
    let name = |sequence| {
        toy.directory
            .join(format!("toy.{}.{sequence}.dump", toy.pid()))
    };
    fs::write(name(1), "mine").unwrap();
    fs::write(name(2).with_extension("dump.partial"), "mine too").unwrap();
    assert_eq!(toy.dump(), name(3));
    assert_eq!(fs::read(name(1)).unwrap(), b"mine");
    assert_eq!(metadata(&name(3), "sequence"), "3");
    assert_eq!(toy.dump(), name(4));
    let taken = name(1);
    let answer = toy.tell(&format!("dump {}", taken.display()));
    assert!(
        answer.starts_with("error ") && answer.contains("exists"),
        "{answer}"
    );
    assert!(answer.contains("(errno 17)"), "{answer}");
    assert_eq!(fs::read(taken).unwrap(), b"mine");
}

#[test]
fn without_a_rename_that_does_not_replace_a_link_is_used() {
    let toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "rename-unsupported")]);
    check(&toy.dump());
    check(&toy.dump());
    assert_eq!(toy.files().len(), 2);
}

#[test]
fn keep_deletes_only_what_this_process_published() {
    let toy = Toy::installed(&[("MEMDUMP_KEEP", "2")]);
    let name = |sequence: u32| format!("toy.{}.{sequence}.dump", toy.pid());
    let foreign = ["toy.1.1.dump", "toy.dump", "other.1.2.dump"];
    for file in foreign {
        fs::write(toy.directory.join(file), "").unwrap();
    }
    // Ours by its name, but not by its history.
    fs::write(toy.directory.join(name(1)), "").unwrap();
    for _ in 2..=5 {
        toy.dump();
    }
    let mut expected: Vec<String> = foreign.iter().map(|&f| f.into()).collect();
    expected.extend([name(1), name(4), name(5)]);
    expected.sort();
    assert_eq!(toy.files(), expected);
    // Published by us, but replaced by somebody since.
    fs::rename(toy.directory.join(name(4)), toy.directory.join("moved")).unwrap();
    fs::write(toy.directory.join(name(4)), "precious").unwrap();
    toy.dump();
    assert_eq!(fs::read(toy.directory.join(name(4))).unwrap(), b"precious");
}

#[test]
fn the_directory_is_made_if_only_its_last_part_is_missing() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("new");
    let mut toy = Toy::start(&[], &directory, scratch.path());
    assert_eq!(toy.tell("install"), "ok");
    check(&toy.dump());
    assert_eq!(
        fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_request_during_a_dump_gives_one_line_and_the_dump_is_completed() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.stopped_snapshot_process();
    // As long as it is stopped the dump is under way.
    for _ in 0..5 {
        toy.signal(libc::SIGUSR1);
        toy.tell("status");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    toy.wait_for("busy", 1);
    crate::toy::signal_to(snapshot, libc::SIGCONT);
    let end = toy.wait_for("end", 1);
    assert!(end.contains("ignored="), "{end}");
    assert_eq!(check(&path_of(&end)).objects, 1_000);
    assert_eq!(toy.lines("busy").len(), 1);
    toy.dump();
    assert_eq!(toy.files().len(), 2);
}

#[test]
fn a_direct_call_waits_for_the_dump_that_is_being_taken() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.stopped_snapshot_process();
    let path = toy.directory.join("mine.dump");
    toy.order(&format!("dump {}", path.display()));
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(toy.children(), [snapshot], "one at a time");
    crate::toy::signal_to(snapshot, libc::SIGCONT);
    assert_eq!(toy.answer(), "dumped sequence=2 objects=1000");
    assert_eq!(toy.files().len(), 2);
}

#[test]
fn a_signal_during_a_direct_call_is_answered_after_it() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    let path = toy.directory.join("mine.dump");
    toy.order(&format!("dump {}", path.display()));
    let snapshot = toy.stopped_snapshot_process();
    toy.signal(libc::SIGUSR1);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(toy.lines("begin"), Vec::<String>::new());
    crate::toy::signal_to(snapshot, libc::SIGCONT);
    assert_eq!(toy.answer(), "dumped sequence=1 objects=1000");
    let end = toy.wait_for("end", 1);
    assert!(path_of(&end).ends_with(format!("toy.{}.2.dump", toy.pid())));
}

#[test]
fn requests_before_the_clone_are_answered_by_one_dump() {
    let mut toy = Toy::installed(&[("TOY_HOLD_MS", "3000")]);
    toy.signal(libc::SIGUSR1);
    toy.wait_for("begin", 1);
    toy.signal(libc::SIGUSR1);
    toy.wait_for("end", 1);
    toy.tell("status");
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!((toy.lines("begin").len(), toy.lines("busy").len()), (1, 0));
}

#[test]
fn the_dump_is_published_even_if_the_target_ends_meanwhile() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.stopped_snapshot_process();
    toy.order("exit");
    toy.wait_for_end();
    assert!(toy.files().iter().all(|name| !name.ends_with(".dump")));
    crate::toy::signal_to(snapshot, libc::SIGCONT);
    let name = format!("toy.{}.1.dump", toy.pid());
    crate::toy::wait_until("the dump", || (toy.files() == [name.clone()]).then_some(()));
    assert_eq!(check(&toy.directory.join(name)).objects, 1_000);
}

#[test]
fn settings_of_the_environment_are_checked() {
    let mut toy = Toy::new(&[("MEMDUMP_KEEP", "many")]);
    let answer = toy.tell("install");
    assert_eq!(
        answer,
        "error MEMDUMP_KEEP: `many` is not a number of dumps, or 0 to keep all"
    );
}
