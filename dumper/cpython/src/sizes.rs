//! The true shallow size: the structure, the collector's header before it, and the buffers that only this object owns.
//!
//! As `sys.getsizeof`, worked out from the structures because calling `__sizeof__` would run code; and beyond it: values kept
//! inline, which it leaves out.

use crate::class::{Class, Sizing};
use crate::edges::Interpreter;
use crate::layout::{ManagedDict, stable};
use crate::memory::Obj;

/// `PyDictKeysObject` up to its indices.
const KEYS_HEADER: usize = stable::KEYS_INDICES;
/// A deque's block: 64 items and two links.
const DEQUE_BLOCK_ITEMS: usize = 64;
const DEQUE_BLOCK: usize = (DEQUE_BLOCK_ITEMS + 2) * 8;
const DEQUE_LEFT_INDEX: usize = 40;
/// `_ODictNode`: key, hash, next, previous.
const ORDERED_DICT_NODE: usize = 32;
const ORDERED_DICT_FAST_NODES: usize = stable::DICT_SIZE + 24;
/// `PyLongObject` up to its digits.
const INT_HEADER: usize = 24;
const BYTEARRAY_ALLOCATED: usize = 24;
const ARRAY_ALLOCATED: usize = 32;
const ARRAY_DESCRIPTOR: usize = 40;

/// No object is larger than the address space; a corrupt length must not make sums overflow.
const MOST: usize = 1 << 47;

impl Interpreter {
    /// Bytes of an object's own.
    pub(crate) fn shallow_size(&self, object: Obj, class: &Class) -> u64 {
        let own = self.structure_size(object, class) + self.values_size(object, class);
        let size = class.before_object(self.heap, object) + own;
        size.min(MOST) as u64
    }

    fn structure_size(&self, object: Obj, class: &Class) -> usize {
        let heap = self.heap;
        let fixed = class.basic_size;
        match class.sizing {
            Sizing::Fixed => fixed,
            Sizing::Plain => fixed + times(heap.length(object), class.item_size),
            Sizing::Int => self.int_size(object, class),
            Sizing::Str => self.str_size(object, class),
            Sizing::List => {
                // −1 while it is being sorted: it has no items then.
                let allocated = heap.signed(object.0 + stable::LIST_ALLOCATED);
                fixed + times(usize::try_from(allocated).unwrap_or(0), 8)
            }
            Sizing::Dict => fixed + self.dict_buffers(object),
            Sizing::OrderedDict => {
                let nodes = times(heap.word(object.0 + stable::DICT_USED), ORDERED_DICT_NODE);
                let fast = times(heap.word(object.0 + ORDERED_DICT_FAST_NODES), 8);
                fixed + self.dict_buffers(object) + nodes + fast
            }
            Sizing::Set => {
                let table = heap.word(object.0 + stable::SET_TABLE);
                let own = object.0 + stable::SET_SMALL_TABLE;
                fixed
                    + if table == own {
                        0
                    } else {
                        times(heap.word(object.0 + stable::SET_MASK) + 1, 16)
                    }
            }
            Sizing::ByteArray => fixed + heap.word(object.0 + BYTEARRAY_ALLOCATED).min(MOST),
            Sizing::Type => self.type_size(object),
            Sizing::Code => (fixed + times(heap.length(object), 2)).next_multiple_of(8),
            Sizing::Generator => {
                self.layout.generator_frame
                    + self.frame_size(object.0 + self.layout.generator_frame)
            }
            Sizing::Frame => self.frame_object_size(object, class),
            Sizing::Deque => {
                let slots = heap
                    .word(object.0 + DEQUE_LEFT_INDEX)
                    .saturating_add(heap.length(object));
                fixed + times(slots.div_ceil(DEQUE_BLOCK_ITEMS), DEQUE_BLOCK)
            }
            Sizing::Array => {
                let item_size = heap.u32(heap.word(object.0 + ARRAY_DESCRIPTOR) + 4) as usize;
                fixed + times(heap.word(object.0 + ARRAY_ALLOCATED), item_size)
            }
            Sizing::NumpyArray => {
                let array = self.numpy(object);
                fixed + array.dimensions * 16 + if array.owns_data { array.bytes } else { 0 }
            }
        }
    }

    fn int_size(&self, object: Obj, class: &Class) -> usize {
        let word = self.heap.word(object.0 + stable::SIZE);
        // Zero has no digit, but room for one.
        let digits = if self.layout.int_tag {
            word >> 3
        } else {
            self.heap.length(object)
        }
        .max(1);
        if class.flags & stable::FLAG_HEAP_TYPE == 0 {
            // `bool` has the whole structure for its basic size.
            return INT_HEADER + times(digits, 4);
        }
        // A subclass has more behind the digits.
        (class.basic_size + times(digits, 4)).next_multiple_of(8)
    }

