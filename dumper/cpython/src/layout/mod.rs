//! Where the fields lie that the walker reads, for each version of CPython. The one place that differs between versions.
//!
//! The numbers are `offsetof()` of each version's own headers, printed by `layouts/offsets.c`; they depend on the size of a pointer and not on
//! the processor. They are checked against the running interpreter by `self_check` before the first dump: a build that was
//! patched is refused, not guessed at.
//!
//! To add a version: compile and run `layouts/offsets.c` against its headers, and add what it prints to `versions`.

pub(crate) mod stable;
mod versions;

/// Field offsets in bytes, and the few other facts that depend on the version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) major: u8,
    pub(crate) minor: u8,

    pub(crate) ascii_header: usize,
    pub(crate) unicode_header: usize,
    pub(crate) unicode_utf8_length: usize,
    pub(crate) unicode_utf8: usize,
    pub(crate) tuple_items: usize,

    pub(crate) keys: DictKeys,
    /// From the start of a `PyDictValues` to its first pointer.
    pub(crate) dict_values: usize,
    pub(crate) managed_dict: ManagedDict,

    pub(crate) heap_type_size: usize,
    pub(crate) static_type_size: usize,
    pub(crate) heap_type_name: usize,
    pub(crate) heap_type_slots: usize,
    pub(crate) heap_type_qualname: usize,
    pub(crate) heap_type_cached_keys: usize,
    pub(crate) module_name: usize,

    pub(crate) exception: Exception,
    pub(crate) function: Function,
    pub(crate) code: Code,
    pub(crate) generator: Generator,
    pub(crate) frames: Frames,
    pub(crate) thread: Thread,
    pub(crate) collector: CollectorState,
    /// Where `_Py_DebugOffsets` tells the same.
    pub(crate) told: Option<Told>,

    /// Reference counts with bit 31 set mean "immortal".
    pub(crate) immortal_bits: bool,
    /// Whether an `int` carries its digit count in a tag (from 3.12 on) or in `ob_size`.
    pub(crate) int_tag: bool,
    /// Whether zero has room for a digit (from 3.11 on).
    pub(crate) zero_has_digit: bool,
    /// Whether `tp_dict` of static built-in types lives in the interpreter's state and `tp_subclasses` is a number.
    pub(crate) static_types_in_interpreter: bool,
    /// Whether a bytearray's buffer is a `bytes` object of its own (from 3.15 on).
    pub(crate) bytearray_holds_bytes: bool,
}

/// `PyDictKeysObject`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DictKeys {
    pub(crate) usable: usize,
    pub(crate) entries: usize,
    pub(crate) indices: usize,
    /// Whether the header has its sizes as logarithms, and a kind: keys that are all `str` then have entries without a hash.
    /// Before 3.11 it has its size as a number, and the kind is a function.
    pub(crate) has_kind: bool,
}

/// How instances keep attributes without a dict of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ManagedDict {
    /// Up to 3.10: they do not.
    None,
    /// 3.11: a pointer to the values 32 bytes before the object, one to the dict 24 before.
    TwoPointers,
    /// 3.12: one pointer 24 bytes before the object; its lowest bit set: the values, one byte below where it points.
    TaggedPointer,
    /// From 3.13 on: the dict 24 bytes before the object; the values behind the object, if the type says so. Where there are both,
    /// the collector is told the values by the object (3.13) or by the dict (from 3.14 on).
    Inline { dict_tells: bool },
}

/// `PyBaseExceptionObject`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    pub(crate) notes: Option<usize>,
    pub(crate) traceback: usize,
    pub(crate) context: usize,
    pub(crate) cause: usize,
}

/// `PyFunctionObject`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) code: usize,
    pub(crate) globals: usize,
    pub(crate) builtins: Option<usize>,
    pub(crate) name: usize,
    pub(crate) qualname: usize,
    pub(crate) defaults: usize,
    pub(crate) kwdefaults: usize,
    pub(crate) closure: usize,
    pub(crate) doc: usize,
    pub(crate) dict: usize,
    pub(crate) module: usize,
    pub(crate) annotations: usize,
    pub(crate) annotate: Option<usize>,
    pub(crate) type_params: Option<usize>,
}

/// `PyCodeObject`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) first_line: usize,
    pub(crate) stack_size: usize,
    pub(crate) filename: usize,
    /// Up to 3.10 there is the plain name only.
    pub(crate) qualname: usize,
    pub(crate) variables: Variables,
}

/// Where a code object has the names of its variables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variables {
    /// Up to 3.10: a tuple of names for each kind of variables; they lie in a frame in this order.
    Tuples {
        local: usize,
        cell: usize,
        free: usize,
        /// What the code owns besides (`sys.getsizeof` counts it).
        instructions: usize,
        cell_arguments: usize,
        cache: usize,
        cache_size: usize,
    },
    /// From 3.11 on: one tuple of names, and `bytes` with the kind of each.
    Kinds {
        count: usize,
        names: usize,
        kinds: usize,
    },
}

/// `PyGenObject`, and those of coroutines and asynchronous generators.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generator {
    pub(crate) name: usize,
    pub(crate) qualname: usize,
    /// A pointer to the frame object up to 3.10, from 3.11 on the frame itself.
    pub(crate) frame: usize,
    /// From 3.11 on: where the frame's state is, and from which state on there is nothing in it.
    pub(crate) state: Option<(usize, i8)>,
}

