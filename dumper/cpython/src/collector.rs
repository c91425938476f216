//! The collector's rings of tracked objects.

use crate::layout::{CollectorState, stable};
use crate::memory::{Frozen, Obj};

/// Where the collector keeps its state: the head of generation 0's ring, and what else lies where from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collector {
    generation_0: usize,
    state: CollectorState,
}

/// The links of a ring carry flags in their lowest bits.
const LINK: usize = !3;

impl Collector {
    /// From a list that was made just now and is therefore the youngest of generation 0; `garbage` and `callbacks` are
    /// `gc.garbage` and `gc.callbacks`, which prove the place together with the rings.
    pub(crate) fn find(
        heap: Frozen,
        state: CollectorState,
        fresh: Obj,
        garbage: Obj,
        callbacks: Obj,
    ) -> Option<Collector> {
        let generation_0 = heap.word(fresh.0 - stable::GC_HEAD) & LINK;
        let found = Collector {
            generation_0,
            state,
        };
        let proven = generation_0 != 0
            && heap.object(generation_0 + state.garbage) == garbage
            && heap.object(generation_0 + state.callbacks) == callbacks
            && found.heads().all(|head| is_ring(heap, head));
        proven.then_some(found)
    }

    /// Whether a collection was going on (a finalizer let another thread run).
    pub(crate) fn is_collecting(&self, heap: Frozen) -> bool {
        heap.u32(self.generation_0 + self.state.collecting) != 0
    }

    /// The rings, the one to begin with last: frozen objects, then from the oldest generation to the youngest.
    pub(crate) fn rings(&self, heap: Frozen) -> Vec<Ring> {
        self.heads().map(|head| Ring::new(heap, head)).collect()
    }

    /// The heads of the rings of generations 0, 1, 2 (in 3.14 before 3.14.5: the young objects, and two halves of the old ones) and of
    /// the permanent one.
    fn heads(&self) -> impl Iterator<Item = usize> + use<> {
        let generation_0 = self.generation_0;
        (0..stable::GENERATIONS)
            .map(|n| n * stable::GENERATION_STRIDE)
            .chain([self.state.permanent])
            .map(move |offset| generation_0 + offset)
    }
}

/// Whether what the head links to links back.
fn is_ring(heap: Frozen, head: usize) -> bool {
    let next = heap.word(head) & LINK;
    next != 0 && heap.word(next + 8) & LINK == head
}

/// One generation, and how far the walk has come in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ring {
    head: usize,
    next: usize,
}

impl Ring {
    fn new(heap: Frozen, head: usize) -> Ring {
        Ring {
            head,
            next: heap.word(head) & LINK,
        }
    }

    /// The next object. Its link is read before it is given, so that a fault inside of it does not end the ring.
    pub(crate) fn next(&mut self, heap: Frozen) -> Option<Obj> {
        if self.next == self.head || self.next == 0 {
            return None;
        }
        let link = self.next;
        self.next = heap.word(link) & LINK;
        Some(Obj(link + stable::GC_HEAD))
    }
}
