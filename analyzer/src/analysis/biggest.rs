//! The objects that keep most alive: the top of the dominator tree.

use std::cmp::Reverse;

use memdump_format::{Address, ObjectId};
use rayon::prelude::*;
use serde::Serialize;

use super::select::SelectedTypes;
use super::{AnalysisError, ObjectRow, json_form};
use crate::graph::{DominatorTree, Graph};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

/// The objects that retain most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Biggest {
    /// Shallow bytes of all objects of the dump.
    pub bytes: u64,
    /// How many objects were asked for.
    pub total: u64,
    /// They themselves, those that retain most first, and of equal ones in the order of the dump; fewer than `total` if a
    /// limit was given.
    pub objects: Vec<Dominating>,
}

/// An object, and what depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dominating {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRow,
    /// Bytes that would be freed if it were: its own, and those of everything that is kept alive only through it.
    pub retained: u64,
    /// The nearest object that alone keeps it alive; none if no single object does.
    pub dominator: Option<Dominator>,
}

/// The dominator of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dominator {
    /// Where it lay.
    #[serde(serialize_with = "json_form::address")]
    pub address: Address,
    /// What it is.
    #[serde(rename = "type")]
    pub type_name: TypeName,
}

/// Lists the objects of the types that `pattern` means, or of all types, by what they retain; at most `limit`.
pub fn biggest(
    snapshot: &Snapshot,
    pattern: Option<&TypePattern>,
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<Biggest, AnalysisError> {
    let types = match pattern {
        Some(pattern) => SelectedTypes::matching(pattern, snapshot, None)?,
        None => SelectedTypes::all(),
    };
    progress.memory(DominatorTree::memory(snapshot));
    let graph = Graph::build(snapshot, progress)?;
    let tree = DominatorTree::new(snapshot, &graph, progress)?;
    drop(graph);
    let mut ids: Vec<ObjectId> = snapshot
        .ids()
        .filter(|&id| types.contains(snapshot.type_of(id)))
        .collect();
    let total = ids.len() as u64;
    keep_first(&mut ids, limit, |&id| (Reverse(tree.retained(id)), id));
    Ok(Biggest {
        bytes: snapshot
            .census()
            .bytes
            .iter()
            .fold(0, |sum, &bytes| sum.saturating_add(bytes)),
        total,
        objects: rows(snapshot, &tree, &ids)?,
    })
}

/// Sorts by key, and keeps the first `limit`.
fn keep_first<T: Send, K: Ord>(
    items: &mut Vec<T>,
    limit: Option<usize>,
    key: impl Fn(&T) -> K + Sync,
) {
    if let Some(limit) = limit
        && limit < items.len()
    {
        items.select_nth_unstable_by_key(limit, &key);
        items.truncate(limit);
    }
    items.par_sort_unstable_by_key(key);
}

fn rows(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    ids: &[ObjectId],
) -> Result<Vec<Dominating>, AnalysisError> {
    let objects = ObjectRow::read(snapshot, ids)?;
    let dominators: Vec<ObjectId> = ids.iter().filter_map(|&id| tree.dominator(id)).collect();
    let mut dominators = ObjectRow::read(snapshot, &dominators)?.into_iter();
    let row = |(&id, object)| Dominating {
        object,
        retained: tree.retained(id),
        dominator: tree
            .dominator(id)
            .and_then(|_| dominators.next())
            .map(|row| Dominator {
                address: row.address,
                type_name: row.type_name,
            }),
    };
    Ok(ids.iter().zip(objects).map(row).collect())
}
