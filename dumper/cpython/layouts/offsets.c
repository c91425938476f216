// Prints the layout of the CPython whose headers it is compiled with, as fields of `Layout` in ../src/layout.rs:
//
//     cc -I "$(python3.X -c 'import sysconfig; print(sysconfig.get_path("include"))')" offsets.c -o offsets && ./offsets
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include <structmember.h>
#include "internal/pycore_gc.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"
#if PY_VERSION_HEX >= 0x030b0000
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_moduleobject.h"
#else
#include "frameobject.h"
// Objects/dict-common.h, which is not installed.
typedef struct {
    Py_ssize_t dk_refcnt, dk_size;
    void *dk_lookup;
    Py_ssize_t dk_usable, dk_nentries;
    char dk_indices[];
} Keys;
#endif
#if PY_VERSION_HEX >= 0x030e0000
#include "internal/pycore_interpframe_structs.h"
#endif

#define FIELD(name, type, field) printf("    %s: %zu,\n", name, offsetof(type, field))
#define SIZE(name, type) printf("    %s: %zu,\n", name, sizeof(type))

// Fields that `layout::stable` takes to be the same everywhere.
#define STABLE(type, field, offset) \
    _Static_assert(offsetof(type, field) == offset, #type "." #field " has moved")

STABLE(PyObject, ob_type, 8);
STABLE(PyVarObject, ob_size, 16);
STABLE(PyTypeObject, tp_name, 24);
STABLE(PyTypeObject, tp_basicsize, 32);
STABLE(PyTypeObject, tp_itemsize, 40);
STABLE(PyTypeObject, tp_flags, 168);
STABLE(PyTypeObject, tp_traverse, 184);
STABLE(PyTypeObject, tp_members, 240);
STABLE(PyTypeObject, tp_base, 256);
STABLE(PyTypeObject, tp_dict, 264);
STABLE(PyTypeObject, tp_dictoffset, 288);
STABLE(PyTypeObject, tp_is_gc, 328);
STABLE(PyTypeObject, tp_bases, 336);
STABLE(PyTypeObject, tp_mro, 344);
STABLE(PyTypeObject, tp_cache, 352);
STABLE(PyTypeObject, tp_subclasses, 360);
STABLE(PyASCIIObject, length, 16);
STABLE(PyASCIIObject, state, 32);
STABLE(PyDictObject, ma_used, 16);
STABLE(PyDictObject, ma_keys, 32);
STABLE(PyDictObject, ma_values, 40);
_Static_assert(sizeof(PyDictObject) == 48, "PyDictObject has grown");
STABLE(PyListObject, ob_item, 24);
STABLE(PyListObject, allocated, 32);
STABLE(PySetObject, mask, 32);
STABLE(PySetObject, table, 40);
STABLE(PySetObject, smalltable, 64);
STABLE(PyMethodObject, im_func, 16);
STABLE(PyMethodObject, im_self, 24);
STABLE(PyCFunctionObject, m_self, 24);
STABLE(PyCFunctionObject, m_module, 32);
STABLE(PyCellObject, ob_ref, 16);
STABLE(PyWeakReference, wr_object, 16);
STABLE(PyWeakReference, wr_callback, 24);
STABLE(PyMemberDef, name, 0);
STABLE(PyMemberDef, type, 8);
STABLE(PyMemberDef, offset, 16);
STABLE(PyMemberDef, flags, 24);
_Static_assert(sizeof(PyMemberDef) == 40, "PyMemberDef has grown");
STABLE(PyByteArrayObject, ob_alloc, 24);
STABLE(PyBytesObject, ob_sval, 32);
STABLE(PyFloatObject, ob_fval, 16);
#if PY_VERSION_HEX >= 0x030c0000
STABLE(PyLongObject, long_value.ob_digit, 24);
#else
STABLE(PyLongObject, ob_digit, 24);
#endif
STABLE(PyTracebackObject, tb_next, 16);
STABLE(PyTracebackObject, tb_frame, 24);
STABLE(PyBaseExceptionObject, dict, 16);
STABLE(PyBaseExceptionObject, args, 24);
#if PY_VERSION_HEX >= 0x030b0000
STABLE(PyModuleObject, md_dict, 16);
STABLE(struct _frame, f_back, 16);
STABLE(struct _frame, f_frame, 24);
STABLE(struct _frame, f_trace, 32);
STABLE(PyDictKeysObject, dk_log2_size, 8);
STABLE(PyDictKeysObject, dk_log2_index_bytes, 9);
STABLE(PyDictKeysObject, dk_kind, 10);
#endif

int main(void) {
    typedef struct _gc_runtime_state Gc;
    printf("    // %s\n    minor: %d,\n", PY_VERSION, PY_MINOR_VERSION);
    SIZE("ascii_header", PyASCIIObject);
    SIZE("unicode_header", PyCompactUnicodeObject);
    FIELD("unicode_utf8_length", PyCompactUnicodeObject, utf8_length);
    FIELD("unicode_utf8", PyCompactUnicodeObject, utf8);
    FIELD("tuple_items", PyTupleObject, ob_item);
    SIZE("heap_type_size", PyHeapTypeObject);
    SIZE("static_type_size", PyTypeObject);
    FIELD("heap_type_name", PyHeapTypeObject, ht_name);
    FIELD("heap_type_slots", PyHeapTypeObject, ht_slots);
    FIELD("heap_type_qualname", PyHeapTypeObject, ht_qualname);
    FIELD("heap_type_cached_keys", PyHeapTypeObject, ht_cached_keys);
    FIELD("heap_type_module", PyHeapTypeObject, ht_module);

    FIELD("exception.traceback", PyBaseExceptionObject, traceback);
    FIELD("exception.context", PyBaseExceptionObject, context);
    FIELD("exception.cause", PyBaseExceptionObject, cause);

    FIELD("function.code", PyFunctionObject, func_code);
    FIELD("function.globals", PyFunctionObject, func_globals);
    FIELD("function.name", PyFunctionObject, func_name);
    FIELD("function.qualname", PyFunctionObject, func_qualname);
    FIELD("function.defaults", PyFunctionObject, func_defaults);
    FIELD("function.kwdefaults", PyFunctionObject, func_kwdefaults);
    FIELD("function.closure", PyFunctionObject, func_closure);
    FIELD("function.doc", PyFunctionObject, func_doc);
    FIELD("function.dict", PyFunctionObject, func_dict);
    FIELD("function.module", PyFunctionObject, func_module);
    FIELD("function.annotations", PyFunctionObject, func_annotations);
#if PY_VERSION_HEX >= 0x030a0000
    FIELD("function.builtins", PyFunctionObject, func_builtins);
#endif
#if PY_VERSION_HEX >= 0x030e0000
    FIELD("function.annotate", PyFunctionObject, func_annotate);
#endif
#if PY_VERSION_HEX >= 0x030c0000
    FIELD("function.type_params", PyFunctionObject, func_typeparams);
#endif

    FIELD("code.first_line", PyCodeObject, co_firstlineno);
    FIELD("code.stack_size", PyCodeObject, co_stacksize);
    FIELD("code.filename", PyCodeObject, co_filename);
#if PY_VERSION_HEX >= 0x030b0000
    FIELD("code.qualname", PyCodeObject, co_qualname);
    FIELD("variables.count", PyCodeObject, co_nlocalsplus);
    FIELD("variables.names", PyCodeObject, co_localsplusnames);
    FIELD("variables.kinds", PyCodeObject, co_localspluskinds);
#else
    FIELD("code.qualname", PyCodeObject, co_name);
    FIELD("variables.local", PyCodeObject, co_varnames);
    FIELD("variables.cell", PyCodeObject, co_cellvars);
    FIELD("variables.free", PyCodeObject, co_freevars);
    FIELD("code.instructions", PyCodeObject, co_code);
    FIELD("code.cell_arguments", PyCodeObject, co_cell2arg);
    FIELD("code.cache", PyCodeObject, co_opcache);
    FIELD("code.cache_size", PyCodeObject, co_opcache_size);
#endif

    FIELD("generator.name", PyGenObject, gi_name);
    FIELD("generator.qualname", PyGenObject, gi_qualname);
#if PY_VERSION_HEX >= 0x030b0000
    FIELD("generator.state", PyGenObject, gi_frame_state);
    printf("    generator.cleared: %d,\n", FRAME_CLEARED);
    FIELD("generator.frame", PyGenObject, gi_iframe);
    typedef _PyInterpreterFrame Frame;
#if PY_VERSION_HEX >= 0x030d0000
    FIELD("frame.code", Frame, f_executable);
    FIELD("frame.function", Frame, f_funcobj);
    FIELD("frame.instruction", Frame, instr_ptr);
#else
    FIELD("frame.code", Frame, f_code);
#if PY_VERSION_HEX >= 0x030c0000
    FIELD("frame.function", Frame, f_funcobj);
#else
    FIELD("frame.function", Frame, f_func);
#endif
    FIELD("frame.instruction", Frame, prev_instr);
#endif
    FIELD("frame.globals", Frame, f_globals);
    FIELD("frame.locals", Frame, f_locals);
    FIELD("frame.object", Frame, frame_obj);
    FIELD("frame.previous", Frame, previous);
    FIELD("frame.owner", Frame, owner);
#if PY_VERSION_HEX >= 0x030e0000
    FIELD("frame.stack_pointer", Frame, stackpointer);
#else
    FIELD("frame.stack_top", Frame, stacktop);
#endif
    FIELD("frame.variables", Frame, localsplus);
#else
    FIELD("generator.frame", PyGenObject, gi_frame);
    typedef struct _frame Frame;
    FIELD("frame.back", Frame, f_back);
    FIELD("frame.code", Frame, f_code);
    FIELD("frame.builtins", Frame, f_builtins);
    FIELD("frame.globals", Frame, f_globals);
    FIELD("frame.locals", Frame, f_locals);
    FIELD("frame.trace", Frame, f_trace);
    FIELD("frame.last_instruction", Frame, f_lasti);
#if PY_VERSION_HEX >= 0x030a0000
    FIELD("frame.stack_depth", Frame, f_stackdepth);
#else
    FIELD("frame.stack_top", Frame, f_stacktop);
#endif
    FIELD("frame.stack", Frame, f_valuestack);
    FIELD("frame.variables", Frame, f_localsplus);
#endif

#if PY_VERSION_HEX >= 0x030d0000
    FIELD("thread.frame", PyThreadState, current_frame);
#elif PY_VERSION_HEX >= 0x030b0000
    FIELD("thread.frame", PyThreadState, cframe);
    FIELD("thread.frame_of_cframe", _PyCFrame, current_frame);
#else
    FIELD("thread.frame", PyThreadState, frame);
#endif
    FIELD("thread.dict", PyThreadState, dict);
    FIELD("thread.id", PyThreadState, thread_id);
    FIELD("thread.context", PyThreadState, context);
    FIELD("thread.exception", PyThreadState, exc_info);
    FIELD("thread.exception_value", _PyErr_StackItem, exc_value);

#if PY_VERSION_HEX >= 0x030b0000
    FIELD("keys.usable", PyDictKeysObject, dk_usable);
    FIELD("keys.entries", PyDictKeysObject, dk_nentries);
    FIELD("keys.indices", PyDictKeysObject, dk_indices);
    FIELD("dict_values", PyDictValues, values);
    FIELD("module_name", PyModuleObject, md_name);
#else
    FIELD("keys.usable", Keys, dk_usable);
    FIELD("keys.entries", Keys, dk_nentries);
    FIELD("keys.indices", Keys, dk_indices);
#endif

    // From the first generation on.
    size_t first = offsetof(Gc, generations);
    printf("    collector.second: %zu,\n", sizeof(struct gc_generation));
    printf("    collector.permanent: %zu,\n", offsetof(Gc, permanent_generation) - first);
    printf("    collector.collecting: %zu,\n", offsetof(Gc, collecting) - first);
    printf("    collector.garbage: %zu,\n", offsetof(Gc, garbage) - first);
    printf("    collector.callbacks: %zu,\n", offsetof(Gc, callbacks) - first);

#if PY_VERSION_HEX >= 0x030d0000
    // Where `_Py_DebugOffsets` tells the same.
    typedef _Py_DebugOffsets Told;
    FIELD("told.free_threaded", Told, free_threaded);
    FIELD("told.thread_frame", Told, thread_state.current_frame);
    FIELD("told.thread_id", Told, thread_state.thread_id);
    FIELD("told.frame_previous", Told, interpreter_frame.previous);
    FIELD("told.frame_code", Told, interpreter_frame.executable);
    FIELD("told.frame_instruction", Told, interpreter_frame.instr_ptr);
    FIELD("told.frame_variables", Told, interpreter_frame.localsplus);
    FIELD("told.frame_owner", Told, interpreter_frame.owner);
    FIELD("told.code_filename", Told, code_object.filename);
    FIELD("told.code_qualname", Told, code_object.qualname);
    FIELD("told.code_first_line", Told, code_object.firstlineno);
    FIELD("told.code_names", Told, code_object.localsplusnames);
    FIELD("told.code_kinds", Told, code_object.localspluskinds);
    FIELD("told.type_flags", Told, type_object.tp_flags);
    FIELD("told.tuple_items", Told, tuple_object.ob_item);
    FIELD("told.list_items", Told, list_object.ob_item);
    FIELD("told.unicode_state", Told, unicode_object.state);
    FIELD("told.unicode_length", Told, unicode_object.length);
    FIELD("told.ascii_header", Told, unicode_object.asciiobject_size);
#if PY_VERSION_HEX >= 0x030e0000
    FIELD("told.set_table", Told, set_object.table);
    FIELD("told.dict_keys", Told, dict_object.ma_keys);
    FIELD("told.dict_values", Told, dict_object.ma_values);
    FIELD("told.generator_name", Told, gen_object.gi_name);
    FIELD("told.generator_frame", Told, gen_object.gi_iframe);
    FIELD("told.generator_state", Told, gen_object.gi_frame_state);
#endif
#endif
    return 0;
}
