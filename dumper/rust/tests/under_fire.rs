//! Dumps of a program whose threads allocate and free at full speed: each is whole, has every block that is kept, and the program goes on.
//! `MEMDUMP_FIRE_DUMPS` says how many.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use memdump_format::{Dump, ObjectBatch, ObjectColumns};

/// Far more than it ever takes.
const DEADLINE: Duration = Duration::from_secs(120);

struct Fire {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
    kept: HashSet<u64>,
}

impl Drop for Fire {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Fire {
    fn start(directory: &Path, variables: &[(&str, &str)]) -> Fire {
        let program = example("fire");
        let mut process = Command::new(program)
            .arg("8")
            .env("MEMDUMP_DIR", directory)
            .env("MEMDUMP_MIN_FREE", "0")
            // Beside eight busy threads a polite snapshot process would take minutes.
            .env("MEMDUMP_NICE", "0")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut kept = HashSet::new();
        loop {
            let mut line = String::new();
            assert!(answers.read_line(&mut line).unwrap() > 0, "it ended");
            match line.trim().strip_prefix("0x") {
                Some(digits) => kept.insert(u64::from_str_radix(digits, 16).unwrap()),
                None => break,
            };
        }
        Fire {
            process,
            answers,
            kept,
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

fn wait_for_dump(directory: &Path) -> PathBuf {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let mut files = std::fs::read_dir(directory).unwrap();
        let whole = files.find_map(|entry| {
            let path = entry.unwrap().path();
            (path.extension()? == "dump").then_some(path)
        });
        if let Some(path) = whole {
            return path;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no dump came");
}

#[test]
fn dumps_under_fire_are_whole_and_the_program_goes_on() {
    let count = std::env::var("MEMDUMP_FIRE_DUMPS").map_or(20, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut fire = Fire::start(directory.path(), &[]);
    let (mut rounds, mut watermark, mut faults) = (0, 0, 0);
    for _ in 0..count {
        fire.ask();
        let path = wait_for_dump(directory.path());
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
        faults += dump.counts().faults;
        // No block of a thread at work is lost for good: each has two tables, a map and their entries.
        assert!(dump.counts().objects > 1000 + 8 * 100);
        drop(dump);
        std::fs::remove_file(path).unwrap();
        let more = fire.rounds();
        assert!(more > rounds, "its threads have stopped");
        rounds = more;
    }
    // Threads are held while the process is copied, so at most a block a thread is halfway.
    assert!(faults <= 8 * count, "{faults} faults in {count} dumps");
}
