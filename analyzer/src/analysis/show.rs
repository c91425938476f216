//! One object: what it is, what it refers to, what refers to it, and what keeps it alive.

use memdump_format::{
    Address, ObjectFlags, ObjectId, ReadError, ReferenceBatch, ReferenceColumns, Strength,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::chain::{Chain, Holder, Searched, chains_of};
use super::label_text::label_text;
use super::{AnalysisError, ObjectRow, Page, json_form};
use crate::graph::{
    DominatorTree, Graph, Paths, Referrers, RootFilter, Ways, label_paths, search_from_native,
    search_from_roots, search_garbage,
};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

/// One object and its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Neighbours {
    /// How many references there are.
    pub total: u64,
    /// They themselves; fewer than `total` if a limit was given.
    pub listed: Vec<Neighbour>,
}

/// A reference and the object at its other end.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Neighbour {
    /// What the reference is called.
    pub label: String,
    /// Whether it keeps its target alive.
    pub strong: bool,
    /// Where the object lies.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
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
    let id = object_at(snapshot, address)?;
    progress.memory(DominatorTree::memory(snapshot));
    let graph = Graph::build(snapshot, progress)?;
    let tree = DominatorTree::new(snapshot, &graph, progress)?;
    let dominance = dominance(snapshot, &tree, id)?;
    drop(tree);
    // All references are read once for this object: an index of them would take as long, and more memory.
    let ends = ends(snapshot, id, address, progress)?;
    let page = Page::first(limit.unwrap_or(usize::MAX));
    let listed = |ends: Vec<End>| -> Result<Neighbours, ReadError> {
        Ok(Neighbours {
            total: ends.len() as u64,
            listed: neighbours(snapshot, page.of(&ends))?,
        })
    };
    let (references, referrers) = (listed(ends.references)?, listed(ends.referrers)?);
    let paths = path_to(snapshot, &graph, id, progress)?;
    let object = One {
        snapshot,
        graph: &graph,
        id,
    };
    object.shown(dominance, paths, references, referrers, progress)
}

/// What objects are looked at with, where many of them are: of the whole heap, made once.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The graph and the ways through it.
    pub searched: Searched<'a>,
    /// Dominators and retained sizes.
    pub tree: &'a DominatorTree,
    /// From objects to the references that lead to them.
    pub referrers: &'a Referrers,
}

/// Which of an object's neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What it refers to.
    References,
    /// What refers to it.
    Referrers,
}

/// As [`show`], with what is known already; of the neighbours a page on each side.
///
/// # Errors
/// No object lies there; the dump cannot be read.
pub fn show_in(
    around: Surroundings<'_>,
    address: Address,
    page: Page,
    progress: &dyn Progress,
) -> Result<Shown, AnalysisError> {
    let Searched {
        snapshot,
        graph,
        shortest,
    } = around.searched;
    let id = object_at(snapshot, address)?;
    let object = One {
        snapshot,
        graph,
        id,
    };
    let dominance = dominance(snapshot, around.tree, id)?;
    let references = neighbours_of(around, id, Side::References, page)?;
    let referrers = neighbours_of(around, id, Side::Referrers, page)?;
    let paths = Paths::along(shortest, [id]);
    object.shown(dominance, paths, references, referrers, progress)
}

/// A page of the neighbours of the object at `address`.
///
/// # Errors
/// No object lies there; the dump cannot be read.
pub fn neighbours_in(
    around: Surroundings<'_>,
    address: Address,
    side: Side,
    page: Page,
) -> Result<Neighbours, AnalysisError> {
    let id = object_at(around.searched.snapshot, address)?;
    Ok(neighbours_of(around, id, side, page)?)
}

/// The object that begins at an address.
pub(crate) fn object_at(snapshot: &Snapshot, address: Address) -> Result<ObjectId, AnalysisError> {
    let found = snapshot.index().find(address);
    found.ok_or_else(|| AnalysisError::NoSuchObject {
        file: snapshot.path().display().to_string(),
        address,
    })
}

/// The object's dominator, and what it retains.
struct Dominance {
    dominator: Option<ObjectRow>,
    retained: u64,
}

fn dominance(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    id: ObjectId,
) -> Result<Dominance, ReadError> {
    let dominator = tree
        .dominator(id)
        .map(|dominator| ObjectRow::read(snapshot, &[dominator]))
        .transpose()?;
    Ok(Dominance {
        dominator: dominator.map(|mut rows| rows.remove(0)),
        retained: tree.retained(id),
    })
}

