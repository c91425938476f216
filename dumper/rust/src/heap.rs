//! The global allocator: every block gets a header and a mark.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::Ordering;

use memdump_dumper::{SwitchAllocator, in_child};

use crate::frames::{self, Call};
use crate::header::{Header, Padded};
use crate::local::{self, Local};
use crate::map::{OWN, TOLD};
use crate::{map, sites};

/// A global allocator that remembers its blocks for heap dumps: [`Heap::system`] over the system's allocator, [`Heap::around`] over another one.
///
/// A block takes 16 bytes more than it would otherwise, and a sixteenth of its bytes in a map of where blocks are.
#[derive(Debug, Default)]
pub struct Heap<A = System>(A);

impl Heap {
    /// Over the system's allocator.
    pub const fn system() -> Heap {
        Heap(System)
    }
}

impl<A> Heap<A> {
    /// Over another allocator.
    pub const fn around(allocator: A) -> Heap<A> {
        Heap(allocator)
    }
}

/// Serves the snapshot process, where no lock of the allocator below may be waited for.
static OF_SNAPSHOT: SwitchAllocator = SwitchAllocator::new();

// SAFETY: every call goes to the allocator below, with a layout that has room for the header in front; what it gives is passed on moved
// behind that room, and moved back before it is given back. In the snapshot process blocks come from `OF_SNAPSHOT`, which ignores those of
// the target when they are freed.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Heap<A> {
    // Both ways are calls at the end, so that this function has no frame and keeps the caller's frame pointer.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe {
            match sites::depth() {
                0 => self.allocate::<false>(layout),
                _ => frames::capture(self, layout.size(), layout.align(), 0),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe {
            match Padded::common(layout) {
                Some(padded) if !in_child() => self.release(block, padded),
                _ => self.dealloc_rare(block, layout),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe {
            match sites::depth() {
                0 => self.allocate::<true>(layout),
                _ => frames::capture(self, layout.size(), layout.align(), 1),
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if in_child() {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            return unsafe { OF_SNAPSHOT.realloc(block, layout, size) };
        }
        let wanted = Layout::from_size_align(size, layout.align()).ok();
        let (Some(before), Some(after)) = (Padded::of(layout), wanted.and_then(Padded::of)) else {
            return ptr::null_mut();
        };
        // SAFETY: the block is this allocator's and has a header.
        let header = unsafe { Header::read(block) };
        let mark = map::get(block.addr());
        // Cleared before another thread can get the memory.
        map::clear(block.addr());
        let moved = if before.prefix == after.prefix {
            // SAFETY: the block was given out with this layout, `prefix` behind its start.
            let start = unsafe { block.sub(before.prefix) };
            // SAFETY: as above; the new size fits the alignment.
            unsafe { self.0.realloc(start, before.layout, after.layout.size()) }
        } else {
            // SAFETY: as above.
            unsafe { self.move_to(block, before, after, layout.size().min(size)) }
        };
        if moved.is_null() {
            if mark != 0 {
                map::mark(block.addr(), mark);
            }
            return moved;
        }
        // SAFETY: the moved block has room for a header of the new size in front.
        unsafe {
            let block = moved.add(after.prefix);
            // A block keeps its birth and its site: it is the same one, grown.
            let header = header.map_or_else(
                || fresh(layout, size),
                |header| Header {
                    size: size as u64,
                    ..header
                },
            );
            header.write(block);
            if mark != 0 {
                map::mark(block.addr(), mark);
            }
            block
        }
    }
}

impl<A: GlobalAlloc> Heap<A> {
    /// # Safety
    ///
    /// As of [`GlobalAlloc::alloc`].
    #[inline(never)]
    unsafe fn allocate<const ZEROED: bool>(&self, layout: Layout) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe { self.allocate_as(layout, ZEROED, |_| sites::of_alignment(layout.align())) }
    }

    /// Allocates a block whose site `site` tells, of what is kept for the thread. What is to be done for a rare block is done elsewhere, so that the
    /// way of the others is short.
    ///
    /// # Safety
    ///
    /// As of [`GlobalAlloc::alloc`].
    #[inline(always)]
    unsafe fn allocate_as(
        &self,
        layout: Layout,
        zeroed: bool,
        site: impl FnOnce(&Local) -> u32,
    ) -> *mut u8 {
        if in_child() {
            // SAFETY: of the caller.
            return unsafe { of_snapshot(layout, zeroed) };
        }
        let site = local::with(site);
        // SAFETY: of the caller.
        unsafe {
            match Padded::common(layout) {
                Some(padded) => self.take(padded, layout.size(), zeroed, site),
                None => self.allocate_rare(layout, zeroed, site),
            }
        }
    }

    /// # Safety
    ///
    /// As of [`GlobalAlloc::alloc`]. This is not the snapshot process.
    #[cold]
    #[inline(never)]
    unsafe fn allocate_rare(&self, layout: Layout, zeroed: bool, site: u32) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe {
            match Padded::of(layout) {
                Some(padded) => self.take(padded, layout.size(), zeroed, site),
                None => ptr::null_mut(),
            }
        }
    }

    /// A block of that size from the allocator below, with its header and its mark.
    ///
    /// # Safety
    ///
    /// `padded` is of this size. This is not the snapshot process.
    #[inline(always)]
    unsafe fn take(&self, padded: Padded, size: usize, zeroed: bool, site: u32) -> *mut u8 {
        // SAFETY: the layout is not empty.
        let start = unsafe {
            match zeroed {
                false => self.0.alloc(padded.layout),
                true => self.0.alloc_zeroed(padded.layout),
            }
        };
        if start.is_null() {
            return start;
        }
        // SAFETY: as long as that, the room in front lies in the new block.
        let block = unsafe { start.add(padded.prefix) };
        let size = size as u64;
        // SAFETY: the room in front belongs to the new block.
        unsafe {
            let Some(place) = map::find(block.addr()) else {
                return present_rare(block, size, site);
            };
            let birth = local::with(|local| Some((local.births.next()?, mark(local))));
            let Some((serial, mark)) = birth else {
                return present_rare(block, size, site);
            };
            Header { size, site, serial }.write(block);
            place.store(mark, Ordering::Release);
            block
        }
    }

    /// # Safety
    ///
    /// As of [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    unsafe fn dealloc_rare(&self, block: *mut u8, layout: Layout) {
        // SAFETY: of the caller.
        unsafe {
            if in_child() {
                return OF_SNAPSHOT.dealloc(block, layout);
            }
            if let Some(padded) = Padded::of(layout) {
                self.release(block, padded);
            }
        }
    }

    /// Takes a block's mark, and gives it back to the allocator below.
    ///
    /// # Safety
    ///
    /// The block was given out as `padded`. This is not the snapshot process.
    #[inline(always)]
    unsafe fn release(&self, block: *mut u8, padded: Padded) {
        map::clear(block.addr());
        // SAFETY: the block was given out with this layout, `prefix` behind its start.
        unsafe { self.0.dealloc(block.sub(padded.prefix), padded.layout) }
    }

    /// Reallocates between two lengths of the room in front, which only sizes of many gigabytes do.
    ///
    /// # Safety
    ///
    /// The block was given out as `before`, and both have `bytes` bytes.
    #[cold]
    unsafe fn move_to(
        &self,
        block: *mut u8,
        before: Padded,
        after: Padded,
        bytes: usize,
    ) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe {
            let start = self.0.alloc(after.layout);
            if !start.is_null() {
                ptr::copy_nonoverlapping(block, start.add(after.prefix), bytes);
                self.0.dealloc(block.sub(before.prefix), before.layout);
            }
            start
        }
    }
}

