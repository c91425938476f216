//! The live blocks as the snapshot process sees them: by the marks of its own copy of the map, which nobody changes any more.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::ptr;

use crate::header::{GRAIN, Header};
use crate::map::{self, MARKS, Piece, TOLD};

/// Marks of a page of the map, which are looked through at once for the block that an address lies in.
const PAGE: usize = 4096;
/// Addresses of a piece.
const SPAN: usize = MARKS * GRAIN;

/// The marks, and for each page of them where the last block begins.
pub(crate) struct Blocks {
    pieces: Vec<Indexed>,
    /// Where the first block begins and the last one ends.
    low: usize,
    high: usize,
}

struct Indexed {
    piece: Piece,
    /// The pages that anybody ever wrote to, few of many: the others are not even looked at.
    used: Vec<bool>,
    /// Address of the last block that begins in this page of marks or before it; 0 for none.
    last: Vec<usize>,
}

/// A place in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    /// Where the block begins.
    pub(crate) block: usize,
    /// How far behind that the place is.
    pub(crate) offset: u64,
}

impl Blocks {
    /// Without an index: [`Blocks::holder`] finds nothing yet.
    pub(crate) fn new() -> Blocks {
        let pieces = map::pieces().map(|piece| Indexed {
            piece,
            used: used(piece),
            last: Vec::new(),
        });
        Blocks {
            pieces: pieces.collect(),
            low: usize::MAX,
            high: 0,
        }
    }

    /// The first block at this address or behind it.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        self.next_of(Marks::Told, from)
    }

    /// The same of memdump's own blocks.
    pub(crate) fn next_own(&self, from: usize) -> Option<usize> {
        self.next_of(Marks::Own, from)
    }

    fn next_of(&self, marks: Marks, from: usize) -> Option<usize> {
        let first = self
            .pieces
            .partition_point(|indexed| indexed.piece.address + SPAN <= from);
        self.pieces[first..].iter().find_map(|indexed| {
            let start = from.saturating_sub(indexed.piece.address).div_ceil(GRAIN);
            let at = first_mark(indexed.piece, marks, &indexed.used, start)?;
            Some(indexed.piece.address + at * GRAIN)
        })
    }

    /// From now on there is no block at this address.
    pub(crate) fn forget(&mut self, block: usize) {
        map::clear(block);
    }

    /// Makes the index. `high` is where the last block ends.
    pub(crate) fn index(&mut self, high: usize) {
        self.low = self.next(0).unwrap_or(usize::MAX);
        self.high = high;
        let mut last = 0;
        for indexed in &mut self.pieces {
            indexed.last.reserve_exact(MARKS / PAGE);
            for page in 0..MARKS / PAGE {
                let end = (page + 1) * PAGE;
                if indexed.used[page]
                    && let Some(at) = last_mark(indexed.piece, page * PAGE, end)
                {
                    last = indexed.piece.address + at * GRAIN;
                }
                indexed.last.push(last);
            }
        }
    }

    /// The block that an address lies in.
    #[inline]
    pub(crate) fn holder(&self, address: usize) -> Option<Inside> {
        if address < self.low || address >= self.high {
            return None;
        }
        let block = self.last_before(address)?;
        // SAFETY: a block whose header has been read before.
        let header = unsafe { Header::read(ptr::with_exposed_provenance(block)) }?;
        let offset = (address - block) as u64;
        (offset < header.size).then_some(Inside { block, offset })
    }

    /// The last block that begins at this address or before it.
    #[inline]
    fn last_before(&self, address: usize) -> Option<usize> {
        let behind = self
            .pieces
            .partition_point(|indexed| indexed.piece.address <= address);
        let indexed = self.pieces.get(behind.checked_sub(1)?)?;
        let at = (address - indexed.piece.address) / GRAIN;
        let found = if at >= MARKS {
            // The piece ends before the address: only a block that began in there can reach so far.
            indexed.last.last().copied()
        } else {
            let page = at / PAGE;
            match last_mark(indexed.piece, page * PAGE, at + 1) {
                Some(at) => Some(indexed.piece.address + at * GRAIN),
                None if page > 0 => indexed.last.get(page - 1).copied(),
                None => behind
                    .checked_sub(2)
                    .and_then(|before| self.pieces.get(before)?.last.last().copied()),
            }
        };
        found.filter(|&block| block != 0)
    }
}

