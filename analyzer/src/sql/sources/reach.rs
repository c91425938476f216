//! The search as columns: how far each object is, through which object, and from what.

use memdump_format::{ObjectId, ReadError};

use crate::graph::{
    Graph, Reached, RootFilter, Search, Shortest, Ways, search_from_native, search_from_roots,
    search_garbage,
};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};

/// What an object's chain begins at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Held {
    Root,
    Native,
    Garbage,
}

impl Held {
    /// As SQL says it.
    pub(in crate::sql) fn text(self) -> &'static str {
        match self {
            Held::Root => "root",
            Held::Native => "native",
            Held::Garbage => "garbage",
        }
    }
}

/// How far each object is from what holds it, and through which object: 8 bytes each, and 2 bits.
pub(crate) struct Reach {
    shortest: Shortest,
    from_roots: ObjectSet,
    alive: ObjectSet,
}

impl Reach {
    pub(super) fn search(
        snapshot: &Snapshot,
        graph: &Graph,
        progress: &dyn Progress,
    ) -> Result<Reach, ReadError> {
        let ways = Ways::all();
        let mut search = search_from_roots(graph, RootFilter::Any, &ways, progress);
        let from_roots = reached(&search, snapshot);
        search_from_native(snapshot, graph, &mut search, &ways, progress)?;
        let alive = reached(&search, snapshot);
        search_garbage(snapshot, &mut search, progress);
        Ok(Reach {
            shortest: search.into_shortest(),
            from_roots,
            alive,
        })
    }

    /// The shortest way to every object.
    pub(crate) fn shortest(&self) -> &Shortest {
        &self.shortest
    }

    /// References on the shortest chain; none for what is no object.
    pub(in crate::sql) fn distance(&self, id: ObjectId) -> Option<u32> {
        self.shortest.distance(id)
    }

    /// The object before it on that chain.
    pub(in crate::sql) fn parent(&self, id: ObjectId) -> Option<ObjectId> {
        match self.shortest.reached(id) {
            Reached::From(parent) => Some(parent),
            Reached::Held(_) | Reached::Not => None,
        }
    }

    /// What the chain begins at; none for what is no object.
    pub(in crate::sql) fn held(&self, id: ObjectId) -> Option<Held> {
        self.distance(id).map(|_| {
            if self.from_roots.contains(id) {
                Held::Root
            } else if self.alive.contains(id) {
                Held::Native
            } else {
                Held::Garbage
            }
        })
    }
}

fn reached(search: &Search<'_>, snapshot: &Snapshot) -> ObjectSet {
    let set = ObjectSet::new(snapshot.id_limit());
    for id in snapshot.ids().filter(|&id| search.is_reached(id)) {
        set.insert(id);
    }
    set
}
