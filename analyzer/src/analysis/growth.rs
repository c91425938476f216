//! What grew between two dumps, per type. No graph is built for it, unless it is asked what the new objects retain.

use std::collections::BTreeMap;

use memdump_format::ReadError;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::AnalysisError;
use super::identity::{self, Identity, Kept};
use super::retained_by_new::RetainedByNew;
use crate::graph::Graph;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

/// What grew between two dumps.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Growth {
    /// How objects were known to be the same.
    pub identity: Identity,
    /// Every type that either dump has an object of.
    pub types: Vec<TypeGrowth>,
    /// All types together.
    pub total: Change,
}

/// How one type changed.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TypeGrowth {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// How it changed.
    #[serde(flatten)]
    pub change: Change,
}

/// Objects and bytes, before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Change {
    /// Objects in the earlier dump.
    pub count_before: u64,
    /// Objects in the later dump.
    pub count_after: u64,
    /// After minus before.
    pub count_growth: i64,
    /// Shallow bytes in the earlier dump.
    pub bytes_before: u64,
    /// Shallow bytes in the later dump.
    pub bytes_after: u64,
    /// After minus before.
    pub bytes_growth: i64,
    /// Objects in the later dump only; none without identity.
    pub new: Option<u64>,
    /// Objects in the earlier dump only; none without identity.
    pub gone: Option<u64>,
    /// Bytes of the later dump that are kept alive only through the new objects: their own, and those of everything that is
    /// reached only through one of them. None unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_by_new: Option<u64>,
}

impl Change {
    /// Whether nothing happened: the same number, the same bytes, and none that came or went.
    pub fn is_none(&self) -> bool {
        self.count_growth == 0
            && self.bytes_growth == 0
            && self.new.unwrap_or(0) == 0
            && self.gone.unwrap_or(0) == 0
    }
}

/// What a list of types is sorted by, greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum GrowthOrder {
    /// Growth of the count, then of the bytes.
    #[default]
    Count,
    /// Growth of the bytes, then of the count.
    Bytes,
    /// New objects.
    New,
    /// Bytes that are kept alive only through the new objects.
    Retained,
    /// The type's name, in alphabetical order.
    Name,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    count_before: u64,
    count_after: u64,
    bytes_before: u64,
    bytes_after: u64,
    kept: u64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.count_before += other.count_before;
        self.count_after += other.count_after;
        self.bytes_before = self.bytes_before.saturating_add(other.bytes_before);
        self.bytes_after = self.bytes_after.saturating_add(other.bytes_after);
        self.kept += other.kept;
    }

    fn change(self, identity: &Identity) -> Change {
        let known = identity.is_available();
        Change {
            count_before: self.count_before,
            count_after: self.count_after,
            count_growth: difference(self.count_after, self.count_before),
            bytes_before: self.bytes_before,
            bytes_after: self.bytes_after,
            bytes_growth: difference(self.bytes_after, self.bytes_before),
            new: known.then(|| self.count_after - self.kept),
            gone: known.then(|| self.count_before - self.kept),
            retained_by_new: None,
        }
    }
}

fn difference(after: u64, before: u64) -> i64 {
    let wide = i128::from(after) - i128::from(before);
    wide.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Compares two dumps, type by type.
pub fn growth(
    before: &Snapshot,
    after: &Snapshot,
    order: GrowthOrder,
    progress: &dyn Progress,
) -> Result<Growth, ReadError> {
    let identity = Identity::between(before.dump(), after.dump())?;
    progress.stage("comparing", 0);
    let kept = kept_per_type(before, after, &identity)?;
    let mut sums: BTreeMap<&TypeName, Sums> = BTreeMap::new();
    for ((key, name), kept) in before.types().iter().zip(kept) {
        let entry = sums.entry(name).or_default();
        entry.count_before = before.census().counts[key.index()];
        entry.bytes_before = before.census().bytes[key.index()];
        entry.kept = kept;
    }
    for (key, name) in after.types().iter() {
        let entry = sums.entry(name).or_default();
        entry.count_after = after.census().counts[key.index()];
        entry.bytes_after = after.census().bytes[key.index()];
    }
    let mut total = Sums::default();
    let mut types: Vec<TypeGrowth> = Vec::new();
    for (name, sums) in sums {
        if sums.count_before > 0 || sums.count_after > 0 {
            total.add(sums);
            types.push(TypeGrowth {
                type_name: name.clone(),
                change: sums.change(&identity),
            });
        }
    }
    sort(&mut types, order);
    Ok(Growth {
        total: total.change(&identity),
        identity,
        types,
    })
}

/// As [`growth`], and tells what the new objects of each type retain. For that the later dump's graph is built.
pub fn growth_retained(
    before: &Snapshot,
    after: &Snapshot,
    order: GrowthOrder,
    progress: &dyn Progress,
) -> Result<Growth, AnalysisError> {
    const CURE: &str = "without --retained the counts are compared";
    if let Identity::Unavailable { reason } = Identity::between(before.dump(), after.dump())? {
        return Err(AnalysisError::NoIdentity { reason, cure: CURE });
    }
    let both = Snapshot::memory(before.dump()).saturating_add(RetainedByNew::memory(after));
    progress.memory(both);
    let mut result = growth(before, after, order, progress)?;
    let graph = Graph::build(after, progress)?;
    let new = identity::new_objects(before, after)?;
    let retained = RetainedByNew::of(after, &graph, &new, progress)?;
    let by_name: BTreeMap<&TypeName, u64> = after
        .types()
        .iter()
        .map(|(key, name)| (name, retained.by_type[key.index()]))
        .collect();
    for row in &mut result.types {
        // A type that only the earlier dump has, has no new objects.
        let bytes = by_name.get(&row.type_name).copied().unwrap_or(0);
        row.change.retained_by_new = Some(bytes);
    }
    result.total.retained_by_new = Some(retained.total);
    sort(&mut result.types, order);
    Ok(result)
}

fn kept_per_type(
    before: &Snapshot,
    after: &Snapshot,
    identity: &Identity,
) -> Result<Vec<u64>, ReadError> {
    let none = || vec![0; before.types().len()];
    if !identity.is_available() {
        return Ok(none());
    }
    let kept = Kept::new(before, after)?;
    let sums = kept
        .parts()
        .fold(none, |mut counts, part| {
            kept.walk(part, |old, _| counts[before.type_of(old).index()] += 1);
            counts
        })
        .reduce(none, |mut sums, counts| {
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, more)| *sum += more);
            sums
        });
    Ok(sums)
}

/// Equal types stay in the order of their names, in which they come: the sort is stable.
pub(crate) fn sort(types: &mut [TypeGrowth], order: GrowthOrder) {
    use std::cmp::Reverse;
    let change = |row: &TypeGrowth| row.change;
    match order {
        GrowthOrder::Count => {
            types.sort_by_key(|row| Reverse((change(row).count_growth, change(row).bytes_growth)))
        }
        GrowthOrder::Bytes => {
            types.sort_by_key(|row| Reverse((change(row).bytes_growth, change(row).count_growth)))
        }
        GrowthOrder::New => types.sort_by_key(|row| {
            Reverse((
                change(row).new,
                change(row).count_growth,
                change(row).bytes_growth,
            ))
        }),
        GrowthOrder::Retained => types.sort_by_key(|row| {
            Reverse((
                change(row).retained_by_new,
                change(row).count_growth,
                change(row).bytes_growth,
            ))
        }),
        GrowthOrder::Name => types.sort_by(|a, b| a.type_name.cmp(&b.type_name)),
    }
}
