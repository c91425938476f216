//! The true shallow size: the structure, the collector's header before it, and the buffers that only this object owns.
//!
//! As `sys.getsizeof`, worked out from the structures because calling `__sizeof__` would run code; and beyond it: values kept
//! inline, which it leaves out.

use crate::class::{Class, Sizing};
use crate::edges::Interpreter;
use crate::layout::{FrameObject, FrameRecord, Frames, ManagedDict, Variables, stable};
use crate::memory::Obj;

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
/// A `bytes` object without its bytes.
const BYTES_HEADER: usize = 33;
/// `_PyOpcache`, up to 3.10.
const CODE_CACHE_ENTRY: usize = 32;
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
            Sizing::ByteArray => fixed + self.bytearray_buffer(object),
            Sizing::Type => self.type_size(object),
            Sizing::Code => self.code_size(object, class),
            Sizing::Generator => self.generator_size(object, class),
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
        let digits = if self.layout.int_tag {
            word >> 3
        } else {
            self.heap.length(object)
        }
        .max(usize::from(self.layout.zero_has_digit));
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
            size += times(self.shared_slots(keys), 8);
        }
        if heap.word(keys + stable::KEYS_REFCOUNT) == 1 {
            size += self.keys_size(keys);
        }
        size
    }

    /// How many values an instance has room for whose attributes have these names.
    fn shared_slots(&self, keys: usize) -> usize {
        let layout = self.layout.keys;
        if layout.has_kind {
            // Keys that were shared may have been made with room for fewer.
            let heap = self.heap;
            heap.word(keys + layout.entries) + heap.word(keys + layout.usable)
        } else {
            self.usable_slots(keys)
        }
    }

    fn keys_size(&self, keys: usize) -> usize {
        let header = self.keys(keys);
        let entries = times(self.usable_slots(keys), header.stride);
        self.layout.keys.indices + header.index_bytes.min(MOST) + entries
    }

    fn bytearray_buffer(&self, object: Obj) -> usize {
        match self.heap.word(object.0 + BYTEARRAY_ALLOCATED).min(MOST) {
            0 => 0,
            allocated if self.layout.bytearray_holds_bytes => BYTES_HEADER + allocated,
            allocated => allocated,
        }
    }

    fn code_size(&self, code: Obj, class: &Class) -> usize {
        let heap = self.heap;
        match self.layout.code.variables {
            Variables::Kinds { .. } => {
                (class.basic_size + times(heap.length(code), 2)).next_multiple_of(8)
            }
            Variables::Tuples {
                cell,
                instructions,
                cell_arguments,
                cache,
                cache_size,
                ..
            } => {
                let length = |offset| match heap.object(code.0 + offset) {
                    Obj::NULL => 0,
                    object => heap.length(object),
                };
                let mut size = class.basic_size;
                if heap.word(code.0 + cell_arguments) != 0 {
                    size += times(length(cell), 8);
                }
                if heap.word(code.0 + cache) != 0 {
                    size += times(length(instructions), 1) / 2;
                    size += times(usize::from(heap.u8(code.0 + cache_size)), CODE_CACHE_ENTRY);
                }
                size
            }
        }
    }

    fn generator_size(&self, generator: Obj, class: &Class) -> usize {
        match self.layout.frames {
            Frames::Objects(_) => class.basic_size,
            Frames::Records(FrameRecord { variables, .. }) => {
                let frame = generator.0 + self.layout.generator.frame;
                let room = self
                    .frame(frame)
                    .map_or(0, |frame| self.frame_room(frame.code));
                self.layout.generator.frame + variables + times(room, 8)
            }
        }
    }

    fn type_size(&self, class: Obj) -> usize {
        if self.heap.flags(class) & stable::FLAG_HEAP_TYPE == 0 {
            return self.layout.static_type_size;
        }
        let keys = self.heap.word(class.0 + self.layout.heap_type_cached_keys);
        self.layout.heap_type_size + if keys == 0 { 0 } else { self.keys_size(keys) }
    }

    /// A frame object has room for the variables of its own from the start, whoever owns them now.
    fn frame_object_size(&self, object: Obj, class: &Class) -> usize {
        let (frame, fixed) = match self.layout.frames {
            Frames::Objects(FrameObject { variables, .. }) => (object.0, variables),
            Frames::Records(_) => (
                self.heap.word(object.0 + stable::FRAME_OBJECT_FRAME),
                class.basic_size,
            ),
        };
        let frame = if frame == 0 { None } else { self.frame(frame) };
        fixed + times(frame.map_or(0, |frame| self.frame_room(frame.code)), 8)
    }

    /// The values of an instance without a dict, which `sys.getsizeof` leaves out.
    fn values_size(&self, object: Obj, class: &Class) -> usize {
        if class.flags & stable::FLAG_MANAGED_DICT == 0 {
            return 0;
        }
        let heap = self.heap;
        match self.layout.managed_dict {
            ManagedDict::None => 0,
            ManagedDict::TwoPointers => match heap.word(object.0 - 32) {
                0 => 0,
                values => self.values_room(values, class),
            },
            ManagedDict::TaggedPointer => match heap.word(object.0 - 24) {
                tagged if tagged & 1 == 0 => 0,
                tagged => self.values_room(tagged + 1, class),
            },
            ManagedDict::Inline { .. } if class.flags & stable::FLAG_INLINE_VALUES != 0 => {
                let values = object.0 + class.basic_size;
                // Header and pointers, and a byte a value for the order of insertion.
                let capacity = usize::from(heap.u8(values));
                self.layout.dict_values + times(capacity, 8) + capacity.next_multiple_of(8)
            }
            ManagedDict::Inline { .. } => 0,
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
            self.shared_slots(keys)
        };
        prefix + times(room.max(prefix.saturating_sub(9)), 8)
    }
}

fn times(count: usize, size: usize) -> usize {
    count.saturating_mul(size).min(MOST)
}
