//! Why an export fails.

use std::path::PathBuf;

use parquet::errors::ParquetError;

use crate::sql::SqlError;

/// Why an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file cannot be written.
    #[error("{} cannot be written: {why}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The Parquet library, or the disk below it, refuses.
    #[error("{} cannot be written: {why}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// What it said.
        why: ParquetError,
    },
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] SqlError),
}

/// What is wrong with a file that is being written, before its name is known.
#[derive(Debug)]
pub(super) enum WriteError {
    Io(std::io::Error),
    Parquet(ParquetError),
}

impl WriteError {
    pub(super) fn of(self, file: &std::path::Path) -> ExportError {
        let file = file.to_owned();
        match self {
            WriteError::Io(why) => ExportError::Io { file, why },
            WriteError::Parquet(why) => ExportError::Parquet { file, why },
        }
    }
}

impl From<std::io::Error> for WriteError {
    fn from(why: std::io::Error) -> WriteError {
        WriteError::Io(why)
    }
}

impl From<ParquetError> for WriteError {
    fn from(why: ParquetError) -> WriteError {
        WriteError::Parquet(why)
    }
}
