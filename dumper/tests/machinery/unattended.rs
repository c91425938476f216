//! Dumps that nobody asks for by hand.

use std::fs;
use std::time::Duration;

use crate::toy::{Toy, check, metadata, path_of, signal_to, wait_until};

/// Any process is above this.
const LOW: (&str, &str) = ("MEMDUMP_ON_MEMORY", "64K+64K");

#[test]
fn a_level_of_memory_is_told_once_and_then_held_back() {
    let mut toy = Toy::installed(&[LOW]);
    let begin = toy.wait_for("begin", 1);
    assert!(begin.contains("trigger=\"memory "), "{begin}");
    let path = path_of(&toy.wait_for("end", 1));
    check(&path);
    assert!(begin.contains(&metadata(&path, "trigger")));
    // Forked processes have the same pace.
    let child: i32 = toy.tell("fork").split(' ').next().unwrap().parse().unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(toy.lines("begin").len(), 1);
    // Asked for by hand, both answer at once.
    toy.dump();
    signal_to(child, libc::SIGUSR1);
    toy.wait_for("end", 3);
    signal_to(child, libc::SIGKILL);
}

#[test]
fn the_next_level_follows_when_time_has_passed() {
    // A level that the toy has not reached yet follows each one that it has, so it is the installation that begins anew.
    let mut toy = Toy::installed(&[LOW, ("MEMDUMP_TRIGGER_INTERVAL", "1ms")]);
    toy.wait_for("end", 1);
    assert_eq!(toy.tell("install"), "ok");
    toy.wait_for("end", 2);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(toy.lines("begin").len(), 2);
}

#[test]
fn nothing_is_looked_at_without_a_trigger() {
    let mut toy = Toy::installed(&[]);
    toy.dump();
    assert_eq!(toy.tell("threads"), "2");
    let switches = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", toy.pid())).unwrap();
        let agent = tasks
            .map(|task| task.unwrap().path())
            .find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == "memdump")
            .unwrap();
        let status = fs::read_to_string(agent.join("status")).unwrap();
        let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
        switches.map(String::from).collect::<Vec<_>>()
    };
    let before = wait_until("the agent to sleep", || {
        let before = switches();
        std::thread::sleep(Duration::from_millis(200));
        (switches() == before).then_some(before)
    });
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(switches(), before);
}
