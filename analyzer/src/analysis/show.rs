//! One object: what it is, what it refers to, what refers to it, and what keeps it alive.

use memdump_format::{
    Address, ObjectFlags, ObjectId, ReadError, ReferenceBatch, ReferenceColumns, Strength,
};
use rayon::prelude::*;
use serde::Serialize;

use super::chain::{Chain, Holder, chains_of};
use super::label_text::label_text;
use super::{AnalysisError, ObjectRow, json_form};
use crate::graph::{
    DominatorTree, Graph, Paths, RootFilter, Ways, label_paths, search_from_native,
    search_from_roots, search_garbage,
};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

/// One object and its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRow,
    /// Whether the runtime's collector tracks it.
    pub tracked: bool,
    /// Whether it lies in static memory.
    pub is_static: bool,
    /// Bytes that would be freed if it were: its own, and those of everything that is kept alive only through it.
    pub retained: u64,
    /// The nearest object that alone keeps it alive; none if no single object does.
    pub dominator: Option<ObjectRow>,
    /// The roots that hold it.
    pub roots: Vec<Holder>,
    /// The shortest chain to it.
    pub chain: Chain,
    /// What it refers to, in the order of its references.
    pub references: Neighbours,
    /// What refers to it, in the order of the dump.
    pub referrers: Neighbours,
}

/// Objects at the other end of references.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Neighbours {
    /// How many references there are.
    pub total: u64,
    /// They themselves; fewer than `total` if a limit was given.
    pub listed: Vec<Neighbour>,
}

/// A reference and the object at its other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// What the reference is called.
    pub label: String,
    /// Whether it keeps its target alive.
    pub strong: bool,
    /// Where the object lies.
    #[serde(serialize_with = "json_form::address")]
    pub address: Address,
    /// What it is; none where the dump has no object at the address.
    #[serde(rename = "type")]
    pub type_name: Option<TypeName>,
    /// Its shallow size in bytes.
    pub size: Option<u64>,
    /// What it held, as the dump tells it; left out where that tells nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Describes the object at `address`; of its neighbours at most `limit` on each side.
