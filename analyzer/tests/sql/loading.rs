use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::sql::{Database, load};
use rusqlite::Connection;

use crate::homes::{dumps, loaded_home, minute, minutes, open, rows, virtual_home};
use crate::support::{Heap, memdump};

/// Everything in a database, but for what ANALYZE guessed.
fn contents(file: &Path) -> Vec<String> {
    let database = Database::loaded(file, false).expect("a database");
    [
        "dump",
        "metadata",
        "type",
        "object",
        "reference",
        "root",
        "fault",
    ]
    .iter()
    .flat_map(|table| rows(&database, &format!("SELECT '{table}', * FROM {table}")))
    .collect()
}

#[test]
fn one_by_one_gives_what_all_together_gives() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let together = directory.path().join("together.db");
    loaded_home(&paths, &together);
    let single = directory.path().join("single.db");
    for path in &paths {
        let loaded =
            load(open(std::slice::from_ref(path)), &single, Arc::new(Silent)).expect("loaded");
        assert!(!loaded[0].was_there && loaded[0].rows > 0);
    }
    assert_eq!(contents(&single), contents(&together));
}

#[test]
fn any_order_is_put_right_and_what_is_there_is_left_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let file = directory.path().join("heap.db");
    let reversed: Vec<_> = paths.iter().rev().chain([&paths[1]]).cloned().collect();
    let loaded = load(open(&reversed), &file, Arc::new(Silent)).expect("loaded");
    let numbers: Vec<(u32, bool)> = loaded
        .iter()
        .map(|dump| (dump.number, dump.was_there))
        .collect();
    assert_eq!(numbers, [(1, false), (2, false), (2, true), (3, false)]);
    let before = std::fs::read(&file).expect("the file");
    let again = load(open(&paths), &file, Arc::new(Silent)).expect("loaded");
    assert!(again.iter().all(|dump| dump.was_there));
    assert_eq!(
        std::fs::read(&file).expect("the file"),
        before,
        "nothing was written"
    );
}

#[test]
fn tables_of_the_users_own_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let file = directory.path().join("heap.db");
    loaded_home(&paths[..1], &file);
    Connection::open(&file)
        .and_then(|own| own.execute_batch("CREATE TABLE mine(x); INSERT INTO mine VALUES (7)"))
        .expect("made");
    load(open(&paths[1..]), &file, Arc::new(Silent)).expect("loaded");
    let database = Database::loaded(&file, false).expect("a database");
    assert_eq!(
        rows(&database, "SELECT x, (SELECT count(*) FROM dump) FROM mine"),
        ["7|3"]
    );
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    dumps(directory.path(), &[minute(1)]);
    let other = directory.path().join("other.db");
    Connection::open(&other)
        .and_then(|own| own.execute_batch("CREATE TABLE object(x)"))
        .expect("made");
    let newer = directory.path().join("newer.db");
    Connection::open(&newer)
        .and_then(|own| {
            own.execute_batch("PRAGMA application_id = 0x6d656d64; PRAGMA user_version = 99")
        })
        .expect("made");
    std::fs::write(
        directory.path().join("notes.txt"),
        "no database at all, but long enough to be one",
    )
    .expect("written");
    for (name, why) in [
        ("other.db", "not one that `memdump load` made"),
        ("newer.db", "version 99"),
        ("notes.txt", "not a database"),
        ("1.dump", "not a database"),
    ] {
        let file = directory.path().join(name);
        let before = std::fs::read(&file).expect("the file");
        let ran = memdump(directory.path(), &["load", "1.dump", "-o", name]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(
            ran.err.contains(why) && ran.err.contains(name),
            "{}",
            ran.err
        );
        assert_eq!(std::fs::read(&file).expect("the file"), before, "{name}");
    }
}

