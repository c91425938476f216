//! The depth-first numbering that dominators are computed on.

use memdump_format::ObjectId;

use crate::graph::forward::{Forward, NO_TARGET};
use crate::graph::reaching::Reaching;
use crate::snapshot::ObjectSet;

/// The number of the root above all roots.
pub(super) const TOP: u32 = 0;
// Marks in the column of numbers. There are fewer objects than the least of them: a dump that has more is refused.
pub(super) const UNREACHED: u32 = u32::MAX;
/// A leaf that some object refers to.
pub(super) const REFERRED: u32 = u32::MAX - 1;

/// Objects that refer to others, numbered from 1 in the order in which a depth-first walk from [`TOP`] meets them.
///
/// Leaves, objects without a strong reference, get no number: nothing is dominated by them, and they are most of a heap.
pub(super) struct DepthFirst<'g> {
    pub(super) graph: &'g Forward,
    pub(super) leaves: ObjectSet,
    /// By object. A leaf has [`REFERRED`], or [`TOP`] if it is held.
    pub(super) numbers: Vec<u32>,
    /// By number, as all columns below.
    pub(super) objects: Vec<ObjectId>,
    /// The number that the walk came from.
    pub(super) parents: Vec<u32>,
    /// The lowest number that refers to this one.
    pub(super) lowest: Vec<u32>,
    /// How many references come from higher numbers; 0 where `lowest` is [`TOP`], because they do not matter there.
    pub(super) from_higher: Vec<u32>,
    /// Numbers from here on are garbage.
    pub(super) garbage_from: u32,
    /// Which reference is followed next. Instead of a stack: a walk may go as deep as there are objects.
    cursors: Vec<u32>,
}

impl<'g> DepthFirst<'g> {
    pub(super) fn new(graph: &'g Forward) -> DepthFirst<'g> {
        let leaves = graph.leaves();
        let inner = graph.objects() - leaves.len();
        let column = || {
            let mut column = Vec::with_capacity(inner + 1);
            column.push(TOP);
            column
        };
        let mut objects = Vec::with_capacity(inner + 1);
        objects.push(NO_TARGET);
        DepthFirst {
            graph,
            numbers: vec![UNREACHED; graph.objects()],
            leaves,
            objects,
            parents: column(),
            lowest: column(),
            from_higher: column(),
            garbage_from: u32::MAX,
            cursors: column(),
        }
    }

    /// Whether a reference from number `source` to number `target` counts.
    pub(super) fn counts(&self, source: u32, target: u32) -> bool {
        source < self.garbage_from || target >= self.garbage_from
    }

    fn enter(&mut self, object: ObjectId, parent: u32) -> u32 {
        let number = self.objects.len() as u32;
        self.numbers[object.index()] = number;
        self.objects.push(object);
        self.parents.push(parent);
        self.lowest.push(parent);
        self.from_higher.push(0);
        self.cursors.push(self.graph.row(object).start as u32);
        number
    }

    fn walk_from(&mut self, start: ObjectId) {
        let mut at = self.enter(start, TOP);
        while at != TOP {
            at = match self.next_below(at) {
                Some(object) => self.enter(object, at),
                None => self.parents[at as usize],
            };
        }
    }

    /// The next object that number `at` refers to and that has no number yet. Notes what is met on the way.
    fn next_below(&mut self, at: u32) -> Option<ObjectId> {
        let end = self.graph.row(self.objects[at as usize]).end;
        let mut cursor = self.cursors[at as usize] as usize;
        let mut found = None;
        while cursor < end {
            let target = self.graph.all_targets()[cursor];
            cursor += 1;
            if target == NO_TARGET {
                continue;
            }
            let number = self.numbers[target.index()];
            if self.leaves.contains(target) {
                if number == UNREACHED {
                    self.numbers[target.index()] = REFERRED;
                }
            } else if number == UNREACHED {
                found = Some(target);
                break;
            } else if number > at {
                let lowest = &mut self.lowest[number as usize];
                *lowest = at.min(*lowest);
            } else if number < at && self.counts(at, number) {
                self.from_higher[number as usize] += 1;
            }
        }
        self.cursors[at as usize] = cursor as u32;
        found
    }

    /// Ends the walk. The column of cursors is given back, to be used for something else.
    pub(super) fn finish(&mut self) -> Vec<u32> {
        for (count, &lowest) in self.from_higher.iter_mut().zip(&self.lowest) {
            if lowest == TOP {
                *count = 0;
            }
        }
        std::mem::take(&mut self.cursors)
    }
}

impl Reaching for DepthFirst<'_> {
    fn hold(&mut self, held: &[ObjectId]) {
        for &id in held {
            if self.leaves.contains(id) {
                self.numbers[id.index()] = TOP;
                continue;
            }
            if self.numbers[id.index()] == UNREACHED {
                self.walk_from(id);
            }
            self.lowest[self.numbers[id.index()] as usize] = TOP;
        }
    }

    fn is_reached(&self, id: ObjectId) -> bool {
        self.numbers[id.index()] != UNREACHED
    }

    fn begin_garbage(&mut self) {
        self.garbage_from = self.objects.len() as u32;
    }
}
