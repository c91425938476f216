//! The verdict: what leaks, who holds it, how fast, how sure; what looked like it and is none; and what else keeps memory in
//! an unusual way.
//!
//! The last dump gets a graph; of the earlier ones only the containers that grew are looked at. A suspicion begins at the
//! place, not at the type: a container that has more members than it had, and it is named by the type of these. So one
//! leak is one suspect, however many types its objects consist of.

mod accumulations;
mod ages;
mod climb;
mod clock;
mod commands;
mod containers;
mod describe;
mod duplicates;
mod garbage;
mod held;
mod judge;
mod linked;
mod look;
mod names;
mod notes;
mod relocate;
mod replaced;
mod result;
mod survey;
mod threads;

pub use result::{
    Acquittal, Cleared, Confidence, Memory, Note, NoteKind, NotePart, Place, Reason, Suspect,
    SuspectKind, Suspects, Taken,
};

use std::borrow::Borrow;
use std::cell::OnceCell;
use std::sync::Arc;

use memdump_format::{Dump, ObjectId, ReadError};

use self::accumulations::{Accumulation, Unexplained, accumulations, borne_out, unite};
use self::ages::Ages;
use self::commands::Commands;
pub(crate) use self::commands::quoted;
use self::describe::Describe;
use self::held::Held;
use self::judge::Judgement;
use self::look::Look;
use self::names::Named;
use self::survey::{Survey, survey};
use super::AnalysisError;
use super::identity::Identity;
use crate::graph::{DominatorTree, Graph};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

/// Judges a series of dumps, given in order of time. With one dump only what needs no growth is told.
///
/// # Errors
/// A dump cannot be read, or is too large.
pub fn suspects<D: Into<Arc<Dump>>>(
    last: D,
    earlier: Vec<D>,
    progress: &dyn Progress,
) -> Result<Suspects, AnalysisError> {
    let last: Arc<Dump> = last.into();
    let earlier: Vec<Arc<Dump>> = earlier.into_iter().map(Into::into).collect();
    let snapshot = Snapshot::load(last, progress)?;
    progress.memory(memory(&snapshot, &earlier));
    let graph = Graph::build(&snapshot, progress)?;
    let made = OnceCell::new();
    let tree = || {
        let tree = DominatorTree::new(&snapshot, &graph, progress)?;
        Ok(made.get_or_init(|| tree))
    };
    let load = |number: usize| Ok(Snapshot::load(Arc::clone(&earlier[number]), progress)?);
    suspects_in(&snapshot, &graph, tree, &earlier, load, progress)
}

/// The same, for who knows the last dump's graph, and can use more of what it takes. The dominators of the last dump are asked for once, after
/// the earlier dumps, which need the room; of these each is loaded once, by its number.
///
/// # Errors
/// A dump cannot be read.
pub fn suspects_in<'t, L: Borrow<Snapshot>>(
    snapshot: &Snapshot,
    graph: &Graph,
    tree: impl FnOnce() -> Result<&'t DominatorTree, ReadError>,
    earlier: &[Arc<Dump>],
    load: impl FnMut(usize) -> Result<L, AnalysisError>,
    progress: &dyn Progress,
) -> Result<Suspects, AnalysisError> {
    let identity = match earlier.first() {
        Some(first) => Identity::between(first, snapshot.dump())?,
        None => Identity::ByAddress,
    };
    let Survey {
        clock,
        ages,
        candidates,
        threads,
        type_counts,
    } = survey(snapshot, graph, earlier, load, progress)?;
    let held = Held::new(snapshot, graph, progress)?;
    let look = Look {
        snapshot,
        graph,
        held: &held,
        ages: &ages,
        clock: &clock,
    };
    let tree = tree()?;
    progress.stage("judging", 0);
    let ids = candidates.found.iter().map(|candidate| candidate.id);
    let named = Named::new(snapshot, graph, &held.search, ids, progress)?;
    let all = accumulations(&look, &named, &candidates.found, tree);
    let explained = explained(snapshot, &all);
    let (accused, rest): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|a| look.is_noteworthy(a.growth, a.weight))
        .partition(|a| matches!(a.judgement, Judgement::Suspect { .. }));
    let crowds = threads::crowds(&clock, &threads);
    let accused = unite(&look, without_threads(&look, accused, &crowds)?);
    let mut unexplained = Unexplained::new(&look, &type_counts);
    let accused = borne_out(&look, accused, &mut unexplained);
    let rest = unite(&look, rest);
    let garbage = garbage::garbage(&look)?;
    for &id in garbage.iter().flat_map(|kind| &kind.new) {
        unexplained.take(snapshot.type_of(id), 1);
    }
    let linked = linked::linked(&look, tree, &explained, &type_counts, &unexplained);
    let commands = Commands::new(&clock);
    let through_tracebacks = ["chain", "--all", "--type", "traceback"];
    let (tracebacks, kept_by_tracebacks) =
        notes::only_tracebacks(&look, vec![commands.of_last(&through_tracebacks)], progress)?;
    let describe = Describe {
        look: &look,
        tree,
        threads: &threads,
        commands: &commands,
        kept_by_tracebacks: kept_by_tracebacks.as_ref(),
        progress,
    };
    let suspects = describe.suspects(&accused, &linked, &garbage, &crowds)?;
    let replaced = replaced::replaced(&look, &candidates.found);
    let cleared = describe.cleared(&rest, &replaced)?;
    let mut notes = vec![
        notes::unreachable(&look, &garbage, commands.garbage(&look, &garbage)),
        notes::only_frames(
            &look,
            &threads,
            vec![commands.of_last(&["top", "--retained"])],
        )?,
        tracebacks,
        notes::only_native(&look, vec![commands.of_last(&["top", "--retained"])])?,
        describe.half_empty()?,
        duplicates::duplicates(&look, |example| {
            let example = snapshot.objects(&[example])?;
            let shown = example.iter().map(|object| commands.show(object.address));
            Ok(shown.chain([commands.duplicates()]).collect())
        })?,
    ];
    // What is a suspect need not be told once more.
    if suspects.iter().any(|s| s.kind == SuspectKind::Cycles) {
        notes[0] = None;
    }
    Ok(Suspects {
        identity,
        series: clock.taken(),
        memory: describe.memory(&suspects),
        suspects,
        cleared,
        notes: notes.into_iter().flatten().collect(),
    })
}

