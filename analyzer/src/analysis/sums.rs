//! Objects and bytes of classes of objects.

use memdump_format::{ObjectBatch, ObjectColumns, ObjectId, ReadError};
use rayon::prelude::*;

use crate::snapshot::Snapshot;

/// Objects and bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Sum {
    pub(super) bytes: u64,
    pub(super) objects: u64,
}

impl Sum {
    pub(super) fn add(&mut self, other: Sum) {
        self.objects = self.objects.saturating_add(other.objects);
        // Sizes are the file's claim, and may be absurd.
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Sums up shallow sizes by class, of which `class_of` tells the number, below `classes`; none for objects in no class.
pub(super) fn sums(
    snapshot: &Snapshot,
    classes: usize,
    class_of: impl Fn(ObjectId) -> Option<usize> + Sync,
) -> Result<Vec<Sum>, ReadError> {
    let blocks: Vec<_> = snapshot.dump().object_blocks().collect();
    let none = || vec![Sum::default(); classes];
    let share = || (ObjectBatch::default(), none());
    blocks
        .par_iter()
        // Sums for each share of the blocks, not for each block: a file may have a million of both blocks and classes.
        .try_fold(share, |(mut batch, mut sums), block| {
            block.decode(ObjectColumns::SIZE, &mut batch)?;
            for (id, &bytes) in (block.first().0..).map(ObjectId).zip(&batch.sizes) {
                if let Some(class) = class_of(id).filter(|_| snapshot.is_object(id)) {
                    sums[class].add(Sum { objects: 1, bytes });
                }
            }
            Ok::<_, ReadError>((batch, sums))
        })
        .map(|share| Ok(share?.1))
        .try_reduce(none, |mut all, part| {
            for (sum, more) in all.iter_mut().zip(part) {
                sum.add(more);
            }
            Ok(all)
        })
}
