//! The heap of a program that asks by `malloc`, for the library that is preloaded: such a program does not say how large a block is, or how
//! aligned, when it gives it back. Blocks have the same header and the same marks as those of [`crate::Heap`].
//!
//! Whether a block is one of these is told by its mark, never by the memory in front of it: a block without one is the allocator's below,
//! and passed on as it is. The mark also tells how far behind its start the program's address lies, so that nothing
//! that the program wrote over can lead astray what is freed.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::Ordering;

use memdump_dumper::{SwitchAllocator, in_child};

use crate::frames::Call;
use crate::header::{GRAIN, Header, LONG_HEADER, Padded};
use crate::local::{self, Local};
use crate::map::TOLD;
use crate::{map, sites};

/// The allocator below.
///
/// # Safety
///
/// As for [`std::alloc::GlobalAlloc`]: blocks are valid, of the length and alignment that were asked for, until they are freed.
pub unsafe trait Below {
    /// A block of that size and alignment, a power of two; null if there is none.
    ///
    /// # Safety
    ///
    /// The size is not 0.
    unsafe fn allocate(&self, size: usize, align: usize) -> *mut u8;
    /// A block of zeroes, of 16 bytes' alignment.
    ///
    /// # Safety
    ///
    /// As [`Below::allocate`].
    unsafe fn allocate_zeroed(&self, size: usize) -> *mut u8;
    /// Changes a block's size; null if that cannot be, and the block stays as it was.
    ///
    /// # Safety
    ///
    /// The block is a live one of this allocator's.
    unsafe fn resize(&self, start: *mut u8, size: usize) -> *mut u8;
    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// As [`Below::resize`].
    unsafe fn free(&self, start: *mut u8);
    /// How many bytes of a block can be used.
    ///
    /// # Safety
    ///
    /// As [`Below::resize`].
    unsafe fn usable(&self, start: *mut u8) -> usize;
}

/// Where an allocation was asked for: frame pointer and return address at the call of `malloc`.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The frame pointer's register; anything, if the caller was compiled without.
    pub pointer: usize,
    /// The return address.
    pub address: usize,
}

/// Allocates as `malloc` does, and remembers its blocks for heap dumps.
#[derive(Debug)]
pub struct Malloc<B>(B);

/// Serves the snapshot process.
static OF_SNAPSHOT: SwitchAllocator = SwitchAllocator::new();

impl<B: Below> Malloc<B> {
    /// Over an allocator.
    pub const fn over(below: B) -> Malloc<B> {
        Malloc(below)
    }

    /// The allocator below.
    pub fn below(&self) -> &B {
        &self.0
    }

    /// A block; null if there is none. `align` is a power of two.
    ///
    /// # Safety
    ///
    /// `caller` is of this call.
    #[inline(always)]
    pub unsafe fn allocate(
        &self,
        size: usize,
        align: usize,
        zeroed: bool,
        caller: Caller,
    ) -> *mut u8 {
        // SAFETY: of the caller.
        unsafe {
            match common(size, align) {
                Some(padded) if !in_child() => self.give(padded, size, align, zeroed, caller),
                _ => self.allocate_rare(size, align, zeroed, caller),
            }
        }
    }

    /// What is not so for nearly all blocks, out of their way.
    ///
    /// # Safety
    ///
    /// As [`Malloc::allocate`].
    #[cold]
    #[inline(never)]
    unsafe fn allocate_rare(
        &self,
        size: usize,
        align: usize,
        zeroed: bool,
        caller: Caller,
    ) -> *mut u8 {
        let align = align.max(GRAIN);
        // A block of no bytes has an address of its own, too.
        let asked = Layout::from_size_align(size.max(1), align).ok();
        let Some(padded) = asked.and_then(Padded::of) else {
            return ptr::null_mut();
        };
        if !in_child() {
            // SAFETY: of the caller.
            return unsafe { self.give(padded, size, align, zeroed, caller) };
        }
        // SAFETY: the layout is not empty; the room in front belongs to the new block.
        unsafe {
            let start = OF_SNAPSHOT.alloc_zeroed(padded.layout);
            if start.is_null() {
                return start;
            }
            let site = sites::of_alignment(align);
            present_rare(start, padded.prefix, size as u64, site)
        }
    }

