//! The built-in types that the walker knows, found in the running interpreter.

use crate::layout::stable;
use crate::memory::{Frozen, Obj};

/// Addresses of well-known types, and of their `tp_traverse` functions.
///
/// A type written in C that inherits the function from one of these has its structure, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) type_type: Obj,
    pub(crate) dict_type: Obj,
    pub(crate) set_type: Obj,
    pub(crate) frozenset_type: Obj,
    pub(crate) bytearray_type: Obj,
    pub(crate) code_type: Obj,
    pub(crate) frame_type: Obj,
    pub(crate) deque_type: Obj,
    pub(crate) array_type: Obj,
    pub(crate) ordered_dict_type: Obj,
    pub(crate) bool_type: Obj,
    pub(crate) float_type: Obj,
    pub(crate) none: Obj,

    pub(crate) subtype_traverse: usize,
    pub(crate) dict: usize,
    pub(crate) ordered_dict: usize,
    pub(crate) default_dict: usize,
    pub(crate) list: usize,
    pub(crate) tuple: usize,
    pub(crate) set: usize,
    pub(crate) deque: usize,
    pub(crate) cell: usize,
    pub(crate) weakref: usize,
    pub(crate) type_: usize,
    pub(crate) method: usize,
    pub(crate) builtin: usize,
    pub(crate) function: usize,
    pub(crate) module: usize,
    pub(crate) generator: usize,
    pub(crate) async_generator: usize,
    pub(crate) frame: usize,
    pub(crate) traceback: usize,
}

/// The expressions, in the order of [`Known::from_types`], whose values are the types. The last is a class written in Python.
pub(crate) const TYPE_EXPRESSIONS: &str = "\
import array, collections, types, weakref
result = (
    type, dict, set, frozenset, bytearray, types.CodeType, types.FrameType, types.CellType, collections.deque,
    array.array, collections.OrderedDict, bool, float, collections.defaultdict, list, tuple, weakref.ref,
    types.MethodType, types.BuiltinFunctionType, types.FunctionType, types.ModuleType, types.GeneratorType,
    types.AsyncGeneratorType, types.TracebackType, type('_Probe', (), {}),
)
";

/// How many types [`TYPE_EXPRESSIONS`] gives.
pub(crate) const TYPE_COUNT: usize = 25;

impl Known {
    /// From the values of [`TYPE_EXPRESSIONS`], which the caller keeps alive meanwhile, and None.
    pub(crate) fn from_types(heap: Frozen, types: &[Obj; TYPE_COUNT], none: Obj) -> Known {
        let traverse = |class: Obj| heap.word(class.0 + stable::TP_TRAVERSE);
        let [
            type_type,
            dict_type,
            set_type,
            frozenset_type,
            bytearray_type,
            code_type,
            frame_type,
            cell_type,
            deque_type,
            array_type,
            ordered_dict_type,
            bool_type,
            float_type,
            default_dict,
            list,
            tuple,
            weakref,
            method,
            builtin,
            function,
            module,
            generator,
            async_generator,
            traceback,
            python_class,
        ] = *types;
        Known {
            type_type,
            dict_type,
            set_type,
            frozenset_type,
            bytearray_type,
            code_type,
            frame_type,
            deque_type,
            array_type,
            ordered_dict_type,
            bool_type,
            float_type,
            none,
            subtype_traverse: traverse(python_class),
            dict: traverse(dict_type),
            ordered_dict: traverse(ordered_dict_type),
            default_dict: traverse(default_dict),
            list: traverse(list),
            tuple: traverse(tuple),
            set: traverse(set_type),
            deque: traverse(deque_type),
            cell: traverse(cell_type),
            weakref: traverse(weakref),
            type_: traverse(type_type),
            method: traverse(method),
            builtin: traverse(builtin),
            function: traverse(function),
            module: traverse(module),
            generator: traverse(generator),
            async_generator: traverse(async_generator),
            frame: traverse(frame_type),
            traceback: traverse(traceback),
        }
    }
}
