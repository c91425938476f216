//! What keeps objects of a type alive: the shortest chain to each of them, grouped by shape.

mod classify;
mod names;
mod shape;
mod told;

use std::cmp::Reverse;

use memdump_format::{ObjectId, ReadError};
use schemars::JsonSchema;
use serde::Serialize;

use self::classify::{Classified, classify};
use self::shape::{By, LabelShape};
pub use self::told::{Chain, ChainStep, Holder, HolderKind, chains_of};
use super::AnalysisError;
use super::identity::Identity;
use super::new_objects::{follow, new_of_types, require_one_process};
use super::select::SelectedTypes;
use super::timeline::Timeline;
use crate::graph::{
    Graph, Paths, RootFilter, Search, Shortest, Ways, label_paths, search_from_native,
    search_from_roots, search_garbage,
};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot, TypeKey, TypeName};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ChainQuestion {
    /// Objects of which types are to be explained.
    pub pattern: TypePattern,
    /// At which roots chains may begin.
    pub from: RootFilter,
    /// No chain may lead through an object of these types.
    pub avoid: Vec<TypePattern>,
    /// No chain may have more references than this.
    pub max_depth: Option<u32>,
    /// No more shapes than this are described; all are counted.
    pub limit: Option<usize>,
}

impl ChainQuestion {
    fn limits(&self) -> Limits<'_> {
        Limits {
            from: self.from,
            avoid: &self.avoid,
            max_depth: self.max_depth,
            groups: self.limit,
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Explained {
    /// What the objects were chosen by.
    pub pattern: String,
    /// How new objects were told from old ones; none if every object was asked for.
    pub identity: Option<Identity>,
    /// The distinct types that were asked about and have objects among the chosen.
    pub types: Vec<TypeName>,
    /// How many objects were asked about.
    pub objects: u64,
    /// How many of them a chain within the question's limits leads to.
    pub explained: u64,
    /// How many shapes their chains have.
    pub shapes: u64,
    /// Their chains by shape, the most frequent first; fewer than `shapes` if a limit was given.
    pub groups: Vec<ShapeGroup>,
}

/// Objects whose chains have one shape.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ShapeGroup {
    /// How many they are.
    pub count: u64,
    /// What holds the first object of each.
    pub holder: HolderShape,
    /// The steps, from the object that is held to the one that was asked for.
    pub steps: Vec<ShapeStep>,
    /// The chain to the first of them.
    pub example: Chain,
}

/// What holders of one shape have in common.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct HolderShape {
    /// Their kind.
    pub kind: HolderKind,
    /// What they are called.
    pub name: Option<String>,
    /// How they hold the object.
    pub label: String,
}

/// What chains of one shape have in common.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ChainShape {
    /// What holds the first object of each.
    pub holder: HolderShape,
    /// The steps, from the object that is held.
    pub steps: Vec<ShapeStep>,
}

/// A step of a shape.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ShapeStep {
    /// How the object before refers to it, positions and numerous keys as `[*]`; empty for the first.
    pub label: String,
    /// What it is.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// How many steps, up to this one, recur one or more times; 0 if none.
    pub recurring: u8,
}

const CURE: &str = "`--all` explains every object of the later dump";

/// Explains the new objects: those of `after` that `before` does not have.
pub fn explain_new(
    before: Snapshot,
    after: &Snapshot,
    question: &ChainQuestion,
    progress: &dyn Progress,
) -> Result<Explained, AnalysisError> {
    let timeline = Timeline::of([before.dump(), after.dump()])?;
    let identity = require_one_process(&timeline, CURE)?;
    let types = SelectedTypes::matching(&question.pattern, after, Some(&before))?;
    let chosen = new_of_types(&before, after, &types, progress)?;
    // The search needs the room.
    drop(before);
    explain(after, question, chosen, Some(identity), progress)
}

/// Explains, in the last of `dumps`, the objects that were born between the first two and have been in all since.
///
/// # Errors
/// Those of the iterator; the dumps are not of one process; a dump cannot be read; no type matches.
pub fn explain_new_that_stay<E: From<AnalysisError>>(
    dumps: impl IntoIterator<Item = Result<Snapshot, E>>,
    question: &ChainQuestion,
    progress: &dyn Progress,
) -> Result<Explained, E> {
    let stayed = follow(dumps, Some(&question.pattern), CURE, progress)?;
    let identity = Some(stayed.identity);
    Ok(explain(
        &stayed.last,
        question,
        stayed.ids,
        identity,
        progress,
    )?)
}

