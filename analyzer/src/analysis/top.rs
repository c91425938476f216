//! Types by count and by shallow bytes.

use std::cmp::Reverse;

use serde::Serialize;

use crate::snapshot::{Snapshot, TypeName};

/// What a dump consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Top {
    /// All objects.
    pub objects: u64,
    /// Their shallow bytes.
    pub bytes: u64,
    /// Every type that has an object.
    pub types: Vec<TypeTotal>,
}

/// What there is of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeTotal {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Objects.
    pub count: u64,
    /// Their shallow bytes.
    pub bytes: u64,
    /// Shallow bytes of one object on average, rounded down.
    pub average: u64,
}

/// What types are sorted by, greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TopOrder {
    /// Shallow bytes, then count.
    #[default]
    Bytes,
    /// Count, then shallow bytes.
    Count,
}

/// Counts a dump, type by type.
pub fn top(snapshot: &Snapshot, order: TopOrder) -> Top {
    let census = snapshot.census();
    let mut types: Vec<TypeTotal> = snapshot
        .types()
        .iter()
        .map(|(key, name)| (name, census.counts[key.index()], census.bytes[key.index()]))
        .filter(|&(_, count, _)| count > 0)
        .map(|(name, count, bytes)| TypeTotal {
            type_name: name.clone(),
            count,
            bytes,
            average: bytes / count,
        })
        .collect();
    types.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    match order {
        TopOrder::Bytes => types.sort_by_key(|row| Reverse((row.bytes, row.count))),
        TopOrder::Count => types.sort_by_key(|row| Reverse((row.count, row.bytes))),
    }
    Top {
        objects: types.iter().map(|row| row.count).sum(),
        bytes: types
            .iter()
            .fold(0, |sum, row| sum.saturating_add(row.bytes)),
        types,
    }
}
