//! What the application must not notice.

use std::fs;

use crate::toy::{Toy, check, signal_to};

#[test]
fn neither_the_sigchld_handler_nor_wait_sees_the_snapshot_process() {
    let mut toy = Toy::installed(&[]);
    toy.tell("handle children");
    for _ in 0..5 {
        toy.dump();
        assert_eq!(toy.tell("wait-any"), format!("-1 {}", libc::ECHILD));
    }
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.snapshot_process();
    signal_to(snapshot, libc::SIGKILL);
    toy.wait_for("failed", 1);
    assert_eq!(toy.tell("wait-any"), format!("-1 {}", libc::ECHILD));
    assert!(toy.tell("handled").contains("children=0"));
    assert_eq!(toy.children(), Vec::<i32>::new());
}

#[test]
fn a_daemon_that_closed_everything_still_dumps_and_keeps_its_files() {
    let scratch = tempfile::tempdir().unwrap();
    let mut toy = Toy::installed(&[]);
    let files = toy.tell(&format!("daemonise {}", scratch.path().display()));
    assert_eq!(files, "20");
    for sequence in 1..=3 {
        toy.signal(libc::SIGUSR1);
        let name = toy
            .directory
            .join(format!("toy.{}.{sequence}.dump", toy.pid()));
        crate::toy::wait_until("the dump", || name.exists().then_some(()));
        check(&name);
        crate::toy::wait_until("the turn", || {
            toy.tell("status")
                .contains(&format!("dumps={sequence} "))
                .then_some(())
        });
    }
    let child: i32 = toy.tell("fork").split(' ').next().unwrap().parse().unwrap();
    signal_to(child, libc::SIGUSR1);
    let name = toy.directory.join(format!("toy.{child}.1.dump"));
    crate::toy::wait_until("the worker's dump", || name.exists().then_some(()));
    for n in 0..20 {
        let file = scratch.path().join(format!("foreign.{n}"));
        assert_eq!(fs::metadata(file).unwrap().len(), 0, "foreign.{n}");
        // The application's descriptors are all still there.
        let link = fs::read_link(format!("/proc/{}/fd/{n}", toy.pid())).unwrap();
        assert!(link.ends_with(format!("foreign.{n}")));
    }
    signal_to(child, libc::SIGKILL);
}

#[test]
fn dumping_under_threads_that_allocate_never_hangs() {
    let mut toy = Toy::installed(&[("TOY_OBJECTS", "2000")]);
    toy.tell("malloc 8");
    for sequence in 1..=100 {
        toy.dump();
        assert_eq!(toy.lines("failed"), Vec::<String>::new(), "dump {sequence}");
    }
    assert_eq!(toy.children(), Vec::<i32>::new());
}

#[test]
fn the_snapshot_process_steps_back_and_holds_no_descriptor() {
    let toy = Toy::installed(&[
        ("MEMDUMP_FAILPOINTS", "child-hangs=1"),
        ("TOY_OBJECTS", "300000"),
    ]);
    toy.signal(libc::SIGUSR1);
    let pid = toy.snapshot_process();
    crate::toy::wait_until("the partial file", || {
        (toy.files().len() == 1).then_some(())
    });
    let descriptors: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| fs::read_link(entry.unwrap().path()).unwrap())
        .collect();
    let partial = toy
        .directory
        .join(format!("toy.{}.1.dump.partial", toy.pid()));
    assert_eq!(descriptors, [partial]);
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    assert_eq!(read("oom_score_adj").trim(), "1000");
    let stat = read("stat");
    let nice = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(16)
        .unwrap()
        .to_owned();
    let own = fs::read_to_string(format!("/proc/{}/stat", toy.pid())).unwrap();
    let own_nice: i32 = own
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(16)
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(nice, (own_nice + 10).min(19).to_string());
    let limits = read("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core"))
        .unwrap();
    assert!(core.contains(" 1 ") || core.contains(" 0 "), "{core}");
    signal_to(pid, libc::SIGKILL);
    toy.wait_for("failed", 1);
}

#[test]
fn shutting_down_ends_the_agent_and_signals_do_no_harm() {
    let mut toy = Toy::installed(&[]);
    assert_eq!(toy.tell("threads"), "2");
    assert_eq!(toy.tell("shutdown"), "ok");
    assert_eq!(toy.tell("threads"), "1");
    toy.signal(libc::SIGUSR1);
    assert!(toy.tell("status").contains("agent=false"));
    assert_eq!(toy.files(), Vec::<String>::new());
}
