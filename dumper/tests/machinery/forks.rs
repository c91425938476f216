//! Forked workers.

use crate::toy::{Toy, check, metadata, path_of, signal_to, wait_until};

fn forked(toy: &mut Toy) -> i32 {
    let answer = toy.tell("fork");
    let (pid, threads) = answer.split_once(" threads=").unwrap();
    assert_eq!(threads, "1", "the agent was still there at the fork");
    pid.parse().unwrap()
}

#[test]
fn a_worker_dumps_under_its_own_pid_from_number_one() {
    let mut toy = Toy::installed(&[]);
    toy.dump();
    let worker = forked(&mut toy);
    signal_to(worker, libc::SIGUSR1);
    let end = toy.wait_for("end", 2);
    assert!(end.starts_with(&format!("memdump[{worker}]: ")), "{end}");
    let path = path_of(&end);
    assert!(path.ends_with(format!("toy.{worker}.1.dump")));
    assert_eq!(metadata(&path, "pid"), worker.to_string());
    assert_eq!(metadata(&path, "sequence"), "1");
    // And the parent goes on where it was.
    assert!(toy.dump().ends_with(format!("toy.{}.2.dump", toy.pid())));
    signal_to(worker, libc::SIGKILL);
}

/// The signal comes at any moment of a worker's first millisecond, also while that forgets what its parent was asked.
#[test]
fn workers_that_are_asked_at_once_all_answer() {
    let mut toy = Toy::installed(&[]);
    for count in 1..=200 {
        let worker = forked(&mut toy);
        signal_to(worker, libc::SIGUSR1);
        let end = toy.wait_for("end", count);
        assert!(end.starts_with(&format!("memdump[{worker}]: ")), "{end}");
        signal_to(worker, libc::SIGKILL);
    }
}

#[test]
fn many_forks_keep_the_agent() {
    let mut toy = Toy::installed(&[]);
    for _ in 0..50 {
        let worker = forked(&mut toy);
        signal_to(worker, libc::SIGKILL);
    }
    assert_eq!(toy.tell("threads"), "2");
    toy.dump();
}

#[test]
fn a_fork_during_a_dump_loses_nothing() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    toy.signal(libc::SIGUSR1);
    let snapshot = toy.stopped_snapshot_process();
    let worker = forked(&mut toy);
    signal_to(worker, libc::SIGUSR1);
    // The worker is not busy, though its parent is.
    let end = toy.wait_for("end", 1);
    assert!(end.starts_with(&format!("memdump[{worker}]: ")), "{end}");
    signal_to(snapshot, libc::SIGCONT);
    let end = toy.wait_for("end", 2);
    assert!(
        end.starts_with(&format!("memdump[{}]: ", toy.pid())),
        "{end}"
    );
    assert_eq!(check(&path_of(&end)).objects, 1_000);
    wait_until("the snapshot process to be reaped", || {
        (toy.children() == [worker]).then_some(())
    });
    signal_to(worker, libc::SIGKILL);
}

#[test]
fn a_fork_without_hooks_does_no_harm() {
    let mut toy = Toy::installed(&[]);
    let worker: i32 = toy.tell("fork-without-hooks").parse().unwrap();
    // Nobody answers there, and nobody dies of it.
    signal_to(worker, libc::SIGUSR1);
    toy.dump();
    signal_to(worker, 0);
    assert_eq!(toy.files().len(), 1);
    signal_to(worker, libc::SIGKILL);
}

#[test]
fn after_a_shutdown_workers_have_no_agent() {
    let mut toy = Toy::installed(&[]);
    toy.tell("shutdown");
    let worker = forked(&mut toy);
    let tasks = std::fs::read_dir(format!("/proc/{worker}/task"))
        .unwrap()
        .count();
    assert_eq!(tasks, 1);
    signal_to(worker, libc::SIGKILL);
}
