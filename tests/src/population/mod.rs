//! Heaps of any size, like a service's: many small clusters of objects held by registries, and a leak. They are streamed to a file
//! with bounded memory, and the same population can be dumped at two moments.
//!
//! A *cluster* is an instance of one of forty classes with its strings, lists and dict, ten objects in all; a *window* is a thousand
//! clusters and the list that holds them. Clusters refer to clusters of their own window only, so that reference counts are exact
//! although only one window is ever in memory. Between the two moments one cluster in sixteen is freed; half of the new ones take
//! addresses of freed ones.

mod cluster;
mod globals;
mod names;
mod place;
mod walk;

use std::io::{self, Write};

use crate::rng::mix;
use place::{CLUSTERS, ROLES, WINDOW};

const FREED_ONE_IN: u64 = 16;
const CLASSES: u64 = 40;
/// Leaked instances at the first moment.
const LEAKED_BEFORE: u64 = 18;

/// How addresses follow the order in which objects were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As in a fresh heap: they rise, pool by pool.
    Birth,
    /// As in an aged heap: they are scattered.
    Shuffled,
}

/// When the dump is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// First.
    Before,
    /// Later: some clusters are gone, others new, and the leak has grown.
    After,
}

/// A population of objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Population {
    /// How many objects the dump has at the first moment, give or take a cluster. There are some two hundred at least.
    pub objects: u64,
    /// See [`Order`].
    pub order: Order,
    /// Module and name of the type that leaks; one cluster in fifty has a healthy instance of it.
    pub leak: (String, String),
    /// How many instances leak between the two moments. The leak holds 18 at the first.
    pub leaked: u64,
    /// Decides all that is random.
    pub seed: u64,
}

/// How many records a dump has been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Objects.
    pub objects: u64,
    /// References.
    pub references: u64,
}

impl Population {
    /// Streams the dump of one moment.
    pub fn write<W: Write>(&self, moment: Moment, sink: W) -> io::Result<(W, Written)> {
        self.write_of(&[], moment, sink)
    }

    /// Streams the dump of one moment, which says this about itself: keys of the metadata and their values.
    pub fn write_of<W: Write>(
        &self,
        metadata: &[(&str, &str)],
        moment: Moment,
        sink: W,
    ) -> io::Result<(W, Written)> {
        let mut walk = walk::Walk::start(self, moment, sink)?;
        for (key, value) in metadata {
            walk.stream.metadata(key, value);
        }
        walk.prologue()?;
        walk.windows()?;
        walk.leak()?;
        let written = walk.written;
        Ok((walk.stream.finish()?, written))
    }

    fn clusters(&self) -> u64 {
        let fixed = names::Builtin::ALL.len() as u64
            + CLASSES
            + 1
            + names::SHARED_STRINGS
            + names::Global::COUNT
            + 2 * LEAKED_BEFORE;
        let rest = self.objects.saturating_sub(fixed);
        (rest / WINDOW * CLUSTERS + rest % WINDOW / ROLES).max(1)
    }

    fn is_freed(&self, cluster: u64) -> bool {
        mix(self.seed ^ (cluster << 8)).is_multiple_of(FREED_ONE_IN)
    }

    /// Clusters that are born between the two moments: about as many as are freed.
    fn newborn(&self) -> u64 {
        self.clusters() / FREED_ONE_IN
    }

    /// The address of the object in a slot; slots are numbered window by window, the leak's behind them all.
    fn address(&self, slot: u64) -> u64 {
        match self.order {
            Order::Birth => place::HEAP_BASE + place::birth_offset(slot),
            Order::Shuffled => {
                let windows =
                    self.clusters().div_ceil(CLUSTERS) + self.newborn().div_ceil(CLUSTERS);
                let slots = windows * WINDOW + 2 * (LEAKED_BEFORE + self.leaked);
                place::HEAP_BASE + place::scattered(slot, slots, self.seed) * 256
            }
        }
    }
}
