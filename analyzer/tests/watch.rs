//! A directory is watched: each whole dump is loaded once, and the user's script run on it, whatever else happens there.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, SystemTime};

use memdump_analyzer::watch::{Arrival, Arrivals};
use support::{Heap, memdump, service};
use tempfile::TempDir;

/// Longer than anything takes; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(120);

/// A directory with `dumps`, and a script that remembers every dump it was run on.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a directory"));
        fs::create_dir(place.path("dumps")).expect("made");
        place.script("SELECT group_concat(dump, ' ') AS runs FROM run");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The script: it keeps a table of its own, and ends with a query.
    fn script(&self, query: &str) {
        let script = format!(
            "CREATE TABLE IF NOT EXISTS run(dump INTEGER);
             INSERT INTO run SELECT max(id) FROM dump;
             {query};"
        );
        fs::write(self.path("leak.sql"), script).expect("written");
    }

    /// A dump appears as from a dumper: under another name first.
    fn arrives(&self, name: &str, heap: &Heap) {
        let partial = self.path("dumps").join(format!("{name}.partial"));
        heap.write(&partial);
        fs::rename(partial, self.path("dumps").join(name)).expect("renamed");
    }

    fn once(&self) -> support::Ran {
        memdump(
            self.0.path(),
            &[
                "watch", "dumps", "--db", "heap.db", "-f", "leak.sql", "--once", "--format", "csv",
            ],
        )
    }

    /// What a statement gives, as CSV without the heading.
    fn asked(&self, query: &str) -> String {
        let ran = memdump(self.0.path(), &["sql", "heap.db", query, "--format", "csv"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
            .split_once('\n')
            .expect("a heading")
            .1
            .trim()
            .to_owned()
    }
}

/// `memdump watch` at work.
struct Watching {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Watching {
    fn begin(place: &Place, options: &[&str]) -> Watching {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("memdump"))
            .current_dir(place.0.path())
            .args([
                "watch", "dumps", "--db", "heap.db", "-f", "leak.sql", "--format", "csv",
            ])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        Watching {
            out: lines(child.stdout.take().expect("a pipe")),
            err: lines(child.stderr.take().expect("a pipe")),
            child,
        }
    }

    fn prints(&self, wanted: &str) {
        let line = self.out.recv_timeout(DEADLINE).expect("a line");
        assert_eq!(line, wanted);
    }

    /// Waits for a line on stderr that has this in it.
    fn tells(&self, wanted: &str) -> String {
        loop {
            let line = self
                .err
                .recv_timeout(DEADLINE)
                .unwrap_or_else(|_| panic!("nothing about {wanted}"));
            if line.contains(wanted) {
                return line;
            }
        }
    }

    fn ends_by(mut self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(pid, signal);
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(pid: i32, signal: i32) {
    let sent = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

#[test]
fn once_takes_what_is_there_in_the_order_of_time() {
    let place = Place::new();
    // By name the later one comes first.
    place.arrives("a.dump", &service(5));
    place.arrives("b.dump", &service(3));
    fs::write(place.path("dumps/c.dump.partial"), "half of it").expect("written");
    fs::write(place.path("dumps/notes.txt"), "no dump").expect("written");
    let ran = place.once();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "runs\n1\nruns\n1 2\n");
    assert!(
        ran.err.contains("dumps/b.dump is dump 1, ")
            && ran.err.contains("dumps/a.dump is dump 2, "),
        "{}",
        ran.err
    );
    assert_eq!(
        place.asked("SELECT id, objects, previous FROM dump"),
        "1,8,\n2,10,1"
    );

    // Nothing is new, so the script does not run; then one is.
    let ran = place.once();
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    place.arrives("d.dump", &service(9));
    assert_eq!(place.once().out, "runs\n1 2 3\n");
}

#[test]
fn only_so_many_dumps_are_kept() {
    let place = Place::new();
    for leaked in 1..=5 {
        place.arrives(&format!("{leaked}.dump"), &service(leaked));
    }
    let keep = |number: &str| {
        let arguments = [
            "watch", "dumps", "--db", "heap.db", "-f", "leak.sql", "--once", "--keep", number,
        ];
        let ran = memdump(place.0.path(), &arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
    };
    let tables = "SELECT group_concat(DISTINCT dump) FROM (SELECT dump FROM object UNION ALL SELECT dump FROM type \
                  UNION ALL SELECT dump FROM reference UNION ALL SELECT dump FROM root UNION ALL SELECT dump FROM metadata)";
    keep("3");
    assert_eq!(
        place.asked("SELECT id, objects FROM dump"),
        "1,8\n2,9\n3,10"
    );
    // The same again is nothing new, though earlier ones lie there.
    keep("3");
    assert_eq!(
        place.asked("SELECT id, objects FROM dump"),
        "1,8\n2,9\n3,10"
    );
    place.arrives("6.dump", &service(6));
    keep("3");
    assert_eq!(
        place.asked("SELECT id, objects, previous FROM dump"),
        "2,9,\n3,10,2\n4,11,3"
    );
    // What is left is a series of its own: nothing grew out of what is forgotten.
    assert_eq!(place.asked("SELECT DISTINCT process FROM dump"), "2");
    assert_eq!(
        place.asked("SELECT dump, count_before, count_after FROM growth WHERE type_name = 'app.models.SomeRef'"),
        "3,4,5\n4,5,6"
    );
    assert_eq!(
        place.asked("SELECT process, dumps, count_first, count_last FROM suspects"),
        "2,3,4,6"
    );
    assert_eq!(place.asked(tables), "\"2,3,4\"");
    keep("1");
    assert_eq!(place.asked(tables), "4");
    assert_eq!(
        place.asked("SELECT group_concat(dump, ' ') FROM run"),
        "1 2 3 4"
    );
}

#[test]
fn what_is_damaged_is_told_and_left_out() {
    let place = Place::new();
    let whole = service(3).bytes();
    fs::write(place.path("dumps/a.dump"), &whole[..whole.len() - 5]).expect("written");
    fs::write(place.path("dumps/b.dump"), "no dump at all").expect("written");
    place.arrives("c.dump", &service(5));
    let ran = place.once();
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.contains("dumps/a.dump: the file is cut off"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("dumps/b.dump: is not a dump"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "runs\n1\n");
    let ran = memdump(
        place.0.path(),
        &["watch", "dumps", "--db", "heap.db", "--once", "--recover"],
    );
    // What is sound of the one; nothing of the other.
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(place.asked("SELECT count(*) FROM dump"), "2");
}

#[test]
fn dumps_are_taken_as_they_come_and_the_script_as_it_is_then() {
    let place = Place::new();
    place.arrives("a.dump", &service(1));
    let watching = Watching::begin(&place, &[]);
    watching.prints("runs");
    watching.prints("1");
    place.arrives("b.dump", &service(2));
    watching.prints("runs");
    watching.prints("1 2");

    place.script("SELECT count(*) AS leaks FROM object JOIN type ON type.dump = object.dump AND type.id = object.type
                  WHERE type.short_name = 'SomeRef' AND object.dump = (SELECT max(id) FROM dump)");
    place.arrives("c.dump", &service(7));
    watching.prints("leaks");
    watching.prints("7");

    // An error of the script, and no script, are told and end nothing.
    place.script("SELECT nonsense FROM dump");
    place.arrives("d.dump", &service(8));
    assert!(watching.tells("nonsense").contains("leak.sql"));
    fs::remove_file(place.path("leak.sql")).expect("removed");
    place.arrives("e.dump", &service(9));
    watching.tells("leak.sql: cannot be read");
    place.script("SELECT group_concat(dump, ' ') AS runs FROM run");
    place.arrives("f.dump", &service(10));
    watching.prints("runs");
    watching.prints("1 2 3 4 6");
    watching.ends_by(signal_hook::consts::SIGINT);

    // What comes while nobody watches is taken at the next start.
    place.arrives("g.dump", &service(11));
    let watching = Watching::begin(&place, &[]);
    watching.prints("runs");
    watching.prints("1 2 3 4 6 7");
    watching.ends_by(signal_hook::consts::SIGTERM);
}

#[test]
fn a_dump_that_is_copied_here_slowly_is_taken_when_it_is_whole() {
    let place = Place::new();
    let watching = Watching::begin(&place, &["--every", "100ms"]);
    let bytes = service(4).bytes();
    let copy = place.path("dumps/copy.dump");
    fs::write(&copy, &bytes[..bytes.len() / 2]).expect("written");
    place.arrives("other.dump", &service(1));
    watching.prints("runs");
    watching.prints("1");
    fs::write(&copy, &bytes).expect("written");
    watching.prints("runs");
    watching.prints("1 2");
    watching.ends_by(signal_hook::consts::SIGINT);
}

#[test]
fn a_directory_that_is_replaced_is_found_without_being_told() {
    let place = Place::new();
    let watching = Watching::begin(&place, &["--every", "100ms"]);
    place.arrives("a.dump", &service(1));
    watching.prints("runs");
    watching.prints("1");
    // The system watches the directory that it was, as it does where a disk is mounted over it.
    fs::rename(place.path("dumps"), place.path("elsewhere")).expect("renamed");
    watching.tells("dumps: cannot be read");
    fs::create_dir(place.path("dumps")).expect("made");
    place.arrives("b.dump", &service(2));
    watching.prints("runs");
    watching.prints("1 2");
}

#[test]
fn an_endless_query_is_ended_by_a_signal() {
    let place = Place::new();
    place.script("SELECT 'begun'; WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
    place.arrives("a.dump", &service(1));
    let watching = Watching::begin(&place, &[]);
    watching.prints("'begun'");
    watching.prints("begun");
    watching.ends_by(signal_hook::consts::SIGINT);
}

#[test]
fn what_could_never_work_is_told_at_once() {
    let place = Place::new();
    let watch = |arguments: &[&str]| memdump(place.0.path(), &[&["watch"], arguments].concat());
    let ran = watch(&["nowhere", "--db", "heap.db"]);
    assert_eq!(
        (
            ran.code,
            ran.err.starts_with("memdump: nowhere: cannot be read")
        ),
        (2, true),
        "{}",
        ran.err
    );
    let ran = watch(&["dumps", "--db", "heap.db", "-f", "missing.sql"]);
    assert_eq!(
        (
            ran.code,
            ran.err.starts_with("memdump: missing.sql: cannot be read")
        ),
        (2, true),
        "{}",
        ran.err
    );
    fs::write(place.path("heap.db"), "mine").expect("written");
    let ran = watch(&["dumps", "--db", "heap.db"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_eq!(fs::read(place.path("heap.db")).expect("read"), b"mine");
}

fn looked(arrivals: &mut Arrivals) -> Vec<String> {
    let name = |path: &Path| {
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    let told = |arrival: &Arrival| match arrival {
        Arrival::Dump(path) => name(path),
        Arrival::Unreadable { path, .. } => format!("unreadable {}", name(path)),
    };
    arrivals
        .look()
        .expect("a directory")
        .iter()
        .map(told)
        .collect()
}

#[test]
fn each_file_is_told_once_and_again_when_it_changes() {
    let place = Place::new();
    let mut arrivals = Arrivals::of(&place.path("dumps"), Duration::ZERO);
    assert!(looked(&mut arrivals).is_empty());
    place.arrives("late.dump", &service(9));
    place.arrives("early.dump", &service(1));
    fs::write(place.path("dumps/bad.dump"), "no").expect("written");
    fs::create_dir(place.path("dumps/folder.dump")).expect("made");
    assert_eq!(
        looked(&mut arrivals),
        ["unreadable bad.dump", "early.dump", "late.dump"]
    );
    assert!(looked(&mut arrivals).is_empty());
    fs::write(place.path("dumps/bad.dump"), "still no").expect("written");
    assert_eq!(looked(&mut arrivals), ["unreadable bad.dump"]);
    arrivals.look_again_at(&place.path("dumps/early.dump"));
    assert_eq!(looked(&mut arrivals), ["early.dump"]);
    // One that went away is another when it comes again.
    fs::remove_file(place.path("dumps/late.dump")).expect("removed");
    assert!(looked(&mut arrivals).is_empty());
    place.arrives("late.dump", &service(9));
    assert_eq!(looked(&mut arrivals), ["late.dump"]);
}

#[test]
fn what_cannot_be_read_is_told_when_it_has_settled() {
    let place = Place::new();
    let hour = Duration::from_secs(3600);
    let mut arrivals = Arrivals::of(&place.path("dumps"), hour);
    let bad = place.path("dumps/bad.dump");
    fs::write(&bad, "no").expect("written");
    place.arrives("good.dump", &service(1));
    assert_eq!(looked(&mut arrivals), ["good.dump"]);
    let file = fs::File::options().write(true).open(&bad).expect("opened");
    file.set_modified(SystemTime::now() - 2 * hour)
        .expect("set");
    assert_eq!(looked(&mut arrivals), ["unreadable bad.dump"]);
    // A clock that is ahead does not make it fresh for ever.
    file.set_modified(SystemTime::now() + hour).expect("set");
    assert_eq!(looked(&mut arrivals), ["unreadable bad.dump"]);
}
