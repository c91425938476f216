//! Exit codes of the command. They are an interface: scripts decide by them.

use memdump_attach::AttachError;
use memdump_format::ReadError;
use memdump_resolve::{ResolveError, SymbolsError};

use crate::analysis::AnalysisError;
use crate::command::{CannotStart, Damaged, Forbidden, NoSuchName, WrongStatement};
use crate::graph::GraphError;
use crate::pattern::EmptyPattern;
use crate::send::SendError;
use crate::sql::{LoadError, SqlError};

/// It worked.
pub const SUCCESS: u8 = 0;
/// The result cannot be written (no room, no permission), or memdump is at fault.
pub const FAILED: u8 = 1;
/// The command line, or a question that the given dumps cannot answer. Clap's own code for usage is the same.
pub const USAGE: u8 = 2;
/// A dump cannot be read, or is damaged.
pub const DUMP: u8 = 3;
/// What was asked for is not in the dump: no such type, no such object.
pub const NOT_FOUND: u8 = 4;
/// The target did not deliver a dump, or could not be attached to.
pub const NOT_DUMPED: u8 = 5;
/// What the user forbids was found.
pub const FORBIDDEN: u8 = 6;

/// As `--help` tells them.
pub const HELP: &str = "\
Exit codes:
  0  it worked
  1  a file cannot be written, or memdump is at fault
  2  usage, or a question that the given dumps cannot answer
  3  a dump cannot be read, or is damaged
  4  not found: no such type or object in the dump
  5  the target delivered no dump (send), or could not be attached to (attach)
  6  what --fail-on-growth (diff) or --fail-on (suspects) forbids is there";

/// The exit code that tells of an error.
pub fn of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(FAILED)
}

/// Whether nobody reads any more what is printed: no error, and a reason to end.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Whether it is no fault of the question, nor of the file that dumps were to be loaded into.
fn is_unwritable(error: &LoadError) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    match error {
        LoadError::Write { .. } => true,
        LoadError::Database {
            why: SqlError::Sqlite(why),
            ..
        } => matches!(
            why.sqlite_error_code(),
            Some(CannotOpen | DiskFull | ReadOnly | SystemIoFailure)
        ),
        _ => false,
    }
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if cause.is::<ReadError>() || cause.is::<GraphError>() || cause.is::<Damaged>() {
        return Some(DUMP);
    }
    match cause.downcast_ref::<SqlError>() {
        Some(SqlError::Dump(cause)) => return of_cause(cause),
        Some(SqlError::Load(cause)) if is_unwritable(cause) => return Some(FAILED),
        _ => {}
    }
    if let Some(ResolveError::Read(_)) = cause.downcast_ref() {
        return Some(DUMP);
    }
    if cause.is::<SymbolsError>() || cause.is::<EmptyPattern>() {
        return Some(USAGE);
    }
    if cause.is::<CannotStart>() || cause.is::<SqlError>() || cause.is::<WrongStatement>() {
        return Some(USAGE);
    }
    if cause.is::<Forbidden>() {
        return Some(FORBIDDEN);
    }
    if cause.is::<NoSuchName>() {
        return Some(NOT_FOUND);
    }
    if cause.is::<SendError>() || cause.is::<AttachError>() {
        return Some(NOT_DUMPED);
    }
    Some(match cause.downcast_ref::<AnalysisError>()? {
        AnalysisError::Read(_) | AnalysisError::Graph(_) => DUMP,
        AnalysisError::NoSuchType { .. } | AnalysisError::NoSuchObject { .. } => NOT_FOUND,
        AnalysisError::NoIdentity { .. } | AnalysisError::TooEntangled { .. } => USAGE,
    })
}
