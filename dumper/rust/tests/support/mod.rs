//! A program whose threads allocate and free at full speed, from outside.
#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than it ever takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// What the program tells, in its directory.
pub(crate) const LOG: &str = "log";

/// `examples/fire.rs`, running; killed when it is dropped.
pub(crate) struct Fire {
    pub(crate) process: Child,
    answers: BufReader<std::process::ChildStdout>,
    /// The blocks that it keeps for good.
    pub(crate) kept: HashSet<u64>,
    /// A block that only the first thread's thread-local memory holds.
    pub(crate) local: u64,
}

impl Drop for Fire {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Fire {
    /// Starts it with so many threads; it dumps into that directory unless told otherwise.
    pub(crate) fn start(directory: &Path, threads: &str, variables: &[(&str, &str)]) -> Fire {
        let program = example("fire");
        let mut process = Command::new(program)
            .arg(threads)
            .env("MEMDUMP_DIR", directory)
            .env("MEMDUMP_MIN_FREE", "0")
            // Beside eight busy threads a polite snapshot process would take minutes.
            .env("MEMDUMP_NICE", "0")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.join(LOG)).unwrap())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let (mut kept, mut local) = (HashSet::new(), 0);
        loop {
            let mut line = String::new();
            assert!(answers.read_line(&mut line).unwrap() > 0, "it ended");
            let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
            match line.trim().rsplit_once(' ') {
                Some((_, text)) => local = number(text).unwrap(),
                None if line.trim() == "ready" => break,
                None => assert!(kept.insert(number(line.trim()).unwrap())),
            }
        }
        Fire {
            process,
            answers,
            kept,
            local,
        }
    }

    /// What the threads have done so far.
    pub(crate) fn rounds(&mut self) -> u64 {
        let stdin = self.process.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    /// Waits until its threads have done more than that; gives how much.
    pub(crate) fn goes_on(&mut self, rounds: u64) -> u64 {
        let begun = Instant::now();
        loop {
            let now = self.rounds();
            if now > rounds {
                return now;
            }
            assert!(begun.elapsed() < DEADLINE, "its threads have stopped");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asks for a dump.
    pub(crate) fn ask(&self) {
        signal("-USR1", self.process.id());
    }

    /// The process that writes a dump now, once there is one.
    pub(crate) fn snapshot(&self) -> u32 {
        let begun = Instant::now();
        let tasks = format!("/proc/{}/task", self.process.id());
        while begun.elapsed() < DEADLINE {
            let tasks = std::fs::read_dir(&tasks).unwrap().flatten();
            let children =
                tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
            let child = children
                .into_iter()
                .find_map(|children| children.split_whitespace().next()?.parse().ok());
            if let Some(child) = child {
                return child;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no snapshot process came");
    }
}

/// Sends a signal, as `kill` calls it.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Cargo builds examples beside tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().unwrap().parent().unwrap().join("examples");
    directory.join(name)
}

/// Waits for the end of the dump beyond the first `before` ones of the log: only then is the target ready for the next request. Gives the line.
pub(crate) fn wait_for_end(log: &Path, before: usize) -> String {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let text = std::fs::read_to_string(log).unwrap();
        let mut ends = text.lines().filter(|line| !line.contains(" begin "));
        if let Some(line) = ends.nth(before) {
            return line.to_owned();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no dump came");
}

/// The path in an end line.
pub(crate) fn file_of(line: &str) -> PathBuf {
    let rest = line.split_once("end file=").map(|(_, rest)| rest);
    let path = rest.and_then(|rest| rest.split(' ').next());
    PathBuf::from(path.unwrap_or_else(|| panic!("no dump: {line}")))
}
