//! A database in which dumps are tables: over open dumps, or loaded into a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::error::SqlError;
use super::load::{Heap, is_loaded};
use super::sources::Sources;
use super::views::VIEWS;
use super::{functions, tables, virtual_table};

/// A database in which dumps are tables.
pub struct Database {
    connection: Connection,
    has_functions: bool,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite refuses, or a dump cannot be read.
    #[error("{}: {why}", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// Why.
        why: rusqlite::Error,
    },
    /// It holds dumps itself, whose tables would hide those of the open dumps.
    #[error(
        "{}: dumps are loaded in this file, whose tables have the names of those over the given dumps; query it alone, \
         `memdump sql {}`, or add the dumps to it with `memdump load`",
        .0.display(), .0.display()
    )]
    Loaded(PathBuf),
    /// It is not what `memdump load` writes.
    #[error("{}: {why}", file.display())]
    NotLoaded {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        why: String,
    },
}

impl Database {
    /// An empty database in memory, with the tables, views and functions over the dumps.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub fn over(sources: Arc<Sources>) -> Result<Database, SqlError> {
        let connection = Connection::open_in_memory()?;
        furnish(&connection, &sources)?;
        Ok(Database {
            connection,
            has_functions: true,
        })
    }

    /// A file of the user's own tables, made if it does not exist, with the tables, views and functions over the dumps.
    ///
    /// # Errors
    /// If the file is no database, or is one that dumps were loaded into.
    pub fn over_with(sources: Arc<Sources>, file: &Path) -> Result<Database, SqlError> {
        let refused = |why| OpenError::Refused {
            file: file.to_owned(),
            why,
        };
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = open_file(file, access).map_err(refused)?;
        connection
            .busy_timeout(std::time::Duration::from_secs(10))
            .map_err(refused)?;
        if is_loaded(&connection).map_err(refused)? != Heap::None {
            return Err(OpenError::Loaded(file.to_owned()).into());
        }
        furnish(&connection, &sources)?;
        Ok(Database {
            connection,
            has_functions: true,
        })
    }

    /// A file that dumps were loaded into.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn loaded(file: &Path, writable: bool) -> Result<Database, SqlError> {
        let refused = |why| OpenError::Refused {
            file: file.to_owned(),
            why,
        };
        let access = match writable {
            true => OpenFlags::SQLITE_OPEN_READ_WRITE,
            false => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = open_file(file, access).map_err(refused)?;
        if let Some(why) = is_loaded(&connection).map_err(refused)?.obstacle() {
            return Err(OpenError::NotLoaded {
                file: file.to_owned(),
                why,
            }
            .into());
        }
        Ok(Database {
            connection,
            has_functions: false,
        })
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for transactions.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Whether it has the table-valued functions, which need open dumps.
    pub fn has_functions(&self) -> bool {
        self.has_functions
    }
}

/// Opens a file by its name: `file:heap.db` and `:memory:` would mean something else to SQLite, with a directory in front they do not.
pub(super) fn open_file(file: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let file = Path::new(".").join(file);
    Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn furnish(connection: &Connection, sources: &Arc<Sources>) -> Result<(), SqlError> {
    register_tables(connection, "", sources)?;
    for function in functions::all(sources) {
        virtual_table::register(connection, function.table().name, function, sources)?;
    }
    // For this connection only: a view that a file keeps would be of no use without the dumps.
    for view in VIEWS.iter() {
        connection.execute_batch(&view.temporary_sql())?;
    }
    Ok(())
}

/// Makes all tables known, their names behind a prefix.
pub(super) fn register_tables(
    connection: &Connection,
    prefix: &str,
    sources: &Arc<Sources>,
) -> Result<(), SqlError> {
    for relation in tables::all(sources) {
        let name = format!("{prefix}{}", relation.table().name);
        virtual_table::register(connection, &name, relation, sources)?;
    }
    Ok(())
}
