//! Immediate dominators by the simple algorithm of Lengauer and Tarjan ("A Fast Algorithm for Finding Dominators in a
//! Flowgraph", TOPLAS 1(1), 1979), on depth-first numbers. O(m log n), also where semi-NCA and iteration are quadratic.

use super::depth_first::{DepthFirst, TOP};

const NONE: u32 = u32::MAX;

/// References to numbers from higher ones, by target.
struct FromHigher {
    /// Where each number's sources begin; one more than there are numbers.
    offsets: Vec<u32>,
    sources: Vec<u32>,
}

impl FromHigher {
    /// Counting sort, so that sources rise.
    fn new(walk: &mut DepthFirst<'_>) -> FromHigher {
        let mut offsets = std::mem::take(&mut walk.from_higher);
        let mut end = 0;
        for slot in &mut offsets {
            end += *slot;
            *slot = end;
        }
        offsets.push(end);
        let mut sources = vec![0; end as usize];
        // From the highest source down, each row is filled from its end; `offsets` sink to where rows begin.
        for source in (1..walk.objects.len() as u32).rev() {
            for &target in walk.graph.targets(walk.objects[source as usize]) {
                let Some(&target_number) = walk.numbers.get(target.index()) else {
                    continue;
                };
                if target_number < source
                    && walk.lowest[target_number as usize] != TOP
                    && walk.counts(source, target_number)
                {
                    let offset = &mut offsets[target_number as usize];
                    *offset -= 1;
                    sources[*offset as usize] = source;
                }
            }
        }
        FromHigher { offsets, sources }
    }

    fn of(&self, number: u32) -> &[u32] {
        let at = number as usize;
        &self.sources[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}

/// The immediate dominator of every number; [`TOP`] has itself.
pub(super) fn immediate_dominators(walk: &mut DepthFirst<'_>) -> Vec<u32> {
    let mut labels = walk.finish();
    let from_higher = FromHigher::new(walk);
    let count = walk.objects.len();
    // Until a number is done, its label is the head of its bucket: the list of those whose semidominator it is.
    labels.fill(NONE);
    let mut forest = Forest {
        ancestors: std::mem::take(&mut walk.parents),
        semis: std::mem::take(&mut walk.lowest),
        labels,
    };
    // While a number is in a bucket, its dominator is the next in there.
    let mut dominators = vec![TOP; count];
    for number in (1..count as u32).rev() {
        let mut next = forest.labels[number as usize];
        while next != NONE {
            let member = next;
            next = dominators[member as usize];
            let least = forest.least_above(member, number);
            let is_lower = forest.semis[least as usize] < number;
            // If it is not final, this is a number with the same dominator, see below.
            dominators[member as usize] = if is_lower { least } else { number };
        }
        // A reference from a lower number comes from an ancestor, which is its own least; the walk kept the lowest.
        let mut semi = forest.semis[number as usize];
        for &source in from_higher.of(number) {
            let least = forest.least_above(source, number);
            semi = semi.min(forest.semis[least as usize]);
        }
        forest.semis[number as usize] = semi;
        forest.labels[number as usize] = number;
        if semi == TOP || semi == forest.ancestors[number as usize] {
            dominators[number as usize] = semi;
        } else {
            dominators[number as usize] = forest.labels[semi as usize];
            forest.labels[semi as usize] = number;
        }
    }
    for number in 1..count {
        let dominator = dominators[number];
        if dominator != forest.semis[number] {
            dominators[number] = dominators[dominator as usize];
        }
    }
    dominators
}

/// The part of the depth-first tree that is done: numbers above the one that is worked on.
struct Forest {
    /// The parent or, once a path was compressed, an ancestor higher up.
    ancestors: Vec<u32>,
    semis: Vec<u32>,
    /// Of the numbers on the way to the ancestor, without it, the one with the lowest semidominator.
    labels: Vec<u32>,
}

impl Forest {
    /// Of `number` and its ancestors greater than `limit`, the one with the lowest semidominator.
    ///
    /// Compresses the path. It may be as long as there are objects, so it is climbed as a list that is turned round.
    fn least_above(&mut self, number: u32, limit: u32) -> u32 {
        let mut at = number;
        let mut below = NONE;
        while self.ancestors[at as usize] > limit {
            let above = std::mem::replace(&mut self.ancestors[at as usize], below);
            (below, at) = (at, above);
        }
        let top = self.ancestors[at as usize];
        let mut least = self.labels[at as usize];
        while below != NONE {
            let label = &mut self.labels[below as usize];
            if self.semis[least as usize] < self.semis[*label as usize] {
                *label = least;
            } else {
                least = *label;
            }
            below = std::mem::replace(&mut self.ancestors[below as usize], top);
        }
        least
    }
}
