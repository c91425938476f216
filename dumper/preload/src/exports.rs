//! The functions that take the place of libc's.
//!
//! Each is entered by three instructions that pass on the frame pointer and the return address as they are at the call: compiled code
//! would have put anything else into these registers before it could look. They are the fifth and the sixth argument
//! of the function that does the work.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use memdump::malloc::{Below as _, Caller};

use crate::HEAP;

/// Whether blocks are left to the next malloc from now on, without header and mark.
static IS_PASSIVE: AtomicBool = AtomicBool::new(false);

/// From now on new blocks are the next malloc's, and cost nothing.
pub(crate) fn become_passive() {
    IS_PASSIVE.store(true, Ordering::Relaxed);
}

/// Undoes [`become_passive`].
pub(crate) fn become_active() {
    IS_PASSIVE.store(false, Ordering::Relaxed);
}

macro_rules! export {
    ($($name:ident)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            std::arch::naked_asm!("mov r8, rbp", "mov r9, [rsp]", "jmp {}", sym work::$name);
            #[cfg(target_arch = "aarch64")]
            std::arch::naked_asm!("mov x4, x29", "mov x5, x30", "b {}", sym work::$name);
        }
    )*};
}

export!(malloc calloc realloc reallocarray posix_memalign aligned_alloc memalign valloc pvalloc);
export!(free free_sized free_aligned_sized malloc_usable_size);

#[cold]
fn refuse(error: c_int) -> *mut u8 {
    // SAFETY: of this thread.
    unsafe { *libc::__errno_location() = error };
    ptr::null_mut()
}

fn page() -> usize {
    // SAFETY: asks for a constant.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// # Safety
///
/// As of `memalign`; `align` is a power of two.
#[inline(always)]
pub(crate) unsafe fn allocate(size: usize, align: usize, zeroed: bool, caller: Caller) -> *mut u8 {
    // SAFETY: of the caller; a block of no bytes is asked for as one byte.
    let block = unsafe {
        if IS_PASSIVE.load(Ordering::Relaxed) && !memdump_dumper::in_child() {
            match (align <= 16, zeroed) {
                (true, true) => HEAP.below().allocate_zeroed(size.max(1)),
                _ => HEAP.below().allocate(size.max(1), align),
            }
        } else {
            HEAP.allocate(size, align, zeroed, caller)
        }
    };
    if block.is_null() {
        return refuse(libc::ENOMEM);
    }
    block
}

/// # Safety
///
/// As of `free`.
#[inline(always)]
pub(crate) unsafe fn release(block: *mut u8) {
    if !block.is_null() {
        // SAFETY: of the caller.
        unsafe { HEAP.free(block) };
    }
}

/// The functions' work; the third to sixth argument as far as the function itself has none there.
mod work {
    use super::*;

    pub(super) unsafe extern "C" fn malloc(
        size: usize,
        _: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe { allocate(size, 16, false, Caller { pointer, address }) }
    }

    pub(super) unsafe extern "C" fn calloc(
        count: usize,
        each: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        match count.checked_mul(each) {
            // SAFETY: of the caller.
            Some(size) => unsafe { allocate(size, 16, true, Caller { pointer, address }) },
            None => refuse(libc::ENOMEM),
        }
    }

    pub(super) unsafe extern "C" fn realloc(
        block: *mut u8,
        size: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        let caller = Caller { pointer, address };
        // SAFETY: of the caller.
        unsafe {
            if block.is_null() {
                return allocate(size, 16, false, caller);
            }
            // As glibc has it.
            if size == 0 {
                HEAP.free(block);
                return ptr::null_mut();
            }
            let moved = HEAP.resize(block, size, caller);
            if moved.is_null() {
                return refuse(libc::ENOMEM);
            }
            moved
        }
    }

    pub(super) unsafe extern "C" fn reallocarray(
        block: *mut u8,
        count: usize,
        each: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        match count.checked_mul(each) {
            // SAFETY: of the caller.
            Some(size) => unsafe { realloc(block, size, 0, 0, pointer, address) },
            None => refuse(libc::ENOMEM),
        }
    }

    pub(super) unsafe extern "C" fn posix_memalign(
        place: *mut *mut c_void,
        align: usize,
        size: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> c_int {
        if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
            return libc::EINVAL;
        }
        // It tells its error by its result, and leaves errno as it was.
        // SAFETY: of this thread.
        let errno = unsafe { *libc::__errno_location() };
        // SAFETY: of the caller.
        unsafe {
            let block = allocate(size, align, false, Caller { pointer, address });
            if block.is_null() {
                *libc::__errno_location() = errno;
                return libc::ENOMEM;
            }
            place.write(block.cast());
        }
        0
    }

    pub(super) unsafe extern "C" fn memalign(
        align: usize,
        size: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        match align.checked_next_power_of_two() {
            // SAFETY: of the caller.
            Some(align) => unsafe { allocate(size, align, false, Caller { pointer, address }) },
            None => refuse(libc::EINVAL),
        }
    }

    pub(super) unsafe extern "C" fn aligned_alloc(
        align: usize,
        size: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe { memalign(align, size, 0, 0, pointer, address) }
    }

    pub(super) unsafe extern "C" fn valloc(
        size: usize,
        _: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe { allocate(size, page(), false, Caller { pointer, address }) }
    }

    pub(super) unsafe extern "C" fn pvalloc(
        size: usize,
        _: usize,
        _: usize,
        _: usize,
        pointer: usize,
        address: usize,
    ) -> *mut u8 {
        match size.checked_next_multiple_of(page()) {
            // SAFETY: of the caller.
            Some(size) => unsafe { allocate(size, page(), false, Caller { pointer, address }) },
            None => refuse(libc::ENOMEM),
        }
    }

    pub(super) unsafe extern "C" fn free(block: *mut u8) {
        // SAFETY: of the caller.
        unsafe { release(block) };
    }

    pub(super) unsafe extern "C" fn free_sized(block: *mut u8) {
        // SAFETY: of the caller.
        unsafe { release(block) };
    }

    pub(super) unsafe extern "C" fn free_aligned_sized(block: *mut u8) {
        // SAFETY: of the caller.
        unsafe { release(block) };
    }

    pub(super) unsafe extern "C" fn malloc_usable_size(block: *mut u8) -> usize {
        match block.is_null() {
            true => 0,
            // SAFETY: of the caller.
            false => unsafe { HEAP.usable(block) },
        }
    }
}
