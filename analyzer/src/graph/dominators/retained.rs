//! What would be freed if an object were: its own bytes and those of everything that it dominates.

use memdump_format::{ObjectId, ReadError};

use super::Dominators;
use crate::graph::forward::NO_TARGET;
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// Retained bytes, by object; 0 for what is none.
pub(super) fn retained_sizes(
    snapshot: &Snapshot,
    dominators: &Dominators,
    progress: &dyn Progress,
) -> Result<Vec<u64>, ReadError> {
    progress.stage("summing up retained sizes", 0);
    let mut bytes = snapshot.sizes()?;
    for duplicate in snapshot.index().duplicates() {
        bytes[duplicate.index()] = 0;
    }
    let mut give = |id: ObjectId| {
        let dominator = dominators.of_object[id.index()];
        if dominator != NO_TARGET {
            // Sizes are the file's claim, and may be absurd. A sum that stops at the greatest number does not depend on
            // the order.
            let sum = bytes[dominator.index()].saturating_add(bytes[id.index()]);
            bytes[dominator.index()] = sum;
        }
    };
    dominators.leaves.iter().for_each(&mut give);
    // Each after all that it dominates.
    dominators.inner.iter().rev().copied().for_each(give);
    Ok(bytes)
}