    /// A block of the allocator below, with its header and its mark.
    ///
    /// # Safety
    ///
    /// `padded` is of this size and alignment, `caller` of this call. This is not the snapshot process.
    #[inline(always)]
    unsafe fn give(
        &self,
        padded: Padded,
        size: usize,
        align: usize,
        zeroed: bool,
        caller: Caller,
    ) -> *mut u8 {
        let site = local::with(|local| site(local, align, caller));
        let Padded { layout, prefix } = padded;
        // SAFETY: the layout is not empty; an over-aligned block is zeroed before anybody sees it.
        let start = unsafe {
            if zeroed && layout.align() <= GRAIN {
                self.0.allocate_zeroed(layout.size())
            } else {
                self.0.allocate(layout.size(), layout.align())
            }
        };
        if start.is_null() {
            return start;
        }
        let size = size as u64;
        // SAFETY: the block is as long as that; the room in front belongs to it.
        unsafe {
            if zeroed && layout.align() > GRAIN {
                start.write_bytes(0, layout.size());
            }
            let block = start.add(prefix);
            let Some(place) = map::find(block.addr()) else {
                return present_rare(start, prefix, size, site);
            };
            let birth = local::with(|local| Some((local.births.next()?, local.is_own.get())));
            let Some((serial, is_own)) = birth else {
                return present_rare(start, prefix, size, site);
            };
            Header { size, site, serial }.write(block);
            place.store(mark(prefix, !is_own), Ordering::Release);
            block
        }
    }

    /// Changes a block's size: it may move. Null if that cannot be, and the block stays as it was.
    ///
    /// # Safety
    ///
    /// The block is live, and of this allocator or the one below; `caller` is of this call.
    pub unsafe fn resize(&self, block: *mut u8, size: usize, caller: Caller) -> *mut u8 {
        let mark = map::get(block.addr());
        if mark == 0 {
            if in_child() {
                return ptr::null_mut();
            }
            // SAFETY: without a mark it is of the allocator below.
            return unsafe { self.0.resize(block, size) };
        }
        let prefix = prefix(mark);
        let layout = Layout::from_size_align(size.max(1), GRAIN).ok();
        let Some(padded) = layout.and_then(Padded::of) else {
            return ptr::null_mut();
        };
        // SAFETY: a marked block has a header in front of it.
        let header = unsafe { Header::read(block) };
        if padded.prefix > prefix || in_child() {
            // SAFETY: of the caller.
            return unsafe { self.move_to(block, size, header, caller) };
        }
        // Cleared before another thread can get the memory.
        map::clear(block.addr());
        // SAFETY: the block begins `prefix` behind its start.
        let moved = unsafe { self.0.resize(block.sub(prefix), size.max(1) + prefix) };
        if moved.is_null() {
            map::mark(block.addr(), mark);
            return moved;
        }
        // A block keeps its birth and its site: it is the same one, grown.
        let header = match header {
            Some(header) => Header {
                size: size as u64,
                ..header
            },
            None => local::with(|local| Header {
                size: size as u64,
                site: site(local, GRAIN, caller),
                serial: local.births.take(),
            }),
        };
        // SAFETY: the moved block has the room in front, too.
        unsafe {
            if map::mark(moved.addr() + prefix, mark) {
                let block = moved.add(prefix);
                header.write(block);
                return block;
            }
            // No memory for the mark: it becomes a block of the allocator below.
            ptr::copy(moved.add(prefix), moved, size);
            moved
        }
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// The block is live, and of this allocator or the one below.
    #[inline(always)]
    pub unsafe fn free(&self, block: *mut u8) {
        let place = map::find(block.addr());
        let mark = place.map_or(0, |place| place.load(Ordering::Relaxed));
        // SAFETY: of the caller; a marked block begins `prefix` behind its start, one without a mark is of the allocator below.
        unsafe {
            match place {
                _ if in_child() => free_in_snapshot(block, mark),
                Some(place) if mark != 0 => {
                    place.store(0, Ordering::Relaxed);
                    self.0.free(block.sub(prefix(mark)));
                }
                _ => self.0.free(block),
            }
        }
    }

    /// How many bytes of a block can be used.
    ///
    /// # Safety
    ///
    /// As [`Malloc::free`].
    pub unsafe fn usable(&self, block: *mut u8) -> usize {
        let mark = map::get(block.addr());
        // SAFETY: of the caller; as in `free`. The snapshot process's own blocks are not the allocator's below.
        unsafe {
            match (mark, in_child()) {
                (0, true) => 0,
                (0, false) => self.0.usable(block),
                (_, true) => Header::read(block).map_or(0, |header| header.size as usize),
                (mark, false) => {
                    let prefix = prefix(mark);
                    self.0.usable(block.sub(prefix)).saturating_sub(prefix)
                }
            }
        }
    }

    /// Into a block with another length of the room in front, which only sizes of many gigabytes need.
    ///
    /// # Safety
    ///
    /// As [`Malloc::resize`], of a marked block.
    #[cold]
    #[inline(never)]
    unsafe fn move_to(
        &self,
        block: *mut u8,
        size: usize,
        header: Option<Header>,
        caller: Caller,
    ) -> *mut u8 {
        // SAFETY: of the caller; both blocks have the bytes that are copied.
        unsafe {
            let usable = self.usable(block);
            let moved = self.allocate(size, GRAIN, false, caller);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, usable.min(size));
                if let (Some(header), true) = (header, map::get(moved.addr()) != 0) {
                    let size = size as u64;
                    Header { size, ..header }.write(moved);
                }
                self.free(block);
            }
            moved
        }
    }
}

