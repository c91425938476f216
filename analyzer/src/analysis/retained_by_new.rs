//! What the new objects of each type keep alive together: what the heap would lose if they went.

use super::AnalysisError;
use crate::graph::{Graph, RetainedByClass};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

/// Bytes that are kept alive only through new objects: their own, and those of everything that is reached only through one
/// of them, whether new or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedByNew {
    /// Through the new objects of each type, by type key. What needs new objects of several types counts for each.
    pub by_type: Vec<u64>,
    /// Through all new objects together.
    pub total: u64,
}

impl RetainedByNew {
    /// Bytes of memory that it takes at most to find out, with snapshot and graph.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        RetainedByClass::memory(snapshot)
    }

    /// Of these new objects of a snapshot.
    pub fn of(
        snapshot: &Snapshot,
        graph: &Graph,
        new: &ObjectSet,
        progress: &dyn Progress,
    ) -> Result<RetainedByNew, AnalysisError> {
        let retained = |classes: usize, class_of: &(dyn Fn(usize) -> u32 + Sync)| {
            let class_of = |id| {
                let key = || snapshot.type_of(id).index();
                new.contains(id).then(|| class_of(key()))
            };
            RetainedByClass::new(snapshot, graph, classes, class_of, progress)
                .map_err(|error| AnalysisError::of_retention(error, snapshot))
        };
        let by_type = retained(snapshot.types().len(), &|key| key as u32)?.bytes;
        // Not their sum: several types may share what none of them retains alone.
        let total = retained(1, &|_| 0)?.bytes[0];
        Ok(RetainedByNew { by_type, total })
    }
}
