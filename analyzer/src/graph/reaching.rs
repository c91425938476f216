//! In which order objects are begun at, so that every one is reached: first from roots, then from native code, then from
//! what only the collector could still free.

use memdump_format::{ObjectId, ReadError, RootKind};

use super::build::Graph;
use super::holders::native_holders;
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// Something that goes through the graph from objects that are held from outside of the heap.
pub(super) trait Reaching: Sync {
    /// These are held; some may be reached already, or named twice. Goes on until nothing more is reached.
    fn hold(&mut self, held: &[ObjectId]);

    /// Whether the object was reached.
    fn is_reached(&self, id: ObjectId) -> bool;

    /// From here on everything is garbage. What garbage refers to and was reached before is not held by it.
    fn begin_garbage(&mut self);
}

/// Reaches every object, in the order in which the search for chains does: precise roots, native holders, and then the
/// lowest id that is left, each with what it reaches.
pub(super) fn reach_everything(
    snapshot: &Snapshot,
    graph: &Graph,
    reaching: &mut impl Reaching,
    progress: &dyn Progress,
) -> Result<(), ReadError> {
    let roots = |native: bool| -> Vec<ObjectId> {
        let wanted = |kind| (kind == RootKind::Native) == native;
        graph.roots.objects(wanted).collect()
    };
    reaching.hold(&roots(false));
    progress.stage("going on from native code", 0);
    reaching.hold(&roots(true));
    let held = native_holders(snapshot, graph, |id| reaching.is_reached(id))?;
    reaching.hold(&held);
    progress.stage("going on from what is unreachable", 0);
    reaching.begin_garbage();
    for id in snapshot.ids() {
        if !reaching.is_reached(id) {
            reaching.hold(&[id]);
        }
    }
    Ok(())
}
