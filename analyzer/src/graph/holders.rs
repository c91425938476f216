//! What holds the objects that no root explains: native code, or nothing.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use memdump_format::{ObjectId, ReadError, RootKind};
use rayon::prelude::*;

use super::build::Graph;
use super::forward::NO_TARGET;
use super::roots::RootFilter;
use super::search::{Search, Start, Ways};
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// The first phase of the search: from the precise roots of the admitted kinds.
pub fn search_from_roots<'g, F>(
    graph: &'g Graph,
    from: RootFilter,
    ways: &Ways<F>,
    progress: &dyn Progress,
) -> Search<'g>
where
    F: Fn(ObjectId) -> bool + Sync,
{
    progress.stage("searching from the roots", 0);
    let mut search = Search::new(&graph.forward);
    let precise = |kind| kind != RootKind::Native && from.admits(kind);
    search.run(Start::Root, graph.roots.objects(precise), ways);
    search
}

/// The second phase: from what native code holds.
pub fn search_from_native<F>(
    snapshot: &Snapshot,
    graph: &Graph,
    search: &mut Search<'_>,
    ways: &Ways<F>,
    progress: &dyn Progress,
) -> Result<(), ReadError>
where
    F: Fn(ObjectId) -> bool + Sync,
{
    progress.stage("searching from native code", 0);
    // Native roots that the dump names come before those that only a count betrays.
    let named = graph.roots.objects(|kind| kind == RootKind::Native);
    search.run(Start::Root, named, ways);
    let held = native_holders(snapshot, graph, |id| search.is_reached(id))?;
    search.run(Start::Native, held, ways);
    Ok(())
}

/// The last phase, after which every object is reached: what only the collector could still free, from the lowest ids.
///
/// It may follow only searches that took every way; else it would call garbage what is merely avoided.
pub fn search_garbage(snapshot: &Snapshot, search: &mut Search<'_>, progress: &dyn Progress) {
    progress.stage("searching what is unreachable", 0);
    search.run_from_rest(&Ways::all(), |id| snapshot.is_object(id));
}

/// All phases: how far every object is from what holds it, and through which object.
pub fn search_everything<'g>(
    snapshot: &Snapshot,
    graph: &'g Graph,
    progress: &dyn Progress,
) -> Result<Search<'g>, ReadError> {
    let ways = Ways::all();
    let mut search = search_from_roots(graph, RootFilter::Any, &ways, progress);
    search_from_native(snapshot, graph, &mut search, &ways, progress)?;
    search_garbage(snapshot, &mut search, progress);
    Ok(search)
}

/// Of the objects that were not reached: those which the runtime counts more references to than objects and roots have.
/// Something that the dump does not show holds them.
pub(super) fn native_holders(
    snapshot: &Snapshot,
    graph: &Graph,
    is_reached: impl Fn(ObjectId) -> bool + Sync,
) -> Result<Vec<ObjectId>, ReadError> {
    let mut found: Vec<AtomicU32> = Vec::new();
    found.resize_with(snapshot.id_limit(), AtomicU32::default);
    graph.forward.all_targets().par_iter().for_each(|&target| {
        // Only what is unreached is asked for; most is reached, and counting it would cost a write.
        if target != NO_TARGET && !is_reached(target) {
            found[target.index()].fetch_add(1, Relaxed);
        }
    });
    for object in graph.roots.objects(|_| true) {
        found[object.index()].fetch_add(1, Relaxed);
    }
    let counted = snapshot.refcounts()?;
    Ok(snapshot
        .ids()
        .filter(|&id| !is_reached(id))
        .filter(|&id| counted[id.index()] > found[id.index()].load(Relaxed))
        .collect())
}
