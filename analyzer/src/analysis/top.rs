//! Types by count, by shallow bytes and by what they retain.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::AnalysisError;
use crate::graph::{Graph, RetainedByClass};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey, TypeName};

/// What a dump consists of.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Top {
    /// All objects.
    pub objects: u64,
    /// Their shallow bytes.
    pub bytes: u64,
    /// Every type that has an object.
    pub types: Vec<TypeTotal>,
}

/// What there is of one type.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
    /// Bytes that would be freed if all objects of the type were: of everything that is kept alive only through one of
    /// them. Bytes count for each type that they need, so the sum over types is more than all bytes. None unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained: Option<u64>,
}

/// What types are sorted by, greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TopOrder {
    /// Shallow bytes, then count.
    #[default]
    Bytes,
    /// Count, then shallow bytes.
    Count,
    /// Retained bytes, then shallow bytes.
    Retained,
}

/// Counts a dump, type by type.
pub fn top(snapshot: &Snapshot, order: TopOrder) -> Top {
    top_with(snapshot, order, None)
}

/// Counts a dump, type by type, and tells what each type retains.
pub fn top_retained(
    snapshot: &Snapshot,
    order: TopOrder,
    progress: &dyn Progress,
) -> Result<Top, AnalysisError> {
    progress.memory(RetainedByClass::memory(snapshot));
    let graph = Graph::build(snapshot, progress)?;
    top_retained_of(snapshot, &graph, order, progress)
}

/// The same, where the graph is there already.
pub(crate) fn top_retained_of(
    snapshot: &Snapshot,
    graph: &Graph,
    order: TopOrder,
    progress: &dyn Progress,
) -> Result<Top, AnalysisError> {
    let class_of = |id| match snapshot.type_of(id) {
        TypeKey::NONE => None,
        key => Some(key.index() as u32),
    };
    let retained =
        RetainedByClass::new(snapshot, graph, snapshot.types().len(), class_of, progress)
            .map_err(|error| AnalysisError::of_retention(error, snapshot))?;
    Ok(top_with(snapshot, order, Some(&retained.bytes)))
}

/// Counts a dump, type by type, where it may be known what each type retains, by its key.
pub fn top_with(snapshot: &Snapshot, order: TopOrder, retained: Option<&[u64]>) -> Top {
    let census = snapshot.census();
    let mut types: Vec<TypeTotal> = snapshot
        .types()
        .iter()
        .map(|(key, name)| (key.index(), name))
        .filter(|&(key, _)| census.counts[key] > 0)
        .map(|(key, name)| TypeTotal {
            type_name: name.clone(),
            count: census.counts[key],
            bytes: census.bytes[key],
            average: census.bytes[key] / census.counts[key],
            retained: retained.map(|retained| retained[key]),
        })
        .collect();
    types.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    match order {
        TopOrder::Bytes => types.sort_by_key(|row| Reverse((row.bytes, row.count))),
        TopOrder::Count => types.sort_by_key(|row| Reverse((row.count, row.bytes))),
        TopOrder::Retained => types.sort_by_key(|row| Reverse((row.retained, row.bytes))),
    }
    Top {
        objects: types.iter().map(|row| row.count).sum(),
        bytes: types
            .iter()
            .fold(0, |sum, row| sum.saturating_add(row.bytes)),
        types,
    }
}
