//! Varints (LEB128) and zigzag, both ways.
//!
//! Most values of a dump take one byte, nearly all others up to eight; those two cases are without loops, the rest is cold.

/// Bytes of the longest varint of 64 bits.
pub(crate) const MAX_VARINT: usize = 10;

/// Bytes that must follow a column's bytes where [`Varints`] reads, so that it may load whole words.
pub(crate) const PADDING: usize = 16;

const CONTINUE: u64 = 0x8080_8080_8080_8080;

/// Maps small signed differences to small unsigned numbers.
#[inline(always)]
pub(crate) fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ (((difference as i64) >> 63) as u64)
}

/// The inverse of [`zigzag`].
#[inline(always)]
pub(crate) fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

/// Writes `value` to the start of `room`; gives the number of bytes. For columns that are mostly of one byte a value.
#[inline(always)]
pub(crate) fn encode(value: u64, room: &mut [u8; MAX_VARINT]) -> usize {
    if value < 0x80 {
        room[0] = value as u8;
        return 1;
    }
    encode_wide(value, room)
}

/// As [`encode`], for columns whose lengths nobody can foretell, the processor least of all: it takes no branch on them.
#[inline(always)]
pub(crate) fn encode_wide(value: u64, room: &mut [u8; MAX_VARINT]) -> usize {
    if value >> 56 != 0 {
        return encode_long(value, room);
    }
    // Bits per byte: 7. The bytes beyond the value are written, too, and overwritten by the next one.
    let length = (63 - (value | 1).leading_zeros() as usize) / 7 + 1;
    let continued = CONTINUE & !(u64::MAX << (8 * (length - 1)));
    let word = spread(value) | continued;
    room[..8].copy_from_slice(&word.to_le_bytes());
    length
}

#[cold]
fn encode_long(mut value: u64, room: &mut [u8; MAX_VARINT]) -> usize {
    for (at, byte) in room.iter_mut().enumerate() {
        *byte = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            return at + 1;
        }
        *byte |= 0x80;
    }
    MAX_VARINT
}

/// Puts each 7 of the lower 56 bits into a byte of its own.
#[inline(always)]
fn spread(value: u64) -> u64 {
    let x = value;
    let x = (x & 0x0000_0000_0fff_ffff) | ((x & 0x00ff_ffff_f000_0000) << 4);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x0fff_c000_0fff_c000) << 2);
    (x & 0x007f_007f_007f_007f) | ((x & 0x3f80_3f80_3f80_3f80) << 1)
}

/// The inverse of [`spread`]; the bytes' upper bits are ignored.
#[inline(always)]
fn squeeze(word: u64) -> u64 {
    let x = word & 0x7f7f_7f7f_7f7f_7f7f;
    let x = (x & 0x007f_007f_007f_007f) | ((x & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    (x & 0x0000_0000_0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4)
}

/// Why no varint could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VarintError {
    /// The bytes end before it does.
    Short,
    /// It is longer than 10 bytes or greater than 64 bits.
    Overflow,
    /// Bytes are left behind the last one.
    Excess,
}

/// Reads varints one after the other.
///
/// The bytes end with [`PADDING`] zeros which are not part of the column. So the end needs no check per value: whoever reads past
/// it reads zeros, and [`Varints::finish`] notices.
pub(crate) struct Varints<'a> {
    padded: &'a [u8],
    at: usize,
}

impl<'a> Varints<'a> {
    /// `padded`: the column and [`PADDING`] zeros behind it.
    pub(crate) fn new(padded: &'a [u8]) -> Varints<'a> {
        debug_assert!(padded.len() >= PADDING);
        Varints { padded, at: 0 }
    }

    /// Whether all of the column has been read.
    #[inline(always)]
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.padded.len().saturating_sub(PADDING)
    }

