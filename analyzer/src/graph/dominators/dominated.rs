//! The dominator tree from above: from a dominator to all that it immediately dominates.

use memdump_format::ObjectId;

use crate::graph::forward::NO_TARGET;

/// What each object immediately dominates, and what no object does.
pub struct Dominated {
    /// Where each object's begin, and behind the last where those without a dominator do; one more than that.
    offsets: Vec<u32>,
    /// By dominator, each in rising order.
    objects: Vec<ObjectId>,
}

impl Dominated {
    /// Counting sort of the objects by dominator.
    pub(super) fn new(dominators: &[ObjectId], is_object: impl Fn(ObjectId) -> bool) -> Dominated {
        let top = dominators.len();
        let place = |dominator: ObjectId| match dominator {
            NO_TARGET => top,
            dominator => dominator.index(),
        };
        let pairs = || {
            let ids = (0..top as u32).map(ObjectId).zip(dominators);
            ids.filter(|&(id, _)| is_object(id))
        };
        // Counts go two places further up, so that filling a row moves its begin to where the next one's belongs.
        let mut offsets = vec![0_u32; top + 3];
        for (_, &dominator) in pairs() {
            offsets[place(dominator) + 2] += 1;
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut objects = vec![NO_TARGET; offsets[top + 2] as usize];
        for (id, &dominator) in pairs() {
            let offset = &mut offsets[place(dominator) + 1];
            objects[*offset as usize] = id;
            *offset += 1;
        }
        offsets.pop();
        Dominated { offsets, objects }
    }

    /// The objects whose dominator this is, in rising order; with `None` those that no single object keeps alive.
    pub fn by(&self, dominator: Option<ObjectId>) -> &[ObjectId] {
        let at = dominator.map_or(self.offsets.len() - 2, ObjectId::index);
        &self.objects[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_what_its_object_dominates() {
        // 3 is no object.
        let dominators = [u32::MAX, 0, 4, u32::MAX, u32::MAX, 0].map(ObjectId);
        let below = Dominated::new(&dominators, |id| id != ObjectId(3));
        let by = |dominator: Option<u32>| -> Vec<u32> {
            let row = below.by(dominator.map(ObjectId));
            row.iter().map(|id| id.0).collect()
        };
        assert_eq!(by(None), [0, 4]);
        assert_eq!(by(Some(0)), [1, 5]);
        assert_eq!(by(Some(4)), [2]);
        assert!(by(Some(5)).is_empty());
    }

    #[test]
    fn an_empty_heap_has_an_empty_tree() {
        assert_eq!(Dominated::new(&[], |_| true).by(None), []);
    }
}