/// Where a function's call is kept while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frames {
    /// Up to 3.10: in a frame object.
    Objects(FrameObject),
    /// From 3.11 on: in a `_PyInterpreterFrame` on the thread's stack, or in a generator, or in a frame object that outlived the call.
    Records(FrameRecord),
}

/// `PyFrameObject` up to 3.10. A frame's stack begins behind its variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameObject {
    pub(crate) back: usize,
    pub(crate) code: usize,
    pub(crate) builtins: usize,
    pub(crate) globals: usize,
    pub(crate) locals: usize,
    pub(crate) trace: usize,
    pub(crate) last_instruction: usize,
    /// What one instruction counts there, in bytes.
    pub(crate) instruction: usize,
    pub(crate) generator: usize,
    pub(crate) stack_top: StackTop,
    pub(crate) variables: usize,
}

/// `_PyInterpreterFrame`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameRecord {
    pub(crate) code: usize,
    pub(crate) function: usize,
    pub(crate) globals: usize,
    pub(crate) locals: usize,
    pub(crate) object: usize,
    pub(crate) previous: usize,
    pub(crate) instruction: usize,
    pub(crate) owner: usize,
    pub(crate) stack_top: StackTop,
    pub(crate) variables: usize,
    /// Whether references in it carry a tag in their lowest two bits (from 3.14 on).
    pub(crate) tagged: bool,
}

/// How a frame that is not running tells how far its stack is filled; one that is running does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StackTop {
    /// A pointer behind the last entry; NULL while running.
    Pointer(usize),
    /// The number of entries; negative while running.
    Depth(usize),
    /// The same, variables included.
    DepthWithVariables(usize),
}

/// `PyThreadState`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    /// Of the current frame, or of the `_PyCFrame` that points to it.
    pub(crate) frame: usize,
    /// Where in the `_PyCFrame` (3.11, 3.12).
    pub(crate) frame_of_cframe: Option<usize>,
    pub(crate) dict: usize,
    pub(crate) id: usize,
    pub(crate) context: usize,
    /// A pointer to what is being handled, and where in that the exception is.
    pub(crate) exception: usize,
    pub(crate) exception_value: usize,
}

/// `struct _gc_runtime_state`, from the head of generation 0's ring on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CollectorState {
    pub(crate) permanent: usize,
    pub(crate) collecting: usize,
    pub(crate) garbage: usize,
    pub(crate) callbacks: usize,
}

/// Where `_Py_DebugOffsets`, which begins `_PyRuntime` from 3.13 on, tells offsets: of fields of [`Layout`] by the same name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) thread_frame: usize,
    pub(crate) thread_id: usize,
    pub(crate) frame_previous: usize,
    pub(crate) frame_code: usize,
    pub(crate) frame_instruction: usize,
    pub(crate) frame_variables: usize,
    pub(crate) frame_owner: usize,
    pub(crate) code_filename: usize,
    pub(crate) code_qualname: usize,
    pub(crate) code_first_line: usize,
    pub(crate) code_names: usize,
    pub(crate) code_kinds: usize,
    pub(crate) tuple_items: usize,
    pub(crate) ascii_header: usize,
}

impl Layout {
    /// The layout of a version, if it is a known one.
    pub(crate) fn of(major: u8, minor: u8) -> Option<&'static Layout> {
        versions::ALL
            .into_iter()
            .find(|layout| (layout.major, layout.minor) == (major, minor))
    }

    /// `ht_module` follows `ht_cached_keys`.
    pub(crate) fn heap_type_module(&self) -> usize {
        self.heap_type_cached_keys + 8
    }

    /// The versions that [`Layout::of`] knows, for messages.
    pub(crate) const KNOWN: &'static str = "3.9 to 3.15";

    /// What `_Py_DebugOffsets` tells of this version: a name, where it tells it, and what it should tell.
    pub(crate) fn told(&self) -> Vec<(&'static str, usize, usize)> {
        let (Some(told), Frames::Records(frame)) = (self.told, self.frames) else {
            return Vec::new();
        };
        let mut all = vec![
            ("thread.current_frame", told.thread_frame, self.thread.frame),
            ("thread.thread_id", told.thread_id, self.thread.id),
            ("frame.previous", told.frame_previous, frame.previous),
            ("frame.executable", told.frame_code, frame.code),
            ("frame.instr_ptr", told.frame_instruction, frame.instruction),
            ("frame.localsplus", told.frame_variables, frame.variables),
            ("frame.owner", told.frame_owner, frame.owner),
            ("code.filename", told.code_filename, self.code.filename),
            ("code.qualname", told.code_qualname, self.code.qualname),
            (
                "code.firstlineno",
                told.code_first_line,
                self.code.first_line,
            ),
            ("tuple.ob_item", told.tuple_items, self.tuple_items),
            ("str.ascii", told.ascii_header, self.ascii_header),
        ];
        if let Variables::Kinds { names, kinds, .. } = self.code.variables {
            all.push(("code.localsplusnames", told.code_names, names));
            all.push(("code.localspluskinds", told.code_kinds, kinds));
        }
        all
    }
}
