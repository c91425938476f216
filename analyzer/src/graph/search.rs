//! The breadth-first search: how far every object is from what holds it, and through which object.
//!
//! It runs in phases. Each begins at the objects which something holds directly, and takes what earlier phases left.
//! Answers do not depend on the number of threads: of all objects one step nearer, the one with the lowest id becomes
//! the parent.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use memdump_format::ObjectId;
use rayon::prelude::*;

use super::forward::{Forward, NO_TARGET};
use crate::snapshot::Snapshot;

// Parents that are no objects. Ids are below all of them: a dump that has more is refused.
/// Of what is unreached.
const NONE: u32 = u32::MAX;
const ROOT: u32 = u32::MAX - 1;
const NATIVE: u32 = u32::MAX - 2;
const GARBAGE: u32 = u32::MAX - 3;
/// The greatest number of objects a search can tell apart from its marks.
pub(super) const MAX_OBJECTS: u32 = GARBAGE;

/// What is looked up at a time: first all rows, then all targets, then what is known of all targets. Each of these reads
/// goes to an unforeseeable place, but none waits for another, so the processor has many of them under way at once.
#[derive(Default)]
struct Batch {
    rows: Vec<(ObjectId, Range<usize>)>,
    edges: Edges,
}

#[derive(Default)]
struct Edges {
    /// Targets, and the ways that lead to them.
    ways: Vec<(ObjectId, u64)>,
    /// The best ways to the targets that were known before.
    known: Vec<u64>,
}

impl Edges {
    fn add(&mut self, targets: &[ObjectId], way: u64) {
        let strong = targets.iter().filter(|&&target| target != NO_TARGET);
        self.ways.extend(strong.map(|&target| (target, way)));
    }
}

/// Beyond this many the first would have left the nearest cache before they are used.
const BATCH: usize = 128;

/// Below this many objects a level is not worth handing to other threads. A list a million long has a million levels.
const PARALLEL_FROM: usize = 1 << 12;
const PART: usize = 1 << 10;

/// What begins a phase of the search at an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Start {
    /// A root record of the dump.
    Root,
    /// Native code: more references are counted than were found.
    Native,
    /// Nothing: only the collector can still free it.
    Garbage,
}

/// How the search came to an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// It did not.
    Not,
    /// It is held directly.
    Held(Start),
    /// Through this object, which refers to it.
    From(ObjectId),
}

/// A search under way, or done.
pub struct Search<'g> {
    graph: &'g Forward,
    shortest: Shortest,
    /// The level that the next phase begins at.
    next_level: u32,
}

/// The shortest way to every object that a search reached. It needs the graph no longer.
pub struct Shortest {
    /// By object.
    ways: Vec<AtomicU64>,
    /// The level that each phase begins at. Levels are distances that go on from phase to phase, so that what an earlier
    /// phase reached is always nearer. As every level has an object, there are no more of them than objects.
    phases: Vec<u32>,
}

/// The best way to an object that is known, in one word: the level above, the parent or a mark below. So the lesser of two
/// words is the shorter way, and of two that are equally short the one from the lower id; and one access tells both.
mod way {
    pub(super) const UNREACHED: u64 = u64::MAX;

    pub(super) fn new(level: u32, parent: u32) -> u64 {
        u64::from(level) << 32 | u64::from(parent)
    }

    pub(super) fn level(way: u64) -> u32 {
        (way >> 32) as u32
    }

    pub(super) fn parent(way: u64) -> u32 {
        way as u32
    }
}

/// Which ways a search may take.
pub struct Ways<F> {
    /// Whether references of this object are followed.
    pub through: F,
    /// No object further than this many references from what is held.
    pub max_distance: u32,
}

impl Ways<fn(ObjectId) -> bool> {
    /// Every way.
    pub fn all() -> Self {
        Ways {
            through: |_| true,
            max_distance: u32::MAX,
        }
    }
}

