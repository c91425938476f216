//! Slots: a value is kept as its difference to the last one of its like. The writer and the reader share the rule.

use crate::varint::{unzigzag, zigzag};

/// The slot of an object: objects of one type lie evenly spaced and have one size.
#[inline(always)]
pub(crate) fn object_slot(type_id: u32) -> u8 {
    type_id as u8
}

/// The slot of reference `place` in a group of `count`: objects with the same number of references are mostly of one type, and
/// then the references at one place point to things that were made in the same order.
#[inline(always)]
pub(crate) fn reference_slot(place: u32, count: u32) -> u8 {
    ((place % 16) * 16 + count % 16) as u8
}

/// The last value of each of 256 kinds of records; all 0 at the start of a block.
pub(crate) struct Slots([u64; 256]);

impl Slots {
    pub(crate) fn new() -> Slots {
        Slots([0; 256])
    }

    /// What stands for `value` in the file.
    #[inline(always)]
    pub(crate) fn encode(&mut self, slot: u8, value: u64) -> u64 {
        let last = &mut self.0[usize::from(slot)];
        zigzag(value.wrapping_sub(std::mem::replace(last, value)))
    }

    /// What `stored` stands for.
    #[inline(always)]
    pub(crate) fn decode(&mut self, slot: u8, stored: u64) -> u64 {
        let last = &mut self.0[usize::from(slot)];
        *last = last.wrapping_add(unzigzag(stored));
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_slots_are_those_of_the_text() {
        assert_eq!(reference_slot(0, 1), 1);
        assert_eq!(reference_slot(3, 5), 3 * 16 + 5);
        assert_eq!(reference_slot(17, 35), 16 + 3);
        assert_eq!(reference_slot(15, 15), 255);
    }

    #[test]
    fn a_slot_keeps_its_last_value_and_no_other() {
        let mut slots = Slots::new();
        assert_eq!(slots.encode(1, 100), 200);
        assert_eq!(slots.encode(2, 5), 10);
        assert_eq!(slots.encode(1, 99), 1);
        assert_eq!(slots.encode(1, u64::MAX), zigzag(u64::MAX.wrapping_sub(99)));
        let mut slots = Slots::new();
        assert_eq!(slots.decode(1, 200), 100);
        assert_eq!(slots.decode(2, 10), 5);
        assert_eq!(slots.decode(1, 1), 99);
    }
}
