//! What a reader tells when a file cannot be read.

use std::io;
use std::path::PathBuf;

use crate::layout::{BlockKind, VERSION};
use crate::unsound::Unsound;

/// Why a dump, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or mapped.
    #[error("{}: cannot be read: {why}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The file is something else.
    #[error("{}: is not a dump: {why}", file.display())]
    NotADump {
        /// The file.
        file: PathBuf,
        /// What its header lacks.
        why: &'static str,
    },
    /// The file's header is damaged.
    #[error("{}: the file's header (at offset 0) is damaged: {why}", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: Unsound,
    },
    /// The file was written by a later version of the format.
    #[error(
        "{}: has version {major}.{minor} of the format, this program reads up to version {}; a newer memdump can read it",
        file.display(), VERSION.0
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// The file's trailer is missing or damaged.
    #[error(
        "{}: the file is cut off or its trailer (at offset {offset}) is damaged: {why}; what is sound of it can be read with --recover",
        file.display()
    )]
    CutOff {
        /// The file.
        file: PathBuf,
        /// Where the trailer should be.
        offset: u64,
        /// What is wrong there.
        why: Unsound,
    },
    /// A block is damaged.
    #[error(
        "{}: block {} ({kind}, at offset {offset}) is damaged: {why}; what is sound of the file can be read with --recover",
        file.display(), number.map_or_else(|| "?".to_string(), |number| number.to_string())
    )]
    Block {
        /// The file.
        file: PathBuf,
        /// The block's number in the file, if the damage leaves it known.
        number: Option<u32>,
        /// What the block holds.
        kind: BlockKind,
        /// Where the block starts.
        offset: u64,
        /// What is wrong with it.
        why: Unsound,
    },
    /// A string was asked for that the file does not have.
    #[error("{}: there is no string {id}, the file has {count}", file.display())]
    NoSuchString {
        /// The file.
        file: PathBuf,
        /// The id.
        id: u32,
        /// How many strings there are.
        count: u64,
    },
    /// A block was asked for that the file does not have.
    #[error("{}: there is no block {number}", file.display())]
    NoSuchBlock {
        /// The file.
        file: PathBuf,
        /// The number.
        number: u32,
    },
}