    /// The next value. For columns that are mostly of one byte a value.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<u64, VarintError> {
        let word = self.word()?;
        if word & 0x80 == 0 {
            self.at += 1;
            return Ok(word & 0x7f);
        }
        self.take(word)
    }

    /// As [`Varints::next`], for columns of values of all lengths; see [`encode_wide`].
    #[inline(always)]
    pub(crate) fn next_wide(&mut self) -> Result<u64, VarintError> {
        let word = self.word()?;
        self.take(word)
    }

    #[inline(always)]
    fn word(&self) -> Result<u64, VarintError> {
        let rest = self.padded.get(self.at..);
        match rest.and_then(|rest| rest.first_chunk::<8>()) {
            Some(bytes) => Ok(u64::from_le_bytes(*bytes)),
            None => Err(VarintError::Short),
        }
    }

    #[inline(always)]
    fn take(&mut self, word: u64) -> Result<u64, VarintError> {
        let stops = !word & CONTINUE;
        if stops == 0 {
            return self.next_long();
        }
        self.at += stops.trailing_zeros() as usize / 8 + 1;
        // `stops ^ (stops - 1)`: all bits up to the first stop's.
        Ok(squeeze(word & (stops ^ (stops - 1))))
    }

    #[cold]
    fn next_long(&mut self) -> Result<u64, VarintError> {
        let mut value = 0u64;
        for place in 0..MAX_VARINT {
            let byte = *self.padded.get(self.at + place).ok_or(VarintError::Short)?;
            if place == MAX_VARINT - 1 && byte > 1 {
                return Err(VarintError::Overflow);
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.at += place + 1;
                return Ok(value);
            }
        }
        Err(VarintError::Overflow)
    }

    /// Checks that the column has been read to its last byte, and no further.
    pub(crate) fn finish(self) -> Result<(), VarintError> {
        match self.at.cmp(&(self.padded.len().saturating_sub(PADDING))) {
            std::cmp::Ordering::Less => Err(VarintError::Excess),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(VarintError::Short),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// LEB128 as its definition says.
    fn slow(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<u64>, VarintError> {
        let padded = [bytes, &[0; PADDING]].concat();
        let mut varints = Varints::new(&padded);
        let mut wide = Varints::new(&padded);
        let mut values = Vec::new();
        while !varints.is_at_end() {
            let value = varints.next()?;
            assert_eq!(wide.next_wide(), Ok(value));
            values.push(value);
        }
        varints.finish()?;
        wide.finish()?;
        Ok(values)
    }

    proptest! {
        #[test]
        fn any_values(shifted in prop::collection::vec((any::<u64>(), 0u32..64), 0..50)) {
            let values: Vec<u64> = shifted.iter().map(|(value, shift)| value >> shift).collect();
            let mut expected = Vec::new();
            let mut bytes = Vec::new();
            for &value in &values {
                expected.extend(slow(value));
                let mut room = [0xaa; MAX_VARINT];
                let length = encode(value, &mut room);
                bytes.extend(&room[..length]);
                let mut wide = [0xaa; MAX_VARINT];
                prop_assert_eq!(encode_wide(value, &mut wide), length);
                prop_assert_eq!(&wide[..length], &room[..length]);
            }
            prop_assert_eq!(&bytes, &expected);
            prop_assert_eq!(read(&bytes), Ok(values));
        }

        #[test]
        fn zigzag_is_small_for_small_differences(difference in any::<i64>()) {
            prop_assert_eq!(unzigzag(zigzag(difference as u64)) as i64, difference);
            let expected = if difference >= 0 { 2 * difference as i128 } else { -2 * difference as i128 - 1 };
            prop_assert_eq!(i128::from(zigzag(difference as u64)), expected);
        }
    }

    #[test]
    fn borders() {
        for bits in 0..64 {
            for value in [1u64 << bits, (1 << bits) - 1] {
                let mut room = [0; MAX_VARINT];
                let length = encode(value, &mut room);
                assert_eq!(room[..length], slow(value));
                assert_eq!(read(&room[..length]), Ok(vec![value]));
            }
        }
    }

    #[test]
    fn what_is_no_varint_is_refused() {
        assert_eq!(read(&[0x80]), Err(VarintError::Short));
        assert_eq!(read(&[1, 0xff, 0xff]), Err(VarintError::Short));
        assert_eq!(read(&[0xff; 10]), Err(VarintError::Overflow));
        assert_eq!(read(&[0xff; 30]), Err(VarintError::Overflow));
        let mut too_great = [0x80; 10];
        too_great[9] = 2;
        assert_eq!(read(&too_great), Err(VarintError::Overflow));
        too_great[9] = 1;
        assert_eq!(read(&too_great), Ok(vec![1 << 63]));
        // Longer than needed, yet a varint.
        assert_eq!(read(&[0x81, 0x80, 0]), Ok(vec![1]));
        assert_eq!(
            read(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
            Ok(vec![1])
        );
    }

    #[test]
    fn bytes_left_over_are_noticed() {
        let padded = [&[1u8, 2][..], &[0; PADDING]].concat();
        let mut varints = Varints::new(&padded);
        assert_eq!(varints.next(), Ok(1));
        assert_eq!(varints.finish(), Err(VarintError::Excess));
    }
}
