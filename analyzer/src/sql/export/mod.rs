//! Dumps as Parquet files, for DuckDB, DataFusion or Spark over the dumps of a whole fleet: the tables of the
//! [`catalogue`](crate::sql::catalogue), one file for each table of a dump, partitioned by host and process.

mod file;
mod place;
mod row_group;
mod schema;

use std::path::PathBuf;

use crate::sql::catalogue::{Column, Table};
use crate::sql::error::SqlError;

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
    Rows(#[from] SqlError),
    /// A table gave a value that its description does not allow.
    #[error("the column `{0}` has a value of another kind than it should; please report this")]
    Mismatch(&'static str),
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
