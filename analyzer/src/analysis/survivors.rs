//! How old the objects of the last dump of a series are: which dump they were first seen in.
//!
//! Types whose objects come from the first dump only are start-up, those from the last only traffic. A type that has objects
//! of every age accumulates them: it leaks, or it is a cache. NetBeans' profiler calls the ages *surviving generations*, and
//! goes by their number.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use memdump_format::{ObjectBatch, ObjectColumns, ReadError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::AnalysisError;
use super::identity::{Identity, Kept};
use super::new_objects::require_one_process;
use super::select::SelectedTypes;
use super::timeline::{Moment, Timeline};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey, TypeName};

/// The objects of the last dump by the dump that they were first seen in.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Survivors {
    /// How objects were known to be the same.
    pub identity: Identity,
    /// When the dumps were taken.
    pub moments: Vec<Moment>,
    /// Every type that the last dump has an object of.
    pub types: Vec<TypeSurvivors>,
    /// All types together.
    pub total: Ages,
}

/// The objects of one type.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TypeSurvivors {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// How old its objects are.
    #[serde(flatten)]
    pub ages: Ages,
}

/// How old objects are.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Ages {
    /// All of them.
    pub all: Cohort,
    /// Those first seen neither in the first dump nor in the last: not start-up, not traffic.
    pub accumulated: Cohort,
    /// How many of the cohorts have an object.
    pub generations: usize,
    /// Those first seen in each dump, and in all since.
    pub cohorts: Vec<Cohort>,
}

/// Objects that were first seen in the same dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Cohort {
    /// How many they are.
    pub count: u64,
    /// Their shallow bytes, in the last dump.
    pub bytes: u64,
}

impl Cohort {
    fn add(&mut self, other: Cohort) {
        self.count += other.count;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Several cohorts together.
    pub fn sum<'c>(cohorts: impl IntoIterator<Item = &'c Cohort>) -> Cohort {
        let mut sum = Cohort::default();
        cohorts.into_iter().for_each(|&cohort| sum.add(cohort));
        sum
    }
}

impl Ages {
    fn new(cohorts: Vec<Cohort>) -> Ages {
        let between = match &cohorts[..] {
            [_, between @ .., _] => between,
            _ => &[],
        };
        Ages {
            all: Cohort::sum(&cohorts),
            accumulated: Cohort::sum(between),
            generations: cohorts.iter().filter(|cohort| cohort.count > 0).count(),
            cohorts,
        }
    }
}

/// What a list of types is sorted by, greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SurvivorOrder {
    /// Accumulated objects, then the newest, then all.
    #[default]
    Count,
    /// The same, by bytes.
    Bytes,
    /// Generations, then as by count.
    Generations,
    /// The type's name, in alphabetical order.
    Name,
}

/// Tells how old the objects of the last of `dumps` are, of the types that `pattern` means, or of all.
///
/// Dumps come in order of time; two are in memory at a time, if the iterator loads each when it is asked for it. An object counts
/// from the dump since which it has been in every one. Of no dumps at all, there are no objects.
///
/// # Errors
/// Those of the iterator; the dumps are not of one process; a dump cannot be read; no type matches.
pub fn survivors<E: From<AnalysisError>>(
    dumps: impl IntoIterator<Item = Result<Snapshot, E>>,
    pattern: Option<&TypePattern>,
    order: SurvivorOrder,
    progress: &dyn Progress,
) -> Result<Survivors, E> {
    const CURE: &str = "`memdump diff` compares the counts";
    let mut timeline = Timeline::default();
    let mut last: Option<(Snapshot, Vec<AtomicU32>)> = None;
    for (number, snapshot) in (0..).zip(dumps) {
        let snapshot = snapshot?;
        timeline.add(snapshot.dump()).map_err(AnalysisError::from)?;
        require_one_process(&timeline, CURE)?;
        let first_seen =
            first_seen(last.as_ref(), &snapshot, number, progress).map_err(AnalysisError::from)?;
        last = Some((snapshot, first_seen));
    }
    let mut types = Vec::new();
    let mut total = vec![Cohort::default(); timeline.len()];
    if let Some((snapshot, first_seen)) = last {
        let selected = match pattern {
            Some(pattern) => SelectedTypes::matching(pattern, &snapshot, None)?,
            None => SelectedTypes::all(),
        };
        let counted = count(&snapshot, &first_seen, timeline.len()).map_err(AnalysisError::from)?;
        let cohorts = counted.chunks(timeline.len());
        for ((key, name), cohorts) in snapshot.types().iter().zip(cohorts) {
            if !selected.contains(key) || cohorts.iter().all(|cohort| cohort.count == 0) {
                continue;
            }
            total
                .iter_mut()
                .zip(cohorts)
                .for_each(|(sum, &more)| sum.add(more));
            types.push(TypeSurvivors {
                type_name: name.clone(),
                ages: Ages::new(cohorts.to_vec()),
            });
        }
    }
    sort(&mut types, order);
    Ok(Survivors {
        identity: timeline.identity(),
        moments: timeline.moments(),
        types,
        total: Ages::new(total),
    })
}