/// Explains every object of the types.
pub fn explain_all(
    snapshot: &Snapshot,
    question: &ChainQuestion,
    progress: &dyn Progress,
) -> Result<Explained, AnalysisError> {
    let types = SelectedTypes::matching(&question.pattern, snapshot, None)?;
    let of_types = |&id: &ObjectId| types.contains(snapshot.type_of(id));
    let chosen = snapshot.ids().filter(of_types).collect();
    explain(snapshot, question, chosen, None, progress)
}

/// Explains objects of several types at once, in a graph that is there already: of each the new ones, told from old ones in this way, or all.
/// Types without such objects are left out.
///
/// # Errors
/// The dump cannot be read.
pub fn explain_types(
    new: Option<(Identity, ObjectSet)>,
    after: &Snapshot,
    graph: &Graph,
    types: &[TypeName],
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<Vec<Explained>, AnalysisError> {
    let (identity, new) = new.unzip();
    let is_meant = |id: &ObjectId| new.as_ref().is_none_or(|new| new.contains(*id));
    let chosen = types.iter().map(|name| {
        let key = after.types().iter().find(|(_, known)| *known == name);
        let key = key.map_or(TypeKey::NONE, |(key, _)| key);
        let of_type = |id: &ObjectId| after.type_of(*id) == key;
        Chosen {
            pattern: name.to_string(),
            ids: after.ids().filter(of_type).filter(is_meant).collect(),
        }
    });
    let mut chosen: Vec<Chosen> = chosen.collect();
    chosen.retain(|chosen| !chosen.ids.is_empty());
    let limits = Limits {
        from: RootFilter::Any,
        avoid: &[],
        max_depth: None,
        groups: limit,
    };
    explain_in(after, graph, &limits, &chosen, identity, progress)
}

/// The heap as a graph, with the shortest way to every object: what is made once where many questions are asked.
#[derive(Clone, Copy)]
pub struct Searched<'a> {
    /// The objects.
    pub snapshot: &'a Snapshot,
    /// Their references.
    pub graph: &'a Graph,
    /// The ways of a search through everything.
    pub shortest: &'a Shortest,
}

/// What is known of the new objects of a dump.
pub struct New<'a> {
    /// The dump that does not have them.
    pub before: &'a Snapshot,
    /// How they were told from old ones.
    pub identity: Identity,
    /// They themselves, in the later dump.
    pub objects: &'a ObjectSet,
}

/// Explains the objects of the question's types, or of these the new ones, with what is known already.
///
/// # Errors
/// The dump cannot be read; no type matches.
pub fn explain_searched(
    searched: Searched<'_>,
    question: &ChainQuestion,
    new: Option<New<'_>>,
    progress: &dyn Progress,
) -> Result<Explained, AnalysisError> {
    let Searched {
        snapshot,
        graph,
        shortest,
    } = searched;
    let before = new.as_ref().map(|new| new.before);
    let types = SelectedTypes::matching(&question.pattern, snapshot, before)?;
    let is_asked = |&id: &ObjectId| {
        types.contains(snapshot.type_of(id))
            && new.as_ref().is_none_or(|new| new.objects.contains(id))
    };
    let chosen = [Chosen {
        pattern: question.pattern.to_string(),
        ids: snapshot.ids().filter(is_asked).collect(),
    }];
    let identity = new.map(|new| new.identity);
    let limits = question.limits();
    let paths = match limits.take_all_ways() {
        true => Paths::along(shortest, chosen[0].ids.iter().copied()),
        false => paths_to(snapshot, graph, &limits, &chosen, progress)?,
    };
    let mut answers = grouped(snapshot, graph, &limits, &chosen, paths, identity, progress)?;
    Ok(answers.pop().expect("one answer for one question"))
}

/// Bytes of memory that it takes to explain so many objects: snapshot, graph, search, and the chains.
fn memory(snapshot: &Snapshot, chosen: usize) -> u64 {
    /// A node of [`Paths`], most of the chosen objects having one of their own, and what it is sorted by.
    const NODE: u64 = 40;
    Graph::memory(snapshot)
        .saturating_add(Search::memory(snapshot))
        .saturating_add(chosen as u64 * NODE)
}

