//! Objects that nothing holds, as they hold one another: in parts, each of which reaches all of itself.

use memdump_format::ObjectId;

use super::build::Graph;
use super::forward::NO_TARGET;
use super::strong_parts::strong_parts;
use crate::snapshot::{Snapshot, TypeKey};

/// Objects that nothing else refers to, numbered in the order of their ids.
pub struct Unheld {
    ids: Vec<ObjectId>,
    targets: Rows,
    /// By part, the objects in it.
    parts: Rows,
}

/// Numbers in rows, one after the other.
struct Rows {
    ends: Vec<usize>,
    numbers: Vec<u32>,
}

impl Rows {
    fn row(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[start..self.ends[row]]
    }

    /// `row_of` tells for each number in which of so many rows it is.
    fn sorted(row_of: &[u32], rows: usize) -> Rows {
        let mut ends = vec![0; rows];
        row_of.iter().for_each(|&row| ends[row as usize] += 1);
        let mut end = 0;
        // First where each row begins: filling it moves that to its end.
        for next in &mut ends {
            end += std::mem::replace(next, end);
        }
        let mut numbers = vec![0; row_of.len()];
        for (number, &row) in (0..).zip(row_of) {
            let place = &mut ends[row as usize];
            numbers[*place] = number;
            *place += 1;
        }
        Rows { ends, numbers }
    }
}

impl Unheld {
    /// Of some objects in rising order, to which no other objects refer.
    pub fn new(graph: &Graph, ids: Vec<ObjectId>) -> Unheld {
        let mut targets = Rows {
            ends: Vec::with_capacity(ids.len()),
            numbers: Vec::new(),
        };
        for &id in &ids {
            let strong = graph.forward.targets(id).iter();
            let strong = strong.filter(|&&target| target != NO_TARGET);
            let unheld = strong.filter_map(|target| ids.binary_search(target).ok());
            targets.numbers.extend(unheld.map(|number| number as u32));
            targets.ends.push(targets.numbers.len());
        }
        let found = strong_parts(ids.len(), |node, n| {
            targets.row(node as usize).get(n).copied()
        });
        Unheld {
            parts: Rows::sorted(&found.of, found.count),
            ids,
            targets,
        }
    }

    /// Bytes of memory that it takes for so many objects with so many references, at most.
    pub fn memory(objects: u64, references: u64) -> u64 {
        /// Its id, the ends of its rows, its place in its part, and what the search for parts notes of it.
        const OBJECT: u64 = 4 + 8 + 8 + 4 + 4 * 4 + 16;
        objects
            .saturating_mul(OBJECT)
            .saturating_add(references.saturating_mul(4))
    }

    /// How many objects they are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All of them, with their numbers.
    pub fn ids(&self) -> impl Iterator<Item = (u32, ObjectId)> + '_ {
        (0..).zip(self.ids.iter().copied())
    }

    /// The object of a number.
    pub fn id(&self, number: u32) -> ObjectId {
        self.ids[number as usize]
    }

    /// The number of an object; none if something holds it.
    pub fn number_of(&self, id: ObjectId) -> Option<u32> {
        self.ids.binary_search(&id).ok().map(|number| number as u32)
    }

    /// What an object refers to strongly, by number.
    pub fn targets(&self, number: u32) -> &[u32] {
        self.targets.row(number as usize)
    }

    /// The objects of each part, by number: a part comes before all that it refers to.
    pub fn parts(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.parts.ends.len())
            .rev()
            .map(|part| self.parts.row(part))
    }

    /// Whether the objects of a part hold one another, or the only one itself.
    pub fn is_cycle(&self, part: &[u32]) -> bool {
        part.len() > 1 || self.targets(part[0]).contains(&part[0])
    }

    /// The types of a part's objects, in rising order.
    pub fn types(&self, snapshot: &Snapshot, part: &[u32]) -> Vec<TypeKey> {
        let types = part.iter();
        let types = types.map(|&number| snapshot.type_of(self.id(number)));
        let mut types: Vec<TypeKey> = types.collect();
        types.sort_unstable();
        types.dedup();
        types
    }
}
