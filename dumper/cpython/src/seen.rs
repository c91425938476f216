//! The set of objects that were written: one bit per 8 bytes of the address space that objects lie in.
//!
//! The space is cut into regions of 64 KiB. A region with few objects keeps their offsets in its entry of the table
//! (a heap of large buffers would otherwise pay a bitmap for each); one with more has a bitmap of 1 KiB.

use crate::memory::Obj;

const REGION_BITS: usize = 16;
const WORDS: usize = (1 << REGION_BITS) / 8 / 64;
const FEW: usize = 5;
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Region {
    /// Address divided by the size of a region; [`EMPTY`] for a free place of the table.
    number: u32,
    /// How many offsets are kept here, or [`MAPPED`].
    few: u16,
    /// Offsets in units of 8 bytes; of a mapped region the first two hold the bitmap's number.
    offsets: [u16; FEW],
}

const MAPPED: u16 = u16::MAX;

impl Region {
    const FREE: Region = Region {
        number: EMPTY,
        few: 0,
        offsets: [0; FEW],
    };

    fn bitmap(&self) -> usize {
        usize::from(self.offsets[0]) | usize::from(self.offsets[1]) << 16
    }
}

/// A set of addresses of objects (multiples of 8 below 2^47).
pub(crate) struct Seen {
    /// Open addressing, linear probing, at most half full, a power of two long.
    table: Vec<Region>,
    used: usize,
    /// In chunks that never move: growth must not copy what is already there.
    bitmaps: Vec<Box<[u64]>>,
    bitmap_count: usize,
    last: Option<(u32, u32)>,
}

const CHUNK: usize = 64;

impl Seen {
    pub(crate) fn new() -> Seen {
        Seen {
            table: vec![Region::FREE; 1 << 12],
            used: 0,
            bitmaps: Vec::new(),
            bitmap_count: 0,
            last: None,
        }
    }

    /// Whether the object is in the set.
    #[inline]
    pub(crate) fn contains(&self, object: Obj) -> bool {
        let (number, offset) = split(object);
        if let Some((last, bitmap)) = self.last
            && last == number
        {
            return self.bit(bitmap as usize, offset);
        }
        let region = &self.table[self.place(number)];
        match region.few {
            MAPPED => self.bit(region.bitmap(), offset),
            few => region.offsets[..usize::from(few)].contains(&offset),
        }
    }

    /// Adds the object; whether it was not in the set before.
    #[inline]
    pub(crate) fn insert(&mut self, object: Obj) -> bool {
        let (number, offset) = split(object);
        if let Some((last, bitmap)) = self.last
            && last == number
        {
            return self.set(bitmap as usize, offset);
        }
        self.insert_slowly(number, offset)
    }

    fn insert_slowly(&mut self, number: u32, offset: u16) -> bool {
        let mut place = self.place(number);
        if self.table[place].number == EMPTY {
            if self.used * 2 >= self.table.len() {
                self.grow();
                place = self.place(number);
            }
            self.used += 1;
            self.table[place].number = number;
        }
        let region = &mut self.table[place];
        if region.few != MAPPED {
            let few = usize::from(region.few);
            if region.offsets[..few].contains(&offset) {
                return false;
            }
            if few < FEW {
                region.offsets[few] = offset;
                region.few += 1;
                return true;
            }
            let offsets = region.offsets;
            let bitmap = self.add_bitmap();
            let region = &mut self.table[place];
            region.few = MAPPED;
            region.offsets[0] = bitmap as u16;
            region.offsets[1] = (bitmap >> 16) as u16;
            for offset in offsets {
                self.set(bitmap, offset);
            }
        }
        let bitmap = self.table[place].bitmap();
        self.last = Some((number, bitmap as u32));
        self.set(bitmap, offset)
    }

    fn bit(&self, bitmap: usize, offset: u16) -> bool {
        self.bitmaps[bitmap / CHUNK][word_of(bitmap, offset)] >> (offset % 64) & 1 != 0
    }

    fn set(&mut self, bitmap: usize, offset: u16) -> bool {
        let word = &mut self.bitmaps[bitmap / CHUNK][word_of(bitmap, offset)];
        let mask = 1 << (offset % 64);
        let new = *word & mask == 0;
        *word |= mask;
        new
    }

    fn add_bitmap(&mut self) -> usize {
        let number = self.bitmap_count;
        if number.is_multiple_of(CHUNK) {
            self.bitmaps.push(vec![0; WORDS * CHUNK].into_boxed_slice());
        }
        self.bitmap_count += 1;
        number
    }

    fn place(&self, number: u32) -> usize {
        let mask = self.table.len() - 1;
        let mut place =
            (u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask;
        while self.table[place].number != number && self.table[place].number != EMPTY {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.table);
        self.table = vec![Region::FREE; old.len() * 2];
        for region in old.into_iter().filter(|region| region.number != EMPTY) {
            let place = self.place(region.number);
            self.table[place] = region;
        }
    }
}

/// Where in its chunk the word of a bitmap lies that has the offset's bit.
fn word_of(bitmap: usize, offset: u16) -> usize {
    bitmap % CHUNK * WORDS + usize::from(offset) / 64
}

fn split(object: Obj) -> (u32, u16) {
    (
        (object.0 >> REGION_BITS) as u32,
        ((object.0 & ((1 << REGION_BITS) - 1)) >> 3) as u16,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn agrees_with_a_hash_set() {
        let mut seen = Seen::new();
        let mut model = HashSet::new();
        let mut state = 1u64;
        for step in 0..200_000u64 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Dense and sparse parts: bitmaps, few offsets, and the way from one to the other.
            let address = match step % 3 {
                0 => 0x7f00_0000_0000 + (state >> 40 & 0xFFFF) * 8,
                1 => 0x5600_0000_0000 + (state >> 33 & 0xFFFF) * 0x8008,
                _ => 0x10_0000 + (state >> 20 & 0xFFF_FFFF) * 8,
            } as usize;
            let object = Obj(address);
            assert_eq!(seen.contains(object), model.contains(&object));
            assert_eq!(seen.insert(object), model.insert(object));
        }
        assert!(model.iter().all(|&object| seen.contains(object)));
    }
}
