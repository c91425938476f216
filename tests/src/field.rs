//! Where each field lies: FORMAT.md's tables of the header, the block, the column directory and the trailer, as constants.

/// A field of fixed width: little-endian, `size` bytes from `at`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Offset from the start of the structure.
    pub at: usize,
    /// Width in bytes, at most 8.
    pub size: usize,
}

impl Field {
    const fn new(at: usize, size: usize) -> Self {
        Field { at, size }
    }

    /// Writes the low bytes of `value`.
    pub fn put(self, bytes: &mut [u8], value: u64) {
        bytes[self.at..self.at + self.size].copy_from_slice(&value.to_le_bytes()[..self.size]);
    }

    /// Reads the field of a structure that lies whole in `bytes`.
    pub fn get(self, bytes: &[u8]) -> u64 {
        let mut wide = [0; 8];
        wide[..self.size].copy_from_slice(&bytes[self.at..self.at + self.size]);
        u64::from_le_bytes(wide)
    }
}

/// The file's header.
pub mod header {
    use super::Field;
    /// Length of the header.
    pub const LENGTH: usize = 32;
    /// The value of [`MAGIC`].
    pub const MAGIC_VALUE: u64 = u64::from_le_bytes(*b"\x89MEMDMP\n");
    /// See [`MAGIC_VALUE`].
    pub const MAGIC: Field = Field::new(0, 8);
    /// Major version.
    pub const MAJOR: Field = Field::new(8, 2);
    /// Minor version.
    pub const MINOR: Field = Field::new(10, 2);
    /// Addresses are stored shifted right by this many bits.
    pub const ADDRESS_SHIFT: Field = Field::new(12, 1);
    /// The first 8 of the reserved bytes.
    pub const RESERVED: Field = Field::new(13, 8);
    /// CRC of what lies before it.
    pub const CRC: Field = Field::new(28, 4);
}

/// The header of a block.
pub mod block {
    use super::Field;
    /// Length of a block's header.
    pub const LENGTH: usize = 40;
    /// The value of [`MAGIC`].
    pub const MAGIC_VALUE: u64 = u32::from_le_bytes(*b"MBLK") as u64;
    /// See [`MAGIC_VALUE`].
    pub const MAGIC: Field = Field::new(0, 4);
    /// Kind of block, see [`crate::kind`].
    pub const KIND: Field = Field::new(4, 1);
    /// Number of columns.
    pub const COLUMNS: Field = Field::new(5, 1);
    /// Reserved.
    pub const RESERVED: Field = Field::new(6, 2);
    /// Number of the block in the file.
    pub const NUMBER: Field = Field::new(8, 4);
    /// Records in the block.
    pub const RECORDS: Field = Field::new(12, 4);
    /// Number of the first record; in an index block the offset of the previous one.
    pub const FIRST: Field = Field::new(16, 8);
    /// Length of the body.
    pub const BODY_LENGTH: Field = Field::new(24, 4);
    /// Reserved, too.
    pub const RESERVED_2: Field = Field::new(28, 4);
    /// CRC of the body.
    pub const BODY_CRC: Field = Field::new(32, 4);
    /// CRC of what lies before it.
    pub const CRC: Field = Field::new(36, 4);
}

/// An entry of a block's column directory.
pub mod entry {
    use super::Field;
    /// Length of an entry.
    pub const LENGTH: usize = 12;
    /// Number of the column.
    pub const COLUMN: Field = Field::new(0, 1);
    /// How it is stored.
    pub const STORAGE: Field = Field::new(1, 1);
    /// Reserved.
    pub const RESERVED: Field = Field::new(2, 2);
    /// Length as stored.
    pub const STORED_LENGTH: Field = Field::new(4, 4);
    /// Length before compression.
    pub const PLAIN_LENGTH: Field = Field::new(8, 4);
}

/// The file's trailer.
pub mod trailer {
    use super::Field;
    /// Length of the trailer.
    pub const LENGTH: usize = 32;
    /// The value of [`MAGIC`].
    pub const MAGIC_VALUE: u64 = u64::from_le_bytes(*b"\x89MEMEND\n");
    /// Offset of the last index block.
    pub const LAST_INDEX: Field = Field::new(0, 8);
    /// Length of the file.
    pub const FILE_LENGTH: Field = Field::new(8, 8);
    /// Number of blocks.
    pub const BLOCKS: Field = Field::new(16, 4);
    /// CRC of what lies before it.
    pub const CRC: Field = Field::new(20, 4);
    /// See [`MAGIC_VALUE`].
    pub const MAGIC: Field = Field::new(24, 8);
}
