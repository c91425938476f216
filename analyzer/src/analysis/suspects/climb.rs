//! Upwards in the dominator tree, to the nearest object that answers. No object is climbed over twice, so that a list a
//! million long costs a million steps.

use memdump_format::ObjectId;

use crate::graph::DominatorTree;

const UNKNOWN: u32 = u32::MAX;
/// No dominator answers.
const NONE: u32 = u32::MAX - 1;

pub(super) struct Climb<'t, F> {
    tree: &'t DominatorTree,
    /// What an object itself answers: a number, or that there is no use in going on.
    answer: F,
    known: Vec<u32>,
}

/// What an object says to one that climbs.
pub(super) enum Answer {
    /// This is it. The number is below that of objects.
    Here(u32),
    /// It is in vain.
    Nowhere,
    /// Further up.
    Above,
}

impl<'t, F: Fn(ObjectId) -> Answer> Climb<'t, F> {
    pub(super) fn new(tree: &'t DominatorTree, objects: usize, answer: F) -> Self {
        Climb {
            tree,
            answer,
            known: vec![UNKNOWN; objects],
        }
    }

    /// What the object itself, or else its nearest dominator that does, answers.
    pub(super) fn from(&mut self, id: ObjectId) -> Option<u32> {
        let mut way = Vec::new();
        let mut at = id;
        let found = loop {
            match self.known[at.index()] {
                UNKNOWN => {}
                known => break known,
            }
            match (self.answer)(at) {
                Answer::Here(number) => break number,
                Answer::Nowhere => break NONE,
                Answer::Above => {}
            }
            way.push(at);
            match self.tree.dominator(at) {
                Some(dominator) => at = dominator,
                None => break NONE,
            }
        };
        for passed in way {
            self.known[passed.index()] = found;
        }
        (found != NONE).then_some(found)
    }
}
