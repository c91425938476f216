//! The tables of SQL, by exact rows from small heaps.

#![allow(missing_docs)]

mod support;

use std::sync::Arc;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::sql::{Database, Sources};
use memdump_format::RootKind;
use support::{Heap, service};

fn over(heaps: &[Heap]) -> Database {
    let dumps = heaps.iter().map(Heap::dump);
    let sources = Sources::new(dumps, Arc::new(Silent)).expect("open");
    Database::over(Arc::new(sources)).expect("a database")
}

/// The rows of a query, values separated by `|`.
fn rows(database: &Database, query: &str) -> Vec<String> {
    let mut statement = database.connection().prepare(query).expect(query);
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|column| {
            let value: rusqlite::types::Value = row.get(column)?;
            Ok(match value {
                rusqlite::types::Value::Null => "NULL".to_owned(),
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Real(number) => format!("{number:.3}"),
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Blob(_) => "blob".to_owned(),
            })
        });
        Ok(cells.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
    });
    rows.expect(query).collect::<Result<_, _>>().expect(query)
}

#[test]
fn tables_tell_what_the_dumps_say() {
    let heaps = [service(2), service(4)];
    let database = over(&heaps);
    for table in [
        "dump",
        "metadata",
        "type",
        "object",
        "reference",
        "root",
        "fault",
    ] {
        println!(
            "{table}\n  {}",
            rows(&database, &format!("SELECT * FROM {table}")).join("\n  ")
        );
    }
    let _ = RootKind::Module;
}
