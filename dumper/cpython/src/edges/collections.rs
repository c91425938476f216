//! Dicts, lists, tuples, sets and arrays of objects.

use super::{Edges, Interpreter, Name, Tag};
use crate::layout::{ManagedDict, stable};
use crate::memory::Obj;

/// The entries of a dict's keys, shared or its own.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    entries: usize,
    pub(crate) count: usize,
    pub(crate) index_bytes: usize,
    pub(crate) stride: usize,
    /// From an entry to its key.
    key: usize,
}

/// `DictKeysKind`: general, all `str`, all `str` and shared between instances.
const KEYS_GENERAL: u8 = 0;

/// A dict with more entries than this is a corrupt heap: its indices would not fit the address space.
const MOST_ENTRIES: usize = 1 << 40;

impl Keys {
    fn key(&self, index: usize) -> usize {
        self.entries + index * self.stride + self.key
    }
    fn value(&self, index: usize) -> usize {
        self.key(index) + 8
    }
}

impl Interpreter {
    /// Reads the header of a `PyDictKeysObject`.
    pub(crate) fn keys(&self, keys: usize) -> Keys {
        let (heap, layout) = (self.heap, self.layout.keys);
        let (unicode, index_bytes) = if layout.has_kind {
            let index_bytes = 1usize << (heap.u8(keys + stable::KEYS_LOG2_INDEX_BYTES) & 63);
            (
                heap.u8(keys + stable::KEYS_KIND) != KEYS_GENERAL,
                index_bytes,
            )
        } else {
            let size = heap.word(keys + stable::KEYS_SIZE);
            // `DK_IXSIZE`: the narrowest signed integer that can number the slots.
            let width = match size {
                0..=0xFF => 1,
                0x100..=0xFFFF => 2,
                0x1_0000..=0xFFFF_FFFF => 4,
                _ => 8,
            };
            (false, size.min(MOST_ENTRIES) * width)
        };
        Keys {
            entries: keys + layout.indices + index_bytes,
            index_bytes,
            count: heap.word(keys + layout.entries).min(MOST_ENTRIES),
            stride: if unicode { 16 } else { 24 },
            key: if unicode { 0 } else { 8 },
        }
    }

    /// How many slots of its table keys may fill before they grow.
    pub(crate) fn usable_slots(&self, keys: usize) -> usize {
        let size = if self.layout.keys.has_kind {
            1usize << (self.heap.u8(keys + stable::KEYS_SIZE) & 63)
        } else {
            self.heap.word(keys + stable::KEYS_SIZE)
        };
        size.min(MOST_ENTRIES) * 2 / 3
    }

    /// The key of an entry of keys; NULL where one was deleted.
    pub(crate) fn key_at(&self, keys: &Keys, index: usize) -> Obj {
        self.heap.object(keys.key(index))
    }

    /// Calls `entry(key, value)` for what is in a dict, until it says false.
    pub(crate) fn entries(&self, dict: Obj, mut entry: impl FnMut(Obj, Obj) -> bool) {
        let heap = self.heap;
        let keys = self.keys(heap.word(dict.0 + stable::DICT_KEYS));
        let values = heap.word(dict.0 + stable::DICT_VALUES);
        for index in 0..keys.count {
            let value = if values == 0 {
                heap.object(keys.value(index))
            } else {
                heap.object(values + self.layout.dict_values + index * 8)
            };
            if value != Obj::NULL && !entry(self.key_at(&keys, index), value) {
                return;
            }
        }
    }

    pub(super) fn dict(&self, object: Obj, out: &mut impl Edges) {
        let values = self.heap.word(object.0 + stable::DICT_VALUES);
        let told_by_instance =
            self.layout.managed_dict == ManagedDict::Inline { dict_tells: false };
        if values != 0 && told_by_instance && self.values_are_embedded(values) {
            return;
        }
        // Shared keys are held by the class's keys, see `type_object`.
        let own_keys = values == 0;
        self.entries(object, |key, value| {
            out.strong(value, Tag::Key(key));
            if own_keys {
                out.strong(key, Tag::KeyObject(key));
            }
            true
        });
    }

    /// Whether the values of a dict lie in the instance that it belongs to (from 3.13 on).
    pub(crate) fn values_are_embedded(&self, values: usize) -> bool {
        matches!(self.layout.managed_dict, ManagedDict::Inline { .. })
            && self.heap.u8(values + 2) != 0
    }

    pub(super) fn ordered_dict(&self, object: Obj, out: &mut impl Edges) {
        // PyODictObject, behind the dict: fast nodes, their number, sentinel, state, first, last, then these.
        const INSTANCE_DICT: usize = stable::DICT_SIZE + 48;
        const WEAK_REFERENCES: usize = stable::DICT_SIZE + 56;
        self.field(object, INSTANCE_DICT, "__dict__", out);
        let weak = self.heap.object(object.0 + WEAK_REFERENCES);
        if weak != Obj::NULL {
            out.weak(weak, Tag::Internal("weak references"));
        }
        self.dict(object, out);
    }

    pub(super) fn list(&self, object: Obj, out: &mut impl Edges) {
        // A list that is being sorted has no items.
        let items = self.heap.word(object.0 + stable::LIST_ITEMS);
        if items != 0 {
            self.array(items, self.heap.length(object), out);
        }
    }

    pub(super) fn tuple(&self, object: Obj, out: &mut impl Edges) {
        self.array(
            object.0 + self.layout.tuple_items,
            self.heap.length(object),
            out,
        );
    }

