//! What keeps every object of the last dump alive: the search whose chains name the suspects.
//!
//! Modules, interpreter and static memory come first, then threads and their frames. So a chain begins at a frame only if
//! nothing that lasts longer reaches the object: it is kept alive by the frame alone.

use memdump_format::{ObjectId, ReadError, RootKind};

use crate::graph::{Graph, Reached, Search, Start, Ways, search_from_native, search_garbage};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

/// Which objects are kept alive by what.
pub(super) struct Held<'g> {
    pub(super) search: Search<'g>,
    /// Only by threads and their frames.
    pub(super) only_frames: ObjectSet,
    /// Only by native code.
    pub(super) only_native: ObjectSet,
    /// By nothing: the collector has not come yet.
    pub(super) unreachable: ObjectSet,
}

impl<'g> Held<'g> {
    /// Bytes of memory per object.
    pub(super) const MEMORY: u64 = 9;

    pub(super) fn new(
        snapshot: &Snapshot,
        graph: &'g Graph,
        progress: &dyn Progress,
    ) -> Result<Held<'g>, ReadError> {
        progress.stage("searching from the roots", 0);
        let mut search = Search::new(&graph.forward);
        let lasting = |kind| {
            matches!(
                kind,
                RootKind::Module | RootKind::Interpreter | RootKind::Static
            )
        };
        let of_threads = |kind| matches!(kind, RootKind::Thread | RootKind::Frame);
        search.run(Start::Root, graph.roots.objects(lasting), &Ways::all());
        let rest = unreached(snapshot, &search);
        search.run(Start::Root, graph.roots.objects(of_threads), &Ways::all());
        let (only_frames, rest) = divide(snapshot, &search, &rest);
        search_from_native(snapshot, graph, &mut search, &Ways::all(), progress)?;
        let (only_native, unreachable) = divide(snapshot, &search, &rest);
        search_garbage(snapshot, &mut search, progress);
        Ok(Held {
            search,
            only_frames,
            only_native,
            unreachable,
        })
    }

    /// The object at the beginning of the chain to each of the chosen: the first that is held directly. As many steps are
    /// taken as there are objects on the chains, not more.
    pub(super) fn beginnings<'h>(
        &'h self,
        chosen: &'h ObjectSet,
    ) -> impl Iterator<Item = (ObjectId, ObjectId)> + 'h {
        let mut known: std::collections::HashMap<ObjectId, ObjectId, foldhash::fast::RandomState> =
            Default::default();
        let mut way = Vec::new();
        chosen.iter().map(move |id| {
            let mut at = id;
            let beginning = loop {
                if let Some(&beginning) = known.get(&at) {
                    break beginning;
                }
                way.push(at);
                match self.search.reached(at) {
                    Reached::From(parent) => at = parent,
                    Reached::Held(_) | Reached::Not => break at,
                }
            };
            for passed in way.drain(..) {
                known.insert(passed, beginning);
            }
            (id, beginning)
        })
    }
}

fn unreached(snapshot: &Snapshot, search: &Search<'_>) -> ObjectSet {
    let rest = ObjectSet::new(snapshot.id_limit());
    for id in snapshot.ids().filter(|&id| !search.is_reached(id)) {
        rest.insert(id);
    }
    rest
}

/// Of `rest`: what has been reached, and what has not.
fn divide(snapshot: &Snapshot, search: &Search<'_>, rest: &ObjectSet) -> (ObjectSet, ObjectSet) {
    let [yes, no] = [(); 2].map(|()| ObjectSet::new(snapshot.id_limit()));
    for id in rest.iter() {
        if search.is_reached(id) {
            yes.insert(id);
        } else {
            no.insert(id);
        }
    }
    (yes, no)
}