fn explain(
    snapshot: &Snapshot,
    question: &ChainQuestion,
    chosen: Vec<ObjectId>,
    identity: Option<Identity>,
    progress: &dyn Progress,
) -> Result<Explained, AnalysisError> {
    let chosen = Chosen {
        pattern: question.pattern.to_string(),
        ids: chosen,
    };
    if chosen.ids.is_empty() {
        return Ok(chosen.unexplained(snapshot, identity));
    }
    progress.memory(memory(snapshot, chosen.ids.len()));
    let graph = Graph::build(snapshot, progress)?;
    let chosen = [chosen];
    let mut answers = explain_in(
        snapshot,
        &graph,
        &question.limits(),
        &chosen,
        identity,
        progress,
    )?;
    Ok(answers.pop().expect("one answer for one question"))
}

/// Objects that are explained together.
struct Chosen {
    /// What they were chosen by.
    pattern: String,
    /// In rising order.
    ids: Vec<ObjectId>,
}

impl Chosen {
    fn unexplained(&self, snapshot: &Snapshot, identity: Option<Identity>) -> Explained {
        Explained {
            pattern: self.pattern.clone(),
            identity,
            types: types_of(snapshot, &self.ids),
            objects: self.ids.len() as u64,
            explained: 0,
            shapes: 0,
            groups: Vec::new(),
        }
    }
}

/// What limits chains, whatever is explained; see [`ChainQuestion`].
struct Limits<'q> {
    from: RootFilter,
    avoid: &'q [TypePattern],
    max_depth: Option<u32>,
    groups: Option<usize>,
}

impl Limits<'_> {
    /// Whether an object that no chain leads to is garbage.
    fn take_all_ways(&self) -> bool {
        self.from == RootFilter::Any && self.avoid.is_empty() && self.max_depth.is_none()
    }
}

/// Explains what was chosen, by one search for all.
fn explain_in(
    snapshot: &Snapshot,
    graph: &Graph,
    limits: &Limits<'_>,
    chosen: &[Chosen],
    identity: Option<Identity>,
    progress: &dyn Progress,
) -> Result<Vec<Explained>, AnalysisError> {
    let paths = paths_to(snapshot, graph, limits, chosen, progress)?;
    grouped(snapshot, graph, limits, chosen, paths, identity, progress)
}

/// Searches the ways to what was chosen.
fn paths_to(
    snapshot: &Snapshot,
    graph: &Graph,
    limits: &Limits<'_>,
    chosen: &[Chosen],
    progress: &dyn Progress,
) -> Result<Paths, ReadError> {
    let all = || chosen.iter().flat_map(|chosen| chosen.ids.iter().copied());
    let avoided = SelectedTypes::any_of(limits.avoid, snapshot);
    let ways = Ways {
        through: |id| !avoided.contains(snapshot.type_of(id)),
        max_distance: limits.max_depth.unwrap_or(u32::MAX),
    };
    let mut search = search_from_roots(graph, limits.from, &ways, progress);
    // Most leaks hang on a module: only what does not costs more searching.
    let missing = |search: &Search<'_>| all().any(|id| !search.is_reached(id));
    if limits.from == RootFilter::Any && missing(&search) {
        search_from_native(snapshot, graph, &mut search, &ways, progress)?;
        if limits.take_all_ways() && missing(&search) {
            search_garbage(snapshot, &mut search, progress);
        }
    }
    Ok(Paths::to(&search, all()))
}

