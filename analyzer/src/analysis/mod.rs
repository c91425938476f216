//! The questions. Each analysis is a pure function from snapshots to a plain result: no printing, no files.
//!
//! Results serialise as they are: their fields are what `--json` gives.

pub mod biggest;
pub mod chain;
pub mod growth;
pub mod identity;
pub mod info;
mod json_form;
pub(crate) mod label_text;
pub mod leaks;
pub mod neighbourhood;
pub mod new_objects;
mod object_row;
mod page;
pub mod retained_by_new;
pub mod retained_map;
pub mod select;
pub mod series;
pub mod show;
mod sums;
pub mod survivors;
pub mod suspects;
pub mod threads;
pub mod timeline;
pub mod top;
pub mod trend;
pub mod verify;

pub use object_row::ObjectRow;
pub use page::Page;

use memdump_format::ReadError;

use crate::graph::{GraphError, RetentionError, TooEntangled};
use crate::snapshot::Snapshot;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The references cannot be made a graph.
    #[error(transparent)]
    Graph(GraphError),
    /// What types retain cannot be told.
    #[error("{file}: {reason}")]
    TooEntangled {
        /// The file.
        file: String,
        /// Why not.
        reason: TooEntangled,
    },
    /// No type is called so.
    #[error("no type matches `{pattern}` in {}{}", .files.join(" or "), did_you_mean(.suggestions))]
    NoSuchType {
        /// What was asked for.
        pattern: String,
        /// Where.
        files: Vec<String>,
        /// Names that are like it.
        suggestions: Vec<String>,
    },
    /// No object lies there.
    #[error(
        "{file}: no object begins at {address}; `memdump new` and `memdump chain` print addresses of objects"
    )]
    NoSuchObject {
        /// Where it was looked for.
        file: String,
        /// As it was given.
        address: memdump_format::Address,
    },
    /// It cannot be known which objects are the same in both dumps.
    #[error("cannot tell new objects from old ones: {reason}; {cure}")]
    NoIdentity {
        /// Why not.
        reason: String,
        /// What to do instead.
        cure: &'static str,
    },
}

impl From<GraphError> for AnalysisError {
    fn from(error: GraphError) -> AnalysisError {
        match error {
            GraphError::Read(error) => AnalysisError::Read(error),
            other => AnalysisError::Graph(other),
        }
    }
}

impl AnalysisError {
    fn of_retention(error: RetentionError, snapshot: &Snapshot) -> AnalysisError {
        match error {
            RetentionError::Read(error) => AnalysisError::Read(error),
            RetentionError::TooEntangled(reason) => AnalysisError::TooEntangled {
                file: snapshot.path().display().to_string(),
                reason,
            },
        }
    }
}

fn did_you_mean(suggestions: &[String]) -> String {
    if suggestions.is_empty() {
        "; `memdump top` lists the types".to_owned()
    } else {
        format!("; did you mean {}?", suggestions.join(" or "))
    }
}