/// Bytes of memory: the last dump with its graph, ages, search and dominators; and the largest of the earlier dumps with the
/// lengths of its groups. Paths take 4 per object, too.
pub(crate) fn memory(last: &Snapshot, earlier: &[Arc<Dump>]) -> u64 {
    const EARLIER: u64 = 9 + 4 + 1;
    let objects = last.dump().counts().objects;
    let of_earlier = earlier.iter().map(|dump| dump.counts().objects).max();
    let own = objects.saturating_mul(Ages::MEMORY + Held::MEMORY + 4);
    DominatorTree::memory(last)
        .saturating_add(own)
        .saturating_add(duplicates::memory(last))
        .saturating_add(of_earlier.unwrap_or(0).saturating_mul(EARLIER))
}

/// The new members of all accumulations, whatever the judgement, and their containers.
fn explained(snapshot: &Snapshot, all: &[Accumulation]) -> ObjectSet {
    let explained = ObjectSet::new(snapshot.id_limit());
    for accumulation in all {
        for &id in accumulation.members.iter().chain(&accumulation.containers) {
            explained.insert(id);
        }
    }
    explained
}

/// Leaves out tables of threads, where the threads themselves are told: whoever starts a thread adds to these.
fn without_threads(
    look: &Look<'_>,
    accused: Vec<Accumulation>,
    crowds: &[threads::Crowd],
) -> Result<Vec<Accumulation>, AnalysisError> {
    if crowds.is_empty() {
        return Ok(accused);
    }
    let of_frames = ObjectSet::new(look.snapshot.id_limit());
    for root in look.snapshot.dump().roots()? {
        let Some(thread) = root.thread else {
            continue;
        };
        let thread = look.snapshot.text(thread)?;
        if crowds.iter().any(|crowd| crowd.names.contains(&*thread))
            && let Some(id) = look.snapshot.index().find(root.target)
        {
            of_frames.insert(id);
            // A thread object's lock and event lie in its attributes.
            within(look, id, &of_frames);
        }
    }
    let is_of_threads = |id: &&ObjectId| of_frames.contains(**id);
    let of_threads = |a: &Accumulation| {
        !a.members.is_empty()
            && a.members.iter().filter(is_of_threads).count() * 2 >= a.members.len()
    };
    Ok(accused.into_iter().filter(|a| !of_threads(a)).collect())
}

/// Adds the new objects not more than two references away.
fn within(look: &Look<'_>, id: ObjectId, set: &ObjectSet) {
    let mut level = vec![id];
    for _ in 0..2 {
        let targets = level.iter().flat_map(|&id| look.graph.forward.targets(id));
        let new = |&id: &ObjectId| id != crate::graph::NO_TARGET && !look.is_old(id);
        level = targets.copied().filter(new).collect();
        for &id in &level {
            set.insert(id);
        }
    }
}
