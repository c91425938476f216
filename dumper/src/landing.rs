//! Survives faults while reading the target's memory: a damaged object costs that object, not the dump.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;

use crate::sys;

/// A memory fault inside [`protect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFault {
    /// SIGSEGV, SIGBUS, SIGFPE or SIGILL.
    pub signal: i32,
    /// Address of the access, or of the instruction.
    pub address: usize,
}

unsafe extern "C" {
    fn memdump_landing_arm(signal: c_int) -> c_int;
    fn memdump_landing_call(
        body: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        address: *mut usize,
    ) -> c_int;
}

/// Signals that a walk over damaged memory may raise.
pub(crate) const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

const STACK: usize = 64 << 10;

/// Calls `body`; a SIGSEGV, SIGBUS, SIGFPE or SIGILL inside comes back as the fault. Costs some 10 ns and no system call.
/// May be nested. Only in the snapshot process; elsewhere a fault does what it did before.
///
/// # Errors
///
/// The fault that ended `body`.
///
/// # Safety
///
/// A fault jumps over the frames below `body`. So nothing in there may have a destructor (a `Vec`, a `Box`, a guard) or hold a
/// borrow whose invariant is broken half-way, and what `body` changes outside must be fit to be seen after any prefix of it.
pub unsafe fn protect<F: FnMut()>(body: &mut F) -> Result<(), MemoryFault> {
    extern "C" fn call<F: FnMut()>(body: *mut c_void) {
        // SAFETY: `protect` passes a `&mut F`, which lives until the call returns or is jumped over.
        let body = unsafe { &mut *body.cast::<F>() };
        body();
    }
    let mut address = 0;
    let argument: *mut c_void = (&raw mut *body).cast();
    // SAFETY: the frames between here and the landing are `call` and those of `body`, which the caller answers for.
    match unsafe { memdump_landing_call(call::<F>, argument, &raw mut address) } {
        0 => Ok(()),
        signal => Err(MemoryFault { signal, address }),
    }
}

/// Puts the fault handlers in place, on a stack of their own (the walk may fault by overflowing its stack).
/// Only in the snapshot process: it replaces the process's handlers.
pub(crate) fn arm() -> io::Result<()> {
    let stack = sys::map_private(STACK)?;
    let stack = libc::stack_t {
        ss_sp: stack.as_ptr(),
        ss_flags: 0,
        ss_size: STACK,
    };
    // SAFETY: the mapping is private to this process and is never unmapped.
    sys::check(unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) })?;
    for signal in FAULTS {
        // SAFETY: sets a handler of this one-threaded process; the handler is async-signal-safe.
        sys::check(unsafe { memdump_landing_arm(signal) })?;
    }
    Ok(())
}