pub fn show(
    snapshot: &Snapshot,
    address: Address,
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<Shown, AnalysisError> {
    let id = snapshot
        .index()
        .find(address)
        .ok_or_else(|| AnalysisError::NoSuchObject {
            file: snapshot.path().display().to_string(),
            address,
        })?;
    progress.memory(DominatorTree::memory(snapshot));
    let graph = Graph::build(snapshot, progress)?;
    let object = ObjectRow::read(snapshot, &[id])?.remove(0);
    let (dominator, retained) = dominance(snapshot, &graph, id, progress)?;
    let ends = ends(snapshot, id, address, progress)?;
    let roots = graph
        .roots
        .of(id)
        .map(|root| Holder::of_root(snapshot, root));
    let flags = snapshot.objects(&[id])?[0].flags;
    Ok(Shown {
        object,
        tracked: flags.contains(ObjectFlags::TRACKED),
        is_static: flags.contains(ObjectFlags::STATIC),
        retained,
        dominator,
        roots: roots.collect::<Result<_, _>>()?,
        chain: chain(snapshot, &graph, id, progress)?,
        references: neighbours(snapshot, ends.references, limit)?,
        referrers: neighbours(snapshot, ends.referrers, limit)?,
    })
}

/// The object's dominator, and what it retains.
fn dominance(
    snapshot: &Snapshot,
    graph: &Graph,
    id: ObjectId,
    progress: &dyn Progress,
) -> Result<(Option<ObjectRow>, u64), ReadError> {
    let tree = DominatorTree::new(snapshot, graph, progress)?;
    let dominator = tree
        .dominator(id)
        .map(|dominator| ObjectRow::read(snapshot, &[dominator]))
        .transpose()?;
    Ok((dominator.map(|mut rows| rows.remove(0)), tree.retained(id)))
}

fn chain(
    snapshot: &Snapshot,
    graph: &Graph,
    id: ObjectId,
    progress: &dyn Progress,
) -> Result<Chain, ReadError> {
    let ways = Ways::all();
    let mut search = search_from_roots(graph, RootFilter::Any, &ways, progress);
    if !search.is_reached(id) {
        search_from_native(snapshot, graph, &mut search, &ways, progress)?;
    }
    if !search.is_reached(id) {
        search_garbage(snapshot, &mut search, progress);
    }
    let mut paths = Paths::to(&search, [id]);
    label_paths(snapshot, graph, &mut paths, progress)?;
    let node = paths
        .node_of(id)
        .expect("every object is reached in the end");
    Ok(chains_of(snapshot, graph, &paths, RootFilter::Any, &[node])?.remove(0))
}

#[derive(Clone, Copy)]
struct End {
    label: memdump_format::Label,
    strength: Strength,
    other: Other,
}

#[derive(Clone, Copy)]
enum Other {
    /// A target may be no object.
    At(Address),
    Object(ObjectId),
}

#[derive(Default)]
struct Ends {
    references: Vec<End>,
    referrers: Vec<End>,
}

/// Both ends of the object's references, weak ones too. Labels are decoded only where there is one.
fn ends(
    snapshot: &Snapshot,
    id: ObjectId,
    address: Address,
    progress: &dyn Progress,
) -> Result<Ends, ReadError> {
    let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
    progress.stage("looking for referrers", blocks.len() as u64);
    let found: Vec<Ends> = blocks
        .par_iter()
        .map_init(ReferenceBatch::default, |batch, block| {
            progress.advance(1);
            block.decode(ReferenceColumns::TARGETS, batch)?;
            let is_source = batch.groups.iter().any(|group| group.source == id);
            if !is_source && !batch.targets.contains(&address) {
                return Ok(Ends::default());
            }
            block.decode(ReferenceColumns::TARGETS | ReferenceColumns::LABELS, batch)?;
            Ok(ends_in(batch, snapshot, id, address))
        })
        .collect::<Result<_, ReadError>>()?;
    Ok(found.into_iter().fold(Ends::default(), |mut all, part| {
        all.references.extend(part.references);
        all.referrers.extend(part.referrers);
        all
    }))
}

fn ends_in(batch: &ReferenceBatch, snapshot: &Snapshot, id: ObjectId, address: Address) -> Ends {
    let mut ends = Ends::default();
    let mut number = 0;
    for group in &batch.groups {
        for _ in 0..group.count {
            let target = batch.targets[number];
            let end = |other| End {
                label: batch.label(number),
                strength: batch.strength(number),
                other,
            };
            if group.source == id {
                ends.references.push(end(Other::At(target)));
            }
            if target == address && snapshot.is_object(group.source) {
                ends.referrers.push(end(Other::Object(group.source)));
            }
            number += 1;
        }
    }
    ends
}

fn neighbours(
    snapshot: &Snapshot,
    ends: Vec<End>,
    limit: Option<usize>,
) -> Result<Neighbours, ReadError> {
    let total = ends.len() as u64;
    let listed = &ends[..limit.unwrap_or(ends.len()).min(ends.len())];
    let id_of = |end: &End| match end.other {
        Other::At(address) => snapshot.index().find(address),
        Other::Object(id) => Some(id),
    };
    let ids: Vec<ObjectId> = listed.iter().filter_map(id_of).collect();
    let mut rows = ObjectRow::read(snapshot, &ids)?.into_iter();
    let listed = listed
        .iter()
        .map(|end| {
            let row = id_of(end).and_then(|_| rows.next());
            Ok(Neighbour {
                label: label_text(snapshot, end.label)?,
                strong: end.strength == Strength::Strong,
                address: match (end.other, &row) {
                    (Other::At(address), _) => address,
                    (_, Some(row)) => row.address,
                    (Other::Object(_), None) => Address(0),
                },
                size: row.as_ref().map(|row| row.size),
                value: row.as_ref().and_then(|row| row.value.clone()),
                type_name: row.map(|row| row.type_name),
            })
        })
        .collect::<Result<_, ReadError>>()?;
    Ok(Neighbours { total, listed })
}
