//! Memory for allocations while the next malloc is being looked for: looking may allocate. It is never given back.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Far more than libc's `dlsym` was seen to ask for: a few hundred bytes.
const LENGTH: usize = 64 << 10;
/// In front of each block, for its length.
const ROOM: usize = 16;

#[repr(C, align(4096))]
struct Memory(UnsafeCell<[u8; LENGTH]>);

// SAFETY: each byte is handed out once.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([0; LENGTH]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// A block of zeroes; null when there is no room. `align` is a power of two.
pub(crate) fn allocate(size: usize, align: usize) -> *mut u8 {
    let align = align.max(ROOM);
    let mut place = 0;
    let taken = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
        place = used.checked_add(ROOM)?.checked_next_multiple_of(align)?;
        place.checked_add(size).filter(|&end| end <= LENGTH)
    });
    if taken.is_err() || align > 4096 {
        return ptr::null_mut();
    }
    // SAFETY: the place and the room in front of it lie in the memory, and are this call's alone.
    unsafe {
        let block = MEMORY.0.get().cast::<u8>().add(place);
        block.sub(ROOM).cast::<usize>().write(size);
        block
    }
}

/// Whether a block is of this memory.
#[inline(always)]
pub(crate) fn owns(block: *const u8) -> bool {
    block.addr().wrapping_sub(MEMORY.0.get().addr()) < LENGTH
}

/// How long a block is.
///
/// # Safety
///
/// [`owns`] says that it is of this memory.
pub(crate) unsafe fn size(block: *const u8) -> usize {
    // SAFETY: of the caller.
    unsafe { block.sub(ROOM).cast::<usize>().read() }
}
