//! What the application must not notice.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;

use crate::toy::{Toy, check, signal_to};

#[test]
fn neither_the_sigchld_handler_nor_wait_sees_the_snapshot_process() {
    let mut toy = Toy::installed(&[]);
    toy.tell("handle children");
    for _ in 0..5 {
        toy.dump();
        assert_eq!(toy.tell("wait-any"), format!("-1 {}", libc::ECHILD));
    }
    assert!(toy.tell("handled").contains("children=0"));
    assert_eq!(toy.children(), Vec::<i32>::new());
}

#[test]
fn nor_do_they_see_one_that_is_killed() {
    let mut toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-hangs=1")]);
    toy.tell("handle children");
    toy.signal(libc::SIGUSR1);
    signal_to(toy.snapshot_process(), libc::SIGKILL);
    toy.wait_for("failed", 1);
    assert_eq!(toy.tell("wait-any"), format!("-1 {}", libc::ECHILD));
    assert!(toy.tell("handled").contains("children=0"));
    assert_eq!(toy.children(), Vec::<i32>::new());
}

#[test]
fn it_is_reaped_even_if_the_application_ignores_its_children() {
    let mut toy = Toy::installed(&[]);
    toy.tell("handle no-children");
    for _ in 0..3 {
        check(&toy.dump());
    }
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
    // The page that it closed is there again, so that `memdump send` finds it.
    let pages = fs::read_dir(format!("/proc/{}/fd", toy.pid())).unwrap();
    let pages = pages.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let is_page = |link: &std::path::PathBuf| link.starts_with("/memfd:memdump (deleted)");
    assert_eq!(pages.filter(is_page).count(), 1);
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
    // One lock for all threads, which one of them holds at nearly every clone; and at normal priority, or else the eight would leave
    // nothing to the snapshot process.
    let mut toy = Toy::installed(&[
        ("TOY_OBJECTS", "2000"),
        ("MALLOC_ARENA_MAX", "1"),
        ("MEMDUMP_NICE", "0"),
    ]);
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

#[test]
fn an_idle_agent_does_not_run() {
    let toy = Toy::installed(&[]);
    toy.dump();
    let switches = || -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", toy.pid())).unwrap();
        let agent = tasks
            .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
            .find(|status| status.starts_with("Name:\tmemdump\n"))
            .unwrap();
        let counts = agent.lines().filter(|line| line.contains("ctxt_switches"));
        counts
            .map(|line| {
                line.split_whitespace()
                    .nth(1)
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum()
    };
    // Once it has gone to sleep after the dump, it stays asleep.
    let mut before = switches();
    crate::toy::wait_until("the agent to sleep", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = switches();
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
}

fn with_stderr(stderr: std::io::PipeWriter) -> (Toy, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("dumps");
    let mut toy = Toy::start_with(&[], &directory, scratch.path(), stderr.into());
    assert_eq!(toy.tell("install"), "ok");
    (toy, scratch)
}

fn dumps_unseen(toy: &mut Toy, sequence: u32) {
    toy.signal(libc::SIGUSR1);
    crate::toy::wait_until("the dump", || {
        toy.tell("status")
            .contains(&format!("dumps={sequence} "))
            .then_some(())
    });
}

#[test]
fn a_closed_stderr_neither_kills_nor_stops_anything() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (mut toy, _scratch) = with_stderr(writer);
    drop(reader);
    dumps_unseen(&mut toy, 1);
    dumps_unseen(&mut toy, 2);
}

#[test]
fn a_full_stderr_stops_nothing_and_lines_come_again_when_it_is_read() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let (mut toy, _scratch) = with_stderr(writer.try_clone().unwrap());
    // The flags are shared with the toy, which must do without them.
    set_flags(&writer, libc::O_NONBLOCK);
    while writer.write(&[b'x'; 100]).is_ok() || writer.write(b"x").is_ok() {}
    set_flags(&writer, 0);
    dumps_unseen(&mut toy, 1);
    set_flags(&reader, libc::O_NONBLOCK);
    let mut filling = Vec::new();
    let empty = reader.read_to_end(&mut filling).unwrap_err();
    assert_eq!(empty.kind(), std::io::ErrorKind::WouldBlock);
    // The first dump counts before its end line is written, which may therefore find room again.
    let is_late = |line: &str| line.contains(": end file=") && line.contains(".1.dump ");
    let rest = String::from_utf8(filling).unwrap();
    let rest = rest.trim_start_matches('x').trim_end();
    assert!(rest.is_empty() || is_late(rest), "{rest}");
    set_flags(&reader, 0);
    toy.signal(libc::SIGUSR1);
    let lines = BufReader::new(reader).lines().map(Result::unwrap);
    let mut lines = lines.skip_while(|line| is_late(line));
    assert!(
        lines
            .next()
            .unwrap()
            .ends_with("begin sequence=2 trigger=\"signal 10\"")
    );
    assert!(lines.next().unwrap().contains(": end file="));
}

fn set_flags(pipe: &impl AsRawFd, flags: i32) {
    // SAFETY: changes the flags of the test's own pipe.
    let result = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, flags) };
    assert_eq!(result, 0);
}
