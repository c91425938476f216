//! The shadow of the address space: a mark, one byte, for every 16 bytes of it.
//!
//! Pieces of it are mapped when the first of their marks is written, and memory is used by the pages that are: a sixteenth of the heap.
//! A single reservation for all addresses would need no table, but it would be terabytes: refused under `ulimit -v` and strict
//! overcommitting, and frightening in every tool that shows virtual memory.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU8};

/// Allocators align to 16 bytes, so no two allocations share a mark.
const GRANULE_BITS: u32 = 4;
/// A piece is for 256 MiB of addresses.
const PIECE_BITS: u32 = 28;
/// What Linux gives to programs that do not ask for more, on both architectures.
const ADDRESS_BITS: u32 = 48;

const PIECES: usize = 1 << (ADDRESS_BITS - PIECE_BITS);
const PIECE: usize = 1 << (PIECE_BITS - GRANULE_BITS);

type Piece = [AtomicU8; PIECE];
type Table = [AtomicPtr<Piece>; PIECES];

/// Why a mark could not be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Loss {
    /// The system gave no memory for a piece.
    Memory = 1,
    /// The allocation lies at an address of more than 48 bits.
    Outside = 2,
}

/// The marks of this process.
pub(super) struct Shadow {
    table: AtomicPtr<Table>,
    /// The first [`Loss`]; 0 = none.
    loss: AtomicU8,
}

impl Shadow {
    /// Nothing is mapped yet, and no mark may be written.
    pub(super) const fn new() -> Shadow {
        Shadow {
            table: AtomicPtr::new(ptr::null_mut()),
            loss: AtomicU8::new(0),
        }
    }

    /// Maps the table; `false` if the system refuses. To be called by one thread at a time.
    pub(super) fn open(&self) -> bool {
        if !self.table.load(Acquire).is_null() {
            return true;
        }
        match map::<Table>() {
            Some(table) => {
                self.table.store(table, Release);
                true
            }
            None => false,
        }
    }

    fn table(&self) -> Option<&Table> {
        // SAFETY: null, or mapped by `open` and never unmapped; all zeroes is a table of null pointers.
        unsafe { self.table.load(Relaxed).as_ref() }
    }

    #[inline(always)]
    fn piece(&self, address: usize) -> Option<&Piece> {
        let slot = self.table()?.get(address >> PIECE_BITS)?;
        // SAFETY: null, or mapped by `add` and never unmapped; all zeroes is a piece without marks.
        unsafe { slot.load(Acquire).as_ref() }
    }

    /// Writes the mark of the allocation at `address`; 0 is none. Runs in every allocation of the target: it neither locks nor allocates,
    /// and any number of threads may be in it.
    #[inline(always)]
    pub(super) fn write(&self, address: usize, mark: u8) {
        match self.piece(address) {
            Some(piece) => piece[place(address)].store(mark, Relaxed),
            None => self.write_first(address, mark),
        }
    }

    #[cold]
    #[inline(never)]
    fn write_first(&self, address: usize, mark: u8) {
        // After a loss nothing is tried again until somebody has noticed it: system calls in each allocation would be felt.
        if address == 0 || self.loss.load(Relaxed) != 0 {
            return;
        }
        let slot = self
            .table()
            .and_then(|table| table.get(address >> PIECE_BITS));
        let added = match slot {
            Some(slot) => add(slot),
            None => Err(Loss::Outside),
        };
        match added {
            Ok(()) => self.write(address, mark),
            Err(loss) => {
                let _ = self.loss.compare_exchange(0, loss as u8, AcqRel, Relaxed);
            }
        }
    }

    /// The mark of the allocation at `address`; 0 if it has none.
    pub(super) fn read(&self, address: usize) -> u8 {
        self.piece(address)
            .map_or(0, |piece| piece[place(address)].load(Relaxed))
    }

    /// Whether marks were lost since this was last asked.
    pub(super) fn take_loss(&self) -> Option<Loss> {
        match self.loss.swap(0, AcqRel) {
            0 => None,
            loss if loss == Loss::Memory as u8 => Some(Loss::Memory),
            _ => Some(Loss::Outside),
        }
    }

    /// Takes all marks away, and gives their memory back.
    pub(super) fn clear(&self) {
        let pieces = self.table().into_iter().flatten();
        for slot in pieces {
            let piece = slot.load(Acquire);
            if !piece.is_null() {
                // SAFETY: a private anonymous mapping of this length: dropped pages read as zeroes.
                unsafe { libc::madvise(piece.cast(), size_of::<Piece>(), libc::MADV_DONTNEED) };
            }
        }
    }
}

fn place(address: usize) -> usize {
    (address >> GRANULE_BITS) % PIECE
}

fn add(slot: &AtomicPtr<Piece>) -> Result<(), Loss> {
    let piece = map::<Piece>().ok_or(Loss::Memory)?;
    // SAFETY: the mapping is new. A heap is spread thinly over some pieces, and huge pages would fill the gaps.
    unsafe { libc::madvise(piece.cast(), size_of::<Piece>(), libc::MADV_NOHUGEPAGE) };
    if slot
        .compare_exchange(ptr::null_mut(), piece, AcqRel, Acquire)
        .is_err()
    {
        // SAFETY: another thread was quicker, and nobody has seen this one.
        unsafe { libc::munmap(piece.cast(), size_of::<Piece>()) };
    }
    Ok(())
}

/// Maps zeroes for a `T`, of which pages are used only when they are written. Leaves `errno` alone: its caller is in the middle of an
/// allocation of the target.
fn map<T>() -> Option<*mut T> {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists; errno is this thread's.
    unsafe {
        let errno = *libc::__errno_location();
        let start = libc::mmap(
            ptr::null_mut(),
            size_of::<T>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        *libc::__errno_location() = errno;
        (start != libc::MAP_FAILED).then_some(start.cast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_granule() {
        let shadow = Shadow::new();
        assert!(shadow.open() && shadow.open());
        let start = 0x7f12_3456_7800;
        shadow.write(start, 7);
        shadow.write(start + 16, 8);
        let marks = [start - 16, start, start + 15, start + 16, start + 32].map(|a| shadow.read(a));
        assert_eq!(marks, [0, 7, 7, 8, 0]);
        assert_eq!(shadow.take_loss(), None);
        shadow.clear();
        assert_eq!((shadow.read(start), shadow.read(start + 16)), (0, 0));
        shadow.write(start, 9);
        assert_eq!(shadow.read(start), 9);
    }

    #[test]
    fn pieces_do_not_touch() {
        let shadow = Shadow::new();
        assert!(shadow.open());
        let edge = 1 << PIECE_BITS;
        shadow.write(edge - 16, 1);
        assert_eq!(shadow.read(edge), 0);
        shadow.write(edge, 2);
        shadow.write((1 << ADDRESS_BITS) - 16, 3);
        assert_eq!((shadow.read(edge - 16), shadow.read(edge)), (1, 2));
        assert_eq!(shadow.read((1 << ADDRESS_BITS) - 1), 3);
    }

    #[test]
    fn what_lies_outside_is_lost_and_told_once() {
        let shadow = Shadow::new();
        assert!(shadow.open());
        shadow.write(0, 1);
        assert_eq!(
            shadow.take_loss(),
            None,
            "no allocation is none that is lost"
        );
        shadow.write(1 << ADDRESS_BITS, 1);
        assert_eq!(shadow.read(1 << ADDRESS_BITS), 0);
        assert_eq!(shadow.take_loss(), Some(Loss::Outside));
        assert_eq!(shadow.take_loss(), None);
    }
}
