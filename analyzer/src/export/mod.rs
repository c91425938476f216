//! Dumps as Parquet files, for DuckDB, DataFusion or Spark over the dumps of a whole fleet: the tables of the
//! [`catalogue`](crate::sql::catalogue), one file for each table of a dump, partitioned by host and process.

mod file;
mod place;
mod row_group;
mod schema;

use std::path::PathBuf;

use crate::sql::catalogue::{Column, Table};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file cannot be written.
    #[error("{}: {1}", .0.display())]
    Io(PathBuf, #[source] std::io::Error),
    /// The Parquet library refuses, or the disk does.
    #[error("writing Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The rows cannot be read.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// A table gave a value that its description does not allow.
    #[error("the column `{column}` has a value of type {found}; please report this")]
    Mismatch {
        /// The column's name.
        column: &'static str,
        /// The type of the value.
        found: String,
    },
}

/// The columns of a table's file: all but those that the path tells.
#[derive(Clone, Debug)]
struct Columns {
    table: &'static Table,
    columns: Vec<&'static Column>,
}

impl Columns {
    fn of(table: &'static Table) -> Columns {
        let is_partition =
            |column: &&Column| table.name == "dump" && matches!(column.name, "host" | "pid");
        Columns {
            table,
            columns: table
                .columns
                .iter()
                .filter(|column| !is_partition(column))
                .collect(),
        }
    }

    fn table(&self) -> &'static Table {
        self.table
    }

    fn iter(&self) -> impl Iterator<Item = &'static Column> + '_ {
        self.columns.iter().copied()
    }
}
