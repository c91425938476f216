//! Objects that have more references in the last dump than they had before: where something accumulates, one of these is
//! the place. The earlier dumps need no graph for that, only the lengths of their groups, and the members of the candidates.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{ObjectId, ReadError, ReferenceBatch, ReferenceColumns, Strength};
use rayon::prelude::*;

use super::super::identity::{Kept, same_types};
use super::ages::Ages;
use crate::graph::{Graph, NO_TARGET};
use crate::progress::Progress;
use crate::snapshot::{Near, Snapshot, TypeKey};

/// So many candidates are taken from each dump, those that grew most. A heap in use has some hundred that grew by a few.
const MOST_CANDIDATES: usize = 4096;

/// How many of its references lead to each type of the last dump, in the order of the types.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Tally(Vec<(TypeKey, u64)>);

impl Tally {
    fn of(mut types: Vec<TypeKey>) -> Tally {
        types.sort_unstable();
        let runs = types.chunk_by(|a, b| a == b);
        Tally(runs.map(|run| (run[0], run.len() as u64)).collect())
    }

    /// The tally of an object of the last dump.
    pub(super) fn of_last(snapshot: &Snapshot, graph: &Graph, id: ObjectId) -> Tally {
        let targets = graph.forward.targets(id).iter();
        let strong = targets.filter(|&&target| target != NO_TARGET);
        Tally::of(strong.map(|&target| snapshot.type_of(target)).collect())
    }

    pub(super) fn get(&self, key: TypeKey) -> u64 {
        let found = self.0.binary_search_by_key(&key, |entry| entry.0);
        found.map_or(0, |at| self.0[at].1)
    }

    pub(super) fn types(&self) -> impl Iterator<Item = (TypeKey, u64)> {
        self.0.iter().copied()
    }
}

/// A container of the last dump.
pub(super) struct Candidate {
    pub(super) id: ObjectId,
    /// For each earlier dump; none where it was not found.
    pub(super) tallies: Vec<Option<Tally>>,
    /// Whether it was found by name in a dump of the last one's process, as another object.
    pub(super) moved: bool,
}

/// All candidates.
pub(super) struct Candidates {
    pub(super) found: Vec<Candidate>,
    number_of: HashMap<ObjectId, usize, RandomState>,
    dumps: usize,
}

impl Candidates {
    pub(super) fn new(earlier_dumps: usize) -> Candidates {
        Candidates {
            found: Vec::new(),
            number_of: HashMap::default(),
            dumps: earlier_dumps,
        }
    }

    pub(super) fn add(&mut self, id: ObjectId) {
        let dumps = self.dumps;
        self.number_of.entry(id).or_insert_with(|| {
            self.found.push(Candidate {
                id,
                tallies: vec![None; dumps],
                moved: false,
            });
            self.found.len() - 1
        });
    }

    /// All of them, in the order of their numbers.
    pub(super) fn ids(&self) -> Vec<ObjectId> {
        self.found.iter().map(|candidate| candidate.id).collect()
    }

    /// Looks at an earlier dump of the last one's process: notes how old objects are, and finds what grew since.
    pub(super) fn visit(
        &mut self,
        dump: usize,
        old: &Snapshot,
        last: &Snapshot,
        graph: &Graph,
        ages: &mut Ages,
        progress: &dyn Progress,
    ) -> Result<(), ReadError> {
        let degrees = degrees(old, progress)?;
        ages.begin(dump);
        let kept = Kept::new(old, last)?;
        let ages = &*ages;
        let mut grown: Vec<(u32, ObjectId)> = kept
            .parts()
            .flat_map_iter(|part| {
                let mut grown = Vec::new();
                kept.walk(part, |before, after| {
                    ages.note(after);
                    let degree = graph.forward.row(after).len() as u32;
                    let growth = degree.saturating_sub(degrees[before.index()]);
                    if growth > 0 {
                        grown.push((growth, after));
                    }
                });
                grown
            })
            .collect();
        grown.sort_unstable_by_key(|&(growth, id)| (std::cmp::Reverse(growth), id));
        grown.truncate(MOST_CANDIDATES);
        for (_, id) in grown {
            self.add(id);
        }
        let found = self.found_again(old, last, &kept)?;
        self.count(dump, old, last, &found)
    }

