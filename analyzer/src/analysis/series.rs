//! How each type went over a series of dumps of one process. Dumps are looked at one by one; none is kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::ReadError;
use rayon::prelude::*;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::identity::{Identity, Process};
use super::trend::Course;
use crate::snapshot::{Snapshot, TypeName};

/// How each type went.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// When a dump was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// The time; none where the dump does not tell it.
    #[serde(serialize_with = "rfc3339")]
    pub time: Option<OffsetDateTime>,
    /// The number of the dump in its process.
    pub sequence: Option<u64>,
    /// Minutes since the first dump. None, for all dumps, where one does not tell its time, they are not in order of time, or
    /// not of one process.
    pub minutes: Option<f64>,
}

fn rfc3339<S: serde::Serializer>(
    time: &Option<OffsetDateTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.and_then(|time| time.format(&Rfc3339).ok())
        .serialize(serializer)
}

/// How one type went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TypeSeries {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Its objects and bytes.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Objects and bytes in each dump.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Objects.
    pub count: Course,
    /// Shallow bytes.
    pub bytes: Course,
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
    seen: Vec<Process>,
    /// Why the dumps are not all of one process.
    broken: Option<String>,
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

    /// Looks at the next dump.
    ///
    /// # Errors
    /// Its metadata cannot be read; it does not count then.
    pub fn look(&mut self, snapshot: &Snapshot) -> Result<(), ReadError> {
        let process = Process::of(&snapshot.dump().metadata()?);
        if let (Some(first), None) = (self.seen.first(), &self.broken) {
            self.broken = first.difference(&process);
        }
        let dump = self.seen.len();
        self.seen.push(process);
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
            counted.counts.resize(dump + 1, 0);
            counted.bytes.resize(dump + 1, 0);
            counted.counts[dump] = count;
            counted.bytes[dump] = census.bytes[key.index()];
        }
        Ok(())
    }

    /// Tells how each type went over the dumps that were looked at.
    pub fn finish(self, order: SeriesOrder) -> Series {
        let dumps = self.seen.len();
        let minutes = match self.broken {
            None => minutes(&self.seen),
            Some(_) => None,
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
                count: Course::new(counted.counts, minutes.as_deref()),
                bytes: Course::new(counted.bytes, minutes.as_deref()),
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
        let moments = self.seen.iter().enumerate();
        Series {
            identity: match self.broken {
                None => Identity::ByAddress,
                Some(reason) => Identity::Unavailable { reason },
            },
            moments: moments
                .map(|(number, process)| Moment {
                    time: process.dumped,
                    sequence: process.sequence,
                    minutes: minutes.as_ref().map(|minutes| minutes[number]),
                })
                .collect(),
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

/// The times of the dumps since the first; none unless all are known, one after the other.
fn minutes(seen: &[Process]) -> Option<Vec<f64>> {
    let times: Vec<OffsetDateTime> = seen
        .iter()
        .map(|process| process.dumped)
        .collect::<Option<_>>()?;
    if times.windows(2).any(|pair| pair[0] >= pair[1]) {
        return None;
    }
    let since = |time: &OffsetDateTime| (*time - times[0]).as_seconds_f64() / 60.0;
    Some(times.iter().map(since).collect())
}

fn add(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Types come in the order of their names; the sort is stable.
fn sort(types: &mut [TypeSeries], order: SeriesOrder) {
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