#[test]
fn a_damaged_dump_leaves_no_file_and_an_old_one_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    // Of the last dump a byte in the middle of a block.
    let mut bytes = std::fs::read(&paths[2]).expect("a dump");
    bytes[120] ^= 0xff;
    std::fs::write(&paths[2], bytes).expect("written");
    let ran = memdump(
        directory.path(),
        &["load", "2.dump", "3.dump", "-o", "new.db"],
    );
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(
        ran.err.contains("3.dump") && ran.err.contains("damaged"),
        "{}",
        ran.err
    );
    assert!(!directory.path().join("new.db").exists());
    let file = directory.path().join("heap.db");
    loaded_home(&paths[..1], &file);
    let before = contents(&file);
    let ran = memdump(
        directory.path(),
        &["load", "2.dump", "3.dump", "-o", "heap.db"],
    );
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(
        contents(&file),
        before,
        "the sound one was not added either"
    );
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .expect("the directory")
        .map(|file| {
            file.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !["1.dump", "2.dump", "3.dump", "heap.db"].contains(&name.as_str()))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let file = directory.path().join("heap.db");
    loaded_home(&paths[..1], &file);
    let before = contents(&file);
    // No file may grow beyond what this one has, which is what a full disk looks like. In blocks of 1 KiB.
    let limit = std::fs::metadata(&file).expect("the file").len() / 1024;
    let mut heap = minute(2);
    for number in 0..20_000_u64 {
        heap = heap.object(0x100_0000 + number * 16, "Filler", 16);
    }
    heap.write(&directory.path().join("big.dump"));
    let binary = assert_cmd::cargo::cargo_bin("memdump");
    let script = format!(
        "trap '' XFSZ; ulimit -f {limit}; exec {} load big.dump -o heap.db",
        binary.display()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory.path())
        .output()
        .expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{err}");
    assert!(
        err.contains("heap.db") && err.contains("as it was before"),
        "{err}"
    );
    assert_eq!(contents(&file), before);
}

#[test]
fn pythons_own_sqlite_reads_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    loaded_home(&paths, &directory.path().join("heap.db"));
    let script = "
import sqlite3
heap = sqlite3.connect('heap.db')
print(heap.execute('PRAGMA integrity_check').fetchone()[0], heap.execute('PRAGMA page_size').fetchone()[0])
for (view,) in heap.execute(\"SELECT name FROM sqlite_schema WHERE type = 'view'\").fetchall():
    assert heap.execute(f'SELECT * FROM {view}').fetchall(), view
print(heap.execute('SELECT type_name, count_growth FROM suspects').fetchall())
print('Where it lay' in heap.execute(\"SELECT sql FROM sqlite_schema WHERE name = 'object'\").fetchone()[0])
";
    let output = Command::new("python3")
        .args(["-c", script])
        .current_dir(directory.path())
        .output()
        .expect("python3");
    let err = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        out, "ok 16384\n[('app.models.SomeRef', 4)]\nTrue\n",
        "{err}"
    );
}

/// A dump that says odd things of itself, and of its types.
fn odd(sequence: u64) -> Heap {
    Heap::of_process(sequence)
        .metadata("host", "box\u{1b}[31m")
        .metadata("pid", "1099511627776")
        .metadata("sequence", &(u64::MAX - 9 + sequence).to_string())
        .metadata("note\n", "printed like the next")
        .metadata("note\\n", "and this is the next")
        .object(0x1000, "a:b.C", 16)
        .object(0x2000, "dict", 16)
        .object(0x3000, "a.b:C", 16)
        .object(0x4000, ":dict", 16)
}

#[test]
fn what_a_dump_says_of_itself_cannot_make_a_file_unusable() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &[odd(1), odd(2)]);
    let file = directory.path().join("heap.db");
    for path in &paths {
        loaded_home(std::slice::from_ref(path), &file);
    }
    let again = load(open(&paths), &file, Arc::new(Silent)).expect("loaded");
    assert!(again.iter().all(|dump| dump.was_there), "{again:?}");
    let loaded = Database::loaded(&file, false).expect("a database");
    let open = virtual_home(&paths);
    for (query, expected) in [
        (
            "SELECT dump, count(*), min(name) FROM metadata WHERE name LIKE 'note%' GROUP BY dump",
            ["1|1|note\\n", "2|1|note\\n"],
        ),
        (
            "SELECT dump, group_concat(name, ' ') FROM (SELECT * FROM type ORDER BY dump, name) GROUP BY dump",
            ["1|a.b.C dict", "2|a.b.C dict"],
        ),
        (
            "SELECT dump, sum(is_new) FROM object GROUP BY dump",
            ["1|NULL", "2|0"],
        ),
    ] {
        assert_eq!(rows(&open, query), expected, "{query}");
        assert_eq!(rows(&loaded, query), expected, "{query}");
    }
}

