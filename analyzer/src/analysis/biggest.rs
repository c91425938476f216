//! The objects that keep most alive: the top of the dominator tree.

use std::cmp::Reverse;

use memdump_format::{Address, ObjectId, ReadError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::select::SelectedTypes;
use super::{AnalysisError, ObjectRow, Page, json_form};
use crate::graph::{DominatorTree, Graph};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

/// The objects that retain most.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Dominator {
    /// Where it lay.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
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
    Ok(biggest_of(snapshot, &tree, &types, limit)?)
}

/// The same, where the dominators are known already.
pub(crate) fn biggest_of(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    types: &SelectedTypes,
    limit: Option<usize>,
) -> Result<Biggest, ReadError> {
    let ids = snapshot
        .ids()
        .filter(|&id| types.contains(snapshot.type_of(id)))
        .collect();
    let page = Page::first(limit.unwrap_or(usize::MAX));
    page_of_biggest(snapshot, tree, ids, page)
}

/// Some objects by what they retain; a page of them.
///
/// # Errors
/// If the dump cannot be read.
pub(crate) fn page_of_biggest(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    mut ids: Vec<ObjectId>,
    page: Page,
) -> Result<Biggest, ReadError> {
    let total = ids.len() as u64;
    keep_first(&mut ids, page.end(), |&id| (Reverse(tree.retained(id)), id));
    Ok(Biggest {
        bytes: snapshot
            .census()
            .bytes
            .iter()
            .fold(0, |sum, &bytes| sum.saturating_add(bytes)),
        total,
        objects: rows(snapshot, tree, page.of(&ids))?,
    })
}

/// Sorts by key, and keeps the first `limit`.
fn keep_first<T: Send, K: Ord>(items: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> K + Sync) {
    if limit < items.len() {
        items.select_nth_unstable_by_key(limit, &key);
        items.truncate(limit);
    }
    items.par_sort_unstable_by_key(key);
}

fn rows(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    ids: &[ObjectId],
) -> Result<Vec<Dominating>, ReadError> {
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
