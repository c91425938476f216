//! Sets of classes, each kept once and known by a number.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// The number of a set.
pub(super) type SetId = u32;

/// The set without a class.
pub(super) const EMPTY: SetId = 0;

/// Room for sets, in classes: some 100 MB. Heaps of programs need a thousandth of it; a dump could be made to need any.
const ROOM: usize = 1 << 24;
/// What a set takes besides its classes, in classes.
const OVERHEAD: usize = 16;
/// Results that are remembered, at most. They are worked out again when they are forgotten.
const REMEMBERED: usize = 1 << 20;

/// The objects' classes are connected in too many ways to tell what each class retains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the types of this heap hold one another in too many ways to tell what each retains; \
     `memdump top --objects` tells what single objects retain"
)]
pub struct TooEntangled;

/// All sets that were met.
pub(super) struct ClassSets {
    sets: Vec<Arc<[u32]>>,
    numbers: HashMap<Arc<[u32]>, SetId, RandomState>,
    room: usize,
    with: HashMap<(SetId, u32), SetId, RandomState>,
    common: HashMap<(SetId, SetId), SetId, RandomState>,
}

impl ClassSets {
    pub(super) fn new() -> ClassSets {
        let empty: Arc<[u32]> = Arc::new([]);
        ClassSets {
            numbers: HashMap::from_iter([(empty.clone(), EMPTY)]),
            sets: vec![empty],
            room: ROOM,
            with: HashMap::default(),
            common: HashMap::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// The classes of a set, in rising order.
    pub(super) fn get(&self, set: SetId) -> &[u32] {
        &self.sets[set as usize]
    }

    /// The set with one class more.
    pub(super) fn with(&mut self, set: SetId, class: u32) -> Result<SetId, TooEntangled> {
        if let Some(&known) = self.with.get(&(set, class)) {
            return Ok(known);
        }
        let of_set = self.get(set);
        let found = match of_set.binary_search(&class) {
            Ok(_) => set,
            Err(at) => {
                let classes = [&of_set[..at], &[class], &of_set[at..]].concat();
                self.number(classes)?
            }
        };
        remember(&mut self.with, (set, class), found);
        Ok(found)
    }

    /// The classes that both have.
    pub(super) fn common(&mut self, a: SetId, b: SetId) -> Result<SetId, TooEntangled> {
        if a == b {
            return Ok(a);
        }
        let key = (a.min(b), a.max(b));
        if let Some(&known) = self.common.get(&key) {
            return Ok(known);
        }
        let (few, many) = if self.get(a).len() < self.get(b).len() {
            (self.get(a), self.get(b))
        } else {
            (self.get(b), self.get(a))
        };
        let in_both = |class: &u32| many.binary_search(class).is_ok();
        let classes = few.iter().copied().filter(in_both).collect();
        let found = self.number(classes)?;
        remember(&mut self.common, key, found);
        Ok(found)
    }

    fn number(&mut self, classes: Vec<u32>) -> Result<SetId, TooEntangled> {
        if let Some(&known) = self.numbers.get(&classes[..]) {
            return Ok(known);
        }
        let need = classes.len() + OVERHEAD;
        self.room = self.room.checked_sub(need).ok_or(TooEntangled)?;
        let number = self.sets.len() as SetId;
        let classes: Arc<[u32]> = classes.into();
        self.sets.push(classes.clone());
        self.numbers.insert(classes, number);
        Ok(number)
    }
}

fn remember<K: Eq + std::hash::Hash>(
    results: &mut HashMap<K, SetId, RandomState>,
    key: K,
    set: SetId,
) {
    if results.len() == REMEMBERED {
        results.clear();
    }
    results.insert(key, set);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_one_number() {
        let mut sets = ClassSets::new();
        let mut set = |classes: &[u32]| {
            classes
                .iter()
                .try_fold(EMPTY, |set, &class| sets.with(set, class))
                .expect("room")
        };
        let (abc, cba, bd, b) = (set(&[1, 2, 3]), set(&[3, 2, 1]), set(&[2, 4]), set(&[2]));
        assert_eq!(abc, cba);
        assert_eq!(sets.common(abc, bd), Ok(b));
        assert_eq!(sets.common(bd, abc), Ok(b));
        assert_eq!(sets.common(abc, EMPTY), Ok(EMPTY));
        assert_eq!(sets.get(abc), [1, 2, 3]);
    }

    #[test]
    fn there_is_an_end_to_the_room() {
        let mut sets = ClassSets::new();
        let mut set = EMPTY;
        let outcome = (0..100_000).try_for_each(|class| {
            set = sets.with(set, class)?;
            Ok(())
        });
        assert_eq!(outcome, Err(TooEntangled));
    }
}
