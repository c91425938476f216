//! Since which dump each object of the last dump has been there.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use memdump_format::ObjectId;

use crate::snapshot::ObjectSet;

/// In none of the earlier dumps.
const NEW: u8 = u8::MAX;

/// For each object of the last dump, the first dump from which on it was in all.
///
/// An object that a dump lacks was gone, and what lies at its address later is another. That makes the ages of long-lived
/// objects surer than a comparison of two dumps could: an address would have to be reused by the same type each time.
pub(super) struct Ages {
    since: Vec<AtomicU8>,
    /// What the dump before had.
    before: ObjectSet,
    now: ObjectSet,
    dump: usize,
}

impl Ages {
    pub(super) fn new(objects: usize) -> Ages {
        let mut since = Vec::new();
        since.resize_with(objects, || AtomicU8::new(NEW));
        Ages {
            since,
            before: ObjectSet::new(objects),
            now: ObjectSet::new(objects),
            dump: 0,
        }
    }

    /// Bytes of memory per object.
    pub(super) const MEMORY: u64 = 2;

    /// Begins with an earlier dump, later than all before it.
    pub(super) fn begin(&mut self, dump: usize) {
        self.dump = dump;
        let emptied = ObjectSet::new(self.since.len());
        self.before = std::mem::replace(&mut self.now, emptied);
    }

    /// The dump that was begun with has the object.
    pub(super) fn note(&self, id: ObjectId) {
        self.now.insert(id);
        if !self.before.contains(id) {
            // More dumps than fit are told as one.
            let dump = self.dump.min(usize::from(NEW - 1)) as u8;
            self.since[id.index()].store(dump, Relaxed);
        }
    }

    /// After the last of the earlier dumps: what this one lacks is new.
    pub(super) fn finish(&mut self) {
        for (id, since) in (0..).map(ObjectId).zip(&self.since) {
            if !self.now.contains(id) {
                since.store(NEW, Relaxed);
            }
        }
    }

    /// The first dump from which on all have the object; none if only the last one does.
    pub(super) fn of(&self, id: ObjectId) -> Option<usize> {
        match self.since[id.index()].load(Relaxed) {
            NEW => None,
            since => Some(since.into()),
        }
    }

    /// Whether the object was there in a dump already, and ever since.
    pub(super) fn was_in(&self, id: ObjectId, dump: usize) -> bool {
        usize::from(self.since[id.index()].load(Relaxed)) <= dump
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_was_away_is_another() {
        let mut ages = Ages::new(4);
        for (dump, has) in [vec![0, 1, 2], vec![0, 2], vec![0, 1]].iter().enumerate() {
            ages.begin(dump);
            for &id in has {
                ages.note(ObjectId(id));
            }
        }
        ages.finish();
        let told: Vec<_> = (0..4).map(|id| ages.of(ObjectId(id))).collect();
        assert_eq!(told, [Some(0), Some(2), None, None]);
        assert!(ages.was_in(ObjectId(0), 1) && !ages.was_in(ObjectId(1), 1));
        assert!(!ages.was_in(ObjectId(3), 250));
    }
}
