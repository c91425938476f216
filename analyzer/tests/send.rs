//! `send` against a target that is played by this process: a status page in a memory file, and a thread that takes requests.

#![allow(missing_docs)]
// Signals and memory files have no safe interface here.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use memdump_analyzer::send::{SendError, send};
use memdump_format::status_page::{Answer, RequestOutcome, StatusPage, TargetState};

/// Takes one request for each scripted outcome, in this order, and answers it; `None` is no answer.
fn play(page: File, script: Vec<Option<RequestOutcome>>) -> Vec<u32> {
    let signal = libc::SIGRTMIN() + 5;
    let (ready, started) = mpsc::channel();
    let player = std::thread::spawn(move || {
        // SAFETY: plain data, and calls that only touch it; the signal is blocked in this thread, so that it waits.
        let (set, thread) = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, signal);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            (set, libc::syscall(libc::SYS_gettid) as u32)
        };
        let mut status = StatusPage {
            pid: std::process::id(),
            agent: Some(thread),
            signal: libc::SIGUSR1 as u32,
            second_signal: Some(signal as u32),
            state: TargetState::Idle,
            sequence: None,
            ignored: 0,
            answers: Vec::new(),
        };
        page.write_all_at(&status.encode(), 0).expect("written");
        ready.send(()).expect("awaited");
        let mut tokens = Vec::new();
        for outcome in script {
            // SAFETY: as above; the value of a queued signal is what was sent with it.
            let token = unsafe {
                let mut received: libc::siginfo_t = std::mem::zeroed();
                assert_eq!(libc::sigwaitinfo(&raw const set, &raw mut received), signal);
                received.si_value().sival_ptr as usize as u32
            };
            tokens.push(token);
            if let Some(outcome) = outcome {
                status.answers.insert(
                    0,
                    Answer {
                        tokens: vec![token],
                        outcome,
                    },
                );
                page.write_all_at(&status.encode(), 0).expect("written");
            }
        }
        tokens
    });
    started.recv().expect("the player plays");
    let published = send(std::process::id(), Duration::from_secs(20)).expect("a dump");
    assert_eq!(published.path, PathBuf::from("/var/dumps/app.7.3.dump"));
    assert_eq!((published.pid, published.sequence), (std::process::id(), 3));

    let failed = send(std::process::id(), Duration::from_secs(20)).expect_err("a failure");
    assert!(
        failed
            .to_string()
            .ends_with("could not dump: disk full; free it"),
        "{failed}"
    );

    let late = send(std::process::id(), Duration::from_millis(80)).expect_err("no answer");
    assert!(matches!(late, SendError::Timeout { .. }), "{late}");
    assert!(late.to_string().contains("within 80ms"), "{late}");
    player.join().expect("the player ends")
}

fn memory_file() -> File {
    // SAFETY: the name is a C string; the descriptor is new, and nobody else's.
    unsafe {
        let descriptor = libc::memfd_create(c"memdump".as_ptr(), 0);
        assert!(descriptor >= 0);
        File::from_raw_fd(descriptor)
    }
}

#[test]
fn a_request_is_answered_with_its_own_outcome() {
    // What a target has made and not yet written is no page, and hides none.
    let unwritten = memory_file();
    unwritten.write_all_at(b"\x89MEMSTA\n", 0).expect("written");
    let early = send(std::process::id(), Duration::from_secs(1)).expect_err("no page");
    assert!(matches!(early, SendError::NotInstalled { .. }), "{early}");
    let page = memory_file();
    let published = RequestOutcome::Published {
        sequence: 3,
        path: Some(PathBuf::from("/var/dumps/app.7.3.dump")),
    };
    let script = vec![
        // Another request was quicker: it asks again.
        Some(RequestOutcome::Ignored),
        Some(published),
        Some(RequestOutcome::Failed("disk full; free it".to_owned())),
        None,
    ];
    let mut tokens = play(page, script);
    assert!(
        tokens
            .iter()
            .all(|&token| token > 0 && token <= i32::MAX as u32)
    );
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "each request has a token of its own");
}

#[test]
fn a_process_without_memdump_is_told_with_the_cure() {
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("a process");
    let pid = other.id();
    let error = send(pid, Duration::from_secs(1)).expect_err("no memdump there");
    other.kill().expect("killed");
    other.wait().expect("reaped");
    assert!(error.to_string().contains("memdump.install()"), "{error}");
    let gone = send(pid, Duration::from_secs(1)).expect_err("it is gone");
    assert!(matches!(gone, SendError::NoSuchProcess { .. }), "{gone}");
}