impl<'g> Search<'g> {
    /// Bytes of memory that a search takes, beside snapshot and graph: 8 per object, and as many while native holders are
    /// looked for.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        snapshot.dump().counts().objects.saturating_mul(16)
    }

    /// A search that has reached nothing yet.
    pub fn new(graph: &'g Forward) -> Search<'g> {
        let mut ways = Vec::new();
        ways.resize_with(graph.objects(), || AtomicU64::new(way::UNREACHED));
        Search {
            graph,
            shortest: Shortest {
                ways,
                phases: Vec::new(),
            },
            next_level: 0,
        }
    }

    /// Runs a phase from all of `held` that earlier phases did not reach.
    pub fn run<F>(&mut self, start: Start, held: impl IntoIterator<Item = ObjectId>, ways: &Ways<F>)
    where
        F: Fn(ObjectId) -> bool + Sync,
    {
        let mark = match start {
            Start::Root => ROOT,
            Start::Native => NATIVE,
            Start::Garbage => GARBAGE,
        };
        let begin = self.next_level;
        let mut frontier = Vec::new();
        for id in held {
            let known = self.shortest.ways[id.index()].get_mut();
            if *known == way::UNREACHED {
                *known = way::new(begin, mark);
                frontier.push(id);
            }
        }
        if frontier.is_empty() {
            return;
        }
        self.shortest.phases.push(begin);
        self.next_level += 1;
        let mut next = Vec::new();
        let mut batch = Batch::default();
        while self.next_level - begin <= ways.max_distance {
            let level = self.next_level;
            next.clear();
            if frontier.len() < PARALLEL_FROM {
                self.step(&frontier, level, ways, &mut batch, &mut next);
            } else {
                let found: Vec<Vec<ObjectId>> = frontier
                    .par_chunks(PART)
                    .map_init(Batch::default, |batch, part| {
                        let mut found = Vec::new();
                        self.step(part, level, ways, batch, &mut found);
                        found
                    })
                    .collect();
                next.extend(found.into_iter().flatten());
            }
            if next.is_empty() {
                break;
            }
            self.next_level += 1;
            std::mem::swap(&mut frontier, &mut next);
        }
    }

    /// Follows the references of some objects of one level; adds those of the next level that it was first to reach.
    fn step<F>(
        &self,
        part: &[ObjectId],
        level: u32,
        ways: &Ways<F>,
        batch: &mut Batch,
        found: &mut Vec<ObjectId>,
    ) where
        F: Fn(ObjectId) -> bool + Sync,
    {
        let Batch { rows, edges } = batch;
        for sources in part.chunks(BATCH) {
            let followed = sources.iter().filter(|&&source| (ways.through)(source));
            rows.clear();
            rows.extend(followed.map(|&source| (source, self.graph.row(source))));
            for (source, row) in &*rows {
                let way = way::new(level, source.0);
                for targets in self.graph.all_targets()[row.clone()].chunks(BATCH) {
                    edges.add(targets, way);
                    if edges.ways.len() >= BATCH {
                        self.take(edges, found);
                    }
                }
            }
            self.take(edges, found);
        }
    }

    /// Notes the ways along some references where they are better than those known.
    fn take(&self, edges: &mut Edges, found: &mut Vec<ObjectId>) {
        let Edges { ways, known } = edges;
        known.clear();
        known.extend(ways.iter().map(|(target, _)| self.shortest.way(*target)));
        for (&(target, way), &known) in ways.iter().zip(&*known) {
            let slot = &self.shortest.ways[target.index()];
            if known > way && slot.fetch_min(way, Relaxed) == way::UNREACHED {
                found.push(target);
            }
        }
        ways.clear();
    }

    /// Runs a phase from every object that is not reached yet, one after the other from the lowest id, each taking with
    /// it what it reaches.
    pub fn run_from_rest<F>(&mut self, ways: &Ways<F>, is_object: impl Fn(ObjectId) -> bool)
    where
        F: Fn(ObjectId) -> bool + Sync,
    {
        for number in 0..self.graph.objects() as u32 {
            let id = ObjectId(number);
            if !self.is_reached(id) && is_object(id) {
                self.run(Start::Garbage, [id], ways);
            }
        }
    }

    /// Whether a phase reached the object.
    pub fn is_reached(&self, id: ObjectId) -> bool {
        self.shortest.is_reached(id)
    }

    /// How the object was reached.
    pub fn reached(&self, id: ObjectId) -> Reached {
        self.shortest.reached(id)
    }

    /// How many references lie between the object and what is held; `None` where it was not reached.
    pub fn distance(&self, id: ObjectId) -> Option<u32> {
        self.shortest.distance(id)
    }

    /// What it has found so far.
    pub fn shortest(&self) -> &Shortest {
        &self.shortest
    }

    /// Ends it.
    pub fn into_shortest(self) -> Shortest {
        self.shortest
    }

    /// The graph that is searched.
    pub fn graph(&self) -> &'g Forward {
        self.graph
    }
}

impl Shortest {
    /// How many objects there are, reached or not.
    pub fn objects(&self) -> usize {
        self.ways.len()
    }

