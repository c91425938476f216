//! Retained sizes of whole classes of objects: what would be freed if all objects of a class were.
//!
//! That is more than what its members dominate one by one: an object that two members share is dominated by neither. So this
//! does not follow from the dominator tree, and a search that avoids the class would be needed for each. Instead, one search
//! finds for every object the set of classes that it needs: those of which every way to it meets a member. An object needs
//! its own class, and what all that refer to it need in common; the greatest solution of that is the answer, for all classes
//! at once. There are few distinct sets, as heaps are regular, and each object's shrinks only a few times.

use std::collections::VecDeque;

use memdump_format::{ObjectBatch, ObjectColumns, ObjectId, ReadError};
use rayon::prelude::*;

use super::build::Graph;
use super::class_sets::{ClassSets, EMPTY, SetId};
use super::forward::{Forward, NO_TARGET};
use super::reaching::{Reaching, reach_everything};
use crate::progress::Progress;
use crate::snapshot::Snapshot;

pub use super::class_sets::TooEntangled;

/// Why it is not known what classes retain.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It takes too much memory to find out.
    #[error(transparent)]
    TooEntangled(#[from] TooEntangled),
}

/// Retained bytes of every class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedByClass {
    /// By class.
    pub bytes: Vec<u64>,
}

impl RetainedByClass {
    /// Bytes of memory that this takes at most, with snapshot and graph: 4 per object, 8 per object that waits, and the
    /// sets.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        Graph::memory(snapshot).saturating_add(snapshot.dump().counts().objects.saturating_mul(12))
    }

    /// Sorts all objects into `classes` classes, of which `class_of` tells the number; none for objects that are in none.
    pub fn new(
        snapshot: &Snapshot,
        graph: &Graph,
        classes: usize,
        class_of: impl Fn(ObjectId) -> Option<u32> + Sync,
        progress: &dyn Progress,
    ) -> Result<RetainedByClass, RetentionError> {
        progress.stage("computing what is retained", 0);
        let mut needs = Needs::new(&graph.forward, class_of);
        reach_everything(snapshot, graph, &mut needs, progress)?;
        let (of_object, sets) = needs.finish()?;
        let mut bytes = vec![0_u64; classes];
        for (set, size) in (0..).zip(bytes_of_sets(snapshot, &of_object, sets.len(), progress)?) {
            for &class in sets.get(set) {
                let sum = &mut bytes[class as usize];
                *sum = sum.saturating_add(size);
            }
        }
        Ok(RetainedByClass { bytes })
    }
}

/// Bytes of the objects that have each set.
fn bytes_of_sets(
    snapshot: &Snapshot,
    of_object: &[SetId],
    sets: usize,
    progress: &dyn Progress,
) -> Result<Vec<u64>, ReadError> {
    progress.stage("summing up retained sizes", snapshot.id_limit() as u64);
    let blocks: Vec<_> = snapshot.dump().object_blocks().collect();
    let mut bytes = vec![0_u64; sets];
    let mut batch = ObjectBatch::default();
    for block in blocks {
        block.decode(ObjectColumns::SIZE, &mut batch)?;
        let first = block.first().index();
        for (&set, &size) in of_object[first..].iter().zip(&batch.sizes) {
            if set != UNREACHED {
                let sum = &mut bytes[set as usize];
                *sum = sum.saturating_add(size);
            }
        }
        progress.advance(batch.sizes.len() as u64);
    }
    Ok(bytes)
}

/// As if it needed every class: nothing that refers to it is known yet.
const UNREACHED: SetId = SetId::MAX;
/// Set in an object's entry while the object waits to be followed. Numbers of sets stay below.
const WAITING: SetId = 1 << 31;
/// Marks what is alive once garbage has begun.
const ALIVE: SetId = 1 << 30;

/// The search for what every object needs.
struct Needs<'g, F> {
    graph: &'g Forward,
    class_of: F,
    sets: ClassSets,
    of_object: Vec<SetId>,
    /// Objects whose set has changed since their references were followed.
    waiting: VecDeque<ObjectId>,
    /// Once sets are too many, what is reached is still right, and there is no answer.
    failed: Option<TooEntangled>,
}

