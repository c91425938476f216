//! The allocator of the snapshot process: libc's may be locked for ever by a thread that was not cloned.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::reserve::Reserve;
use crate::sys;

/// A global allocator that forwards to the system's in the target (with a little in reserve for when that has none) and serves from mappings of its own in the snapshot
/// process. The final library or program declares it: `#[global_allocator] static A: SwitchAllocator = SwitchAllocator::new();`
#[derive(Debug, Default)]
pub struct SwitchAllocator(());

impl SwitchAllocator {
    /// For a `static`.
    pub const fn new() -> Self {
        Self(())
    }
}

/// Set in the snapshot process and never in the target.
static IN_CHILD: AtomicBool = AtomicBool::new(false);
static RESERVE: Reserve = Reserve::new();
static ARENA: ChildArena = ChildArena(UnsafeCell::new(Arena::new()));

struct ChildArena(UnsafeCell<Arena>);

// SAFETY: touched only when IN_CHILD is set, and the snapshot process has one thread and no signal handler that allocates.
unsafe impl Sync for ChildArena {}

/// From now on this process allocates from mappings of its own. Only in the snapshot process, before its first allocation.
pub(crate) fn enter_child() {
    IN_CHILD.store(true, Ordering::Relaxed);
}

/// Whether this is the snapshot process. Another global allocator than [`SwitchAllocator`] passes its calls on to one if so.
#[inline]
pub fn in_child() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

/// Bytes that the snapshot process has mapped for its allocations and not given back.
pub fn mapped_bytes() -> u64 {
    MAPPED.load(Ordering::Relaxed) as u64
}