    /// Which candidate each of their objects in an earlier dump is.
    fn found_again(
        &self,
        old: &Snapshot,
        last: &Snapshot,
        kept: &Kept<'_>,
    ) -> Result<HashMap<ObjectId, usize, RandomState>, ReadError> {
        let ids = self.ids();
        let objects = last.objects(&ids)?;
        let same = |(number, object): (usize, memdump_format::Object)| {
            let before = old.index().find(object.address)?;
            let same = kept.are_same(before, ids[number]);
            same.then_some((before, number))
        };
        Ok(objects.into_iter().enumerate().filter_map(same).collect())
    }

    /// Counts the members of those that an earlier dump of the last one's process has as other objects, found by name.
    pub(super) fn count_moved(
        &mut self,
        dump: usize,
        old: &Snapshot,
        last: &Snapshot,
        mut found: HashMap<ObjectId, usize, RandomState>,
    ) -> Result<(), ReadError> {
        found.retain(|_, number| self.found[*number].tallies[dump].is_none());
        for &number in found.values() {
            self.found[number].moved = true;
        }
        self.count(dump, old, last, &found)
    }

    /// Counts the members of candidates in an earlier dump; `found` tells which objects of that they are.
    pub(super) fn count(
        &mut self,
        dump: usize,
        old: &Snapshot,
        last: &Snapshot,
        found: &HashMap<ObjectId, usize, RandomState>,
    ) -> Result<(), ReadError> {
        if found.is_empty() {
            return Ok(());
        }
        let of_last = same_types(old, last);
        let blocks: Vec<_> = old.dump().reference_blocks().collect();
        let counted: Vec<Vec<(usize, Vec<TypeKey>)>> = blocks
            .par_iter()
            .map_init(ReferenceBatch::default, |batch, block| {
                block.decode(ReferenceColumns::default(), batch)?;
                if !batch.groups.iter().any(|g| found.contains_key(&g.source)) {
                    return Ok(Vec::new());
                }
                block.decode(
                    ReferenceColumns::TARGETS | ReferenceColumns::STRENGTHS,
                    batch,
                )?;
                Ok(members(batch, old, &of_last, found))
            })
            .collect::<Result<_, ReadError>>()?;
        let mut types: HashMap<usize, Vec<TypeKey>, RandomState> = HashMap::default();
        for (number, members) in counted.into_iter().flatten() {
            types.entry(number).or_default().extend(members);
        }
        for &number in found.values() {
            let members = types.remove(&number).unwrap_or_default();
            self.found[number].tallies[dump] = Some(Tally::of(members));
        }
        Ok(())
    }
}

/// How many references each object has.
fn degrees(snapshot: &Snapshot, progress: &dyn Progress) -> Result<Vec<u32>, ReadError> {
    let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
    progress.stage("counting references", blocks.len() as u64);
    let mut degrees = vec![0_u32; snapshot.id_limit()];
    // In parallel by some blocks at a time: what is decoded is short, and adding up must not race.
    for part in blocks.chunks(rayon::current_num_threads() * 4) {
        let groups: Vec<Vec<memdump_format::Group>> = part
            .par_iter()
            .map(|block| {
                let mut batch = ReferenceBatch::default();
                block.decode(ReferenceColumns::default(), &mut batch)?;
                Ok(batch.groups)
            })
            .collect::<Result<_, ReadError>>()?;
        for group in groups.into_iter().flatten() {
            let degree = &mut degrees[group.source.index()];
            *degree = degree.saturating_add(group.count);
        }
        progress.advance(part.len() as u64);
    }
    Ok(degrees)
}

/// The types of what the candidates in a block refer to strongly.
fn members(
    batch: &ReferenceBatch,
    old: &Snapshot,
    of_last: &[TypeKey],
    found: &HashMap<ObjectId, usize, RandomState>,
) -> Vec<(usize, Vec<TypeKey>)> {
    let mut near = Near::default();
    let mut begin = 0;
    let mut counted = Vec::new();
    for group in &batch.groups {
        let places = begin..begin + group.count as usize;
        begin = places.end;
        if let Some(&number) = found.get(&group.source) {
            let types = places
                .filter(|&place| batch.strength(place) == Strength::Strong)
                .filter_map(|place| old.index().find_near(batch.targets[place], &mut near))
                .map(|target| of_last[old.type_of(target).index()])
                .filter(|&key| key != TypeKey::NONE)
                .collect();
            counted.push((number, types));
        }
    }
    counted
}
