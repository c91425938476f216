//! What can go wrong when a dump is given types.

use std::io;
use std::path::PathBuf;

use memdump_format::{ReadError, WriteError};

/// Why there is no typed dump.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The native dump is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The typed dump cannot be written.
    #[error("the typed dump cannot be written: {0}")]
    Write(#[from] WriteError),
    /// The file of the typed dump cannot be made.
    #[error("cannot write {}: {why}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: io::Error,
    },
}
