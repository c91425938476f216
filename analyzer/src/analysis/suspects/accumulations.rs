//! Containers of one kind that have more and more members of a type.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use memdump_format::ObjectId;

use super::containers::{Candidate, Tally};
use super::judge::{Evidence, FirstMembers, Judgement, judge};
use super::look::Look;
use super::names::Named;
use super::result::Confidence;
use crate::graph::{DominatorTree, NO_TARGET};
use crate::snapshot::TypeKey;

/// Of the new members of a type so many are measured, to see which type weighs most.
const SAMPLE: usize = 32;

/// Members of a type that accumulate in a container, or in several of one kind.
pub(super) struct Accumulation {
    /// Those that grew, most first.
    pub(super) containers: Vec<ObjectId>,
    pub(super) type_key: TypeKey,
    /// In each dump, the last one included.
    pub(super) counts: Vec<Option<u64>>,
    /// Those that the first of the dumps does not have, in rising order.
    pub(super) members: Vec<ObjectId>,
    pub(super) growth: u64,
    /// About so many bytes are dominated by the new members, one by one.
    pub(super) weight: u64,
    /// Of the members at first, how many there were and still are.
    firsts: FirstMembers,
    pub(super) judgement: Judgement,
    /// Accumulations of the same objects, or of what they consist of.
    pub(super) also: Vec<Accumulation>,
}

impl Accumulation {
    pub(super) fn confidence(&self) -> Option<Confidence> {
        match self.judgement {
            Judgement::Suspect { confidence, .. } => Some(confidence),
            _ => None,
        }
    }
}

/// A candidate whose number of members of a type grew.
struct Grown<'c> {
    candidate: &'c Candidate,
    last: Tally,
    type_key: TypeKey,
    growth: u64,
    weight: u64,
}

/// All accumulations among the candidates, heaviest first.
pub(super) fn accumulations(
    look: &Look<'_>,
    named: &Named<'_>,
    candidates: &[Candidate],
    tree: &DominatorTree,
) -> Vec<Accumulation> {
    let mut groups: BTreeMap<(u32, TypeKey), Vec<Grown<'_>>> = BTreeMap::new();
    for grown in heaviest_types(look, candidates, tree) {
        if let Some(shape) = named.shape(grown.candidate.id) {
            let group = groups.entry((shape, grown.type_key)).or_default();
            group.push(grown);
        }
    }
    let mut found: Vec<Accumulation> = groups
        .into_values()
        .map(|group| accumulation(look, group))
        .collect();
    found.sort_by_key(|found| (Reverse(found.weight), found.containers[0]));
    found
}

/// For each candidate, of the types whose members grew by at least half as much as those of the type that grew most, the
/// one that weighs most. A dict's keys grow as its values do, and are seldom what is meant.
fn heaviest_types<'c>(
    look: &Look<'_>,
    candidates: &'c [Candidate],
    tree: &DominatorTree,
) -> Vec<Grown<'c>> {
    let mut options: Vec<Grown<'c>> = Vec::new();
    for candidate in candidates {
        let Some(first) = own_tallies(look, candidate).next() else {
            continue;
        };
        let last = Tally::of_last(look.snapshot, look.graph, candidate.id);
        let growth = |(key, count): (TypeKey, u64)| (key, count.saturating_sub(first.1.get(key)));
        let grown: Vec<(TypeKey, u64)> = last.types().map(growth).filter(|g| g.1 > 0).collect();
        let most = grown.iter().map(|g| g.1).max().unwrap_or(0);
        for (type_key, growth) in grown.into_iter().filter(|g| g.1 * 2 >= most) {
            let new = look.members(candidate.id, type_key);
            let new = new.filter(|&id| !look.ages.was_in(id, first.0));
            let sample: Vec<ObjectId> = new.take(SAMPLE).collect();
            if follows(look, &sample) {
                continue;
            }
            let sum = sample
                .iter()
                .fold(0_u64, |sum, &id| sum.saturating_add(tree.retained(id)));
            let average = sum / (sample.len() as u64).max(1);
            options.push(Grown {
                candidate,
                last: last.clone(),
                type_key,
                growth,
                weight: average.saturating_mul(growth),
            });
        }
    }
    options.sort_by_key(|grown| {
        let builtin = is_builtin(look, grown.type_key);
        (
            grown.candidate.id,
            builtin,
            Reverse(grown.weight),
            grown.type_key,
        )
    });
    options.dedup_by_key(|grown| grown.candidate.id);
    options
}

