//! The table: each version as it differs from the one before.

use super::*;

/// Oldest first.
pub(super) static ALL: [&Layout; 7] = [&V3_9, &V3_10, &V3_11, &V3_12, &V3_13, &V3_14, &V3_15];

static V3_9: Layout = Layout {
    major: 3,
    minor: 9,
    ascii_header: 48,
    unicode_header: 72,
    unicode_utf8_length: 48,
    unicode_utf8: 56,
    tuple_items: 24,
    keys: DictKeys {
        usable: 24,
        entries: 32,
        indices: 40,
        has_kind: false,
    },
    dict_values: 0,
    managed_dict: ManagedDict::None,
    heap_type_size: 880,
    static_type_size: 408,
    heap_type_name: 840,
    heap_type_slots: 848,
    heap_type_qualname: 856,
    heap_type_cached_keys: 864,
    module_name: 48,
    exception: Exception {
        notes: None,
        traceback: 32,
        context: 40,
        cause: 48,
    },
    function: Function {
        code: 16,
        globals: 24,
        builtins: None,
        defaults: 32,
        kwdefaults: 40,
        closure: 48,
        doc: 56,
        name: 64,
        dict: 72,
        module: 88,
        annotations: 96,
        qualname: 104,
        annotate: None,
        type_params: None,
    },
    code: Code {
        first_line: 40,
        stack_size: 32,
        filename: 104,
        qualname: 112,
        variables: Variables::Tuples {
            local: 72,
            cell: 88,
            free: 80,
            instructions: 48,
            cell_arguments: 96,
            cache: 160,
            cache_size: 172,
        },
    },
    generator: Generator {
        name: 48,
        qualname: 56,
        frame: 16,
        state: None,
    },
    frames: Frames::Objects(FRAME_3_9),
    thread: Thread {
        frame: 24,
        frame_of_cframe: None,
        dict: 152,
        id: 176,
        context: 240,
        exception: 144,
        exception_value: 8,
    },
    collector: CollectorState {
        permanent: 80,
        collecting: 176,
        garbage: 184,
        callbacks: 192,
    },
    told: None,
    immortal_bits: false,
    int_tag: false,
    zero_has_digit: false,
    static_types_in_interpreter: false,
    bytearray_holds_bytes: false,
};

const FRAME_3_9: FrameObject = FrameObject {
    back: 24,
    code: 32,
    builtins: 40,
    globals: 48,
    locals: 56,
    stack_top: StackTop::Pointer(72),
    trace: 80,
    generator: 96,
    last_instruction: 104,
    instruction: 1,
    variables: 360,
};

static V3_10: Layout = Layout {
    minor: 10,
    heap_type_size: 888,
    heap_type_name: 848,
    heap_type_slots: 856,
    heap_type_qualname: 864,
    heap_type_cached_keys: 872,
    function: FUNCTION_3_10,
    generator: Generator {
        name: 40,
        qualname: 48,
        ..V3_9.generator
    },
    frames: Frames::Objects(FrameObject {
        trace: 72,
        stack_top: StackTop::Depth(80),
        generator: 88,
        last_instruction: 96,
        instruction: 2,
        variables: 352,
        ..FRAME_3_9
    }),
    ..V3_9
};

const FUNCTION_3_10: Function = Function {
    code: 48,
    globals: 16,
    builtins: Some(24),
    name: 32,
    qualname: 40,
    defaults: 56,
    kwdefaults: 64,
    closure: 72,
    doc: 80,
    dict: 88,
    module: 104,
    annotations: 112,
    annotate: None,
    type_params: None,
};

static V3_11: Layout = Layout {
    minor: 11,
    keys: DictKeys {
        usable: 16,
        entries: 24,
        indices: 32,
        has_kind: true,
    },
    managed_dict: ManagedDict::TwoPointers,
    heap_type_size: 904,
    exception: Exception {
        notes: Some(32),
        traceback: 40,
        context: 48,
        cause: 56,
    },
    code: Code {
        first_line: 72,
        stack_size: 68,
        filename: 112,
        qualname: 128,
        variables: Variables::Kinds {
            count: 76,
            names: 96,
            kinds: 104,
        },
    },
    generator: Generator {
        name: 32,
        qualname: 40,
        state: Some((75, 4)),
        frame: 80,
    },
    frames: Frames::Records(FrameRecord {
        function: 0,
        globals: 8,
        locals: 24,
        code: 32,
        object: 40,
        previous: 48,
        instruction: 56,
        stack_top: StackTop::DepthWithVariables(64),
        owner: 69,
        variables: 72,
        tagged: false,
    }),
    thread: Thread {
        frame: 56,
        frame_of_cframe: Some(8),
        dict: 128,
        id: 152,
        context: 224,
        exception: 120,
        exception_value: 0,
    },
    zero_has_digit: true,
    ..V3_10
};

