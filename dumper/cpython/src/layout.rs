//! Where the fields lie that the walker reads, for each version of CPython. The one place that differs between versions.
//!
//! The numbers are `offsetof()` of each version's own headers, printed by `layouts/offsets.c`. They are checked against the
//! running interpreter by `self_check` before the first dump: a build that was patched is refused, not guessed at.
//!
//! To add a version: compile and run `layouts/offsets.c` against its headers, add a constant, name it in [`Layout::of`].

/// How instances keep attributes without a dict of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ManagedDict {
    /// 3.11: a pointer to the values 32 bytes before the object, one to the dict 24 before.
    TwoPointers,
    /// 3.12: one pointer 24 bytes before the object; its lowest bit set: the values, one byte below where it points.
    TaggedPointer,
    /// 3.13: the dict 24 bytes before the object; the values behind the object, if the type says so.
    Inline,
}

/// Field offsets in bytes, and the few other facts that depend on the version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) major: u8,
    pub(crate) minor: u8,

    pub(crate) ascii_header: usize,
    pub(crate) unicode_header: usize,
    pub(crate) unicode_utf8_length: usize,
    pub(crate) unicode_utf8: usize,

    /// From the start of a `PyDictValues` to its first pointer.
    pub(crate) dict_values: usize,
    pub(crate) managed_dict: ManagedDict,

    pub(crate) heap_type_size: usize,
    pub(crate) static_type_size: usize,
    pub(crate) heap_type_name: usize,
    pub(crate) heap_type_slots: usize,
    pub(crate) heap_type_qualname: usize,
    pub(crate) heap_type_cached_keys: usize,

    pub(crate) code_firstlineno: usize,
    pub(crate) code_stacksize: usize,
    pub(crate) code_nlocalsplus: usize,
    pub(crate) code_localsplusnames: usize,
    pub(crate) code_localspluskinds: usize,
    pub(crate) code_filename: usize,
    pub(crate) code_qualname: usize,

    pub(crate) function_type_params: Option<usize>,

    pub(crate) generator_name: usize,
    pub(crate) generator_qualname: usize,
    pub(crate) generator_frame_state: usize,
    pub(crate) generator_frame: usize,

    pub(crate) frame_code: usize,
    pub(crate) frame_function: usize,
    pub(crate) frame_globals: usize,
    pub(crate) frame_locals: usize,
    pub(crate) frame_object: usize,
    pub(crate) frame_previous: usize,
    pub(crate) frame_owner: usize,

    /// `Some(offset of the current frame in _PyCFrame)` where the thread state points to one (3.11, 3.12).
    pub(crate) cframe_current: Option<usize>,
    /// Of the `_PyCFrame` pointer, or of the current frame where there is none.
    pub(crate) thread_frame: usize,
    pub(crate) thread_dict: usize,
    pub(crate) thread_id: usize,
    pub(crate) thread_context: usize,
    pub(crate) thread_exc_info: usize,

    /// Reference counts from here on mean "immortal", by the lower 32 bits where `immortal_bits` is set.
    pub(crate) immortal_bits: bool,
    /// Whether an `int` carries its digit count in a tag (3.12) or in `ob_size` (3.11).
    pub(crate) int_tag: bool,
    /// Whether `tp_dict` of static built-in types lives in the interpreter's state and `tp_subclasses` is a number.
    pub(crate) static_types_in_interpreter: bool,
}

/// Offsets that have not changed from 3.9 to 3.15 on 64-bit builds.
pub(crate) mod stable {
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

    pub(crate) const UNICODE_LENGTH: usize = 16;
    pub(crate) const UNICODE_STATE: usize = 32;

    pub(crate) const DICT_USED: usize = 16;
    pub(crate) const DICT_KEYS: usize = 32;
    pub(crate) const DICT_VALUES: usize = 40;
    pub(crate) const DICT_SIZE: usize = 48;
    pub(crate) const KEYS_REFCOUNT: usize = 0;
    pub(crate) const KEYS_LOG2_SIZE: usize = 8;
    pub(crate) const KEYS_LOG2_INDEX_BYTES: usize = 9;
    pub(crate) const KEYS_KIND: usize = 10;
    pub(crate) const KEYS_NENTRIES: usize = 24;
    pub(crate) const KEYS_USABLE: usize = 16;
    pub(crate) const KEYS_INDICES: usize = 32;

    pub(crate) const LIST_ITEMS: usize = 24;
    pub(crate) const LIST_ALLOCATED: usize = 32;
    pub(crate) const TUPLE_ITEMS: usize = 24;

    pub(crate) const SET_MASK: usize = 32;
    pub(crate) const SET_TABLE: usize = 40;
    pub(crate) const SET_SMALL_TABLE: usize = 64;

    pub(crate) const FUNCTION_GLOBALS: usize = 16;
    pub(crate) const FUNCTION_BUILTINS: usize = 24;
    pub(crate) const FUNCTION_NAME: usize = 32;
    pub(crate) const FUNCTION_QUALNAME: usize = 40;
    pub(crate) const FUNCTION_CODE: usize = 48;
    pub(crate) const FUNCTION_DEFAULTS: usize = 56;
    pub(crate) const FUNCTION_KWDEFAULTS: usize = 64;
    pub(crate) const FUNCTION_CLOSURE: usize = 72;
    pub(crate) const FUNCTION_DOC: usize = 80;
    pub(crate) const FUNCTION_DICT: usize = 88;
    pub(crate) const FUNCTION_MODULE: usize = 104;
    pub(crate) const FUNCTION_ANNOTATIONS: usize = 112;