/// Types of the language itself are what other types consist of, and tell less.
pub(super) fn is_builtin(look: &Look<'_>, key: TypeKey) -> bool {
    matches!(look.snapshot.types().name(key).module(), "" | "builtins")
}

/// Whether most of these refer weakly to something that is there: so do the entries of a weak dictionary. They go when that
/// goes, and are never why it stays.
pub(super) fn follows(look: &Look<'_>, members: &[ObjectId]) -> bool {
    let is_weak = |&&id: &&ObjectId| look.graph.forward.targets(id).contains(&NO_TARGET);
    let weak = members.iter().filter(is_weak).count();
    weak * 2 > members.len()
}

/// The tallies that are the container's own, with their dumps: of the last one's process, those from which on it was found in
/// all. In other processes it was found by name, and so was one that moved.
fn own_tallies<'c>(
    look: &Look<'_>,
    candidate: &'c Candidate,
) -> impl Iterator<Item = (usize, &'c Tally)> {
    let first = look.clock.first_of_last();
    let since = look.ages.of(candidate.id);
    let is_own = move |dump: usize| {
        candidate.moved || dump < first || since.is_some_and(|since| since <= dump)
    };
    let tallies = candidate.tallies.iter().enumerate();
    let known = tallies.filter_map(|(dump, tally)| Some((dump, tally.as_ref()?)));
    known.filter(move |&(dump, _)| is_own(dump))
}

fn accumulation(look: &Look<'_>, mut group: Vec<Grown<'_>>) -> Accumulation {
    group.sort_by_key(|grown| (Reverse(grown.growth), grown.candidate.id));
    let type_key = group[0].type_key;
    let first_of_last = look.clock.first_of_last();
    let mut counts: Vec<Option<u64>> = vec![None; look.clock.dumps()];
    let mut members = Vec::new();
    let mut firsts = FirstMembers { were: 0, are: 0 };
    for grown in &group {
        for (dump, tally) in own_tallies(look, grown.candidate) {
            counts[dump] = Some(counts[dump].unwrap_or(0) + tally.get(type_key));
        }
        if let Some(count) = counts.last_mut() {
            *count = Some(count.unwrap_or(0) + grown.last.get(type_key));
        }
        // In a dump of another process, nothing is known of single members.
        let ours = || own_tallies(look, grown.candidate).filter(|&(dump, _)| dump >= first_of_last);
        let first = ours().next().map(|(dump, _)| dump);
        // An empty container says nothing of who stays.
        let filled = ours().find(|(_, tally)| tally.get(type_key) > 0);
        firsts.were += filled.map_or(0, |(_, tally)| tally.get(type_key));
        for id in look.members(grown.candidate.id, type_key) {
            let was_in = |dump| look.ages.was_in(id, dump);
            firsts.are += u64::from(filled.is_some_and(|(dump, _)| was_in(dump)));
            if !first.is_some_and(was_in) {
                members.push(id);
            }
        }
    }
    members.sort_unstable();
    members.dedup();
    let evidence = Evidence {
        counts: &counts,
        first_members: Some(firsts),
    };
    Accumulation {
        judgement: judge(look.clock, &evidence),
        containers: group.iter().map(|grown| grown.candidate.id).collect(),
        type_key,
        growth: growth_of(&counts),
        weight: group.iter().fold(0, |sum, g| sum.saturating_add(g.weight)),
        counts,
        members,
        firsts,
        also: Vec::new(),
    }
}

/// The last number less the first.
pub(super) fn growth_of(counts: &[Option<u64>]) -> u64 {
    let mut known = counts.iter().flatten();
    let first = known.next().copied().unwrap_or(0);
    known
        .next_back()
        .map_or(0, |last| last.saturating_sub(first))
}

