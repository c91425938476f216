//! Memory for the target's side of memdump when the system has none: a refused allocation would otherwise abort the live process,
//! and a dump may be asked for just when memory has run out.
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Taking a snapshot allocates some kilobytes in small blocks.
const LENGTH: usize = 64 << 10;

/// A place to allocate from, front to back; it begins again when all blocks are freed.
#[derive(Debug)]
pub(crate) struct Reserve {
    /// Number of blocks in the upper half, bytes taken in the lower one.
    taken: AtomicU64,
    memory: UnsafeCell<Memory>,
}

#[repr(C, align(4096))]
#[derive(Debug)]
struct Memory([u8; LENGTH]);

// SAFETY: each byte is handed out to one block at a time.
unsafe impl Sync for Reserve {}

impl Reserve {
    pub(crate) const fn new() -> Self {
        Self {
            taken: AtomicU64::new(0),
            memory: UnsafeCell::new(Memory([0; LENGTH])),
        }
    }

    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    pub(crate) fn owns(&self, block: *const u8) -> bool {
        (self.start().addr()..self.start().addr() + LENGTH).contains(&block.addr())
    }

    /// A block for the layout; null when there is no room.
    pub(crate) fn allocate(&self, layout: Layout) -> *mut u8 {
        let mut place = 0;
        let taken = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |taken| {
                let (blocks, bytes) = (taken >> 32, (taken & 0xffff_ffff) as usize);
                place = bytes.checked_next_multiple_of(layout.align())?;
                let end = place.checked_add(layout.size())?;
                (end <= LENGTH && layout.align() <= 4096).then_some((blocks + 1) << 32 | end as u64)
            });
        match taken {
            // SAFETY: `place` is inside of the memory.
            Ok(_) => unsafe { self.start().add(place) },
            Err(_) => ptr::null_mut(),
        }
    }

    /// Gives a block back that [`owns`](Self::owns) knows.
    pub(crate) fn free(&self) {
        let _ = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |taken| {
                let (blocks, bytes) = (taken >> 32, taken & 0xffff_ffff);
                Some(if blocks <= 1 {
                    0
                } else {
                    (blocks - 1) << 32 | bytes
                })
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_room_comes_back_with_the_last() {
        static RESERVE: Reserve = Reserve::new();
        let layout = Layout::from_size_align(1000, 64).unwrap();
        let mut blocks = Vec::new();
        loop {
            let block = RESERVE.allocate(layout);
            if block.is_null() {
                break;
            }
            assert!(block.addr().is_multiple_of(64) && RESERVE.owns(block));
            blocks.push(block.addr());
        }
        assert!(blocks.len() > 60 && blocks.windows(2).all(|pair| pair[1] - pair[0] >= 1000));
        for _ in 1..blocks.len() {
            RESERVE.free();
            assert!(RESERVE.allocate(layout).is_null());
        }
        RESERVE.free();
        assert_eq!(RESERVE.allocate(layout).addr(), blocks[0]);
        assert!(!RESERVE.owns(ptr::without_provenance(64)));
    }
}
