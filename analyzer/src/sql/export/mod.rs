//! Dumps as Parquet files, for DuckDB, DataFusion or Spark over the dumps of a whole fleet: the tables of the
//! [`catalogue`](crate::sql::catalogue), one file for each table of a dump, partitioned by host and process.

mod error;
mod file;
mod number;
mod place;
mod row_group;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memdump_format::Dump;
use schemars::JsonSchema;
use serde::Serialize;

pub use error::ExportError;

use super::catalogue::{self, Kind, Table};
use super::relation::{Cell, Columns, Key, Keys, Relation};
use super::sources::{OpenDump, Sources};
use super::tables;
use crate::progress::Progress;
use file::TableFile;
use number::Numbers;
use place::Place;
use schema::FileColumns;

/// A table of a dump, and what became of its file.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Exported {
    /// The dump's file.
    pub dump: PathBuf,
    /// The table.
    pub table: &'static str,
    /// The table's file.
    pub file: PathBuf,
    /// How many rows were written; none if the file was there already, and was left as it was.
    pub rows: Option<u64>,
}

/// What an export did.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct Exports {
    /// The files, in the order in which they were written.
    pub files: Vec<Exported>,
}

/// The tables that can be exported, by name.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    catalogue::TABLES.iter().copied()
}

/// Writes tables of dumps below a directory. Dumps of one process are told against each other, as in SQL.
///
/// Memory is bounded by what one dump takes, and of each process the objects of the dump before.
///
/// # Errors
/// If a dump cannot be read or a file not be written. Files that are there by then stay, and are whole.
pub fn export(
    dumps: Vec<Dump>,
    chosen: &[&'static Table],
    directory: &Path,
    progress: Arc<dyn Progress + Send>,
    mut told: impl FnMut(Exported),
) -> Result<(), ExportError> {
    let mut sources = Arc::new(Sources::new(dumps, progress)?);
    let numbers = Numbers::of(&sources);
    for place in in_order_of_time(&sources) {
        for relation in tables::all(&sources) {
            if chosen
                .iter()
                .any(|table| table.name == relation.table().name)
            {
                told(export_table(
                    &*relation,
                    sources.at(place),
                    &numbers,
                    directory,
                )?);
            }
        }
        if let Some(sources) = Arc::get_mut(&mut sources) {
            sources.release(place);
        }
    }
    Ok(())
}

/// Each dump after the one that it is told against.
fn in_order_of_time(sources: &Sources) -> Vec<usize> {
    let mut places: Vec<usize> = (0..sources.len()).collect();
    places.sort_by_key(|&place| {
        let process = sources.at(place).process();
        (process.dumped, process.sequence, place)
    });
    places
}

fn export_table(
    relation: &dyn Relation,
    dump: &OpenDump,
    numbers: &Numbers,
    directory: &Path,
) -> Result<Exported, ExportError> {
    let table = relation.table();
    let place = Place::of(dump, numbers.of_dump(dump));
    let mut exported = Exported {
        dump: dump.dump().path().to_owned(),
        table: table.name,
        file: place.of_table(directory, table.name),
        rows: None,
    };
    // The name tells which dump it is of, and only whole files have it.
    if !exported.file.exists() {
        let file = TableFile::create(FileColumns::of(table), &exported.file)?;
        exported.rows = Some(write_rows(relation, dump, numbers, file)?);
    }
    Ok(exported)
}

fn write_rows(
    relation: &dyn Relation,
    dump: &OpenDump,
    numbers: &Numbers,
    mut file: TableFile,
) -> Result<u64, ExportError> {
    let table = relation.table();
    // The first column of every table's key is the dump.
    let this = i64::from(dump.number());
    let keys = Keys(vec![(0, Key::Integer(this))]);
    let mut wanted = Columns::default();
    (0..table.columns.len()).for_each(|column| wanted.add(column));
    let mut rows = relation.rows(keys, wanted)?;
    let mut written = 0;
    while rows.advance()? {
        // A relation may give more rows than asked for.
        if !matches!(rows.value(0)?, Cell::Integer(number) if number == this) {
            continue;
        }
        for at in 0..file.columns().len() {
            let (number, column) = file.columns().at(at);
            let cell = match (column.kind, rows.value(number)?) {
                (Kind::Dump, Cell::Integer(number)) => Cell::Integer(numbers.everywhere(number)),
                (_, cell) => cell,
            };
            file.cell(at, cell)?;
        }
        file.end_row()?;
        written += 1;
    }
    file.finish()?;
    Ok(written)
}
