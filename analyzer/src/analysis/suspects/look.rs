//! What every part of the verdict looks at.

use memdump_format::ObjectId;

use super::ages::Ages;
use super::clock::Clock;
use super::held::Held;
use crate::graph::Graph;
use crate::snapshot::{Snapshot, TypeKey};

/// Fewer than so many new objects, that keep less than a hundredth of the heap, are not worth a word: every process has
/// dictionaries that gain an entry now and then.
const FEW: u64 = 10;
const SMALL_SHARE: u64 = 100;
/// For less than this many bytes nobody goes looking where nothing grows: every interpreter has some.
const SMALL: u64 = 1 << 20;

/// The last dump, and what is known of the ones before.
pub(super) struct Look<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) graph: &'s Graph,
    pub(super) held: &'s Held<'s>,
    pub(super) ages: &'s Ages,
    pub(super) clock: &'s Clock,
}

impl Look<'_> {
    /// The members of a type that an object of the last dump refers to, in the order of its references.
    pub(super) fn members(
        &self,
        id: ObjectId,
        key: TypeKey,
    ) -> impl Iterator<Item = ObjectId> + '_ {
        let targets = self.graph.forward.targets(id).iter().copied();
        targets.filter(move |&target| {
            target != crate::graph::NO_TARGET && self.snapshot.type_of(target) == key
        })
    }

    /// Whether the object was in the first dump of the last one's process already.
    pub(super) fn is_old(&self, id: ObjectId) -> bool {
        self.ages.was_in(id, self.clock.first_of_last())
    }

    /// Shallow bytes of the whole heap.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.clock.moments.last().map_or(0, |moment| moment.bytes)
    }

    /// Whether so much is a noticeable part of the heap.
    pub(super) fn matters(&self, bytes: u64) -> bool {
        bytes > 0 && bytes >= self.heap_bytes() / SMALL_SHARE
    }

    /// Whether so much is worth a word although it does not grow.
    pub(super) fn is_much(&self, bytes: u64) -> bool {
        bytes >= SMALL && self.matters(bytes)
    }

    /// Whether growth is worth a word.
    pub(super) fn is_noteworthy(&self, growth: u64, bytes: u64) -> bool {
        growth >= FEW || (growth > 0 && self.matters(bytes))
    }
}
