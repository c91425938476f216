//! The types met so far, by address.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use memdump_format::TypeId;

use super::Class;
use crate::known::Known;
use crate::memory::{Frozen, Obj};

/// Types seen so far, numbered as they come. They are never given back: the snapshot process ends soon enough.
#[derive(Default)]
pub(crate) struct Classes {
    by_address: AddressMap<&'static Class>,
    /// The last few looked up, by a hash of the address: most objects are of few types.
    recent: Vec<Option<&'static Class>>,
}

const RECENT: usize = 1024;

impl Classes {
    pub(crate) fn new() -> Classes {
        Classes {
            recent: vec![None; RECENT],
            ..Classes::default()
        }
    }

    /// The class, if the type was added before.
    #[inline]
    pub(crate) fn find(&mut self, class: Obj) -> Option<&'static Class> {
        let slot = &mut self.recent[(class.0 >> 4) % RECENT];
        if let Some(recent) = *slot
            && recent.object == class
        {
            return Some(recent);
        }
        *slot = Some(*self.by_address.get(&class.0)?);
        *slot
    }

    /// Studies a type and remembers it.
    pub(crate) fn add(&mut self, heap: Frozen, known: &Known, object: Obj) -> &'static Class {
        let mut class = Class::study(heap, known, object);
        class.id = TypeId(self.by_address.len() as u32);
        let class: &'static Class = Box::leak(Box::new(class));
        self.by_address.insert(object.0, class);
        class
    }
}

/// Hash by multiplication: addresses are the keys, nobody chooses them, and the standard hasher wants thread locals.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, value: u64) {
        // 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4); the high bits are folded down for the table's sake.
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// A map from addresses.
type AddressMap<V> = HashMap<usize, V, BuildHasherDefault<AddressHasher>>;