/// Puts together what is one and the same: accumulations whose new members are for the better part those of another, or what
/// these consist of (not more than two references away). The surest comes first, then the heaviest, then the one that is
/// nearest to the roots: of a cache and its table, the cache.
pub(super) fn unite(look: &Look<'_>, mut found: Vec<Accumulation>) -> Vec<Accumulation> {
    found.sort_by_key(|a| {
        let distance = look.held.search.distance(a.containers[0]);
        (
            Reverse(a.confidence()),
            Reverse(a.weight),
            distance,
            a.containers[0],
        )
    });
    let mut part_of: HashMap<ObjectId, usize, RandomState> = HashMap::default();
    let mut united: Vec<Accumulation> = Vec::new();
    for next in found {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for id in &next.members {
            if let Some(&number) = part_of.get(id) {
                *shared.entry(number).or_default() += 1;
            }
        }
        let most = shared
            .into_iter()
            .max_by_key(|&(number, n)| (n, Reverse(number)));
        match most.filter(|&(_, n)| n * 2 >= next.members.len()) {
            Some((number, _)) => united[number].also.push(next),
            None => {
                claim(look, &next.members, united.len(), &mut part_of);
                united.push(next);
            }
        }
    }
    united
}

fn claim(
    look: &Look<'_>,
    members: &[ObjectId],
    number: usize,
    part_of: &mut HashMap<ObjectId, usize, RandomState>,
) {
    let mut level = members.to_vec();
    for references in 0..=2 {
        let mut next = Vec::new();
        for id in level {
            if id == NO_TARGET || (references > 0 && look.is_old(id)) || part_of.contains_key(&id) {
                continue;
            }
            part_of.insert(id, number);
            if references < 2 {
                next.extend_from_slice(look.graph.forward.targets(id));
            }
        }
        level = next;
    }
}

/// How many more objects of each type the last dump has than the first of its process, as far as nothing explains them yet.
pub(super) struct Unexplained(Vec<u64>);

impl Unexplained {
    /// All growth. `type_counts` are the objects of each type of the last dump in the earlier dumps.
    pub(super) fn new(look: &Look<'_>, type_counts: &[Vec<u64>]) -> Unexplained {
        let after = look.snapshot.census().counts.iter();
        let before = type_counts.get(look.clock.first_of_last());
        let growth = after.enumerate().map(|(key, &after)| match before {
            Some(before) => after.saturating_sub(before[key]),
            None => 0,
        });
        Unexplained(growth.collect())
    }

    pub(super) fn of(&self, key: TypeKey) -> u64 {
        self.0[key.index()]
    }

    pub(super) fn take(&mut self, key: TypeKey, objects: u64) {
        let growth = &mut self.0[key.index()];
        *growth = growth.saturating_sub(objects);
    }
}

/// Keeps what the growth of the whole type bears out, the surest first: growth is explained only once.
///
/// Several containers, or one of whose first members some are gone, may be others than they seem: what lies at an address
/// that is used again and again, as coroutines do and the entries of a cache. Then there are not more objects of the type
/// in all. One whose first members are all still there is the same container; it needs no such proof, and comes first.
pub(super) fn borne_out(
    look: &Look<'_>,
    united: Vec<Accumulation>,
    unexplained: &mut Unexplained,
) -> Vec<Accumulation> {
    let is_itself = |found: &Accumulation| found.containers.len() == 1 && found.firsts.stayed();
    let (sure, others): (Vec<_>, Vec<_>) = united.into_iter().partition(is_itself);
    for found in &sure {
        unexplained.take(found.type_key, found.growth);
    }
    let mut kept = sure;
    for found in others {
        let first = found.counts.iter().position(Option::is_some).unwrap_or(0);
        let is_comparable = first >= look.clock.first_of_last();
        if is_comparable && unexplained.of(found.type_key) * 2 < found.growth {
            continue;
        }
        unexplained.take(found.type_key, found.growth);
        kept.push(found);
    }
    kept
}