static MAPPED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: in the target every call goes to System. In the child, blocks come from `Arena` (see there), and blocks of System are
// read and never freed.
unsafe impl GlobalAlloc for SwitchAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !in_child() {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            return or_reserve(unsafe { System.alloc(layout) }, layout);
        }
        // SAFETY: one thread, see ChildArena.
        or_give_up(unsafe { (*ARENA.0.get()).allocate(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if RESERVE.owns(block) {
            return RESERVE.free();
        }
        if !in_child() {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: one thread, see ChildArena; the block is this allocator's.
        unsafe { (*ARENA.0.get()).free(block, layout) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !in_child() {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            let block = unsafe { System.alloc_zeroed(layout) };
            if !block.is_null() {
                return block;
            }
            let block = RESERVE.allocate(layout);
            if !block.is_null() {
                // SAFETY: a new block of this size.
                unsafe { ptr::write_bytes(block, 0, layout.size()) };
            }
            return block;
        }
        // SAFETY: as in `alloc`; a large block is a fresh mapping, which is zero already.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() && class_of(layout).is_some() {
                ptr::write_bytes(block, 0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !in_child() {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            return unsafe { self.move_in_target(block, layout, size) };
        }
        // SAFETY: one thread, see ChildArena; the block is this allocator's and `size` is legal with its alignment.
        or_give_up(unsafe { (*ARENA.0.get()).reallocate(block, layout, size) })
    }
}

impl SwitchAllocator {
    /// # Safety
    ///
    /// As of `GlobalAlloc::realloc`, in the target.
    unsafe fn move_in_target(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !RESERVE.owns(block) {
            // SAFETY: the block is the system's.
            let moved = unsafe { System.realloc(block, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller gives a legal size; the new block and the old one have at least the bytes that are copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

fn or_reserve(block: *mut u8, layout: Layout) -> *mut u8 {
    if block.is_null() {
        RESERVE.allocate(layout)
    } else {
        block
    }
}

/// Std's own way out of a refused allocation prints under a lock and aborts through libc.
fn or_give_up(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        crate::child::give_up(crate::exchange::Failure::OutOfMemory, libc::ENOMEM, b"");
    }
    block
}

/// Blocks of up to this many bytes come from chunks, in classes of powers of two; larger ones are mappings of their own.
const LARGEST_CLASS: usize = 64 << 10;
const SMALLEST_CLASS: usize = 16;
const CLASSES: usize = (LARGEST_CLASS.ilog2() - SMALLEST_CLASS.ilog2()) as usize + 1;
const SMALLEST_CHUNK: usize = 256 << 10;
const LARGEST_CHUNK: usize = 64 << 20;
/// Each chunk is a quarter of what is mapped, so these reach beyond 8 GiB.
const MAX_CHUNKS: usize = 192;
/// More large blocks than these are served, too, but their memory is not given back.
const MAX_LARGE: usize = 512;
const PAGE: usize = 4096;

struct Arena {
    /// Freed blocks of each class, linked through their first word.
    free: [*mut FreeBlock; CLASSES],
    /// What is left of the newest chunk.
    next: *mut u8,
    left: usize,
    /// Start and length of each chunk, so that a block of the target can be told from one of ours.
    chunks: [(usize, usize); MAX_CHUNKS],
    chunk_count: usize,
    chunk_bytes: usize,
    /// Addresses of the large blocks; 0 where none.
    large: [usize; MAX_LARGE],
}

struct FreeBlock {
    next: *mut FreeBlock,
}

/// The class that serves the layout; `None` for a mapping of its own.
fn class_of(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(SMALLEST_CLASS);
    (size <= LARGEST_CLASS)
        .then(|| (size.next_power_of_two().ilog2() - SMALLEST_CLASS.ilog2()) as usize)
}

fn whole_pages(size: usize) -> usize {
    size.next_multiple_of(PAGE)
}

impl Arena {
    const fn new() -> Self {
        Self {
            free: [ptr::null_mut(); CLASSES],
            next: ptr::null_mut(),
            left: 0,
            chunks: [(0, 0); MAX_CHUNKS],
            chunk_count: 0,
            chunk_bytes: 0,
            large: [0; MAX_LARGE],
        }
    }

    /// A block for the layout, null when the system refuses memory. An alignment above a page is refused.
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            return self.allocate_large(layout);
        };
        let head = self.free[class];
        if !head.is_null() {
            // SAFETY: the list holds freed blocks of this class only, each starting with its link.
            self.free[class] = unsafe { (*head).next };
            return head.cast();
        }
        let size = SMALLEST_CLASS << class;
        // Every block of a class is aligned to the class's size, so a freed one fits whatever alignment its class serves.
        let mut skip = self.next.align_offset(size);
        if self.left < size.saturating_add(skip) {
            if !self.add_chunk() {
                return ptr::null_mut();
            }
            skip = self.next.align_offset(size);
        }
        // SAFETY: `left` bytes behind `next` belong to the newest chunk, and a new chunk is longer than two blocks of the largest class.
        let block = unsafe { self.next.add(skip) };
        self.next = block.wrapping_add(size);
        self.left -= skip + size;
        block
    }

    fn allocate_large(&mut self, layout: Layout) -> *mut u8 {
        if layout.align() > PAGE || layout.size() > isize::MAX as usize - PAGE {
            return ptr::null_mut();
        }
        let length = whole_pages(layout.size());
        let Ok(start) = sys::map_private(length) else {
            return ptr::null_mut();
        };
        MAPPED.fetch_add(length, Ordering::Relaxed);
        self.remember_large(0, start.as_ptr().addr());
        start.as_ptr().cast()
    }

    fn remember_large(&mut self, before: usize, now: usize) -> bool {
        match self.large.iter_mut().find(|entry| **entry == before) {
            Some(entry) => {
                *entry = now;
                true
            }
            None => false,
        }
    }

    /// The rest of the old chunk is lost: at most a block of the largest class.
    fn add_chunk(&mut self) -> bool {
        if self.chunk_count == MAX_CHUNKS {
            return false;
        }
        let length = whole_pages((self.chunk_bytes / 4).clamp(SMALLEST_CHUNK, LARGEST_CHUNK));
        let Ok(start) = sys::map_private(length) else {
            return false;
        };
        MAPPED.fetch_add(length, Ordering::Relaxed);
        self.chunks[self.chunk_count] = (start.as_ptr().addr(), length);
        self.chunk_count += 1;
        self.chunk_bytes += length;
        self.next = start.as_ptr().cast();
        self.left = length;
        true
    }

    fn owns(&self, block: *mut u8) -> bool {
        let address = block.addr();
        // The newest chunks are the largest and the likeliest.
        self.chunks[..self.chunk_count]
            .iter()
            .rev()
            .any(|&(start, length)| address.wrapping_sub(start) < length)
    }

    /// Takes a block back; ignores one that the target allocated.
    ///
    /// # Safety
    ///
    /// The block was allocated with this layout, here or in the target, and is not used any more.
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        match class_of(layout) {
            Some(class) if self.owns(block) => {
                let freed: *mut FreeBlock = block.cast();
                // SAFETY: the block is ours, unused, and a class is at least a word long and aligned to one.
                unsafe {
                    freed.write(FreeBlock {
                        next: self.free[class],
                    });
                }
                self.free[class] = freed;
            }
            None if self.remember_large(block.addr(), 0) => {
                let length = whole_pages(layout.size());
                // SAFETY: the block is a mapping of its own of this length.
                unsafe { libc::munmap(block.cast(), length) };
                MAPPED.fetch_sub(length, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Changes a block's size; null when the system refuses memory, and the block stays as it was.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); `size` is not 0 and legal with the layout's alignment.
    unsafe fn reallocate(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        match (class_of(layout), class_of(wanted)) {
            (Some(before), Some(after)) if before == after && self.owns(block) => return block,
            (None, None) if self.large.contains(&block.addr()) => {
                let (before, after) = (whole_pages(layout.size()), whole_pages(size));
                // SAFETY: the block is a mapping of its own of `before` bytes.
                let moved =
                    unsafe { libc::mremap(block.cast(), before, after, libc::MREMAP_MAYMOVE) };
                if moved == libc::MAP_FAILED {
                    return ptr::null_mut();
                }
                self.remember_large(block.addr(), moved.addr());
                MAPPED.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
                return moved.cast();
            }
            _ => {}
        }
        let moved = self.allocate(wanted);
        if !moved.is_null() {
            // SAFETY: both blocks are at least this long and do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.free(block, layout);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn blocks_do_not_overlap_and_are_aligned() {
        let mut arena = Box::new(Arena::new());
        let mut taken = Vec::new();
        for round in 0..3000_usize {
            let size = (round * 7919) % 90_000 + 1;
            let limit = if size > LARGEST_CLASS { 13 } else { 17 };
            let wanted = layout(size, 1 << (round % limit));
            let block = arena.allocate(wanted);
            assert!(!block.is_null());
            assert_eq!(block.addr() % wanted.align(), 0, "{wanted:?}");
            // SAFETY: the block is as long as asked for.
            unsafe { block.write_bytes(round as u8, wanted.size()) };
            taken.push((block, wanted, round as u8));
            if round % 3 == 2 {
                let (block, wanted, byte) = taken.swap_remove((round * 31) % taken.len());
                check(block, wanted.size(), byte);
                // SAFETY: was allocated above and is not used again.
                unsafe { arena.free(block, wanted) };
            }
        }
        for (block, wanted, byte) in taken {
            check(block, wanted.size(), byte);
        }
    }

    fn check(block: *mut u8, length: usize, byte: u8) {
        // SAFETY: written above with this length.
        let bytes = unsafe { std::slice::from_raw_parts(block, length) };
        assert!(bytes.iter().all(|&found| found == byte));
    }

    #[test]
    fn freed_blocks_serve_again() {
        let mut arena = Box::new(Arena::new());
        let first = arena.allocate(layout(100, 8));
        // SAFETY: was allocated above and is not used again.
        unsafe { arena.free(first, layout(100, 8)) };
        assert_eq!(arena.allocate(layout(128, 8)), first);
        for _ in 0..1_000_000 {
            let block = arena.allocate(layout(40_000, 8));
            // SAFETY: as above.
            unsafe { arena.free(block, layout(40_000, 8)) };
        }
        assert_eq!(arena.chunk_bytes, SMALLEST_CHUNK);
    }

    #[test]
    fn growing_keeps_the_contents() {
        let mut arena = Box::new(Arena::new());
        let mut size = 10;
        let mut block = arena.allocate(layout(size, 8));
        // SAFETY: within the block; every size below is the block's current one.
        unsafe {
            block.write_bytes(7, size);
            for target in [
                11,
                16,
                17,
                5000,
                65_536,
                65_537,
                1 << 20,
                10 << 20,
                70_000,
                300,
                10,
            ] {
                block = arena.reallocate(block, layout(size, 8), target);
                assert!(!block.is_null());
                check(block, size.min(target), 7);
                block.write_bytes(7, target);
                size = target;
            }
        }
        assert!(
            arena.large.iter().all(|&entry| entry == 0),
            "large blocks are given back"
        );
    }

    #[test]
    fn blocks_of_the_target_are_left_alone() {
        let mut arena = Box::new(Arena::new());
        for size in [64, 1 << 20] {
            // SAFETY: a fresh block of the system's allocator, freed there at the end; the arena only reads it.
            unsafe {
                let block = System.alloc(layout(size, 8));
                block.write_bytes(9, size);
                arena.free(block, layout(size, 8));
                let moved = arena.reallocate(block, layout(size, 8), size + 1);
                assert_ne!(moved, block);
                check(moved, size, 9);
                check(block, size, 9);
                System.dealloc(block, layout(size, 8));
            }
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        let mut arena = Box::new(Arena::new());
        assert!(
            arena
                .allocate(layout(isize::MAX as usize - 4096, 8))
                .is_null()
        );
        assert!(arena.allocate(layout(1 << 20, 1 << 16)).is_null());
    }
}