impl<'g, F: Fn(ObjectId) -> Option<u32> + Sync> Needs<'g, F> {
    fn new(graph: &'g Forward, class_of: F) -> Needs<'g, F> {
        Needs {
            graph,
            class_of,
            sets: ClassSets::new(),
            of_object: vec![UNREACHED; graph.objects()],
            waiting: VecDeque::new(),
            failed: None,
        }
    }

    /// Object `id` needs nothing but its own class and what is in `set`.
    fn narrow(&mut self, id: ObjectId, set: SetId) -> Result<(), TooEntangled> {
        let entry = self.of_object[id.index()];
        let is_reached = entry != UNREACHED;
        if is_reached && (entry & ALIVE != 0 || entry & !WAITING == set) {
            return Ok(());
        }
        let set = match (self.class_of)(id) {
            Some(class) => self.sets.with(set, class)?,
            None => set,
        };
        let (narrowed, waits) = match entry {
            UNREACHED => (set, false),
            entry => {
                let known = entry & !WAITING;
                let both = self.sets.common(known, set)?;
                if both == known {
                    return Ok(());
                }
                (both, entry & WAITING != 0)
            }
        };
        if waits {
            self.of_object[id.index()] = narrowed | WAITING;
        } else if self.graph.row(id).is_empty() {
            self.of_object[id.index()] = narrowed;
        } else {
            self.of_object[id.index()] = narrowed | WAITING;
            self.waiting.push_back(id);
        }
        Ok(())
    }

    fn settle(&mut self, held: &[ObjectId]) -> Result<(), TooEntangled> {
        for &id in held {
            self.narrow(id, EMPTY)?;
        }
        while let Some(source) = self.waiting.pop_front() {
            let entry = &mut self.of_object[source.index()];
            *entry &= !WAITING;
            let set = *entry;
            for &target in self.graph.targets(source) {
                if target != NO_TARGET {
                    self.narrow(target, set)?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<SetId>, ClassSets), TooEntangled> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.of_object.par_iter_mut().for_each(|entry| {
            if *entry != UNREACHED {
                *entry &= !ALIVE;
            }
        });
        Ok((self.of_object, self.sets))
    }
}

impl<F: Fn(ObjectId) -> Option<u32> + Sync> Reaching for Needs<'_, F> {
    fn hold(&mut self, held: &[ObjectId]) {
        if self.failed.is_none() {
            self.failed = self.settle(held).err();
        }
    }

    fn is_reached(&self, id: ObjectId) -> bool {
        self.of_object[id.index()] != UNREACHED
    }

    fn begin_garbage(&mut self) {
        self.of_object.par_iter_mut().for_each(|entry| {
            if *entry != UNREACHED {
                *entry |= ALIVE;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward::tests::forward;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const OBJECTS: u32 = 24;
    const CLASSES: u32 = 5;

    fn class_of(id: u32, classes: &[u32]) -> Option<u32> {
        let class = classes[id as usize];
        (class < CLASSES).then_some(class)
    }

    /// What is reached from `held` without meeting a member of the class.
    fn reached(
        references: &[(u32, u32)],
        held: &[u32],
        avoid: impl Fn(u32) -> bool,
    ) -> BTreeSet<u32> {
        let mut reached: BTreeSet<u32> = held.iter().copied().filter(|&id| !avoid(id)).collect();
        for _ in 0..OBJECTS {
            for &(source, target) in references {
                if reached.contains(&source) && !avoid(target) {
                    reached.insert(target);
                }
            }
        }
        reached
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn agrees_with_avoiding_each_class_in_turn(
            references in prop::collection::vec((0..OBJECTS, 0..OBJECTS), 0..70),
            classes in prop::collection::vec(0..=CLASSES, OBJECTS as usize),
            roots in prop::collection::vec(0..OBJECTS, 0..4),
            more_roots in prop::collection::vec(0..OBJECTS, 0..3),
        ) {
            let graph = forward(OBJECTS, &references);
            let mut needs = Needs::new(&graph, |id| class_of(id.0, &classes));
            let ids = |roots: &[u32]| roots.iter().copied().map(ObjectId).collect::<Vec<_>>();
            needs.hold(&ids(&roots));
            needs.hold(&ids(&more_roots));
            needs.begin_garbage();
            let held = [roots, more_roots].concat();
            let alive = reached(&references, &held, |_| false);
            let mut garbage = Vec::new();
            for id in 0..OBJECTS {
                if !needs.is_reached(ObjectId(id)) {
                    garbage.push(id);
                    needs.hold(&[ObjectId(id)]);
                }
            }
            let (of_object, sets) = needs.finish().expect("few sets");
            for class in 0..CLASSES {
                let avoid = |id| class_of(id, &classes) == Some(class);
                let spared_alive = reached(&references, &held, avoid);
                let spared_garbage = reached(&references, &garbage, |id| avoid(id) || alive.contains(&id));
                for id in 0..OBJECTS {
                    let needed = sets.get(of_object[id as usize]).contains(&class);
                    let spared = spared_alive.contains(&id) || spared_garbage.contains(&id);
                    prop_assert_eq!(needed, !spared, "object {} and class {}", id, class);
                }
            }
        }
    }
}
