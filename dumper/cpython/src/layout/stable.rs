//! Offsets that have not changed from 3.9 to 3.15 on 64-bit builds; `layouts/offsets.c` asserts it.

pub(crate) const REFCOUNT: usize = 0;
pub(crate) const TYPE: usize = 8;
pub(crate) const SIZE: usize = 16;
/// The collector's header lies before the object.
pub(crate) const GC_HEAD: usize = 16;

pub(crate) const TP_NAME: usize = 24;
pub(crate) const TP_BASICSIZE: usize = 32;
pub(crate) const TP_ITEMSIZE: usize = 40;
pub(crate) const TP_FLAGS: usize = 168;
pub(crate) const TP_TRAVERSE: usize = 184;
pub(crate) const TP_MEMBERS: usize = 240;
pub(crate) const TP_BASE: usize = 256;
pub(crate) const TP_DICT: usize = 264;
pub(crate) const TP_DICTOFFSET: usize = 288;
pub(crate) const TP_IS_GC: usize = 328;
pub(crate) const TP_BASES: usize = 336;
pub(crate) const TP_MRO: usize = 344;
pub(crate) const TP_CACHE: usize = 352;
pub(crate) const TP_SUBCLASSES: usize = 360;

pub(crate) const MEMBER_NAME: usize = 0;
pub(crate) const MEMBER_TYPE: usize = 8;
pub(crate) const MEMBER_OFFSET: usize = 16;
pub(crate) const MEMBER_FLAGS: usize = 24;
/// `_Py_AFTER_ITEMS`, unused before 3.15: the offset does not count the items of the instance.
pub(crate) const MEMBER_AFTER_ITEMS: u32 = 1 << 4;
pub(crate) const MEMBER_SIZE: usize = 40;
/// `_Py_T_OBJECT`: may be NULL, reads as None.
pub(crate) const MEMBER_OBJECT: u32 = 6;
/// `Py_T_OBJECT_EX`: may be NULL, raises AttributeError.
pub(crate) const MEMBER_OBJECT_EX: u32 = 16;

pub(crate) const FLAG_STATIC_BUILTIN: u64 = 1 << 1;
pub(crate) const FLAG_INLINE_VALUES: u64 = 1 << 2;
pub(crate) const FLAG_MANAGED_WEAKREF: u64 = 1 << 3;
pub(crate) const FLAG_MANAGED_DICT: u64 = 1 << 4;
pub(crate) const FLAG_HEAP_TYPE: u64 = 1 << 9;
pub(crate) const FLAG_COLLECTED: u64 = 1 << 14;
pub(crate) const FLAG_INT: u64 = 1 << 24;
pub(crate) const FLAG_LIST: u64 = 1 << 25;
pub(crate) const FLAG_TUPLE: u64 = 1 << 26;
pub(crate) const FLAG_BYTES: u64 = 1 << 27;
pub(crate) const FLAG_UNICODE: u64 = 1 << 28;
pub(crate) const FLAG_TYPE: u64 = 1 << 31;

pub(crate) const BYTES_DATA: usize = 32;
pub(crate) const FLOAT_VALUE: usize = 16;
pub(crate) const INT_DIGITS: usize = 24;

pub(crate) const UNICODE_LENGTH: usize = 16;
pub(crate) const UNICODE_STATE: usize = 32;

pub(crate) const DICT_USED: usize = 16;
pub(crate) const DICT_KEYS: usize = 32;
pub(crate) const DICT_VALUES: usize = 40;
pub(crate) const DICT_SIZE: usize = 48;
pub(crate) const KEYS_REFCOUNT: usize = 0;
/// A number up to 3.10, from 3.11 on a byte: its logarithm.
pub(crate) const KEYS_SIZE: usize = 8;
pub(crate) const KEYS_LOG2_INDEX_BYTES: usize = 9;
pub(crate) const KEYS_KIND: usize = 10;

pub(crate) const LIST_ITEMS: usize = 24;
pub(crate) const LIST_ALLOCATED: usize = 32;

pub(crate) const SET_MASK: usize = 32;
pub(crate) const SET_TABLE: usize = 40;
pub(crate) const SET_SMALL_TABLE: usize = 64;

pub(crate) const METHOD_FUNCTION: usize = 16;
pub(crate) const METHOD_SELF: usize = 24;
pub(crate) const BUILTIN_SELF: usize = 24;
pub(crate) const BUILTIN_MODULE: usize = 32;
pub(crate) const CELL_CONTENTS: usize = 16;
pub(crate) const MODULE_DICT: usize = 16;
pub(crate) const WEAKREF_OBJECT: usize = 16;
pub(crate) const WEAKREF_CALLBACK: usize = 24;

/// `PyFrameObject` from 3.11 on.
pub(crate) const FRAME_OBJECT_BACK: usize = 16;
pub(crate) const FRAME_OBJECT_FRAME: usize = 24;
pub(crate) const FRAME_OBJECT_TRACE: usize = 32;
/// `owner` of a frame that belongs to a generator, to a frame object, or from here on to no function of Python's.
pub(crate) const OWNED_BY_GENERATOR: u8 = 1;
pub(crate) const OWNED_BY_FRAME_OBJECT: u8 = 2;
pub(crate) const OWNED_BY_NONE: u8 = 3;

/// From generation 0's head in the collector's state.
pub(crate) const GENERATION_STRIDE: usize = 24;
pub(crate) const GENERATIONS: usize = 3;
