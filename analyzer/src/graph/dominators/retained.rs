//! What would be freed if an object were: its own bytes and those of everything that it dominates.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use memdump_format::{ObjectBatch, ObjectColumns, ObjectId, ReadError};
use rayon::prelude::*;

use super::Dominators;
use super::depth_first::UNREACHED;
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// Retained bytes of every object.
pub struct RetainedSizes<'d> {
    dominators: &'d Dominators,
    /// By number; a leaf retains only itself.
    bytes: Vec<u64>,
}

impl<'d> RetainedSizes<'d> {
    /// Reads the shallow sizes and sums them up along the tree.
    pub fn new(
        snapshot: &Snapshot,
        dominators: &'d Dominators,
        progress: &dyn Progress,
    ) -> Result<RetainedSizes<'d>, ReadError> {
        progress.stage("summing up retained sizes", snapshot.id_limit() as u64);
        let mut bytes: Vec<AtomicU64> = Vec::new();
        bytes.resize_with(dominators.dominators.len(), AtomicU64::default);
        let blocks: Vec<_> = snapshot.dump().object_blocks().collect();
        blocks
            .par_iter()
            .try_for_each_init(ObjectBatch::default, |batch, block| {
                block.decode(ObjectColumns::SIZE, batch)?;
                let ids = (block.first().0..).map(ObjectId);
                for (id, &size) in ids.zip(&batch.sizes) {
                    // A leaf's number is that of its dominator, so its bytes are where they belong.
                    let number = dominators.numbers[id.index()];
                    if number != UNREACHED {
                        add(&bytes[number as usize], size);
                    }
                }
                progress.advance(batch.sizes.len() as u64);
                Ok(())
            })?;
        let mut bytes: Vec<u64> = bytes.into_iter().map(AtomicU64::into_inner).collect();
        for number in (1..bytes.len()).rev() {
            let dominator = dominators.dominators[number] as usize;
            bytes[dominator] = bytes[dominator].saturating_add(bytes[number]);
        }
        Ok(RetainedSizes { dominators, bytes })
    }

    /// Retained bytes of an object whose shallow size is `shallow`.
    pub fn of(&self, id: ObjectId, shallow: u64) -> u64 {
        match self.dominators.numbers[id.index()] {
            UNREACHED => shallow,
            _ if self.dominators.leaves.contains(id) => shallow,
            number => self.bytes[number as usize],
        }
    }
}

/// Sizes are the file's claim, and may be absurd. A sum that stops at the greatest number does not depend on the order.
fn add(sum: &AtomicU64, size: u64) {
    let more = |sum: u64| Some(sum.saturating_add(size));
    // It never gives up, as `more` always has an answer.
    let _ = sum.fetch_update(Relaxed, Relaxed, more);
}
