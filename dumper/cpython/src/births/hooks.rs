//! Hooks in CPython's allocators of objects, which mark what they give.
//!
//! They wrap whatever is installed (pymalloc, the debug allocator, tracemalloc) and pass everything on. `free` stays as it was. A hook
//! gets and passes on the context of what it wraps: whoever calls while the allocators are exchanged and sees a mixture of old and new
//! fields calls something that works.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, fence};

use super::shadow::Shadow;
use crate::api::function;

type Pointer = *mut c_void;
type Malloc = unsafe extern "C" fn(Pointer, usize) -> Pointer;
type Calloc = unsafe extern "C" fn(Pointer, usize, usize) -> Pointer;
type Realloc = unsafe extern "C" fn(Pointer, Pointer, usize) -> Pointer;
type Free = unsafe extern "C" fn(Pointer, Pointer);

/// `PyMemAllocatorEx`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Allocator {
    context: Pointer,
    malloc: Malloc,
    calloc: Calloc,
    realloc: Realloc,
    free: Free,
}

/// `PyMemAllocatorDomain`. Both are called with the GIL only; the raw domain holds no objects.
const MEM: usize = 1;
const OBJ: usize = 2;

/// What CPython has for it; no part of the stable ABI, but there since 3.4.
#[derive(Clone, Copy)]
pub(super) struct Allocators {
    get: unsafe extern "C" fn(c_int, *mut Allocator),
    set: unsafe extern "C" fn(c_int, *mut Allocator),
    mem: (Allocate, Release),
    obj: (Allocate, Release),
}

type Allocate = unsafe extern "C" fn(usize) -> Pointer;
type Release = unsafe extern "C" fn(Pointer);

/// The functions that a domain's hooks wrap.
struct Wrapped {
    malloc: AtomicPtr<c_void>,
    calloc: AtomicPtr<c_void>,
    realloc: AtomicPtr<c_void>,
}

static WRAPPED: [Wrapped; 3] = [const {
    Wrapped {
        malloc: AtomicPtr::new(std::ptr::null_mut()),
        calloc: AtomicPtr::new(std::ptr::null_mut()),
        realloc: AtomicPtr::new(std::ptr::null_mut()),
    }
}; 3];

/// The marks.
pub(super) static SHADOW: Shadow = Shadow::new();
/// What is born now gets this mark.
pub(super) static MARK: AtomicU8 = AtomicU8::new(0);

/// For [`Allocators::is_hooked`]: what [`meet`] passes on to, and whether it was called.
static BENEATH: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static MET: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn meet(context: Pointer, size: usize) -> Pointer {
    MET.store(true, Relaxed);
    // SAFETY: set to a function of this type before this one is put in its place.
    unsafe { transmute::<Pointer, Malloc>(BENEATH.load(Relaxed))(context, size) }
}

#[inline(always)]
fn mark(block: Pointer) -> Pointer {
    SHADOW.write(block as usize, MARK.load(Relaxed));
    block
}

unsafe extern "C" fn malloc<const DOMAIN: usize>(context: Pointer, size: usize) -> Pointer {
    // SAFETY: `wrap` set it to the function of this type before it installed this hook; the context is that function's.
    mark(unsafe {
        let next = transmute::<Pointer, Malloc>(WRAPPED[DOMAIN].malloc.load(Relaxed));
        next(context, size)
    })
}

unsafe extern "C" fn calloc<const DOMAIN: usize>(
    context: Pointer,
    count: usize,
    size: usize,
) -> Pointer {
    // SAFETY: as in `malloc`.
    mark(unsafe {
        let next = transmute::<Pointer, Calloc>(WRAPPED[DOMAIN].calloc.load(Relaxed));
        next(context, count, size)
    })
}

/// What grows in place is marked anew as well: Python programs see a new object (`text += "…"`).
unsafe extern "C" fn realloc<const DOMAIN: usize>(
    context: Pointer,
    block: Pointer,
    size: usize,
) -> Pointer {
    // SAFETY: as in `malloc`.
    mark(unsafe {
        let next = transmute::<Pointer, Realloc>(WRAPPED[DOMAIN].realloc.load(Relaxed));
        next(context, block, size)
    })
}

impl Allocators {
    /// Finds the functions.
    ///
    /// # Errors
    ///
    /// The name of the one that is missing.
    pub(super) fn find() -> Result<Allocators, &'static str> {
        // SAFETY: the signatures are those of CPython's headers, unchanged from 3.9 to 3.15.
        unsafe {
            Ok(Allocators {
                get: function(c"PyMem_GetAllocator")?,
                set: function(c"PyMem_SetAllocator")?,
                mem: (function(c"PyMem_Malloc")?, function(c"PyMem_Free")?),
                obj: (function(c"PyObject_Malloc")?, function(c"PyObject_Free")?),
            })
        }
    }

    /// Puts the hooks on top of what is installed in each domain where they are not called (any more); whether there was any. The GIL is
    /// held.
    pub(super) fn hook(&self) -> bool {
        let mem = !self.is_hooked::<MEM>(self.mem);
        let obj = !self.is_hooked::<OBJ>(self.obj);
        if mem {
            self.wrap::<MEM>();
        }
        if obj {
            self.wrap::<OBJ>();
        }
        mem || obj
    }

    /// Whether a domain's hooks are called, wherever they are: a tool that wraps them leaves them in effect, one that was wrapped by them and
    /// puts back what it found throws them out. Tried with an allocation, because hooks that wrapped themselves would never return.
    fn is_hooked<const DOMAIN: usize>(&self, (allocate, free): (Allocate, Release)) -> bool {
        let wrapped = &WRAPPED[DOMAIN].malloc;
        let beneath = wrapped.load(Relaxed);
        if beneath.is_null() {
            return false;
        }
        BENEATH.store(beneath, Relaxed);
        MET.store(false, Relaxed);
        wrapped.store(meet as Malloc as Pointer, Relaxed);
        // SAFETY: an allocation under the GIL, freed by its own domain.
        unsafe { free(allocate(64)) };
        wrapped.store(beneath, Relaxed);
        MET.load(Relaxed)
    }

    fn wrap<const DOMAIN: usize>(&self) {
        let domain = DOMAIN as c_int;
        let mut found = MaybeUninit::<Allocator>::uninit();
        // SAFETY: fills all fields with what `set` was given last, which are functions.
        let mut allocator = unsafe {
            (self.get)(domain, found.as_mut_ptr());
            found.assume_init()
        };
        let wrapped = &WRAPPED[DOMAIN];
        wrapped.malloc.store(allocator.malloc as Pointer, Relaxed);
        wrapped.calloc.store(allocator.calloc as Pointer, Relaxed);
        wrapped.realloc.store(allocator.realloc as Pointer, Relaxed);
        // The hooks may be called by a thread that has not synchronised with this one: in another interpreter, by its own GIL.
        fence(SeqCst);
        allocator.malloc = malloc::<DOMAIN>;
        allocator.calloc = calloc::<DOMAIN>;
        allocator.realloc = realloc::<DOMAIN>;
        // SAFETY: the hooks do all that what they wrap does.
        unsafe { (self.set)(domain, &raw mut allocator) };
    }
}