#[inline(always)]
fn site(local: &Local, align: usize, caller: Caller) -> u32 {
    match sites::depth() {
        0 => sites::of_alignment(align),
        depth => {
            let here = (&raw const caller).addr();
            // Not looked for here: that calls libc, which may be holding the lock that it takes.
            let bounds = local.bounds.known();
            let call = Call::new(depth, bounds, here, caller.address, caller.pointer);
            sites::of_stack(align, call, &local.sites)
        }
    }
}

/// What is asked of the allocator below for nearly all blocks. A block of no bytes has an address of its own, too.
#[inline(always)]
fn common(size: usize, align: usize) -> Option<Padded> {
    if size > isize::MAX as usize - GRAIN || align > GRAIN {
        return None;
    }
    // SAFETY: a power of two, and not beyond the greatest size.
    Padded::common(unsafe { Layout::from_size_align_unchecked(size.max(1), GRAIN) })
}

/// The mark of a block that lies `prefix` behind its start.
#[inline(always)]
fn mark(prefix: usize, is_told: bool) -> u8 {
    let own = prefix.trailing_zeros() as u8;
    if is_told { TOLD | own } else { own }
}

/// How far behind its start a marked block lies.
#[inline(always)]
fn prefix(mark: u8) -> usize {
    1 << (mark & !TOLD)
}

/// The program's address of a block that begins at `start`, where a run of serials or a piece of the map begins, or in the snapshot process.
///
/// # Safety
///
/// `prefix` bytes in front are the block's.
#[cold]
#[inline(never)]
unsafe fn present_rare(start: *mut u8, prefix: usize, size: u64, site: u32) -> *mut u8 {
    // SAFETY: of the caller.
    let block = unsafe { start.add(prefix) };
    let mark = local::with(|local| {
        let serial = local.births.take();
        // SAFETY: of the caller.
        unsafe { Header { size, site, serial }.write(block) };
        mark(prefix, !local.is_own.get() && !in_child())
    });
    if map::mark(block.addr(), mark) {
        return block;
    }
    // No memory for the mark: it becomes a block of the allocator below. Zeroes may have been asked for.
    // SAFETY: as above; a header is no longer than this.
    unsafe {
        block
            .sub(prefix.min(LONG_HEADER))
            .write_bytes(0, prefix.min(LONG_HEADER))
    };
    start
}

/// # Safety
///
/// A live block, with its mark.
#[cold]
#[inline(never)]
unsafe fn free_in_snapshot(block: *mut u8, mark: u8) {
    // The target's blocks are told, or have no mark; or they are memdump's own, which `OF_SNAPSHOT` knows not to be its.
    if mark == 0 || mark & TOLD != 0 {
        return;
    }
    // SAFETY: a marked block has a header; the layout is that which it was taken with.
    unsafe {
        let layout = Header::read(block)
            .and_then(|header| Layout::from_size_align((header.size as usize).max(1), GRAIN).ok())
            .and_then(Padded::of);
        // An over-aligned one is left: nothing tells how aligned.
        if let Some(padded) = layout.filter(|padded| padded.prefix == prefix(mark)) {
            map::clear(block.addr());
            OF_SNAPSHOT.dealloc(block.sub(padded.prefix), padded.layout);
        }
    }
}

/// Takes down where the calling thread's stack lies. Until then its blocks have one return address. To be called where the thread has no
/// lock of libc: when it begins. `is_own`: all that it allocates is memdump's own.
pub fn enter_thread(is_own: bool) {
    local::with(|local| {
        if is_own {
            local.is_own.set(true);
        }
        local::own(|| local.bounds.find());
    });
}

/// Whether the calling thread is at work for memdump.
pub fn is_own() -> bool {
    local::with(|local| local.is_own.get())
}

/// Runs something whose blocks are memdump's own.
pub fn own<R>(run: impl FnOnce() -> R) -> R {
    local::own(run)
}