/// Which marks are looked for.
#[derive(Clone, Copy)]
enum Marks {
    /// Those of blocks that dumps have.
    Told,
    /// Those of memdump's own.
    Own,
}

/// Eight marks at once, the first one lowest; zero for those that are not looked for.
#[inline(always)]
fn word(piece: Piece, marks: Marks, number: usize) -> u64 {
    const ALL_TOLD: u64 = u64::from_ne_bytes([TOLD; 8]);
    debug_assert!(number < MARKS / 8);
    // SAFETY: within the piece's marks, which are aligned to pages.
    let word = u64::from_le(unsafe { piece.marks.cast::<u64>().add(number).read() });
    let told = word & ALL_TOLD;
    match marks {
        Marks::Told => told,
        // Whole bytes of those that are told.
        Marks::Own => word & !((told >> 7) * 0xff),
    }
}

/// Which pages of a piece have been written to: those that the kernel has, in memory or swapped out.
fn used(piece: Piece) -> Vec<bool> {
    const IS_THERE: u64 = 3 << 62;
    let mut entries = vec![0u8; MARKS / PAGE * 8];
    let read = File::open("/proc/self/pagemap").and_then(|file| {
        let first = piece.marks.addr() / PAGE * 8;
        file.read_exact_at(&mut entries, first as u64)
    });
    let used = entries
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&entry| u64::from_ne_bytes(entry) & IS_THERE != 0);
    match read {
        Ok(()) => used.collect(),
        // Not everybody is shown it; then all pages are looked at.
        Err(_) => vec![true; MARKS / PAGE],
    }
}

/// The first mark at this place or behind it.
fn first_mark(piece: Piece, marks: Marks, used: &[bool], from: usize) -> Option<usize> {
    let pages = used.iter().enumerate().skip(from / PAGE);
    pages
        .filter(|(_, is_used)| **is_used)
        .find_map(|(page, _)| {
            let start = from.max(page * PAGE);
            let mut mask = u64::MAX << (8 * (start % 8));
            (start / 8..(page + 1) * PAGE / 8).find_map(|number| {
                let found = word(piece, marks, number) & std::mem::replace(&mut mask, u64::MAX);
                (found != 0).then(|| number * 8 + found.trailing_zeros() as usize / 8)
            })
        })
}

/// The last mark from `start`, a multiple of 8, up to but not including `end`.
#[inline]
fn last_mark(piece: Piece, start: usize, end: usize) -> Option<usize> {
    let mut number = end.div_ceil(8);
    let mut mask = match end % 8 {
        0 => u64::MAX,
        rest => !(u64::MAX << (8 * rest)),
    };
    while number > start / 8 {
        number -= 1;
        let found = word(piece, Marks::Told, number) & mask;
        if found != 0 {
            return Some(number * 8 + 7 - found.leading_zeros() as usize / 8);
        }
        mask = u64::MAX;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_forwards_and_backwards() {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, never unmapped.
        let marks = unsafe { libc::mmap(ptr::null_mut(), MARKS, protection, flags, -1, 0) };
        let marks = marks.cast();
        let piece = Piece { address: 0, marks };
        let set = [3usize, 8, 4094, 4096, 70_001, MARKS - 2];
        for &at in &set {
            // SAFETY: within the marks.
            unsafe { piece.marks.add(at).write(TOLD | 4) };
            // SAFETY: as above; of a block of memdump's own.
            unsafe { piece.marks.add((at + 1) % MARKS).write(4) };
        }
        let used = used(piece);
        let pages = used.iter().filter(|&&is_used| is_used).count();
        assert!((4..MARKS / PAGE).contains(&pages), "{pages} pages");
        for from in (0..5_000).chain(69_990..70_010).chain([MARKS - 1]) {
            let next = set.iter().copied().find(|&at| at >= from);
            assert_eq!(
                first_mark(piece, Marks::Told, &used, from),
                next,
                "from {from}"
            );
            let own = set.iter().map(|at| at + 1).find(|&at| at >= from);
            assert_eq!(
                first_mark(piece, Marks::Own, &used, from),
                own,
                "from {from}"
            );
            let start = from / PAGE * PAGE;
            let last = set.iter().rev().find(|&&at| at >= start && at <= from);
            assert_eq!(
                last_mark(piece, start, from + 1),
                last.copied(),
                "to {from}"
            );
        }
    }
}