/// The object in question.
struct One<'a> {
    snapshot: &'a Snapshot,
    graph: &'a Graph,
    id: ObjectId,
}

impl One<'_> {
    fn shown(
        &self,
        dominance: Dominance,
        mut paths: Paths,
        references: Neighbours,
        referrers: Neighbours,
        progress: &dyn Progress,
    ) -> Result<Shown, AnalysisError> {
        let One {
            snapshot,
            graph,
            id,
        } = *self;
        label_paths(snapshot, graph, &mut paths, progress)?;
        let node = paths
            .node_of(id)
            .expect("every object is reached in the end");
        let roots = graph
            .roots
            .of(id)
            .map(|root| Holder::of_root(snapshot, root));
        let flags = snapshot.objects(&[id])?[0].flags;
        Ok(Shown {
            object: ObjectRow::read(snapshot, &[id])?.remove(0),
            tracked: flags.contains(ObjectFlags::TRACKED),
            is_static: flags.contains(ObjectFlags::STATIC),
            retained: dominance.retained,
            dominator: dominance.dominator,
            roots: roots.collect::<Result<_, _>>()?,
            chain: chains_of(snapshot, graph, &paths, RootFilter::Any, &[node])?.remove(0),
            references,
            referrers,
        })
    }
}

/// Searches no further than the object.
fn path_to(
    snapshot: &Snapshot,
    graph: &Graph,
    id: ObjectId,
    progress: &dyn Progress,
) -> Result<Paths, ReadError> {
    let ways = Ways::all();
    let mut search = search_from_roots(graph, RootFilter::Any, &ways, progress);
    if !search.is_reached(id) {
        search_from_native(snapshot, graph, &mut search, &ways, progress)?;
    }
    if !search.is_reached(id) {
        search_garbage(snapshot, &mut search, progress);
    }
    Ok(Paths::to(&search, [id]))
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

/// A page of an object's neighbours, by the numbers of the references between them. Only the blocks that hold one are decoded.
fn neighbours_of(
    around: Surroundings<'_>,
    id: ObjectId,
    side: Side,
    page: Page,
) -> Result<Neighbours, ReadError> {
    let Searched {
        snapshot, graph, ..
    } = around.searched;
    let source_of = |number: usize| ObjectId(graph.forward.sources(&(number..number + 1)).start);
    let (total, numbers): (usize, Vec<usize>) = match side {
        Side::References => {
            let row = graph.forward.row(id);
            let numbers = row.clone().skip(page.offset).take(page.limit);
            (row.len(), numbers.collect())
        }
        Side::Referrers => {
            // Of several objects with one address only the first is one.
            let is_objects = |&number: &usize| snapshot.is_object(source_of(number));
            let all = around.referrers.of(id).iter();
            let all: Vec<usize> = all
                .map(|&number| number as usize)
                .filter(is_objects)
                .collect();
            (all.len(), page.of(&all).to_vec())
        }
    };
    let block_of = |number: usize| graph.blocks().partition_point(|span| span.end <= number);
    let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
    let wanted: Vec<&[usize]> = numbers
        .chunk_by(|&a, &b| block_of(a) == block_of(b))
        .collect();
    let ends: Vec<Vec<End>> = wanted
        .par_iter()
        .map_init(ReferenceBatch::default, |batch, numbers| {
            let block = block_of(numbers[0]);
            let begin = graph.blocks()[block].start;
            blocks[block].decode(ReferenceColumns::TARGETS | ReferenceColumns::LABELS, batch)?;
            let end = |&number: &usize| End {
                label: batch.label(number - begin),
                strength: batch.strength(number - begin),
                other: match side {
                    Side::References => Other::At(batch.targets[number - begin]),
                    Side::Referrers => Other::Object(source_of(number)),
                },
            };
            Ok(numbers.iter().map(end).collect())
        })
        .collect::<Result<_, ReadError>>()?;
    Ok(Neighbours {
        total: total as u64,
        listed: neighbours(snapshot, &ends.concat())?,
    })
}

fn neighbours(snapshot: &Snapshot, ends: &[End]) -> Result<Vec<Neighbour>, ReadError> {
    let id_of = |end: &End| match end.other {
        Other::At(address) => snapshot.index().find(address),
        Other::Object(id) => Some(id),
    };
    let ids: Vec<ObjectId> = ends.iter().filter_map(id_of).collect();
    let mut rows = ObjectRow::read(snapshot, &ids)?.into_iter();
    ends.iter()
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
        .collect()
}
