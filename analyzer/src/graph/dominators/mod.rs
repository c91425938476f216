//! The dominator tree: which object alone keeps an object alive.
//!
//! An object dominates another if every way from what is held from outside of the heap leads through it. Above all that is
//! held stands one virtual root, so everything has an immediate dominator, and these make a tree. Only strong references
//! count; what is garbage takes nothing away from what is alive.

mod ancestry;
mod depth_first;
mod lengauer_tarjan;
mod retained;

use memdump_format::{ObjectId, ReadError};

use self::ancestry::Ancestry;
use self::depth_first::{DepthFirst, REFERRED, TOP, UNREACHED};
use self::lengauer_tarjan::immediate_dominators;
use super::build::Graph;
use super::forward::NO_TARGET;
use super::reaching::reach_everything;
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

pub use retained::RetainedSizes;

/// The immediate dominator of every object.
pub struct Dominators {
    leaves: ObjectSet,
    /// By object: its number or, of a leaf, the number of its dominator.
    numbers: Vec<u32>,
    /// The object of each number.
    objects: Vec<ObjectId>,
    /// The number of each number's dominator, which is lower.
    dominators: Vec<u32>,
}

impl Dominators {
    /// Bytes of memory that this takes at most, with snapshot and graph: 4 per object, 24 per object that has references,
    /// and 4 per reference. How many of the objects are leaves is not known before; here it is none.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        let counts = snapshot.dump().counts();
        Graph::memory(snapshot)
            .saturating_add(counts.objects.saturating_mul(28))
            .saturating_add(counts.references.saturating_mul(4))
    }

    /// Computes the tree.
    pub fn new(
        snapshot: &Snapshot,
        graph: &Graph,
        progress: &dyn Progress,
    ) -> Result<Dominators, ReadError> {
        progress.stage("numbering objects", 0);
        let mut walk = DepthFirst::new(&graph.forward);
        reach_everything(snapshot, graph, &mut walk, progress)?;
        progress.stage("computing dominators", 0);
        Ok(Dominators::of_walk(walk))
    }

    fn of_walk(mut walk: DepthFirst<'_>) -> Dominators {
        let dominators = immediate_dominators(&mut walk);
        dominate_leaves(&mut walk, &dominators);
        Dominators {
            leaves: walk.leaves,
            numbers: walk.numbers,
            objects: walk.objects,
            dominators,
        }
    }

    /// The object that alone keeps this one alive, the nearest if there are several. None if no single object does: it is
    /// held from outside, or in several ways that have no object in common.
    pub fn of(&self, id: ObjectId) -> Option<ObjectId> {
        let number = match self.numbers[id.index()] {
            UNREACHED => return None,
            number if self.leaves.contains(id) => number,
            number => self.dominators[number as usize],
        };
        (number != TOP).then(|| self.objects[number as usize])
    }
}

/// Gives each leaf, instead of a number, that of its dominator: the nearest common ancestor of all that refer to it.
fn dominate_leaves(walk: &mut DepthFirst<'_>, dominators: &[u32]) {
    let tree = Ancestry::new(dominators);
    // Rising numbers: what is alive comes before what is garbage.
    for source in 1..walk.objects.len() as u32 {
        for &target in walk.graph.targets(walk.objects[source as usize]) {
            if target == NO_TARGET || !walk.leaves.contains(target) {
                continue;
            }
            let known = walk.numbers[target.index()];
            walk.numbers[target.index()] = match known {
                REFERRED => source,
                TOP => TOP,
                known if walk.counts(source, known) => tree.common(known, source),
                known => known,
            };
        }
    }
}

#[cfg(test)]
mod tests;
