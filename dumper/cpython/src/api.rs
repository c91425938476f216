//! Functions of CPython that are in no header of the stable ABI, found in the running interpreter by name.
//!
//! All are called in the snapshot process, too: they only read, and neither allocate nor lock.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};

use crate::layout::Layout;
use crate::memory::Obj;

type Pointer = *mut c_void;

/// Addresses of the functions.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    code_addr2line: unsafe extern "C" fn(Pointer, c_int) -> c_int,
    interpreter_get: unsafe extern "C" fn() -> Pointer,
    thread_head: unsafe extern "C" fn(Pointer) -> Pointer,
    thread_next: unsafe extern "C" fn(Pointer) -> Pointer,
    module_dict: unsafe extern "C" fn() -> Pointer,
    interpreter_dict: unsafe extern "C" fn(Pointer) -> Pointer,
    /// Where static types keep their dict in the interpreter (from 3.12 on).
    type_dict: Option<unsafe extern "C" fn(Pointer) -> Pointer>,
}

impl Api {
    /// Finds the functions that a version needs.
    ///
    /// # Errors
    ///
    /// The name of the one that is missing.
    pub(crate) fn find(layout: &Layout) -> Result<Api, &'static str> {
        // SAFETY: the signatures are those of CPython's headers, unchanged from 3.9 to 3.15.
        unsafe {
            Ok(Api {
                code_addr2line: function(c"PyCode_Addr2Line")?,
                interpreter_get: function(c"PyInterpreterState_Get")?,
                thread_head: function(c"PyInterpreterState_ThreadHead")?,
                thread_next: function(c"PyThreadState_Next")?,
                module_dict: function(c"PyImport_GetModuleDict")?,
                interpreter_dict: function(c"PyInterpreterState_GetDict")?,
                type_dict: if layout.static_types_in_interpreter {
                    Some(function(c"_PyType_GetDict")?)
                } else {
                    None
                },
            })
        }
    }

    /// The address of `_PyRuntime`, if the interpreter exports it.
    pub(crate) fn runtime(&self) -> Option<usize> {
        // SAFETY: only looks the name up.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_PyRuntime".as_ptr()) };
        (!address.is_null()).then_some(address as usize)
    }

    /// The line of an instruction, by its offset in bytes; 0 where there is none.
    pub(crate) fn line(&self, code: Obj, offset: usize) -> u32 {
        let Ok(offset) = c_int::try_from(offset) else {
            return 0;
        };
        // SAFETY: the caller has seen that it is a code object; the function decodes its line table.
        let line = unsafe { (self.code_addr2line)(code.0 as Pointer, offset) };
        u32::try_from(line).unwrap_or(0)
    }

    /// `tp_dict` of a static built-in type, wherever this version keeps it. Borrowed.
    pub(crate) fn type_dict(&self, class: Obj) -> Obj {
        let Some(function) = self.type_dict else {
            return Obj::NULL;
        };
        // SAFETY: the argument is a type; the function returns a borrowed reference.
        Obj(unsafe { function(class.0 as Pointer) } as usize)
    }

    /// The thread states of this interpreter.
    pub(crate) fn threads(&self) -> impl Iterator<Item = usize> + use<> {
        let next = self.thread_next;
        // SAFETY: the calling thread has a thread state, so there is an interpreter; both functions read one pointer each.
        let first = unsafe { (self.thread_head)((self.interpreter_get)()) };
        std::iter::successors((!first.is_null()).then_some(first), move |&thread| {
            // SAFETY: as above; the list does not change while the GIL is held.
            let thread = unsafe { next(thread) };
            (!thread.is_null()).then_some(thread)
        })
        .map(|thread| thread as usize)
    }

    /// The dict behind `sys.modules`. Borrowed.
    pub(crate) fn modules(&self) -> Obj {
        // SAFETY: the calling thread has a thread state.
        Obj(unsafe { (self.module_dict)() } as usize)
    }

    /// The dict in which extensions keep things for an interpreter; it exists by now. Borrowed.
    pub(crate) fn interpreter_dict(&self) -> Obj {
        // SAFETY: the calling thread has a thread state. The dict was made by `prepare`, so nothing is allocated.
        Obj(unsafe { (self.interpreter_dict)((self.interpreter_get)()) } as usize)
    }
}

/// A function of the process by its name; the name if there is none.
///
/// # Safety
///
/// `F` is the type of a function pointer, with the signature that the function has.
pub(crate) unsafe fn function<F: Copy>(name: &'static CStr) -> Result<F, &'static str> {
    const { assert!(size_of::<F>() == size_of::<Pointer>()) };
    // SAFETY: the name is a C string; it is looked up in what the process has loaded.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if address.is_null() {
        return Err(name.to_str().unwrap_or("?"));
    }
    // SAFETY: both are pointers, of one size; the caller answers for the signature.
    Ok(unsafe { std::mem::transmute_copy::<Pointer, F>(&address) })
}
