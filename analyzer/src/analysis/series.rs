//! How each type went over a series of dumps of one process. Dumps are looked at one by one; none is kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::ReadError;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::identity::Identity;
use super::timeline::{Moment, Timeline};
use super::trend::{Course, Times};
use crate::snapshot::{Snapshot, TypeName};

/// How each type went.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Series {
    /// Whether all dumps are of one process. Counts are compared in any case; there are no rates otherwise.
    pub identity: Identity,
    /// When the dumps were taken, in their order.
    pub moments: Vec<Moment>,
    /// Every type that one of the dumps has an object of.
    pub types: Vec<TypeSeries>,
    /// All types together.
    pub total: Totals,
}

/// How one type went.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct TypeSeries {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Its objects and bytes.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Objects and bytes in each dump.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Totals {
    /// Objects.
    pub count: Course,
    /// Shallow bytes.
    pub bytes: Course,
}

impl Totals {
    /// Whether any dump has other numbers than the one before it.
    pub fn moved(&self) -> bool {
        let courses = [&self.count, &self.bytes];
        let mut steps = courses.iter().flat_map(|course| course.values.windows(2));
        steps.any(|step| step[0] != step[1])
    }
}

/// What a list of types is sorted by, greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SeriesOrder {
    /// Growth of the count, then of the bytes.
    #[default]
    Count,
    /// Growth of the bytes, then of the count.
    Bytes,
    /// The type's name, in alphabetical order.
    Name,
}

/// Looks at the dumps of a series, one after the other, and then tells how each type went.
#[derive(Default)]
pub struct Recorder {
    timeline: Timeline,
    counted: BTreeMap<TypeName, Counted>,
}

/// A type's objects and bytes in the dumps up to the last that it had objects in.
#[derive(Default)]
struct Counted {
    counts: Vec<u64>,
    bytes: Vec<u64>,
}

impl Recorder {
    /// Nothing has been seen.
    pub fn new() -> Recorder {
        Recorder::default()
    }

    /// Of dumps whose order is known; each is to be [counted](Self::count).
    pub fn over(timeline: Timeline) -> Recorder {
        Recorder {
            timeline,
            counted: BTreeMap::new(),
        }
    }

    /// Looks at the next dump.
    ///
    /// # Errors
    /// Its metadata cannot be read; it does not count then.
    pub fn look(&mut self, snapshot: &Snapshot) -> Result<(), ReadError> {
        let dump = self.timeline.len();
        self.timeline.add(snapshot.dump())?;
        self.count(dump, snapshot);
        Ok(())
    }

    /// Counts the dump with this number (0 for the first). They may come in any order.
    pub fn count(&mut self, dump: usize, snapshot: &Snapshot) {
        let census = snapshot.census();
        for (key, name) in snapshot.types().iter() {
            let count = census.counts[key.index()];
            if count == 0 {
                continue;
            }
            if !self.counted.contains_key(name) {
                self.counted.insert(name.clone(), Counted::default());
            }
            let counted = self.counted.get_mut(name).expect("it is in there now");
            let dumps = counted.counts.len().max(dump + 1);
            counted.counts.resize(dumps, 0);
            counted.bytes.resize(dumps, 0);
            counted.counts[dump] = count;
            counted.bytes[dump] = census.bytes[key.index()];
        }
    }

    /// Tells how each type went over the dumps that were looked at.
    pub fn finish(self, order: SeriesOrder) -> Series {
        let dumps = self.timeline.len();
        let identity = self.timeline.identity();
        let minutes = self.timeline.minutes();
        let times = match &minutes {
            Some(minutes) => Times::Minutes(minutes),
            None if identity.is_available() => Times::Sequence,
            None => Times::Unrelated,
        };
        let mut sum = Counted {
            counts: vec![0; dumps],
            bytes: vec![0; dumps],
        };
        for counted in self.counted.values() {
            add(&mut sum.counts, &counted.counts);
            add(&mut sum.bytes, &counted.bytes);
        }
        let totals = |mut counted: Counted| {
            counted.counts.resize(dumps, 0);
            counted.bytes.resize(dumps, 0);
            Totals {
                count: Course::new(counted.counts, times),
                bytes: Course::new(counted.bytes, times),
            }
        };
        let mut types: Vec<TypeSeries> = self
            .counted
            .into_par_iter()
            .map(|(type_name, counted)| TypeSeries {
                type_name,
                totals: totals(counted),
            })
            .collect();
        sort(&mut types, order);
        Series {
            identity,
            moments: self.timeline.moments(),
            types,
            total: totals(sum),
        }
    }
}

/// Looks at dumps in order of time, and tells how each type went. An iterator that loads each dump when it is asked for it
/// keeps one in memory at a time.
///
/// # Errors
/// Those of the iterator; a dump's metadata cannot be read.
pub fn series<E: From<ReadError>>(
    dumps: impl IntoIterator<Item = Result<Snapshot, E>>,
    order: SeriesOrder,
) -> Result<Series, E> {
    let mut recorder = Recorder::new();
    for snapshot in dumps {
        recorder.look(&snapshot?)?;
    }
    Ok(recorder.finish(order))
}

fn add(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Types come in the order of their names; the sort is stable.
pub(crate) fn sort(types: &mut [TypeSeries], order: SeriesOrder) {
    let (count, bytes) = (
        |row: &TypeSeries| row.totals.count.growth,
        |row: &TypeSeries| row.totals.bytes.growth,
    );
    match order {
        SeriesOrder::Count => types.sort_by_key(|row| Reverse((count(row), bytes(row)))),
        SeriesOrder::Bytes => types.sort_by_key(|row| Reverse((bytes(row), count(row)))),
        SeriesOrder::Name => {}
    }
}
