//! Dumps of a program whose threads allocate and free at full speed: each is whole, has every block that is kept, and the program goes on.
//! `MEMDUMP_FIRE_DUMPS` says how many.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use memdump_format::{Dump, ObjectBatch, ObjectColumns, Root, RootKind};

/// Far more than it ever takes.
const DEADLINE: Duration = Duration::from_secs(120);
const LOG: &str = "log";

struct Fire {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
    kept: HashSet<u64>,
    /// A block that only the first thread's thread-local memory holds.
    local: u64,
}

impl Drop for Fire {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Fire {
    fn start(directory: &Path, threads: &str, variables: &[(&str, &str)]) -> Fire {
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
    fn rounds(&mut self) -> u64 {
        let stdin = self.process.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    /// Waits until its threads have done more than that; gives how much.
    fn goes_on(&mut self, rounds: u64) -> u64 {
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

    fn ask(&self) {
        let sent = Command::new("kill")
            .args(["-USR1", &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

/// Cargo builds examples beside tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().unwrap().parent().unwrap().join("examples");
    directory.join(name)
}

/// Waits for the end of the dump beyond the first `before` ones of the log: only then is the target ready for the next request. Gives the line.
fn wait_for_end(log: &Path, before: usize) -> String {
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
fn file_of(line: &str) -> PathBuf {
    let rest = line.split_once("end file=").map(|(_, rest)| rest);
    let path = rest.and_then(|rest| rest.split(' ').next());
    PathBuf::from(path.unwrap_or_else(|| panic!("no dump: {line}")))
}

#[test]
fn dumps_under_fire_are_whole_and_the_program_goes_on() {
    let count = std::env::var("MEMDUMP_FIRE_DUMPS").map_or(20, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut fire = Fire::start(directory.path(), "8", &[]);
    let (mut rounds, mut watermark, mut faults) = (0, 0, 0);
    let log = directory.path().join(LOG);
    for number in 0..count {
        fire.ask();
        let path = file_of(&wait_for_end(&log, number));
        let dump = Dump::open(&path).unwrap();
        for block in dump.blocks() {
            dump.verify_block(block.number).unwrap();
        }
        let metadata = dump.metadata().unwrap();
        let later = metadata.get("watermark").unwrap().parse().unwrap();
        assert!(later > watermark);
        watermark = later;
        let mut found = 0;
        let mut batch = ObjectBatch::default();
        for block in dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut batch).unwrap();
            let kept = batch.addresses.iter().zip(&batch.sizes);
            found += kept
                .filter(|(address, size)| fire.kept.contains(&address.0) && **size == 24)
                .count();
            assert!(batch.serials.iter().all(|&serial| serial <= watermark));
        }
        assert_eq!(found, fire.kept.len());
        let strings = dump.strings();
        let is_place = |text: &str| text.starts_with("fire+0x");
        let is_local = |root: &Root| {
            root.target.0 == fire.local
                && root.kind == RootKind::Thread
                && root
                    .name
                    .is_some_and(|name| strings.get(name).is_ok_and(is_place))
        };
        assert!(dump.roots().unwrap().iter().any(is_local));
        faults += dump.counts().faults;
        // No block of a thread at work is lost for good: each has two tables, a map and their entries.
        assert!(dump.counts().objects > 1000 + 8 * 100);
        drop(dump);
        std::fs::remove_file(path).unwrap();
        rounds = fire.goes_on(rounds);
    }
    // Threads are held while the process is copied, so at most a block a thread is halfway.
    assert!(
        faults <= 8 * count as u64,
        "{faults} faults in {count} dumps"
    );
}

/// Whatever happens to the snapshot process, the program goes on, and nothing is left in the directory but its log.
#[test]
fn a_dump_that_fails_costs_only_itself() {
    for point in [
        "clone-refused",
        "mmap-fails",
        "child-killed-at-start",
        "child-killed=2000",
        "walk-faults",
        "walk-panics",
        "no-space-after=2000",
        "rename-fails",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut fire = Fire::start(directory.path(), "2", &[("MEMDUMP_FAILPOINTS", point)]);
        let rounds = fire.rounds();
        for number in 0..2 {
            fire.ask();
            let line = wait_for_end(&directory.path().join(LOG), number);
            assert!(!line.contains(" end "), "{point}: {line}");
        }
        fire.goes_on(rounds);
        let left = std::fs::read_dir(directory.path()).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [LOG], "{point}");
    }
}