/// Groups the chains by shape, and tells them.
fn grouped(
    snapshot: &Snapshot,
    graph: &Graph,
    limits: &Limits<'_>,
    chosen: &[Chosen],
    mut paths: Paths,
    identity: Option<Identity>,
    progress: &dyn Progress,
) -> Result<Vec<Explained>, AnalysisError> {
    label_paths(snapshot, graph, &mut paths, progress)?;
    progress.stage("grouping chains", 0);
    let classified = classify(snapshot, graph, &paths, limits.from)?;
    let answers = chosen.iter().map(|chosen| {
        let mut answer = chosen.unexplained(snapshot, identity.clone());
        let groups = group(&paths, &classified, &chosen.ids);
        answer.explained = groups.iter().map(|group| group.count).sum();
        answer.shapes = groups.len() as u64;
        let told = &groups[..limits.groups.unwrap_or(groups.len()).min(groups.len())];
        let firsts: Vec<u32> = told.iter().map(|group| group.first).collect();
        let examples = chains_of(snapshot, graph, &paths, limits.from, &firsts)?;
        answer.groups = told
            .iter()
            .zip(examples)
            .map(|(group, example)| {
                let (holder, steps) = describe(snapshot, &classified, group.shape);
                ShapeGroup {
                    count: group.count,
                    holder,
                    steps,
                    example,
                }
            })
            .collect();
        Ok(answer)
    });
    answers.collect()
}

/// The shapes of the chains to all nodes of the paths, and for each node the number of its shape.
pub(super) fn shapes_of(
    snapshot: &Snapshot,
    graph: &Graph,
    paths: &Paths,
) -> Result<(Vec<ChainShape>, Vec<u32>), ReadError> {
    let classified = classify(snapshot, graph, paths, RootFilter::Any)?;
    let mut number_of = vec![None; classified.shapes.len()];
    let mut shapes = Vec::new();
    let of_node = classified.shape_of.iter().map(|&shape| {
        *number_of[shape.index()].get_or_insert_with(|| {
            let (holder, steps) = describe(snapshot, &classified, shape);
            shapes.push(ChainShape { holder, steps });
            shapes.len() as u32 - 1
        })
    });
    let of_node = of_node.collect();
    Ok((shapes, of_node))
}

fn types_of(snapshot: &Snapshot, chosen: &[ObjectId]) -> Vec<TypeName> {
    let mut present = vec![false; snapshot.types().len()];
    for &id in chosen {
        present[snapshot.type_of(id).index()] = true;
    }
    let mut names: Vec<TypeName> = snapshot
        .types()
        .iter()
        .filter(|(key, _)| present[key.index()])
        .map(|(_, name)| name.clone())
        .collect();
    names.sort();
    names
}

struct Group {
    shape: shape::ShapeId,
    count: u64,
    /// The node of the first object in the order of the dump.
    first: u32,
}

/// Counts the chosen objects by shape, the most frequent first.
fn group(paths: &Paths, classified: &Classified<'_>, chosen: &[ObjectId]) -> Vec<Group> {
    let mut group_of = vec![None; classified.shapes.len()];
    let mut groups: Vec<Group> = Vec::new();
    for &id in chosen {
        let Some(node) = paths.node_of(id) else {
            continue;
        };
        let shape = classified.shape_of[node as usize];
        let number = *group_of[shape.index()].get_or_insert_with(|| {
            groups.push(Group {
                shape,
                count: 0,
                first: node,
            });
            groups.len() - 1
        });
        groups[number].count += 1;
    }
    // Equally frequent ones stay in the order of the dump.
    groups.sort_by_key(|group| Reverse(group.count));
    groups
}

fn describe(
    snapshot: &Snapshot,
    classified: &Classified<'_>,
    shape: shape::ShapeId,
) -> (HolderShape, Vec<ShapeStep>) {
    let text = |label: LabelShape| match label {
        LabelShape::Literal(name) => classified.names.text(name).to_owned(),
        LabelShape::AnyItem => "[*]".to_owned(),
        LabelShape::AnyKeyObject => "<key *>".to_owned(),
        LabelShape::AnyStack => "<stack *>".to_owned(),
    };
    let mut holder = HolderShape {
        kind: HolderKind::Unreachable,
        name: None,
        label: String::new(),
    };
    let mut steps = Vec::new();
    for (step, recurring) in classified.shapes.steps(shape) {
        let label = match step.by {
            By::Reference(label) => text(label),
            By::Unnamed(start) => {
                holder.kind = Holder::unnamed(start).kind;
                String::new()
            }
            By::Root { kind, name, label } => {
                holder.kind = kind.into();
                holder.name = name.map(|name| classified.names.text(name).to_owned());
                holder.label = text(label);
                String::new()
            }
        };
        steps.push(ShapeStep {
            label,
            type_name: snapshot.types().name(step.type_key).clone(),
            recurring,
        });
    }
    (holder, steps)
}
