//! The objects of a snapshot as a graph of strong references, and the ways through it.

mod build;
mod class_retention;
mod class_sets;
mod dominators;
mod forward;
mod holders;
mod labels;
mod paths;
mod reaching;
mod referrers;
mod roots;
mod search;
mod strong_parts;
mod unheld;

pub use build::{Graph, GraphError};
pub use class_retention::{RetainedByClass, RetentionError, TooEntangled};
pub use dominators::{Dominated, DominatorTree};
pub use forward::{Forward, NO_TARGET};
pub use holders::{search_everything, search_from_native, search_from_roots, search_garbage};
pub use labels::{label_paths, named_references};
pub use paths::{PathNode, PathStep, Paths};
pub use referrers::{Referrers, indegrees};
pub use roots::{RootFilter, Roots};
pub use search::{Reached, Search, Shortest, Start, Ways};
pub use unheld::Unheld;