    fn str_size(&self, object: Obj, class: &Class) -> usize {
        let heap = self.heap;
        let state = heap.u32(object.0 + stable::UNICODE_STATE);
        let (width, compact, ascii) = (
            (state >> 2 & 7) as usize,
            state >> 5 & 1 != 0,
            state >> 6 & 1 != 0,
        );
        let length = heap.word(object.0 + stable::UNICODE_LENGTH);
        if compact && ascii {
            return self.layout.ascii_header + times(length + 1, 1);
        }
        let data = times(length.saturating_add(1), width);
        let (size, data_address) = if compact {
            (
                self.layout.unicode_header + data,
                object.0 + self.layout.unicode_header,
            )
        } else {
            // A subclass's instance, whose characters lie apart.
            (
                class.basic_size + data,
                heap.word(object.0 + self.layout.unicode_header),
            )
        };
        let utf8 = heap.word(object.0 + self.layout.unicode_utf8);
        let cached = if utf8 == 0 || utf8 == data_address || ascii {
            0
        } else {
            heap.word(object.0 + self.layout.unicode_utf8_length)
                .saturating_add(1)
                .min(MOST)
        };
        size + cached
    }

    /// What a dict owns apart from its structure: its values if its keys are shared, else its keys.
    fn dict_buffers(&self, dict: Obj) -> usize {
        let heap = self.heap;
        let keys = heap.word(dict.0 + stable::DICT_KEYS);
        let values = heap.word(dict.0 + stable::DICT_VALUES);
        let mut size = 0;
        if values != 0 && !self.values_are_embedded(values) {
            let keys_length =
                heap.word(keys + stable::KEYS_NENTRIES) + heap.word(keys + stable::KEYS_USABLE);
            size += times(keys_length, 8);
        }
        if heap.word(keys + stable::KEYS_REFCOUNT) == 1 {
            size += self.keys_size(keys);
        }
        size
    }

    fn keys_size(&self, keys: usize) -> usize {
        let heap = self.heap;
        let header = self.keys(keys);
        let index_bytes = 1usize << (heap.u8(keys + stable::KEYS_LOG2_INDEX_BYTES) & 63);
        let slots = 1usize << (heap.u8(keys + stable::KEYS_LOG2_SIZE) & 63);
        let usable = times(slots, 2) / 3;
        KEYS_HEADER + index_bytes.min(MOST) + times(usable, if header.unicode { 16 } else { 24 })
    }

    fn type_size(&self, class: Obj) -> usize {
        if self.heap.flags(class) & stable::FLAG_HEAP_TYPE == 0 {
            return self.layout.static_type_size;
        }
        let keys = self.heap.word(class.0 + self.layout.heap_type_cached_keys);
        self.layout.heap_type_size + if keys == 0 { 0 } else { self.keys_size(keys) }
    }

    /// A `_PyInterpreterFrame` with its variables and evaluation stack.
    fn frame_size(&self, frame: usize) -> usize {
        let heap = self.heap;
        let code = heap.object(frame + self.layout.frame_code);
        if !code.is_plausible() || heap.type_of(code) != self.known.code_type {
            return stable::FRAME_LOCALSPLUS;
        }
        let variables = heap.u32(code.0 + self.layout.code_nlocalsplus) as usize;
        let stack = heap.u32(code.0 + self.layout.code_stacksize) as usize;
        stable::FRAME_LOCALSPLUS + times(variables + stack, 8)
    }

    /// A frame object has room for the variables of its own from the start, whoever owns them now.
    fn frame_object_size(&self, object: Obj, class: &Class) -> usize {
        let frame = self.heap.word(object.0 + stable::FRAME_OBJECT_FRAME);
        let room = if frame == 0 {
            0
        } else {
            self.frame_size(frame) - stable::FRAME_LOCALSPLUS
        };
        class.basic_size + room
    }

    /// The values of an instance without a dict, which `sys.getsizeof` leaves out.
    fn values_size(&self, object: Obj, class: &Class) -> usize {
        if class.flags & stable::FLAG_MANAGED_DICT == 0 {
            return 0;
        }
        let heap = self.heap;
        match self.layout.managed_dict {
            ManagedDict::TwoPointers => match heap.word(object.0 - 32) {
                0 => 0,
                values => self.values_room(values, class),
            },
            ManagedDict::TaggedPointer => match heap.word(object.0 - 24) {
                tagged if tagged & 1 == 0 => 0,
                tagged => self.values_room(tagged + 1, class),
            },
            ManagedDict::Inline if class.flags & stable::FLAG_INLINE_VALUES != 0 => {
                let values = object.0 + class.basic_size;
                // Header and pointers, and a byte a value for the order of insertion.
                let capacity = usize::from(heap.u8(values));
                self.layout.dict_values + times(capacity, 8) + capacity.next_multiple_of(8)
            }
            ManagedDict::Inline => 0,
        }
    }

    /// Before the values lie a byte for each, the order of insertion, and the length of that part.
    fn values_room(&self, values: usize, class: &Class) -> usize {
        let keys = self
            .heap
            .word(class.object.0 + self.layout.heap_type_cached_keys);
        let prefix = usize::from(self.heap.u8(values - 1));
        // A class allocates less with each instance, so its keys tell only the least; the prefix, rounded up to 8 with 2 bytes
        // of its own, tells the number to within 8. The lower bound of both.
        let room = if keys == 0 {
            0
        } else {
            self.heap.word(keys + stable::KEYS_NENTRIES)
                + self.heap.word(keys + stable::KEYS_USABLE)
        };
        prefix + times(room.max(prefix.saturating_sub(9)), 8)
    }
}

fn times(count: usize, size: usize) -> usize {
    count.saturating_mul(size).min(MOST)
}
