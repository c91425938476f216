//! What is kept in front of each block: 16 bytes that tell its size, its site and its birth, and a check value that tells a header from
//! memory that only looks like one.
//!
//! ```text
//! −24   size, only where the field below cannot hold it
//! −16   size (36 bits) | site (28 bits)
//!  −8   birth serial (48 bits) | check value (16 bits)
//!   0   what the program uses
//! ```
#![allow(unsafe_code)]

use std::alloc::Layout;

/// Room in front of a block, at least.
pub(crate) const HEADER: usize = 16;
/// Room in front of a block whose size needs a word of its own.
pub(crate) const LONG_HEADER: usize = 32;
/// Blocks start at multiples of this, as those of every allocator do, and the map has a byte for so many.
pub(crate) const GRAIN: usize = 16;

const SIZE_BITS: u32 = 36;
/// The size field of a block whose size it cannot hold.
const LONG: u64 = (1 << SIZE_BITS) - 1;
const SERIAL_BITS: u32 = 48;
/// The greatest birth serial.
pub(crate) const GREATEST_SERIAL: u64 = (1 << SERIAL_BITS) - 1;
/// The greatest site.
#[cfg(test)]
pub(crate) const GREATEST_SITE: u32 = (1 << 28) - 1;

/// What is asked of the allocator below for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padded {
    /// The layout with the room in front.
    pub(crate) layout: Layout,
    /// How much of it lies in front of the program's address.
    pub(crate) prefix: usize,
}

impl Padded {
    /// Of nearly all blocks: the room is as long as the header. `None` for the others, see [`Padded::of`].
    #[inline(always)]
    pub(crate) fn common(layout: Layout) -> Option<Padded> {
        let is_common = layout.size() < LONG as usize && layout.align() <= GRAIN;
        is_common.then(|| Padded {
            // SAFETY: a power of two, and far from the greatest size.
            layout: unsafe { Layout::from_size_align_unchecked(layout.size() + HEADER, GRAIN) },
            prefix: HEADER,
        })
    }

    /// `None` for a size that no address space has.
    #[inline(always)]
    pub(crate) fn of(layout: Layout) -> Option<Padded> {
        Padded::common(layout).or_else(|| Padded::of_rare(layout))
    }

    #[cold]
    #[inline(never)]
    fn of_rare(layout: Layout) -> Option<Padded> {
        let header = if layout.size() < LONG as usize {
            HEADER
        } else {
            LONG_HEADER
        };
        // An over-aligned block has its header directly in front of it, too: the rest of the room lies before that.
        let prefix = header.max(layout.align());
        let align = layout.align().max(GRAIN);
        let size = layout.size().checked_add(prefix)?;
        let layout = Layout::from_size_align(size, align).ok()?;
        Some(Padded { layout, prefix })
    }
}

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes that the program asked for.
    pub(crate) size: u64,
    /// Where it was allocated, see [`crate::sites`]; at most [`GREATEST_SITE`].
    pub(crate) site: u32,
    /// When it was born; at most [`GREATEST_SERIAL`].
    pub(crate) serial: u64,
}

impl Header {
    /// Writes the header of the block at `block`.
    ///
    /// # Safety
    ///
    /// The room in front of the block, as [`Padded`] has it for this size, is the caller's to write.
    #[inline(always)]
    pub(crate) unsafe fn write(self, block: *mut u8) {
        let short = self.size.min(LONG);
        let first = short | u64::from(self.site) << SIZE_BITS;
        let words = block.cast::<u64>();
        // SAFETY: of the caller; the block's address is a multiple of 16.
        unsafe {
            if short == LONG {
                words.sub(3).write(self.size);
            }
            words.sub(2).write(first);
            words
                .sub(1)
                .write(self.serial | check(block.addr(), first, self.serial) << SERIAL_BITS);
        }
    }

    /// Reads the header of the block at `block`; `None` if there is none.
    ///
    /// # Safety
    ///
    /// The memory in front of the block can be read, or the caller survives that it cannot.
    #[inline(always)]
    pub(crate) unsafe fn read(block: *const u8) -> Option<Header> {
        let words = block.cast::<u64>();
        // SAFETY: of the caller.
        let (first, second) =
            unsafe { (words.sub(2).read_volatile(), words.sub(1).read_volatile()) };
        let serial = second & GREATEST_SERIAL;
        if second >> SERIAL_BITS != check(block.addr(), first, serial) {
            return None;
        }
        let mut size = first & LONG;
        if size == LONG {
            // SAFETY: of the caller.
            size = unsafe { words.sub(3).read_volatile() };
        }
        Some(Header {
            size,
            site: (first >> SIZE_BITS) as u32,
            serial,
        })
    }
}

/// 16 bits of everything that a header says and of where it lies: a copy of it elsewhere is none.
#[inline(always)]
fn check(address: usize, first: u64, serial: u64) -> u64 {
    let mixed = (address as u64 >> 4)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(first)
        .wrapping_mul(0xd6e8_feb8_6659_fd93)
        .wrapping_add(serial);
    mixed.wrapping_mul(0xa076_1d64_78bd_642f) >> SERIAL_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(size: usize, align: usize) -> Padded {
        Padded::of(Layout::from_size_align(size, align).unwrap()).unwrap()
    }

    #[test]
    fn the_room_in_front_keeps_the_alignment() {
        for shift in 0..16 {
            let align = 1 << shift;
            let block = padded(100, align);
            assert_eq!(block.prefix % align.max(GRAIN), 0);
            assert!(block.prefix >= HEADER && block.layout.align() >= align);
            assert_eq!(block.layout.size(), 100 + block.prefix);
        }
        assert_eq!(padded(24, 8).prefix, 16);
        let most = Layout::from_size_align(isize::MAX as usize - 7, 8).unwrap();
        assert_eq!(Padded::of(most), None);
    }

    #[test]
    fn a_header_says_what_was_written_only_where_it_was_written() {
        let mut room = [0u64; 16];
        let start = room.as_mut_ptr();
        // SAFETY: room for a long header lies in front of both places.
        unsafe {
            let block = start.add(4 + start.addr() / 8 % 2).cast::<u8>();
            for size in [0, 1, LONG - 1, LONG, LONG + 1, u64::MAX] {
                let header = Header {
                    size,
                    site: GREATEST_SITE,
                    serial: GREATEST_SERIAL,
                };
                header.write(block);
                assert_eq!(Header::read(block), Some(header));
                block.sub(24).copy_to(block.add(24), 24);
                assert_eq!(Header::read(block.add(48)), None);
                for bit in 0..128 {
                    let byte = block.sub(16 - bit / 8);
                    *byte ^= 1 << (bit % 8);
                    assert_ne!(Header::read(block), Some(header), "bit {bit}");
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }
}