    /// Whether a phase reached the object.
    pub fn is_reached(&self, id: ObjectId) -> bool {
        self.way(id) != way::UNREACHED
    }

    /// How the object was reached.
    pub fn reached(&self, id: ObjectId) -> Reached {
        match way::parent(self.way(id)) {
            NONE => Reached::Not,
            ROOT => Reached::Held(Start::Root),
            NATIVE => Reached::Held(Start::Native),
            GARBAGE => Reached::Held(Start::Garbage),
            parent => Reached::From(ObjectId(parent)),
        }
    }

    /// How many references lie between the object and what is held; `None` where it was not reached.
    pub fn distance(&self, id: ObjectId) -> Option<u32> {
        let level = way::level(self.way(id));
        self.is_reached(id).then(|| {
            let phase = self.phases.partition_point(|&begin| begin <= level) - 1;
            level - self.phases[phase]
        })
    }

    fn way(&self, id: ObjectId) -> u64 {
        self.ways[id.index()].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward::tests::forward;
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    type Answer = (Option<u32>, Reached);

    fn answers(search: &Search<'_>) -> Vec<Answer> {
        (0..search.graph.objects() as u32)
            .map(|id| (search.distance(ObjectId(id)), search.reached(ObjectId(id))))
            .collect()
    }

    #[test]
    fn the_lowest_of_equally_near_parents_wins() {
        // 0 and 1 are held; both refer to 3, through 2 it is further.
        let graph = forward(4, &[(1, 3), (0, 2), (0, 3), (2, 3)]);
        let mut search = Search::new(&graph);
        search.run(Start::Root, [ObjectId(1), ObjectId(0)], &Ways::all());
        assert_eq!(search.reached(ObjectId(3)), Reached::From(ObjectId(0)));
        assert_eq!(search.distance(ObjectId(3)), Some(1));
    }

    #[test]
    fn a_later_phase_takes_only_what_is_left() {
        let graph = forward(5, &[(0, 1), (2, 1), (2, 3)]);
        let mut search = Search::new(&graph);
        search.run(Start::Root, [ObjectId(0)], &Ways::all());
        search.run(Start::Native, [ObjectId(2), ObjectId(1)], &Ways::all());
        search.run_from_rest(&Ways::all(), |_| true);
        assert_eq!(
            answers(&search),
            [
                (Some(0), Reached::Held(Start::Root)),
                (Some(1), Reached::From(ObjectId(0))),
                (Some(0), Reached::Held(Start::Native)),
                (Some(1), Reached::From(ObjectId(2))),
                (Some(0), Reached::Held(Start::Garbage)),
            ]
        );
    }

    #[test]
    fn a_later_phase_changes_no_way_of_an_earlier_one() {
        // 4 is two steps from 0, one from 2, and also two steps from 1 by a lower parent.
        let graph = forward(6, &[(0, 5), (5, 4), (2, 4), (1, 3), (3, 4)]);
        for later in [1, 2] {
            let mut search = Search::new(&graph);
            search.run(Start::Root, [ObjectId(0)], &Ways::all());
            search.run(Start::Native, [ObjectId(later)], &Ways::all());
            assert_eq!(search.reached(ObjectId(4)), Reached::From(ObjectId(5)));
            assert_eq!(search.distance(ObjectId(4)), Some(2));
            assert_eq!(search.distance(ObjectId(later)), Some(0));
        }
    }

    #[test]
    fn ways_that_are_closed_are_not_taken() {
        let graph = forward(4, &[(0, 1), (1, 3), (0, 2), (2, 3)]);
        let mut search = Search::new(&graph);
        let ways = Ways {
            through: |id| id != ObjectId(1),
            max_distance: u32::MAX,
        };
        search.run(Start::Root, [ObjectId(0)], &ways);
        assert_eq!(
            search.reached(ObjectId(1)),
            Reached::From(ObjectId(0)),
            "an end, not a way"
        );
        assert_eq!(search.reached(ObjectId(3)), Reached::From(ObjectId(2)));
    }

    #[test]
    fn nothing_beyond_the_greatest_distance_is_reached() {
        let graph = forward(4, &[(0, 1), (1, 2), (2, 3)]);
        let mut search = Search::new(&graph);
        let ways = Ways {
            through: |_| true,
            max_distance: 2,
        };
        search.run(Start::Root, [ObjectId(0)], &ways);
        assert!(search.is_reached(ObjectId(2)) && !search.is_reached(ObjectId(3)));
    }

    #[test]
    fn a_list_a_million_long_is_walked_to_its_end() {
        const LENGTH: u32 = 1_000_000;
        let references: Vec<_> = (1..LENGTH).map(|n| (n - 1, n)).collect();
        let graph = forward(LENGTH, &references);
        let mut search = Search::new(&graph);
        search.run(Start::Root, [ObjectId(0)], &Ways::all());
        assert_eq!(search.distance(ObjectId(LENGTH - 1)), Some(LENGTH - 1));
    }

    #[test]
    fn a_hub_with_a_million_referrers_has_the_lowest_as_its_parent() {
        // 0 → 2, 3, … → 1
        const LEAVES: u32 = 1_000_000;
        let references: Vec<_> = (2..LEAVES + 2).flat_map(|n| [(0, n), (n, 1)]).collect();
        let graph = forward(LEAVES + 2, &references);
        let mut search = Search::new(&graph);
        search.run(Start::Root, [ObjectId(0)], &Ways::all());
        assert_eq!(search.distance(ObjectId(1)), Some(2));
        assert_eq!(search.reached(ObjectId(1)), Reached::From(ObjectId(2)));
    }

    /// The slow, obvious search.
    fn model(
        objects: u32,
        references: &[(u32, u32)],
        held: &BTreeSet<u32>,
        start: Start,
    ) -> Vec<Answer> {
        let mut distance: BTreeMap<u32, u32> = held.iter().map(|&id| (id, 0)).collect();
        for step in 0..objects {
            for &(source, target) in references {
                if distance.get(&source) == Some(&step) {
                    distance.entry(target).or_insert(step + 1);
                }
            }
        }
        let parent = |id: u32, d: u32| {
            let nearer = |&&(source, target): &&(u32, u32)| {
                target == id && distance.get(&source).is_some_and(|&s| s + 1 == d)
            };
            references.iter().filter(nearer).map(|r| r.0).min()
        };
        (0..objects)
            .map(|id| match distance.get(&id) {
                None => (None, Reached::Not),
                Some(0) => (Some(0), Reached::Held(start)),
                Some(&d) => {
                    let parent = parent(id, d).expect("a nearer object");
                    (Some(d), Reached::From(ObjectId(parent)))
                }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn agrees_with_the_slow_search(
            references in prop::collection::vec((0..40_u32, 0..40_u32), 0..120),
            held in prop::collection::btree_set(0..40_u32, 0..5),
            by_native in prop::collection::btree_set(0..40_u32, 0..5),
        ) {
            let graph = forward(40, &references);
            let mut search = Search::new(&graph);
            let ids = |of: &BTreeSet<u32>| of.iter().copied().map(ObjectId).collect::<Vec<_>>();
            search.run(Start::Root, ids(&held), &Ways::all());
            search.run(Start::Native, ids(&by_native), &Ways::all());
            search.run_from_rest(&Ways::all(), |_| true);

            // Each phase is a search of its own among what those before have left.
            let mut expected = vec![(None, Reached::Not); 40];
            let garbage = (0..40).map(|id| (BTreeSet::from([id]), Start::Garbage));
            for (held, start) in [(held, Start::Root), (by_native, Start::Native)].into_iter().chain(garbage) {
                let left = |id: &u32| expected[*id as usize].1 == Reached::Not;
                let held: BTreeSet<u32> = held.into_iter().filter(left).collect();
                let among_left: Vec<_> =
                    references.iter().copied().filter(|(a, b)| left(a) && left(b)).collect();
                let found = model(40, &among_left, &held, start);
                for (answer, found) in expected.iter_mut().zip(found) {
                    if found.1 != Reached::Not {
                        *answer = found;
                    }
                }
            }
            prop_assert_eq!(answers(&search), expected);
        }
    }

    #[test]
    fn answers_do_not_depend_on_the_number_of_threads() {
        // Wide levels, so that they are handed out; many equally near parents.
        const OBJECTS: u64 = 60_000;
        let mix = |n: u64| {
            let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) >> 31
        };
        let references: Vec<(u32, u32)> = (0..OBJECTS * 3)
            .map(|n| ((n / 3) as u32, (mix(n + 1) % OBJECTS) as u32))
            .collect();
        let graph = forward(OBJECTS as u32, &references);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool").install(|| {
                let mut search = Search::new(&graph);
                search.run(Start::Root, (0..50).map(ObjectId), &Ways::all());
                answers(&search)
            })
        };
        let alone = with(1);
        assert!(alone.iter().filter(|a| a.0.is_some()).count() > 40_000);
        for threads in [2, 7] {
            assert_eq!(with(threads), alone);
        }
    }
}
