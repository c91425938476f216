//! A set of objects, one bit each, that many threads can fill at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use memdump_format::ObjectId;

/// A set of objects of one dump.
pub struct ObjectSet {
    words: Vec<AtomicU64>,
}

impl ObjectSet {
    /// An empty set over objects with ids below `objects`.
    pub fn new(objects: usize) -> ObjectSet {
        let mut words = Vec::new();
        words.resize_with(objects.div_ceil(64), AtomicU64::default);
        ObjectSet { words }
    }

    /// Adds an object; tells whether it is new to the set.
    pub fn insert(&self, id: ObjectId) -> bool {
        let bit = 1 << (id.0 % 64);
        self.words[id.index() / 64].fetch_or(bit, Relaxed) & bit == 0
    }

    /// Whether the object is in the set.
    pub fn contains(&self, id: ObjectId) -> bool {
        self.words[id.index() / 64].load(Relaxed) >> (id.0 % 64) & 1 == 1
    }

    /// How many objects are in the set.
    pub fn len(&self) -> usize {
        let ones = |word: &AtomicU64| word.load(Relaxed).count_ones() as usize;
        self.words.iter().map(ones).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.words.iter().enumerate().flat_map(|(number, word)| {
            let mut rest = word.load(Relaxed);
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(ObjectId(number as u32 * 64 + bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_inserted_in_order() {
        let set = ObjectSet::new(200);
        for id in [199, 0, 63, 64, 0] {
            set.insert(ObjectId(id));
        }
        assert!(!set.insert(ObjectId(63)));
        assert!(set.insert(ObjectId(1)));
        let ids: Vec<u32> = set.iter().map(|id| id.0).collect();
        assert_eq!(ids, [0, 1, 63, 64, 199]);
        assert_eq!(set.len(), ids.len());
        assert!(set.contains(ObjectId(64)) && !set.contains(ObjectId(65)));
    }
}
