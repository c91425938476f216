//! The malloc that would serve if this library were not there: libc's, or that of a library which the program brought.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::mem::transmute_copy;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use memdump::malloc::Below;

use crate::early;

/// A function, once it is found. The address comes first: `operators` reads it in assembler.
#[repr(C)]
pub(crate) struct Found {
    address: AtomicPtr<c_void>,
    name: &'static CStr,
}

impl Found {
    pub(crate) const fn named(name: &'static CStr) -> Found {
        Found {
            name,
            address: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Looks for it behind this library.
    pub(crate) fn look(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Acquire);
        if !known.is_null() {
            return known;
        }
        // SAFETY: a name that ends with a zero.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Release);
        found
    }
}

static MALLOC: Found = Found::named(c"malloc");
static CALLOC: Found = Found::named(c"calloc");
static REALLOC: Found = Found::named(c"realloc");
static MEMALIGN: Found = Found::named(c"memalign");
static POSIX_MEMALIGN: Found = Found::named(c"posix_memalign");
static FREE: Found = Found::named(c"free");
static USABLE: Found = Found::named(c"malloc_usable_size");

/// Whether all of them have been looked for.
static IS_READY: AtomicBool = AtomicBool::new(false);
/// Whether somebody is looking: what is asked for meanwhile, perhaps by looking, is served from [`early`].
static IS_LOOKING: AtomicBool = AtomicBool::new(false);

#[inline(always)]
fn is_ready() -> bool {
    IS_READY.load(Ordering::Acquire) || look()
}

#[cold]
#[inline(never)]
fn look() -> bool {
    if IS_LOOKING.swap(true, Ordering::AcqRel) {
        return IS_READY.load(Ordering::Acquire);
    }
    let needed = [&MALLOC, &CALLOC, &REALLOC, &FREE].map(Found::look);
    for found in [&MEMALIGN, &POSIX_MEMALIGN, &USABLE] {
        found.look();
    }
    let is_ready = needed.iter().all(|found| !found.is_null());
    IS_READY.store(is_ready, Ordering::Release);
    is_ready
}

macro_rules! call {
    ($found:ident as $type:ty, $($argument:expr),*) => {{
        let address = $found.address.load(Ordering::Relaxed);
        // SAFETY: the C library's function of that name, or one that has taken its place, has this type.
        let function: $type = unsafe { transmute_copy(&address) };
        // SAFETY: of the caller.
        unsafe { function($($argument),*) }
    }};
}

/// The next malloc.
#[derive(Debug)]
pub(crate) struct Next;

// SAFETY: blocks are those of the next malloc, or of `early`, which never gives memory out twice.
unsafe impl Below for Next {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize, align: usize) -> *mut u8 {
        if !is_ready() {
            return early::allocate(size, align);
        }
        if align <= 16 {
            return call!(MALLOC as unsafe extern "C" fn(usize) -> *mut u8, size);
        }
        if !MEMALIGN.address.load(Ordering::Relaxed).is_null() {
            return call!(
                MEMALIGN as unsafe extern "C" fn(usize, usize) -> *mut u8,
                align,
                size
            );
        }
        let mut block = ptr::null_mut();
        if POSIX_MEMALIGN.address.load(Ordering::Relaxed).is_null()
            || call!(
                POSIX_MEMALIGN as unsafe extern "C" fn(*mut *mut u8, usize, usize) -> i32,
                &raw mut block,
                align,
                size
            ) != 0
        {
            return ptr::null_mut();
        }
        block
    }

    #[inline(always)]
    unsafe fn allocate_zeroed(&self, size: usize) -> *mut u8 {
        if !is_ready() {
            return early::allocate(size, 16);
        }
        call!(
            CALLOC as unsafe extern "C" fn(usize, usize) -> *mut u8,
            1,
            size
        )
    }

    unsafe fn resize(&self, start: *mut u8, size: usize) -> *mut u8 {
        if is_ready() && !early::owns(start) {
            return call!(
                REALLOC as unsafe extern "C" fn(*mut u8, usize) -> *mut u8,
                start,
                size
            );
        }
        if !early::owns(start) {
            return ptr::null_mut();
        }
        // SAFETY: of the caller; both blocks have the bytes that are copied.
        unsafe {
            let moved = self.allocate(size, 16);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(start, moved, early::size(start).min(size));
            }
            moved
        }
    }

    #[inline(always)]
    unsafe fn free(&self, start: *mut u8) {
        if early::owns(start) || !is_ready() {
            return;
        }
        call!(FREE as unsafe extern "C" fn(*mut u8), start);
    }

    unsafe fn usable(&self, start: *mut u8) -> usize {
        if early::owns(start) {
            // SAFETY: as it says.
            return unsafe { early::size(start) };
        }
        if !is_ready() || USABLE.address.load(Ordering::Relaxed).is_null() {
            return 0;
        }
        call!(USABLE as unsafe extern "C" fn(*mut u8) -> usize, start)
    }
}
