#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include "internal/pycore_frame.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"
#include "internal/pycore_object.h"
#include "internal/pycore_moduleobject.h"
#include "structmember.h"
#define O(t,f) printf(#t "." #f " %zu\n", offsetof(t,f))
#define S(t) printf("sizeof " #t " %zu\n", sizeof(t))
int main(){
 printf("PY %x\n", PY_VERSION_HEX);
 O(PyTypeObject,tp_name);O(PyTypeObject,tp_basicsize);O(PyTypeObject,tp_itemsize);O(PyTypeObject,tp_is_gc);O(PyTypeObject,tp_base);O(PyTypeObject,tp_bases);O(PyTypeObject,tp_cache);O(PyTypeObject,tp_dictoffset);O(PyTypeObject,tp_weaklist);O(PyTypeObject,tp_flags);
 O(PyDictObject,ma_used);S(PyDictObject);O(PyListObject,allocated);O(PySetObject,used);O(PySetObject,fill);
 O(PyCodeObject,co_linetable);O(PyCodeObject,co_exceptiontable);O(PyCodeObject,co_code_adaptive);S(PyCodeObject);
 O(PyModuleObject,md_dict);O(PyModuleObject,md_name);
 O(PyGenObject,gi_name);O(PyGenObject,gi_exc_state);O(PyGenObject,gi_iframe);
 O(PyThreadState,next);O(PyThreadState,dict);O(PyThreadState,exc_info);O(PyThreadState,context);O(PyThreadState,thread_id);O(PyThreadState,native_thread_id);
 O(PyInterpreterState,gc);
 S(_PyInterpreterFrame);
#if PY_VERSION_HEX<0x030d0000
 O(_PyInterpreterFrame,prev_instr);
#endif
 O(PyWeakReference,wr_object);O(PyWeakReference,wr_callback);
 O(PyMethodObject,im_func);O(PyMethodObject,im_self);
 O(PyCellObject,ob_ref);
 O(PyCFunctionObject,m_self);O(PyCFunctionObject,m_module);
 O(PyFrameObject,f_trace);O(PyFrameObject,f_frame);
 O(PyFunctionObject,func_weakreflist);O(PyFunctionObject,func_code);O(PyFunctionObject,func_builtins);
 O(PyUnicodeObject,data);O(PyCompactUnicodeObject,utf8);O(PyCompactUnicodeObject,utf8_length);O(PyASCIIObject,length);
 S(PyTypeObject);S(PyHeapTypeObject);S(PyBytesObject);S(PyByteArrayObject);O(PyByteArrayObject,ob_alloc);
 O(PyBaseExceptionObject,args);
 O(PyMemberDef,type);O(PyMemberDef,offset);O(PyMemberDef,flags);S(PyMemberDef);
 O(struct _gc_runtime_state,collecting);O(struct _gc_runtime_state,garbage);O(struct _gc_runtime_state,callbacks);O(struct _gc_runtime_state,generations);O(struct _gc_runtime_state,permanent_generation);
#if PY_VERSION_HEX>=0x030c0000
 O(PyInterpreterState,types);O(PyFunctionObject,func_typeparams);
 S(static_builtin_state_t);
#endif
 return 0;}
