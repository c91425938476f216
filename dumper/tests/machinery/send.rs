//! The second signal and the status page: what `memdump send` uses.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use memdump_format::status_page::{RequestOutcome, StatusPage, TargetState};

use crate::toy::{Toy, check, metadata, signal_to, wait_until};

/// The status page; `None` for the moment in which a forked process has left its parent's and has none of its own yet.
fn find_page(pid: i32) -> Option<StatusPage> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let found: Vec<_> = links
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("/memfd:memdump"))
        })
        .collect();
    assert!(found.len() <= 1, "{found:?}");
    let file = File::open(found.first()?).ok()?;
    StatusPage::read(|page| file.read_exact_at(page, 0)).ok()
}

fn page_of(pid: i32) -> StatusPage {
    find_page(pid).unwrap()
}

fn ready_page_of(pid: i32) -> StatusPage {
    wait_until("an agent", || {
        find_page(pid).filter(|page| page.agent.is_some())
    })
}

fn send(page: &StatusPage, token: u32) {
    let signal = page.second_signal.unwrap();
    // SAFETY: a siginfo_t is plain data; this is how sigqueue fills it, and the layout of its head is the same on both machines.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_signo = signal as i32;
        info.si_code = libc::SI_QUEUE;
        let words: *mut u32 = (&raw mut info).cast();
        words.add(4).write(std::process::id());
        words.add(6).write(token);
        let sent = libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            page.pid,
            page.agent.unwrap(),
            signal,
            &raw mut info,
        );
        assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    }
}

fn answer(pid: i32, token: u32) -> RequestOutcome {
    wait_until("an answer", || page_of(pid).answer_to(token).cloned())
}

#[test]
fn a_request_is_answered_by_its_token() {
    let toy = Toy::installed(&[]);
    let page = ready_page_of(toy.pid());
    assert_eq!(page.pid, toy.pid() as u32);
    assert_eq!((page.signal, page.state), (10, TargetState::Idle));
    let comm = fs::read_to_string(format!(
        "/proc/{}/task/{}/comm",
        page.pid,
        page.agent.unwrap()
    ));
    assert_eq!(comm.unwrap().trim(), "memdump");
    for (sequence, token) in [(1, 77), (2, 0x7fff_ffff)] {
        send(&page, token);
        let path = toy
            .directory
            .join(format!("toy.{}.{sequence}.dump", toy.pid()));
        let expected = RequestOutcome::Published {
            sequence,
            path: Some(path.clone()),
        };
        assert_eq!(answer(toy.pid(), token), expected);
        check(&path);
        assert!(metadata(&path, "trigger").ends_with(" (send)"));
    }
    assert_eq!(page_of(toy.pid()).sequence, Some(2));
}

#[test]
fn it_works_when_the_first_signal_was_taken_away() {
    let mut toy = Toy::installed(&[]);
    toy.tell("handle first");
    send(&ready_page_of(toy.pid()), 5);
    assert!(matches!(
        answer(toy.pid(), 5),
        RequestOutcome::Published { sequence: 1, .. }
    ));
}

#[test]
fn a_failure_is_told_with_its_cause() {
    let toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "clone-refused")]);
    send(&ready_page_of(toy.pid()), 6);
    let RequestOutcome::Failed(why) = answer(toy.pid(), 6) else {
        panic!("no failure");
    };
    assert!(
        why.contains("refused a snapshot process") && why.contains("ulimit -u"),
        "{why}"
    );
}

#[test]
fn a_request_during_a_dump_is_told_so() {
    let toy = Toy::installed(&[("MEMDUMP_FAILPOINTS", "child-stops=1")]);
    let page = ready_page_of(toy.pid());
    send(&page, 1);
    let snapshot = toy.stopped_snapshot_process();
    assert_eq!(page_of(toy.pid()).state, TargetState::Dumping);
    send(&page, 2);
    assert_eq!(answer(toy.pid(), 2), RequestOutcome::Ignored);
    signal_to(snapshot, libc::SIGCONT);
    assert!(matches!(
        answer(toy.pid(), 1),
        RequestOutcome::Published { .. }
    ));
    assert_eq!(page_of(toy.pid()).ignored, 1);
}

#[test]
fn a_worker_has_a_page_of_its_own() {
    let mut toy = Toy::installed(&[]);
    toy.dump();
    let worker: i32 = toy.tell("fork").split(' ').next().unwrap().parse().unwrap();
    let page = wait_until("the worker's page", || {
        find_page(worker).filter(|page| page.pid == worker as u32 && page.agent.is_some())
    });
    assert_eq!((page.sequence, page.answers.len()), (None, 0));
    send(&page, 9);
    assert!(matches!(
        answer(worker, 9),
        RequestOutcome::Published { sequence: 1, .. }
    ));
    // The parent's page knows nothing of it.
    assert_eq!(page_of(toy.pid()).answer_to(9), None);
    signal_to(worker, libc::SIGKILL);
}

#[test]
fn a_signal_that_is_in_use_is_left_alone() {
    let first = libc::SIGRTMIN() + 9;
    let toy = Toy::installed(&[("MEMDUMP_SIGNAL", &first.to_string())]);
    let page = ready_page_of(toy.pid());
    assert_eq!(page.second_signal, Some(first as u32 + 1));
}

#[test]
fn shut_down_is_shown() {
    let mut toy = Toy::installed(&[]);
    ready_page_of(toy.pid());
    toy.tell("shutdown");
    let page = page_of(toy.pid());
    assert_eq!((page.state, page.agent), (TargetState::ShutDown, None));
}
