//! The threads of a dump: where they stand, and what the variables of their calls hold.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use memdump_format::{ObjectId, ReadError, Root, RootKind, StringId};
use serde::Serialize;

use super::ObjectRow;
use super::label_text::label_text;
use crate::graph::DominatorTree;
use crate::snapshot::Snapshot;

/// The threads of a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Threads {
    /// How many there are.
    pub total: u64,
    /// They themselves, those whose variables' objects retain most first; fewer than `total` if a limit was given.
    pub threads: Vec<Thread>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Thread {
    /// What it is called.
    pub name: String,
    /// Bytes that would be freed if the objects of all its variables were, one by one. What several of them share is not in it; whether
    /// something else holds them is not asked.
    pub retained: u64,
    /// Its calls, the innermost first.
    pub frames: Vec<Frame>,
    /// How many further callers are not listed.
    pub more_frames: u64,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function and its file.
    pub function: String,
    /// The line that was being executed.
    pub line: Option<u32>,
    /// What its variables hold, what retains most first.
    pub variables: Vec<Variable>,
    /// How many further variables are not listed.
    pub more_variables: u64,
}

/// A variable of a call, or a place of its stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// `<local req>`; empty where it has no name.
    pub label: String,
    /// The object that it holds.
    #[serde(flatten)]
    pub object: ObjectRow,
    /// What would be freed with that object, in bytes.
    pub retained: u64,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadBounds {
    /// No more threads than this.
    pub threads: usize,
    /// No more calls of each.
    pub frames: usize,
    /// No more variables of each call.
    pub variables: usize,
}

/// Describes the threads of a dump.
pub fn threads(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    bounds: ThreadBounds,
) -> Result<Threads, ReadError> {
    let mut records = snapshot.dump().roots()?;
    // A class whose first object is found in a frame is written between that frame's records.
    records.retain(|root| matches!(root.kind, RootKind::Frame | RootKind::Thread));
    // A name may be written more than once: equal ones get the first one's id.
    let mut known: HashMap<String, StringId, RandomState> = HashMap::default();
    for thread in records.iter_mut().filter_map(|root| root.thread.as_mut()) {
        let name = snapshot.text(*thread)?.into_owned();
        *thread = *known.entry(name).or_insert(*thread);
    }
    let mut stacks = stacks(&records);
    let total = stacks.len() as u64;
    let retained = |stack: &&[Root]| retained(snapshot, tree, stack);
    // In the order of the dump where they retain the same.
    stacks.sort_by_cached_key(|stack| Reverse(retained(stack)));
    stacks.truncate(bounds.threads);
    let told = stacks.iter().map(|stack| {
        let all: Vec<&[Root]> = stack.chunk_by(|a, b| a.depth == b.depth).collect();
        let listed = &all[..all.len().min(bounds.frames)];
        let frames = listed
            .iter()
            .map(|&frame| told_frame(snapshot, tree, frame, bounds.variables));
        Ok(Thread {
            name: text(snapshot, stack[0].thread)?,
            retained: retained(stack),
            frames: frames.collect::<Result<_, ReadError>>()?,
            more_frames: (all.len() - listed.len()) as u64,
        })
    });
    Ok(Threads {
        total,
        threads: told.collect::<Result<_, ReadError>>()?,
    })
}

/// The records of each thread. A thread's calls follow one another from depth 0 on, with one or more records each; several threads may
/// have one name.
fn stacks(records: &[Root]) -> Vec<&[Root]> {
    let is_frame = |root: &Root| root.kind == RootKind::Frame && root.thread.is_some();
    records
        .chunk_by(|a, b| is_frame(a) && is_frame(b) && a.thread == b.thread && a.depth <= b.depth)
        .filter(|stack| is_frame(&stack[0]))
        .collect()
}

/// Whatever a root holds, nothing dominates: no byte is counted twice.
fn retained(snapshot: &Snapshot, tree: &DominatorTree, stack: &[Root]) -> u64 {
    let held: BTreeSet<ObjectId> = stack
        .iter()
        .filter_map(|root| snapshot.index().find(root.target))
        .collect();
    held.into_iter()
        .fold(0, |sum, id| sum.saturating_add(tree.retained(id)))
}

fn told_frame(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    frame: &[Root],
    most: usize,
) -> Result<Frame, ReadError> {
    let mut held: Vec<(ObjectId, &Root)> = frame
        .iter()
        .filter_map(|root| Some((snapshot.index().find(root.target)?, root)))
        .collect();
    held.sort_by_key(|&(id, _)| Reverse(tree.retained(id)));
    let more_variables = held.len().saturating_sub(most) as u64;
    held.truncate(most);
    let ids: Vec<ObjectId> = held.iter().map(|&(id, _)| id).collect();
    let rows = ObjectRow::read(snapshot, &ids)?;
    let variables = held.iter().zip(rows).map(|(&(id, root), object)| {
        Ok(Variable {
            label: label_text(snapshot, root.label)?,
            object,
            retained: tree.retained(id),
        })
    });
    Ok(Frame {
        function: text(snapshot, frame[0].name)?,
        line: (frame[0].line > 0).then_some(frame[0].line),
        variables: variables.collect::<Result<_, ReadError>>()?,
        more_variables,
    })
}

fn text(snapshot: &Snapshot, id: Option<StringId>) -> Result<String, ReadError> {
    match id {
        Some(id) => Ok(snapshot.text(id)?.into_owned()),
        None => Ok("unknown".to_owned()),
    }
}
