//! Dumps as real tables in a file of SQLite, which any of its tools opens.
//!
//! A new file is written under another name, without a journal, and gets its name when it is complete. Dumps are added to a
//! file in one transaction: whatever happens, the file has all of them or none.

mod earlier;
mod forget;
mod schema;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memdump_format::Dump;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

pub use forget::forget_all_but;
pub(super) use schema::{Heap, is_loaded};

use super::database::{OpenError, open_file, register_tables};
use super::error::SqlError;
use super::sources::Sources;
use crate::analysis::identity::Process;
use crate::progress::Progress;
use crate::snapshot::printable;
use crate::unfinished::Unfinished;

/// What became of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The dump.
    pub dump: PathBuf,
    /// Its number in the file.
    pub number: u32,
    /// Whether it had been there before, and was left out.
    pub was_there: bool,
    /// Rows that it has in all tables; 0 if it was left out.
    pub rows: u64,
}

/// Why dumps cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be made or replaced.
    #[error("{}: cannot be written: {why}; free space or choose another place with -o", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The name was taken meanwhile.
    #[error(
        "{}: is there by now, made by another load, or is a link to nothing; it is left as it is. Load again to add to it",
        .0.display()
    )]
    Appeared(PathBuf),
    /// SQLite failed; the file is as it was.
    #[error("{}: {why}; the file is as it was before", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What SQLite says.
        why: SqlError,
    },
}

/// Loads dumps into a file, which is made if it does not exist. They are loaded in the order in which they were taken.
///
/// # Errors
/// If a dump cannot be read, or the file not written, or the file is another database. The file is then as it was before.
pub fn load(
    mut dumps: Vec<Dump>,
    file: &Path,
    progress: Arc<dyn Progress + Send>,
) -> Result<Vec<Loaded>, SqlError> {
    let mut times = Vec::new();
    for dump in &dumps {
        let process = Process::of(&dump.metadata()?);
        times.push((process.dumped, process.sequence));
    }
    let mut order: Vec<usize> = (0..dumps.len()).collect();
    order.sort_by_key(|&place| times[place]);
    let mut slots: Vec<Option<Dump>> = dumps.drain(..).map(Some).collect();
    let dumps = order.into_iter().filter_map(|place| slots[place].take());
    if file.exists() {
        add(dumps, file, progress)
    } else {
        make(dumps, file, progress)
    }
}

/// Makes a new file.
fn make(
    dumps: impl Iterator<Item = Dump>,
    file: &Path,
    progress: Arc<dyn Progress + Send>,
) -> Result<Vec<Loaded>, SqlError> {
    let unwritable = |why| LoadError::Write {
        file: file.to_owned(),
        why,
    };
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Removed again unless it is complete.
    let unfinished = tempfile::Builder::new()
        .prefix(".memdump-load-")
        .tempfile_in(directory)
        .map_err(unwritable)?;
    let _unfinished = Unfinished::new(unfinished.path());
    let loaded = (|| {
        let mut connection = open(unfinished.path())?;
        connection.execute_batch(schema::BEFORE_NEW)?;
        let loaded = in_one_transaction(&mut connection, dumps, true, &progress)?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(loaded)
    })()
    .map_err(|why| explained(file, why))?;
    unfinished.as_file().sync_all().map_err(unwritable)?;
    unfinished
        .persist_noclobber(file)
        .map_err(|refused| match refused.error.kind() {
            ErrorKind::AlreadyExists => LoadError::Appeared(file.to_owned()),
            _ => unwritable(refused.error),
        })?;
    Ok(loaded)
}

/// Adds to a file that is there.
fn add(
    dumps: impl Iterator<Item = Dump>,
    file: &Path,
    progress: Arc<dyn Progress + Send>,
) -> Result<Vec<Loaded>, SqlError> {
    let refused = |why| OpenError::Refused {
        file: file.to_owned(),
        why,
    };
    let mut connection = open(file).map_err(refused)?;
    if let Some(why) = is_loaded(&connection).map_err(refused)?.obstacle() {
        return Err(OpenError::NotLoaded {
            file: file.to_owned(),
            why,
        }
        .into());
    }
    connection
        .execute_batch(schema::BEFORE_MORE)
        .map_err(refused)?;
    in_one_transaction(&mut connection, dumps, false, &progress).map_err(|why| explained(file, why))
}