/// For each object, the number of the dump that it was first seen in.
fn first_seen(
    before: Option<&(Snapshot, Vec<AtomicU32>)>,
    snapshot: &Snapshot,
    number: u32,
    progress: &dyn Progress,
) -> Result<Vec<AtomicU32>, ReadError> {
    let mut first_seen = Vec::new();
    first_seen.resize_with(snapshot.id_limit(), || AtomicU32::new(number));
    if let Some((before, seen_before)) = before {
        progress.stage("comparing", 0);
        let kept = Kept::new(before, snapshot)?;
        kept.parts().for_each(|part| {
            kept.walk(part, |old, new| {
                let first = seen_before[old.index()].load(Relaxed);
                first_seen[new.index()].store(first, Relaxed);
            });
        });
    }
    Ok(first_seen)
}

/// The cohorts of every type, one after the other in the order of their keys.
fn count(
    snapshot: &Snapshot,
    first_seen: &[AtomicU32],
    dumps: usize,
) -> Result<Vec<Cohort>, ReadError> {
    let none = || vec![Cohort::default(); snapshot.types().len() * dumps];
    let blocks: Vec<_> = snapshot.dump().object_blocks().collect();
    blocks
        .par_iter()
        .try_fold(
            || (ObjectBatch::default(), none()),
            |(mut batch, mut cohorts), block| {
                block.decode(ObjectColumns::SIZE, &mut batch)?;
                for (id, &bytes) in (block.first().0..).zip(&batch.sizes) {
                    let id = memdump_format::ObjectId(id);
                    let key = snapshot.type_of(id);
                    if key != TypeKey::NONE {
                        let first = first_seen[id.index()].load(Relaxed) as usize;
                        cohorts[key.index() * dumps + first].add(Cohort { count: 1, bytes });
                    }
                }
                Ok((batch, cohorts))
            },
        )
        .map(|part| part.map(|(_, cohorts)| cohorts))
        .try_reduce(none, |mut sums, cohorts| {
            sums.iter_mut()
                .zip(cohorts)
                .for_each(|(sum, more)| sum.add(more));
            Ok(sums)
        })
}

/// Types come in the order of their keys.
fn sort(types: &mut [TypeSurvivors], order: SurvivorOrder) {
    types.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    let newest = |ages: &Ages| ages.cohorts.last().copied().unwrap_or_default();
    let counts = |ages: &Ages| (ages.accumulated.count, newest(ages).count, ages.all.count);
    let bytes = |ages: &Ages| (ages.accumulated.bytes, newest(ages).bytes, ages.all.bytes);
    match order {
        SurvivorOrder::Count => types.sort_by_key(|row| Reverse(counts(&row.ages))),
        SurvivorOrder::Bytes => types.sort_by_key(|row| Reverse(bytes(&row.ages))),
        SurvivorOrder::Generations => {
            types.sort_by_key(|row| Reverse((row.ages.generations, counts(&row.ages))))
        }
        SurvivorOrder::Name => {}
    }
}