    pub(crate) const METHOD_FUNCTION: usize = 16;
    pub(crate) const METHOD_SELF: usize = 24;
    pub(crate) const BUILTIN_SELF: usize = 24;
    pub(crate) const BUILTIN_MODULE: usize = 32;
    pub(crate) const CELL_CONTENTS: usize = 16;
    pub(crate) const MODULE_DICT: usize = 16;
    pub(crate) const WEAKREF_OBJECT: usize = 16;
    pub(crate) const WEAKREF_CALLBACK: usize = 24;

    pub(crate) const FRAME_OBJECT_BACK: usize = 16;
    pub(crate) const FRAME_OBJECT_FRAME: usize = 24;
    pub(crate) const FRAME_OBJECT_TRACE: usize = 32;
    /// In `_PyInterpreterFrame`.
    pub(crate) const FRAME_INSTRUCTION: usize = 56;
    pub(crate) const FRAME_STACKTOP: usize = 64;
    pub(crate) const FRAME_LOCALSPLUS: usize = 72;
    /// `owner` of a frame that belongs to the thread's stack, a generator, a frame object, the C stack.
    pub(crate) const OWNED_BY_GENERATOR: u8 = 1;
    pub(crate) const OWNED_BY_FRAME_OBJECT: u8 = 2;
    pub(crate) const OWNED_BY_C_STACK: u8 = 3;

    /// From generation 0's head in the collector's state.
    pub(crate) const GENERATION_STRIDE: usize = 24;
    pub(crate) const GENERATIONS: usize = 3;
    pub(crate) const GENERATION_0_POINTER: usize = 72;
    pub(crate) const PERMANENT_GENERATION: usize = 80;
    pub(crate) const COLLECTING: usize = 176;
    pub(crate) const GARBAGE: usize = 184;
    pub(crate) const CALLBACKS: usize = 192;
}

impl Layout {
    /// The layout of a version, if it is a known one.
    pub(crate) fn of(major: u8, minor: u8) -> Option<&'static Layout> {
        [&V3_11, &V3_12, &V3_13]
            .into_iter()
            .find(|layout| (layout.major, layout.minor) == (major, minor))
    }

    /// `ht_module` follows `ht_cached_keys`.
    pub(crate) fn heap_type_module(&self) -> usize {
        self.heap_type_cached_keys + 8
    }

    /// The versions that [`Layout::of`] knows, for messages.
    pub(crate) const KNOWN: &'static str = "3.11, 3.12 and 3.13";
}

static V3_11: Layout = Layout {
    major: 3,
    minor: 11,
    ascii_header: 48,
    unicode_header: 72,
    unicode_utf8_length: 48,
    unicode_utf8: 56,
    dict_values: 0,
    managed_dict: ManagedDict::TwoPointers,
    heap_type_size: 904,
    static_type_size: 408,
    heap_type_name: 848,
    heap_type_slots: 856,
    heap_type_qualname: 864,
    heap_type_cached_keys: 872,
    code_firstlineno: 72,
    code_stacksize: 68,
    code_nlocalsplus: 76,
    code_localsplusnames: 96,
    code_localspluskinds: 104,
    code_filename: 112,
    code_qualname: 128,
    function_type_params: None,
    generator_name: 32,
    generator_qualname: 40,
    generator_frame_state: 75,
    generator_frame: 80,
    frame_code: 32,
    frame_function: 0,
    frame_globals: 8,
    frame_locals: 24,
    frame_object: 40,
    frame_previous: 48,
    frame_owner: 69,
    cframe_current: Some(8),
    thread_frame: 56,
    thread_dict: 128,
    thread_id: 152,
    thread_context: 224,
    thread_exc_info: 120,
    immortal_bits: false,
    int_tag: false,
    static_types_in_interpreter: false,
};

static V3_12: Layout = Layout {
    major: 3,
    minor: 12,
    ascii_header: 40,
    unicode_header: 56,
    unicode_utf8_length: 40,
    unicode_utf8: 48,
    dict_values: 0,
    managed_dict: ManagedDict::TaggedPointer,
    heap_type_size: 920,
    static_type_size: 416,
    heap_type_name: 856,
    heap_type_slots: 864,
    heap_type_qualname: 872,
    heap_type_cached_keys: 880,
    code_firstlineno: 68,
    code_stacksize: 64,
    code_nlocalsplus: 72,
    code_localsplusnames: 96,
    code_localspluskinds: 104,
    code_filename: 112,
    code_qualname: 128,
    function_type_params: Some(120),
    generator_name: 24,
    generator_qualname: 32,
    generator_frame_state: 67,
    generator_frame: 72,
    frame_code: 0,
    frame_function: 16,
    frame_globals: 24,
    frame_locals: 40,
    frame_object: 48,
    frame_previous: 8,
    frame_owner: 70,
    cframe_current: Some(0),
    thread_frame: 56,
    thread_dict: 112,
    thread_id: 136,
    thread_context: 208,
    thread_exc_info: 104,
    immortal_bits: true,
    int_tag: true,
    static_types_in_interpreter: true,
};

static V3_13: Layout = Layout {
    minor: 13,
    heap_type_size: 928,
    dict_values: 8,
    managed_dict: ManagedDict::Inline,
    cframe_current: None,
    thread_frame: 72,
    thread_dict: 128,
    thread_id: 152,
    thread_exc_info: 120,
    ..V3_12
};
