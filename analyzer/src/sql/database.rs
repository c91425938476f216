//! A database in which dumps are tables.

use std::sync::Arc;

use rusqlite::Connection;

use super::error::SqlError;
use super::relation::Relation;
use super::sources::Sources;
use super::{tables, virtual_table};

/// A database in which dumps are tables.
pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens an empty database in memory, with the tables over the dumps.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub fn over(sources: Arc<Sources>) -> Result<Database, SqlError> {
        let connection = Connection::open_in_memory()?;
        register(&connection, "", &sources)?;
        Ok(Database { connection })
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Makes all tables known, their names behind a prefix.
pub(super) fn register(
    connection: &Connection,
    prefix: &str,
    sources: &Arc<Sources>,
) -> Result<(), SqlError> {
    for relation in tables::all(sources) {
        let name = format!("{prefix}{}", relation.table().name);
        virtual_table::register(connection, &name, relation)?;
    }
    Ok(())
}
