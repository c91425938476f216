//! The dominator tree: which object alone keeps an object alive, and what would be freed with it.
//!
//! An object dominates another if every way from what is held from outside of the heap leads through it. Above all that is
//! held stands one virtual root, so everything has an immediate dominator, and these make a tree. Only strong references
//! count; what is garbage takes nothing away from what is alive.

mod ancestry;
mod depth_first;
mod dominated;
mod lengauer_tarjan;
mod retained;

use memdump_format::{ObjectId, ReadError};
use rayon::prelude::*;

use self::ancestry::Ancestry;
use self::depth_first::{DepthFirst, REFERRED, TOP, UNREACHED};
use self::lengauer_tarjan::immediate_dominators;
use self::retained::retained_sizes;
use super::build::Graph;
use super::forward::NO_TARGET;
use super::reaching::reach_everything;
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

pub use dominated::Dominated;

/// The dominator and the retained size of every object.
///
/// It takes 12 bytes per object, and needs neither snapshot nor graph once it is made.
pub struct DominatorTree {
    /// By object; [`NO_TARGET`] where no object is the dominator.
    dominators: Vec<ObjectId>,
    /// By object, in bytes.
    retained: Vec<u64>,
}

impl DominatorTree {
    /// Bytes of memory that it takes to make one, with snapshot and graph: 12 per object, and 24 per object that has
    /// references. How many do, a sample of the dump tells.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        let objects = snapshot.dump().counts().objects;
        Graph::memory(snapshot)
            .saturating_add(objects.saturating_mul(12))
            .saturating_add(Graph::sources(snapshot).saturating_mul(24))
    }

    /// Computes dominators, reads the shallow sizes, and sums them up along the tree.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub fn new(
        snapshot: &Snapshot,
        graph: &Graph,
        progress: &dyn Progress,
    ) -> Result<DominatorTree, ReadError> {
        progress.stage("numbering objects", 0);
        let mut walk = DepthFirst::new(&graph.forward);
        reach_everything(snapshot, graph, &mut walk, progress)?;
        progress.stage("computing dominators", 0);
        let dominators = Dominators::of_walk(walk);
        let retained = retained_sizes(snapshot, &dominators, progress)?;
        Ok(DominatorTree {
            dominators: dominators.of_object,
            retained,
        })
    }

    /// The object that alone keeps this one alive, the nearest if there are several. None if no single object does: it is
    /// held from outside, or in several ways that have no object in common; or the id is no object's.
    pub fn dominator(&self, id: ObjectId) -> Option<ObjectId> {
        let dominator = self.dominators[id.index()];
        (dominator != NO_TARGET).then_some(dominator)
    }

    /// Bytes that would be freed if the object were: its own, and those of all that it dominates. At most `u64::MAX`, as
    /// sizes are the file's claim; 0 if the id is no object's.
    pub fn retained(&self, id: ObjectId) -> u64 {
        self.retained[id.index()]
    }

    /// The tree from above: what each object dominates. 8 bytes per object more.
    pub fn dominated(&self, snapshot: &Snapshot) -> Dominated {
        Dominated::new(&self.dominators, |id| snapshot.is_object(id))
    }
}

/// Immediate dominators, and an order in which they can be summed up.
struct Dominators {
    /// By object; [`NO_TARGET`] where no object is the dominator.
    of_object: Vec<ObjectId>,
    /// Objects without references: they dominate nothing.
    leaves: ObjectSet,
    /// All others that were reached, each after its dominator.
    inner: Vec<ObjectId>,
}

impl Dominators {
    fn of_walk(mut walk: DepthFirst<'_>) -> Dominators {
        let dominators = immediate_dominators(&mut walk);
        dominate_leaves(&mut walk, &dominators);
        let of_object = walk
            .numbers
            .par_iter()
            .zip(0_u32..walk.numbers.len() as u32)
            .map(|(&number, id)| match number {
                UNREACHED => NO_TARGET,
                number if walk.leaves.contains(ObjectId(id)) => walk.objects[number as usize],
                number => walk.objects[dominators[number as usize] as usize],
            })
            .collect();
        // The first is the virtual root.
        walk.objects.remove(0);
        Dominators {
            of_object,
            leaves: walk.leaves,
            inner: walk.objects,
        }
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
