//! Survives faults while reading the target's memory: a damaged object costs that object, not the dump.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;

use crate::sys;

/// A memory fault inside [`protect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFault {
    /// SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT.
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

/// Signals that a walk over damaged memory may raise; SIGABRT from an assertion of the runtime that is walked.
pub(crate) const FAULTS: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];

const STACK: usize = 64 << 10;

/// Calls `body`; a SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT inside comes back as the fault. Costs some 10 ns and no system call.
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

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn read(address: usize) {
        // SAFETY: it is not: these tests are about what happens then.
        black_box(unsafe { std::ptr::without_provenance::<u8>(address).read_volatile() });
    }

    #[inline(never)]
    fn overflow(depth: usize) -> usize {
        let filler = black_box([depth; 64]);
        if depth == usize::MAX {
            return 0;
        }
        overflow(depth + 1) + filler[depth % 64]
    }

    /// One test, because the landing is made for a process of one thread.
    #[test]
    fn faults_land_where_they_are_awaited() {
        arm().unwrap();
        let fault = |signal, address| Err(MemoryFault { signal, address });
        // SAFETY: the closures have nothing to be dropped.
        unsafe {
            let mut reached = 0;
            assert_eq!(protect(&mut || reached += 1), Ok(()));
            assert_eq!(reached, 1);
            for _ in 0..100 {
                assert_eq!(protect(&mut || read(24)), fault(libc::SIGSEGV, 24));
            }
            // The inner landing is gone after its fault, and the outer one stands.
            let mut inner = Ok(());
            let outer = protect(&mut || {
                inner = protect(&mut || read(32));
                read(40);
            });
            assert_eq!(
                (inner, outer),
                (fault(libc::SIGSEGV, 32), fault(libc::SIGSEGV, 40))
            );
            let beyond = beyond_the_end_of_a_file();
            assert_eq!(protect(&mut || read(beyond)), fault(libc::SIGBUS, beyond));
            let deep = protect(&mut || {
                black_box(overflow(0));
            });
            assert_eq!(deep.map_err(|fault| fault.signal), Err(libc::SIGSEGV));
            assert_eq!(protect(&mut || read(48)), fault(libc::SIGSEGV, 48));
        }
    }

    fn beyond_the_end_of_a_file() -> usize {
        // SAFETY: maps a new, empty file.
        unsafe {
            let file = libc::memfd_create(c"empty".as_ptr(), 0);
            let start = std::ptr::null_mut();
            libc::mmap(start, 4096, libc::PROT_READ, libc::MAP_SHARED, file, 0).addr()
        }
    }
}
