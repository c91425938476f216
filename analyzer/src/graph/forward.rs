//! Which objects each object refers to: compressed rows, in the order of the file.

use std::ops::Range;

use memdump_format::ObjectId;
use rayon::prelude::*;

use crate::snapshot::ObjectSet;

/// References of every object, one after the other.
///
/// Object ids and references are numbered in file order, so a reference's number here is its number among the reference
/// records that were read: a label is found again without being kept.
pub struct Forward {
    /// Where each object's references begin; one more than there are objects.
    offsets: Vec<u32>,
    /// The targets, or [`NO_TARGET`].
    targets: Vec<ObjectId>,
}

/// The target of a reference that keeps nothing alive: it is weak, or dangling.
pub const NO_TARGET: ObjectId = ObjectId(u32::MAX);

impl Forward {
    /// Takes the columns. `offsets` rise from 0 to the number of targets; every target is an object or [`NO_TARGET`].
    pub(super) fn new(offsets: Vec<u32>, targets: Vec<ObjectId>) -> Forward {
        debug_assert!(offsets.is_sorted());
        debug_assert_eq!(
            offsets.last().map(|&last| last as usize),
            Some(targets.len())
        );
        Forward { offsets, targets }
    }

    /// How many objects there are.
    pub fn objects(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Numbers of an object's references.
    pub fn row(&self, source: ObjectId) -> Range<usize> {
        self.offsets[source.index()] as usize..self.offsets[source.index() + 1] as usize
    }

    /// What an object refers to, in the order of its references; [`NO_TARGET`] for those that keep nothing alive.
    pub fn targets(&self, source: ObjectId) -> &[ObjectId] {
        &self.targets[self.row(source)]
    }

    /// Whether an object refers strongly to nothing.
    pub fn is_leaf(&self, id: ObjectId) -> bool {
        self.targets(id).iter().all(|&target| target == NO_TARGET)
    }

    /// All objects that refer strongly to nothing.
    pub fn leaves(&self) -> ObjectSet {
        let leaves = ObjectSet::new(self.objects());
        (0..self.objects() as u32).into_par_iter().for_each(|id| {
            if self.is_leaf(ObjectId(id)) {
                leaves.insert(ObjectId(id));
            }
        });
        leaves
    }

    /// Targets of all references, in file order.
    pub fn all_targets(&self) -> &[ObjectId] {
        &self.targets
    }

    /// Objects that have references among those of a range of numbers.
    pub fn sources(&self, references: &Range<usize>) -> Range<u32> {
        if references.is_empty() {
            return 0..0;
        }
        let first = self
            .offsets
            .partition_point(|&o| o as usize <= references.start)
            - 1;
        let end = self
            .offsets
            .partition_point(|&o| (o as usize) < references.end);
        first as u32..end as u32
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The graph with these strong references.
    pub(crate) fn forward(objects: u32, references: &[(u32, u32)]) -> Forward {
        let mut sorted = references.to_vec();
        sorted.sort_by_key(|r| r.0);
        let offset = |o| sorted.partition_point(|&(source, _)| source < o) as u32;
        let offsets = (0..=objects).map(offset).collect();
        Forward::new(offsets, sorted.iter().map(|r| ObjectId(r.1)).collect())
    }

    #[test]
    fn rows_and_sources_fit_together() {
        let graph = forward(4, &[(1, 0), (1, 2), (3, 3)]);
        assert_eq!(graph.targets(ObjectId(0)), []);
        assert_eq!(graph.targets(ObjectId(1)), [ObjectId(0), ObjectId(2)]);
        assert_eq!(graph.sources(&(0..1)), 1..2);
        assert_eq!(graph.sources(&(1..3)), 1..4);
        assert_eq!(graph.sources(&(2..2)), 0..0);
    }
}
