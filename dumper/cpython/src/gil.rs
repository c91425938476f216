//! The interpreter's lock, for threads that are not Python's.
#![allow(unsafe_code)]

use pyo3::ffi;

/// The GIL, held until this is dropped.
pub(crate) struct Gil(ffi::PyGILState_STATE);

impl Gil {
    /// Waits for the GIL; `None` if there is no interpreter (any more).
    pub(crate) fn take() -> Option<Gil> {
        // SAFETY: may be called by any thread, with or without the GIL.
        if unsafe { ffi::Py_IsInitialized() } == 0 {
            return None;
        }
        // SAFETY: the agent is stopped by `atexit` before the interpreter goes away, so this does not block for ever in a
        // finalising interpreter; a direct call holds the GIL already.
        Some(Gil(unsafe { ffi::PyGILState_Ensure() }))
    }
}

/// Whether the calling thread, which has a thread state, is in the main interpreter.
///
/// [`Gil::take`] asks for that one's lock. Called in another interpreter (on 3.11, where all share one lock), it would wait for what its own
/// thread holds.
pub(crate) fn in_main_interpreter() -> bool {
    // SAFETY: the caller has a thread state, so there is an interpreter; its number is only read.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

impl Drop for Gil {
    fn drop(&mut self) {
        // SAFETY: pairs with `take`, on the same thread.
        unsafe { ffi::PyGILState_Release(self.0) };
    }
}
