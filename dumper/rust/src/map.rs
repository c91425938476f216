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

static DIRECTORY: [AtomicPtr<AtomicU8>; PIECES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; PIECES];
static MISSED: AtomicU64 = AtomicU64::new(0);

#[inline(always)]
fn place(address: usize) -> (usize, usize) {
    (address >> PIECE_SHIFT, address / GRAIN % MARKS)
}

/// Whose a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Owner {
    /// The program's: dumps have it.
    Program = 1,
    /// memdump's own: in no dump, but it may hold blocks of the program.
    Memdump = 2,
}

/// The block at this address lives; its header is written.
#[inline(always)]
pub(crate) fn mark(address: usize, owner: Owner) {
    let (piece, at) = place(address);
    let start = match DIRECTORY.get(piece) {
        Some(entry) => entry.load(Ordering::Acquire),
        None => ptr::null_mut(),
    };
    if start.is_null() {
        return mark_first(address, owner);
    }
    // SAFETY: a piece has `MARKS` marks and is never unmapped.
    unsafe { &*start.add(at) }.store(owner as u8, Ordering::Release);
}

/// The block at this address lives no more. Without a mark it does nothing.
#[inline(always)]
pub(crate) fn clear(address: usize) {
    if let Some(mark) = find(address) {
        mark.store(0, Ordering::Relaxed);
    }
}

/// Whose the live block at this address is; `None` if there is none.
#[inline(always)]
pub(crate) fn owner(address: usize) -> Option<Owner> {
    match find(address)?.load(Ordering::Relaxed) {
        0 => None,
        2 => Some(Owner::Memdump),
        _ => Some(Owner::Program),
    }
}

#[inline(always)]
fn find(address: usize) -> Option<&'static AtomicU8> {
    let (piece, at) = place(address);
    let start = DIRECTORY.get(piece)?.load(Ordering::Acquire);
    // SAFETY: as in `mark`.
    (!start.is_null()).then(|| unsafe { &*start.add(at) })
}

#[cold]
#[inline(never)]
fn mark_first(address: usize, owner: Owner) {
    let (piece, _) = place(address);
    if DIRECTORY.get(piece).is_some_and(map) {
        return mark(address, owner);
    }
    MISSED.fetch_add(1, Ordering::Relaxed);
}

/// Gives the entry a piece, if the system has one.
fn map(entry: &AtomicPtr<AtomicU8>) -> bool {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, unmapped only where nobody has seen it.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), MARKS, protection, flags, -1, 0);
        if start == libc::MAP_FAILED {
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
