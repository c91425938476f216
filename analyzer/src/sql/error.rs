//! Why SQL over dumps fails.

use memdump_format::ReadError;

use crate::analysis::AnalysisError;
use crate::graph::GraphError;

/// Why a row cannot be given, or a database not be made.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// A dump cannot be read or analysed.
    #[error(transparent)]
    Dump(#[from] AnalysisError),
    /// SQLite refuses. What it says names the cause.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A function was called with a value that it does not take.
    #[error("{function}: {why}")]
    Argument {
        /// The function, as it is used.
        function: String,
        /// What is wrong.
        why: String,
    },
}

impl From<ReadError> for SqlError {
    fn from(error: ReadError) -> SqlError {
        SqlError::Dump(error.into())
    }
}

impl From<GraphError> for SqlError {
    fn from(error: GraphError) -> SqlError {
        SqlError::Dump(error.into())
    }
}
