//! Where the live blocks are: a byte for each 16 bytes of the address space, in pieces that are mapped when a block first lies there.
//!
//! Setting and clearing a mark is one store, without a lock; the snapshot process reads the marks in the order of addresses.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};

use crate::header::GRAIN;

/// Addresses that one piece is for.
const PIECE_SHIFT: u32 = 30;
/// Marks of a piece, a byte each: 64 MiB of addresses, of which only what is used takes memory.
pub(crate) const MARKS: usize = (1 << PIECE_SHIFT) / GRAIN;
/// Addresses of programs have 47 bits on x86-64 and 48 on aarch64.
const PIECES: usize = 1 << (48 - PIECE_SHIFT);

/// The mark of a block that dumps have. The bits below it are its maker's to use; a mark of these alone is of a block of memdump's own,
/// which no dump has.
pub(crate) const TOLD: u8 = 0x80;
/// The mark of a block of memdump's own where its maker has nothing else to say.
pub(crate) const OWN: u8 = 1;

/// Of so many blocks without a mark one asks the system again.
const ASKED_EVERY: u64 = 1024;

static DIRECTORY: [AtomicPtr<AtomicU8>; PIECES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; PIECES];
static MISSED: AtomicU64 = AtomicU64::new(0);

#[inline(always)]
fn place(address: usize) -> (usize, usize) {
    (address >> PIECE_SHIFT, address / GRAIN % MARKS)
}

/// The block at this address lives; its header is written. `false` if the system refused memory for the mark.
#[inline(always)]
pub(crate) fn mark(address: usize, mark: u8) -> bool {
    match find(address) {
        Some(place) => {
            place.store(mark, Ordering::Release);
            true
        }
        None => mark_first(address, mark),
    }
}

/// The block at this address lives no more. Without a mark it does nothing.
#[inline(always)]
pub(crate) fn clear(address: usize) {
    if let Some(mark) = find(address) {
        mark.store(0, Ordering::Relaxed);
    }
}

/// The mark of the live block at this address; 0 where there is none.
#[inline(always)]
pub(crate) fn get(address: usize) -> u8 {
    find(address).map_or(0, |mark| mark.load(Ordering::Relaxed))
}

/// Whether there is a live block at this address that dumps have.
#[cfg(test)]
pub(crate) fn is_told(address: usize) -> bool {
    get(address) & TOLD != 0
}

/// Where the mark for this address is; `None` if no block has lain near it yet.
#[inline(always)]
pub(crate) fn find(address: usize) -> Option<&'static AtomicU8> {
    let (piece, at) = place(address);
    let start = DIRECTORY.get(piece)?.load(Ordering::Acquire);
    // SAFETY: a piece has `MARKS` marks and is never unmapped.
    (!start.is_null()).then(|| unsafe { &*start.add(at) })
}

#[cold]
#[inline(never)]
fn mark_first(address: usize, value: u8) -> bool {
    let (piece, _) = place(address);
    // Where the system has refused memory it is not asked for each block again.
    let is_asked = MISSED.load(Ordering::Relaxed).is_multiple_of(ASKED_EVERY);
    if is_asked && DIRECTORY.get(piece).is_some_and(map) {
        return mark(address, value);
    }
    MISSED.fetch_add(1, Ordering::Relaxed);
    false
}

/// Gives the entry a piece, if the system has one.
fn map(entry: &AtomicPtr<AtomicU8>) -> bool {
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, unmapped only where nobody has seen it.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), MARKS, libc::PROT_NONE, flags, -1, 0);
        if start == libc::MAP_FAILED {
            return false;
        }
        // In a program that keeps all its memory locked (`mlockall`) the whole piece would be taken at once, were it writable before.
        libc::munlock(start, MARKS);
        if libc::mprotect(start, MARKS, writable) != 0 {
            libc::munmap(start, MARKS);
            return false;
        }
        // A huge page would be taken for a few marks.
        libc::madvise(start, MARKS, libc::MADV_NOHUGEPAGE);
        let taken = entry.compare_exchange(
            ptr::null_mut(),
            start.cast(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if taken.is_err() {
            libc::munmap(start, MARKS);
        }
    }
    true
}

/// Blocks so far that could not be marked, because the system refused memory for a piece: no dump has them.
pub(crate) fn missed() -> u64 {
    MISSED.load(Ordering::Relaxed)
}

/// A piece of the map.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    /// The address that its first mark is for.
    pub(crate) address: usize,
    /// Its marks, [`MARKS`] of them.
    pub(crate) marks: *mut u8,
}

/// All pieces, in the order of their addresses.
pub(crate) fn pieces() -> impl Iterator<Item = Piece> {
    DIRECTORY.iter().enumerate().filter_map(|(number, entry)| {
        let marks = entry.load(Ordering::Acquire);
        (!marks.is_null()).then_some(Piece {
            address: number << PIECE_SHIFT,
            marks: marks.cast(),
        })
    })
}