/// Opens a file that is there.
fn open(file: &Path) -> rusqlite::Result<Connection> {
    open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn explained(file: &Path, why: SqlError) -> SqlError {
    match why {
        SqlError::Sqlite(_) => LoadError::Database {
            file: file.to_owned(),
            why,
        }
        .into(),
        other => other,
    }
}

fn in_one_transaction(
    connection: &mut Connection,
    dumps: impl Iterator<Item = Dump>,
    is_new: bool,
    progress: &Arc<dyn Progress + Send>,
) -> Result<Vec<Loaded>, SqlError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_new {
        transaction.execute_batch(&schema::tables_sql())?;
    }
    let mut loaded = Vec::new();
    for dump in dumps {
        loaded.push(one(&transaction, dump, progress)?);
    }
    if is_new {
        progress.stage("indexing", 0);
        transaction.execute_batch(schema::INDEXES)?;
        transaction.execute_batch(&schema::views_sql())?;
    }
    progress.stage("writing", 0);
    transaction.commit()?;
    if loaded.iter().any(|dump| !dump.was_there) {
        connection.execute_batch(schema::AFTER)?;
    }
    Ok(loaded)
}

/// Loads one dump, unless it is there already.
fn one(
    connection: &Connection,
    dump: Dump,
    progress: &Arc<dyn Progress + Send>,
) -> Result<Loaded, SqlError> {
    let path = dump.path().to_owned();
    if let Some(number) = already(connection, &dump)? {
        return Ok(Loaded {
            dump: path,
            number,
            was_there: true,
            rows: 0,
        });
    }
    let last: Option<u32> =
        connection.query_row("SELECT max(id) FROM dump", [], |row| row.get(0))?;
    let number = last.unwrap_or(0) + 1;
    let process = Process::of(&dump.metadata()?);
    let previous = earlier::previous(connection, &process)?;
    let sources = Arc::new(Sources::one(number, dump, previous, progress.clone())?);
    register_tables(connection, PREFIX, &sources)?;
    let mut rows = 0;
    for table in super::catalogue::TABLES {
        let name = table.name;
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let columns = columns.join(", ");
        let insert = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {PREFIX}{name}");
        progress.stage("loading", 0);
        let inserted = connection.execute(&insert, []);
        rows += inserted.map_err(|error| sources.told(error))? as u64;
    }
    Ok(Loaded {
        dump: path,
        number,
        was_there: false,
        rows,
    })
}

/// Before the names of the tables over the dump that is loaded.
const PREFIX: &str = "memdump_open_";

/// The number of a dump in the file: of the same process, taken at the same time, of the same size. One without a time is
/// known by its name. Values are compared as the table [`dump`](crate::sql::catalogue::DUMP) has them.
fn already(connection: &Connection, dump: &Dump) -> Result<Option<u32>, SqlError> {
    let metadata = dump.metadata()?;
    let text = |key| metadata.get(key).map(printable);
    let number = |key| {
        let number: u64 = metadata.get(key)?.parse().ok()?;
        Some(i64::try_from(number).unwrap_or(i64::MAX))
    };
    let query = "SELECT id FROM dump WHERE host IS ?1 AND pid IS ?2 AND time IS ?3 AND sequence IS ?4 AND file_bytes = ?5 \
                 AND objects = ?6 AND (time IS NOT NULL OR file = ?7)";
    let known = connection
        .query_row(
            query,
            rusqlite::params![
                text("host"),
                number("pid"),
                text("time"),
                number("sequence"),
                dump.file_len() as i64,
                dump.counts().objects as i64,
                printable(&dump.path().to_string_lossy()),
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(known)
}