static V3_12: Layout = Layout {
    minor: 12,
    ascii_header: 40,
    unicode_header: 56,
    unicode_utf8_length: 40,
    unicode_utf8: 48,
    managed_dict: ManagedDict::TaggedPointer,
    heap_type_size: 920,
    static_type_size: 416,
    heap_type_name: 856,
    heap_type_slots: 864,
    heap_type_qualname: 872,
    heap_type_cached_keys: 880,
    function: Function {
        type_params: Some(120),
        ..FUNCTION_3_10
    },
    code: Code {
        first_line: 68,
        stack_size: 64,
        variables: Variables::Kinds {
            count: 72,
            names: 96,
            kinds: 104,
        },
        ..V3_11.code
    },
    generator: Generator {
        name: 24,
        qualname: 32,
        state: Some((67, 4)),
        frame: 72,
    },
    frames: Frames::Records(FRAME_3_12),
    thread: Thread {
        frame: 56,
        frame_of_cframe: Some(0),
        dict: 112,
        id: 136,
        context: 208,
        exception: 104,
        exception_value: 0,
    },
    immortal_bits: true,
    int_tag: true,
    static_types_in_interpreter: true,
    ..V3_11
};

const FRAME_3_12: FrameRecord = FrameRecord {
    code: 0,
    previous: 8,
    function: 16,
    globals: 24,
    locals: 40,
    object: 48,
    instruction: 56,
    stack_top: StackTop::DepthWithVariables(64),
    owner: 70,
    variables: 72,
    tagged: false,
};

static V3_13: Layout = Layout {
    minor: 13,
    dict_values: 8,
    managed_dict: ManagedDict::Inline { dict_tells: false },
    heap_type_size: 928,
    thread: Thread {
        frame: 72,
        frame_of_cframe: None,
        dict: 128,
        id: 152,
        context: 208,
        exception: 120,
        exception_value: 0,
    },
    told: Some(Told {
        thread_frame: 184,
        thread_id: 192,
        frame_previous: 232,
        frame_code: 240,
        frame_instruction: 248,
        frame_variables: 256,
        frame_owner: 264,
        code_filename: 280,
        code_qualname: 296,
        code_first_line: 312,
        code_names: 328,
        code_kinds: 336,
        tuple_items: 408,
        ascii_header: 560,
    }),
    ..V3_12
};

static V3_14: Layout = Layout {
    minor: 14,
    tuple_items: 32,
    managed_dict: ManagedDict::Inline { dict_tells: true },
    heap_type_size: 936,
    function: Function {
        annotate: Some(120),
        type_params: Some(128),
        ..FUNCTION_3_10
    },
    frames: Frames::Records(FrameRecord {
        stack_top: StackTop::Pointer(64),
        owner: 74,
        variables: 80,
        tagged: true,
        ..FRAME_3_12
    }),
    // The same before and after 3.14.5, which took back incremental collection.
    collector: CollectorState {
        permanent: 72,
        collecting: 168,
        garbage: 176,
        callbacks: 184,
    },
    told: Some(Told {
        thread_frame: 208,
        thread_id: 216,
        frame_previous: 256,
        frame_code: 264,
        frame_instruction: 272,
        frame_variables: 280,
        frame_owner: 288,
        code_filename: 320,
        code_qualname: 336,
        code_first_line: 352,
        code_names: 368,
        code_kinds: 376,
        tuple_items: 456,
        ascii_header: 640,
    }),
    ..V3_13
};

static V3_15: Layout = Layout {
    minor: 15,
    heap_type_size: 944,
    static_type_size: 424,
    heap_type_name: 864,
    heap_type_slots: 872,
    heap_type_qualname: 880,
    heap_type_cached_keys: 888,
    module_name: 40,
    generator: Generator {
        state: Some((67, 5)),
        ..V3_14.generator
    },
    thread: Thread {
        dict: 152,
        id: 176,
        context: 232,
        exception: 144,
        ..V3_14.thread
    },
    collector: CollectorState {
        permanent: 72,
        collecting: 104,
        garbage: 120,
        callbacks: 128,
    },
    told: Some(Told {
        thread_frame: 208,
        thread_id: 240,
        frame_previous: 320,
        frame_code: 328,
        frame_instruction: 336,
        frame_variables: 344,
        frame_owner: 352,
        code_filename: 384,
        code_qualname: 400,
        code_first_line: 416,
        code_names: 432,
        code_kinds: 440,
        tuple_items: 552,
        ascii_header: 736,
    }),
    bytearray_holds_bytes: true,
    ..V3_14
};