/// The mark of what a thread allocates.
#[inline(always)]
fn mark(local: &Local) -> u8 {
    match local.is_own.get() {
        true => OWN,
        false => TOLD,
    }
}

/// Gives a block its header and its mark where a run of serials or a piece of the map begins.
///
/// # Safety
///
/// The room in front is the block's.
#[cold]
#[inline(never)]
unsafe fn present_rare(block: *mut u8, size: u64, site: u32) -> *mut u8 {
    local::with(|local| {
        let serial = local.births.take();
        // SAFETY: of the caller.
        unsafe { Header { size, site, serial }.write(block) };
        map::mark(block.addr(), mark(local));
    });
    block
}

fn fresh(layout: Layout, size: usize) -> Header {
    Header {
        size: size as u64,
        site: sites::of_alignment(layout.align()),
        serial: local::with(|local| local.births.take()),
    }
}

#[cold]
#[inline(never)]
unsafe fn of_snapshot(layout: Layout, zeroed: bool) -> *mut u8 {
    // SAFETY: of the caller.
    unsafe {
        match zeroed {
            false => OF_SNAPSHOT.alloc(layout),
            true => OF_SNAPSHOT.alloc_zeroed(layout),
        }
    }
}

/// What [`frames::capture`] goes on with: `pointer` is the frame pointer and `caller` the return address at that time.
///
/// # Safety
///
/// As of [`GlobalAlloc::alloc`].
pub(crate) unsafe extern "C" fn allocate_at<A: GlobalAlloc>(
    heap: &Heap<A>,
    size: usize,
    align: usize,
    zeroed: usize,
    pointer: usize,
    caller: usize,
) -> *mut u8 {
    // SAFETY: size and alignment are those of a layout.
    let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
    // A variable that is nothing else: the layout stays in registers.
    let lowest = 0usize;
    let here = (&raw const lowest).addr();
    // SAFETY: of the caller.
    unsafe {
        heap.allocate_as(layout, zeroed != 0, |local| {
            let call = Call::new(sites::depth(), local.bounds.find(), here, caller, pointer);
            sites::of_stack(align, call, &local.sites)
        })
    }
}

#[cfg(test)]
mod tests;
