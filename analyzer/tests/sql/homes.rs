//! The two homes of the tables, and a process whose heap people can read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::sql::{Database, Sources, load};
use memdump_format::{Dump, RootKind};
use rusqlite::types::Value;

use crate::support::Heap;

/// A service, minutes after its start: `app.views.cache` is a list that gets two `SomeRef`s a minute. A request is under way;
/// two nodes refer to each other and nothing to them; a buffer is counted twice and referred to by nobody.
pub(crate) fn minute(n: u64) -> Heap {
    let mut heap = Heap::of_process(n)
        .module(0x1000, "app.views")
        .object(0x1100, "dict", 232)
        .object(0x1200, "list", 100 * n)
        .object(0x1400, "app.views.Request", 64)
        .object(0x5000, "app.Node", 32)
        .counted(1)
        .holding("'node'")
        .object(0x5040, "app.Node", 32)
        .counted(1)
        .holding("'node'")
        .object(0x6000, "Buffer", 500)
        .counted(2)
        .refers(0x1000, 0x1100, ".__dict__")
        .refers(0x1100, 0x1200, "['cache']")
        .refers(0x5000, 0x5040, ".other")
        .refers(0x5040, 0x5000, ".other")
        .refers_weakly(0x1400, 0x1200, ".seen")
        .refers(0x1400, 0x7778, ".lost")
        .frame(
            "MainThread",
            "handle (app/views.py)",
            42,
            "<local req>",
            0x1400,
        )
        .root(RootKind::Thread, "", "", 0);
    for number in 0..2 * n {
        let address = 0x2000 + number * 0x40;
        heap = heap.object(address, "app.models.SomeRef", 48).refers(
            0x1200,
            address,
            &format!("[{number}]"),
        );
    }
    heap.fault(0x9990, "too deep")
}

/// Three minutes of it.
pub(crate) fn minutes() -> Vec<Heap> {
    (1..=3).map(minute).collect()
}

pub(crate) fn dumps(directory: &Path, heaps: &[Heap]) -> Vec<PathBuf> {
    (1..)
        .zip(heaps)
        .map(|(number, heap)| heap.write(&directory.join(format!("{number}.dump"))))
        .collect()
}

pub(crate) fn open(paths: &[PathBuf]) -> Vec<Dump> {
    paths
        .iter()
        .map(|path| Dump::open(path).expect("a dump"))
        .collect()
}

/// Over open dumps.
pub(crate) fn virtual_home(paths: &[PathBuf]) -> Database {
    let sources = Sources::new(open(paths), Arc::new(Silent)).expect("open");
    Database::over(Arc::new(sources)).expect("a database")
}

/// In a file that they were loaded into.
pub(crate) fn loaded_home(paths: &[PathBuf], file: &Path) -> Database {
    load(open(paths), file, Arc::new(Silent)).expect("loaded");
    Database::loaded(file, false).expect("a database")
}

/// The rows of a query, values separated by `|`.
pub(crate) fn rows(database: &Database, query: &str) -> Vec<String> {
    try_rows(database, query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

pub(crate) fn try_rows(database: &Database, query: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = database.connection().prepare(query)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|column| row.get::<_, Value>(column).map(cell));
        Ok(cells.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
    })?;
    rows.collect()
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

/// Asserts that a query gives exactly these rows in both homes.
pub(crate) fn expect(heaps: &[Heap], query: &str, expected: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), heaps);
    let file = directory.path().join("heap.db");
    let homes = [
        ("open dumps", virtual_home(&paths)),
        ("loaded file", loaded_home(&paths, &file)),
    ];
    for (home, database) in &homes {
        let found = rows(database, query);
        assert_eq!(
            found,
            expected,
            "{home}: {query}\nfound:\n{}",
            found.join("\n")
        );
    }
}
