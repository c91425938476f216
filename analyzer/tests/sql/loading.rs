use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::sql::{Database, load};
use rusqlite::Connection;

use crate::homes::{dumps, loaded_home, minute, minutes, open, rows};
use crate::support::memdump;

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
