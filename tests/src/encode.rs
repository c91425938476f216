//! The encodings that columns are made of, byte by byte, and FORMAT.md's slots.

/// Appends unsigned LEB128.
pub fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A signed difference as an unsigned number, small if the difference is near 0.
pub fn zigzag(difference: u64) -> u64 {
    let signed = difference as i64;
    ((signed << 1) ^ (signed >> 63)) as u64
}

/// The difference that [`zigzag`] was given.
pub fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

/// CRC-32 as in zlib.
pub fn crc(bytes: &[u8]) -> u64 {
    u64::from(crc32fast::hash(bytes))
}

/// Predicts a value by the last one of the same slot.
#[derive(Clone)]
pub struct Slots([u64; 256]);

impl Slots {
    /// As at the start of a block.
    pub fn new() -> Self {
        Slots([0; 256])
    }

    /// What is stored for `value`.
    pub fn encode(&mut self, slot: u64, value: u64) -> u64 {
        let last = std::mem::replace(&mut self.0[slot as usize % 256], value);
        zigzag(value.wrapping_sub(last))
    }

    /// The value of which `stored` was stored.
    pub fn decode(&mut self, slot: u64, stored: u64) -> u64 {
        let last = &mut self.0[slot as usize % 256];
        *last = last.wrapping_add(unzigzag(stored));
        *last
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}

/// The slot of the address of reference `j` in a group of `n`.
pub fn target_slot(j: u64, n: u64) -> u64 {
    (j % 16) * 16 + n % 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        varint(&mut bytes, value);
        bytes
    }

    #[test]
    fn varints_are_leb128() {
        assert_eq!(bytes_of(0), [0]);
        assert_eq!(bytes_of(127), [127]);
        assert_eq!(bytes_of(300), [0xac, 0x02]);
        assert_eq!(bytes_of(u64::MAX).len(), 10);
    }

    #[test]
    fn zigzag_keeps_small_differences_small() {
        assert_eq!(
            [0, 1, -1, 2, i64::MAX, i64::MIN].map(|d| zigzag(d as u64)),
            [0, 2, 1, 4, u64::MAX - 1, u64::MAX]
        );
        for value in [0, 1, u64::MAX, 1 << 63, 12345] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn crc_is_the_one_of_zlib() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }
}
