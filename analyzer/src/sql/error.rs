//! Why SQL over dumps fails.

use memdump_format::ReadError;

use super::database::OpenError;
use super::load::LoadError;
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
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Dumps cannot be loaded.
    #[error(transparent)]
    Load(Box<LoadError>),
    /// A function was called with a value that it does not take.
    #[error("{function}: {why}")]
    Argument {
        /// The function, as it is used.
        function: String,
        /// What is wrong.
        why: String,
    },
}

impl From<LoadError> for SqlError {
    fn from(error: LoadError) -> SqlError {
        SqlError::Load(Box::new(error))
    }
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
