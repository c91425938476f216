//! Runs the toy (`examples/toy`) and talks to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use memdump_format::{Counts, Dump};
use tempfile::TempDir;

/// Longer than any answer takes on a busy machine; only a test that fails waits that long.
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) struct Toy {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
    _scratch: Option<TempDir>,
    pub(crate) directory: PathBuf,
}

impl Toy {
    /// A toy with memdump installed and a directory of its own for its dumps.
    pub(crate) fn installed(variables: &[(&str, &str)]) -> Self {
        let mut toy = Self::new(variables);
        assert_eq!(toy.tell("install"), "ok");
        toy
    }

    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("dumps");
        fs::create_dir(&directory).unwrap();
        let mut toy = Self::start(variables, &directory, scratch.path());
        toy._scratch = Some(scratch);
        toy
    }

    /// A toy that dumps into `directory` and logs into `scratch`.
    pub(crate) fn start(variables: &[(&str, &str)], directory: &Path, scratch: &Path) -> Self {
        let log = File::create(scratch.join("stderr")).unwrap();
        Self::start_with(variables, directory, scratch, log.into())
    }

    /// The same with another stderr.
    pub(crate) fn start_with(
        variables: &[(&str, &str)],
        directory: &Path,
        scratch: &Path,
        stderr: Stdio,
    ) -> Self {
        let mut process = Command::new(program())
            .env("MEMDUMP_DIR", directory)
            .env("MEMDUMP_NAME", "toy")
            .env("MEMDUMP_MIN_FREE", "0")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            log: scratch.join("stderr"),
            _scratch: None,
            directory: directory.into(),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id() as i32
    }

    /// Gives a command without waiting for its answer.
    pub(crate) fn order(&mut self, command: &str) {
        self.commands
            .write_all(format!("{command}\n").as_bytes())
            .unwrap();
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    pub(crate) fn tell(&mut self, command: &str) -> String {
        self.order(command);
        self.answer()
    }

    pub(crate) fn signal(&self, signal: i32) {
        signal_to(self.pid(), signal);
    }

    /// Asks for a dump and waits for its end line; gives the dump's path.
    pub(crate) fn dump(&self) -> PathBuf {
        let before = self.lines("end").len();
        self.signal(libc::SIGUSR1);
        let line = self.wait_for("end", before + 1);
        path_of(&line)
    }

    /// The lines of this event that all processes of the toy wrote so far.
    pub(crate) fn lines(&self, event: &str) -> Vec<String> {
        let word = format!("]: {event} ");
        self.log()
            .lines()
            .filter(|l| l.contains(&word))
            .map(String::from)
            .collect()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for the `count`th line of this event.
    pub(crate) fn wait_for(&self, event: &str, count: usize) -> String {
        wait_until(&format!("{count} lines of {event}"), || {
            self.lines(event).get(count - 1).cloned()
        })
    }

    /// Names in the dumps' directory, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        files_in(&self.directory)
    }

    /// Children of the toy, zombies included.
    pub(crate) fn children(&self) -> Vec<i32> {
        let pid = self.pid();
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        tasks
            .filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok())
            .flat_map(|list| {
                list.split_whitespace()
                    .map(|p| p.parse().unwrap())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Waits for the snapshot process and gives its id.
    pub(crate) fn snapshot_process(&self) -> i32 {
        wait_until("a snapshot process", || {
            self.children().into_iter().find(|pid| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm"));
                name.is_ok_and(|name| name.trim() == "memdump-snap")
            })
        })
    }

    /// The snapshot process that `child-stops` has stopped; SIGCONT lets it go on.
    pub(crate) fn stopped_snapshot_process(&self) -> i32 {
        let pid = self.snapshot_process();
        wait_until("the snapshot process to stop", || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The state follows the name, which is in brackets.
            stat.rsplit_once(") ")?.1.starts_with('T').then_some(pid)
        })
    }

    pub(crate) fn wait_for_end(&mut self) {
        self.process.wait().unwrap();
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("stderr of the toy:\n{}", self.log());
        }
    }
}

pub(crate) fn signal_to(pid: i32, signal: i32) {
    // SAFETY: sends a signal to a process of the test.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Polls until there is something.
pub(crate) fn wait_until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn files_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The value behind `file=` of an end line.
pub(crate) fn path_of(line: &str) -> PathBuf {
    let value = line.split(" file=").nth(1).unwrap();
    value.split(' ').next().unwrap().into()
}

/// Opens a dump of the toy, checks that it is whole, and gives its counts.
pub(crate) fn check(path: &Path) -> Counts {
    let dump = Dump::open(path).unwrap();
    for block in 0..dump.blocks().len() {
        dump.verify_block(block as u32).unwrap();
    }
    dump.counts()
}

pub(crate) fn metadata(path: &Path, key: &str) -> String {
    let metadata = Dump::open(path).unwrap().metadata().unwrap();
    metadata
        .get(key)
        .unwrap_or_else(|| panic!("no {key}"))
        .into()
}

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/toy");
    assert!(
        program.exists(),
        "build the toy first: cargo build -p memdump-dumper --example toy"
    );
    program
}
