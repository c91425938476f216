//! The collector's rings of tracked objects.

use crate::layout::stable;
use crate::memory::{Frozen, Obj};

/// Where the collector keeps its state: the head of generation 0's ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Collector {
    generation_0: usize,
}

/// The links of a ring carry flags in their lowest bits.
const LINK: usize = !3;

impl Collector {
    /// From a list that was made just now and is therefore the youngest of generation 0; `garbage` and `callbacks` are
    /// `gc.garbage` and `gc.callbacks`, which prove the place.
    pub(crate) fn find(
        heap: Frozen,
        fresh: Obj,
        garbage: Obj,
        callbacks: Obj,
    ) -> Option<Collector> {
        let generation_0 = heap.word(fresh.0 - stable::GC_HEAD) & LINK;
        let proven = generation_0 != 0
            && heap.word(generation_0 + stable::GENERATION_0_POINTER) == generation_0
            && heap.object(generation_0 + stable::GARBAGE) == garbage
            && heap.object(generation_0 + stable::CALLBACKS) == callbacks;
        proven.then_some(Collector { generation_0 })
    }

    /// Whether a collection was going on (a finalizer let another thread run).
    pub(crate) fn is_collecting(&self, heap: Frozen) -> bool {
        heap.u32(self.generation_0 + stable::COLLECTING) != 0
    }

    /// The rings, the one to begin with last: frozen objects, then from the oldest generation to the youngest.
    pub(crate) fn rings(&self, heap: Frozen) -> Vec<Ring> {
        let generations = (0..stable::GENERATIONS).map(|n| n * stable::GENERATION_STRIDE);
        generations
            .chain([stable::PERMANENT_GENERATION])
            .map(|offset| Ring::new(heap, self.generation_0 + offset))
            .collect()
    }
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