#[test]
fn who_ends_a_load_or_an_export_is_left_with_nothing_unfinished() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut heap = minute(2);
    for number in 0..100_000_u64 {
        heap = heap.object(0x100_0000 + number * 16, "Filler", 16);
    }
    heap.write(&directory.path().join("big.dump"));
    for (arguments, signal) in [
        (["load", "big.dump", "-o", "out/heap.db"], "-INT"),
        (["export", "big.dump", "-o", "out"], "-TERM"),
    ] {
        let out = directory.path().join("out");
        std::fs::create_dir(&out).expect("made");
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("memdump"))
            .args(arguments)
            .current_dir(directory.path())
            .spawn()
            .expect("it runs");
        let is_unfinished = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(".memdump-")
        };
        while !files_below(&out).iter().any(is_unfinished) {
            assert!(child.try_wait().expect("a child").is_none(), "it is over");
            std::thread::yield_now();
        }
        let pid = child.id().to_string();
        let killed = Command::new("kill").args([signal, &pid]).status();
        assert!(killed.expect("kill").success());
        let status = child.wait().expect("it ends");
        assert!(!status.success(), "{status}");
        let left = files_below(&out);
        assert!(!left.iter().any(is_unfinished), "{left:?}");
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

/// What lies in a directory, and in those below it. What goes away meanwhile does not count.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    };
    paths.flat_map(below).collect()
}

#[test]
fn a_file_is_called_as_it_is_called() {
    let directory = tempfile::tempdir().expect("a directory");
    dumps(directory.path(), &minutes());
    for dump in ["1.dump", "2.dump"] {
        let ran = memdump(directory.path(), &["load", dump, "-o", "file:heap.db"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let query = "CREATE TABLE mine AS SELECT 1";
    let ran = memdump(
        directory.path(),
        &["sql", "1.dump", query, "--db", "file:own.db"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let is_there = |name: &str| directory.path().join(name).exists();
    assert!(is_there("file:heap.db") && is_there("file:own.db"));
    assert!(!is_there("heap.db") && !is_there("own.db"));
}

#[test]
fn a_journal_that_the_user_chose_stays_and_readers_are_no_obstacle() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let file = directory.path().join("heap.db");
    loaded_home(&paths[..1], &file);
    let reader = Connection::open(&file).expect("a database");
    reader
        .pragma_update(None, "journal_mode", "wal")
        .expect("chosen");
    let count = "SELECT count(*) FROM dump";
    reader.execute_batch("BEGIN").expect("begun");
    let before: u32 = reader.query_row(count, [], |row| row.get(0)).expect("read");
    load(open(&paths), &file, Arc::new(Silent)).expect("loaded");
    let meanwhile: u32 = reader.query_row(count, [], |row| row.get(0)).expect("read");
    reader.execute_batch("COMMIT").expect("ended");
    let after: u32 = reader.query_row(count, [], |row| row.get(0)).expect("read");
    assert_eq!((before, meanwhile, after), (1, 1, 3));
    let journal: String = reader
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .expect("known");
    assert_eq!(journal, "wal");
}