    fn array(&self, items: usize, count: usize, out: &mut impl Edges) {
        for index in 0..count {
            let item = self.heap.object(items + index * 8);
            if item != Obj::NULL {
                out.strong(item, Tag::Index(index));
            }
        }
    }

    pub(super) fn set(&self, object: Obj, out: &mut impl Edges) {
        let table = self.heap.word(object.0 + stable::SET_TABLE);
        let mask = self.heap.word(object.0 + stable::SET_MASK);
        for index in 0..=mask.min(MOST_ENTRIES) {
            let member = self.heap.object(table + index * 16);
            // A deleted entry keeps a dummy object, which has the hash −1 that no member can have.
            if member != Obj::NULL && self.heap.signed(table + index * 16 + 8) != -1 {
                out.strong(member, Tag::Element);
            }
        }
    }

    /// `PyArrayObject`: data, number of dimensions, dimensions, strides, base, descr, flags; the same in numpy 1 and 2.
    pub(super) fn numpy_array(&self, object: Obj, out: &mut impl Edges) {
        self.field(object, numpy::BASE, "base", out);
        self.field(object, numpy::DESCR, "dtype", out);
        let array = self.numpy(object);
        if array.holds_objects && array.owns_data && array.contiguous {
            let data = self.heap.word(object.0 + numpy::DATA);
            self.array(data, array.bytes / 8, out);
        }
    }

    /// The facts about a numpy array that its size and references depend on.
    pub(crate) fn numpy(&self, object: Obj) -> NumpyArray {
        let heap = self.heap;
        let dimensions = heap.u32(object.0 + numpy::ND) as usize;
        let flags = heap.u32(object.0 + numpy::FLAGS);
        let descr = heap.object(object.0 + numpy::DESCR);
        let (sizes, strides) = (
            heap.word(object.0 + numpy::DIMENSIONS),
            heap.word(object.0 + numpy::STRIDES),
        );
        // What an array owns is contiguous, so the greatest stride times its dimension is all of it; this needs no item
        // size, whose place in the descriptor differs between numpy 1 and 2.
        let bytes = (0..dimensions.min(numpy::MOST_DIMENSIONS))
            .map(|i| {
                let size = heap.word(sizes + i * 8);
                heap.signed(strides + i * 8)
                    .unsigned_abs()
                    .saturating_mul(size)
            })
            .max();
        let empty =
            (0..dimensions.min(numpy::MOST_DIMENSIONS)).any(|i| heap.word(sizes + i * 8) == 0);
        let type_number = if descr.is_plausible() {
            heap.u32(descr.0 + numpy::DESCR_TYPE_NUMBER)
        } else {
            u32::MAX
        };
        NumpyArray {
            dimensions,
            bytes: if empty {
                0
            } else {
                bytes.unwrap_or(
                    numpy::SCALAR
                        .get(type_number as usize)
                        .map_or(8, |&size| size as usize),
                )
            },
            owns_data: flags & numpy::OWN_DATA != 0,
            contiguous: flags & (numpy::C_CONTIGUOUS | numpy::F_CONTIGUOUS) != 0,
            holds_objects: type_number == numpy::OBJECT,
        }
    }

    /// The value under a `str` key, for the few dicts of the interpreter that the walker looks things up in.
    pub(crate) fn lookup(&self, dict: Obj, name: &str) -> Option<Obj> {
        let mut found = None;
        self.entries(dict, |key, value| {
            if self.str_is(key, name) {
                found = Some(value);
            }
            found.is_none()
        });
        found
    }

    /// Names of the attributes that instances of a type keep in their inline values.
    pub(super) fn cached_keys(&self, class: Obj) -> Option<Keys> {
        let keys = self.heap.word(class.0 + self.layout.heap_type_cached_keys);
        (keys != 0).then(|| self.keys(keys))
    }

    /// An attribute's tag by its name.
    pub(super) fn attribute(name: Obj) -> Tag {
        Tag::Attribute(Name::Str(name))
    }
}

/// See [`Interpreter::numpy`].
pub(crate) struct NumpyArray {
    pub(crate) dimensions: usize,
    pub(crate) bytes: usize,
    pub(crate) owns_data: bool,
    contiguous: bool,
    holds_objects: bool,
}

mod numpy {
    pub(super) const DATA: usize = 16;
    pub(super) const ND: usize = 24;
    pub(super) const DIMENSIONS: usize = 32;
    pub(super) const STRIDES: usize = 40;
    pub(super) const BASE: usize = 48;
    pub(super) const DESCR: usize = 56;
    pub(super) const FLAGS: usize = 64;
    pub(super) const DESCR_TYPE_NUMBER: usize = 28;
    /// Item sizes by type number, from `NPY_BOOL` to `NPY_HALF`: for arrays without dimensions, which have no stride. Those of texts and records
    /// depend on the descriptor; 8 stands for them.
    pub(super) const SCALAR: [u8; 24] = [
        1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 16, 8, 16, 32, 8, 8, 8, 8, 8, 8, 2,
    ];
    /// `NPY_OBJECT`.
    pub(super) const OBJECT: u32 = 17;
    pub(super) const C_CONTIGUOUS: u32 = 1;
    pub(super) const F_CONTIGUOUS: u32 = 2;
    pub(super) const OWN_DATA: u32 = 4;
    pub(super) const MOST_DIMENSIONS: usize = 64;
}
