//! The fixed parts of a file, each with its encoding beside its decoding. Offsets and limits are FORMAT.md's.

use std::fmt;

use crate::unsound::Unsound;

/// The first bytes of a dump.
pub(crate) const HEADER_MAGIC: [u8; 8] = *b"\x89MEMDMP\n";
/// The first bytes of a block.
pub(crate) const BLOCK_MAGIC: [u8; 4] = *b"MBLK";
/// The last bytes of a dump.
pub(crate) const TRAILER_MAGIC: [u8; 8] = *b"\x89MEMEND\n";

/// The version that this crate writes; it reads every minor version of this major one.
pub(crate) const VERSION: (u16, u16) = (1, 0);

/// Length of the file's header.
pub(crate) const HEADER_LENGTH: usize = 32;
/// Length of a block's header.
pub(crate) const BLOCK_HEADER_LENGTH: usize = 40;
/// Length of one column's entry in a block's directory.
pub(crate) const COLUMN_ENTRY_LENGTH: usize = 12;
/// Length of the trailer.
pub(crate) const TRAILER_LENGTH: usize = 32;

/// Columns of a block, at most.
pub(crate) const MAX_COLUMNS: usize = 16;
/// Records of a block, at most.
pub(crate) const MAX_RECORDS: u32 = 65_536;
/// Length of a block's body, at most.
pub(crate) const MAX_BODY: u32 = 16 << 20;
/// Length of a column before compression, at most.
pub(crate) const MAX_COLUMN: u32 = 4 << 20;
/// Length of a string in bytes, at most.
pub(crate) const MAX_STRING: usize = 65_535;
/// Frames of a site, at most.
pub(crate) const MAX_FRAMES: usize = 64;
/// The greatest logarithm of an alignment.
pub(crate) const MAX_ALIGNMENT: u8 = 63;
/// The greatest `address_shift`.
pub(crate) const MAX_ADDRESS_SHIFT: u8 = 12;

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BlockKind {
    /// Keys and values about the dump.
    Metadata,
    /// Texts that other records name by number.
    Strings,
    /// Types of objects.
    Types,
    /// Objects.
    Objects,
    /// References between objects, grouped by source.
    References,
    /// Why objects are alive.
    Roots,
    /// What could not be read.
    Faults,
    /// What objects held: texts and numbers.
    Values,
    /// Where objects of a type were allocated.
    Sites,
    /// Loaded files of machine code.
    Modules,
    /// Which of the words of a native heap may be vtables.
    Vtables,
    /// Where the blocks are.
    Index,
    /// Written by a later version; skipped.
    Unknown(u8),
}

impl BlockKind {
    /// The kind that a file's byte stands for.
    pub(crate) fn from_number(number: u8) -> BlockKind {
        match number {
            1 => BlockKind::Metadata,
            2 => BlockKind::Strings,
            3 => BlockKind::Types,
            4 => BlockKind::Objects,
            5 => BlockKind::References,
            6 => BlockKind::Roots,
            7 => BlockKind::Faults,
            8 => BlockKind::Values,
            9 => BlockKind::Sites,
            10 => BlockKind::Modules,
            11 => BlockKind::Vtables,
            15 => BlockKind::Index,
            other => BlockKind::Unknown(other),
        }
    }

    /// The byte that stands for the kind in a file.
    pub fn number(self) -> u8 {
        match self {
            BlockKind::Metadata => 1,
            BlockKind::Strings => 2,
            BlockKind::Types => 3,
            BlockKind::Objects => 4,
            BlockKind::References => 5,
            BlockKind::Roots => 6,
            BlockKind::Faults => 7,
            BlockKind::Values => 8,
            BlockKind::Sites => 9,
            BlockKind::Modules => 10,
            BlockKind::Vtables => 11,
            BlockKind::Index => 15,
            BlockKind::Unknown(other) => other,
        }
    }
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockKind::Metadata => f.write_str("metadata"),
            BlockKind::Strings => f.write_str("strings"),
            BlockKind::Types => f.write_str("types"),
            BlockKind::Objects => f.write_str("objects"),
            BlockKind::References => f.write_str("references"),
            BlockKind::Roots => f.write_str("roots"),
            BlockKind::Faults => f.write_str("faults"),
            BlockKind::Values => f.write_str("values"),
            BlockKind::Sites => f.write_str("sites"),
            BlockKind::Modules => f.write_str("modules"),
            BlockKind::Vtables => f.write_str("vtables"),
            BlockKind::Index => f.write_str("index"),
            BlockKind::Unknown(number) => write!(f, "unknown kind {number}"),
        }
    }
}

/// The columns' numbers, by kind of block.
pub(crate) mod column {
    pub(crate) mod metadata {
        pub(crate) const KEY_LENGTH: u8 = 1;
        pub(crate) const KEYS: u8 = 2;
        pub(crate) const VALUE_LENGTH: u8 = 3;
        pub(crate) const VALUES: u8 = 4;
    }
    pub(crate) mod strings {
        pub(crate) const LENGTH: u8 = 1;
        pub(crate) const TEXT: u8 = 2;
    }
    pub(crate) mod types {
        pub(crate) const ADDRESS: u8 = 1;
        pub(crate) const MODULE: u8 = 2;
        pub(crate) const NAME: u8 = 3;
        pub(crate) const FLAGS: u8 = 4;
    }
    pub(crate) mod objects {
        pub(crate) const TYPE: u8 = 1;
        pub(crate) const ADDRESS: u8 = 2;
        pub(crate) const SIZE: u8 = 3;
        pub(crate) const REFCOUNT: u8 = 4;
        pub(crate) const FLAGS: u8 = 5;
        pub(crate) const SERIAL: u8 = 6;
    }
    pub(crate) mod references {
        pub(crate) const SOURCE: u8 = 1;
        pub(crate) const COUNT: u8 = 2;
        pub(crate) const TARGET: u8 = 3;
        pub(crate) const LABEL_KIND: u8 = 4;
        pub(crate) const LABEL_VALUE: u8 = 5;
        pub(crate) const OFFSET: u8 = 6;
    }
    pub(crate) mod roots {
        pub(crate) const KIND: u8 = 1;
        pub(crate) const NAME: u8 = 2;
        pub(crate) const THREAD: u8 = 3;
        pub(crate) const LINE: u8 = 4;
        pub(crate) const DEPTH: u8 = 5;
        pub(crate) const LABEL_KIND: u8 = 6;
        pub(crate) const LABEL_VALUE: u8 = 7;
        pub(crate) const TARGET: u8 = 8;
        pub(crate) const OFFSET: u8 = 9;
    }
    pub(crate) mod faults {
        pub(crate) const ADDRESS: u8 = 1;
        pub(crate) const MESSAGE: u8 = 2;
    }
    pub(crate) mod values {
        pub(crate) const OBJECT: u8 = 1;
        pub(crate) const LENGTH: u8 = 2;
        pub(crate) const TEXT: u8 = 3;
    }
    pub(crate) mod sites {
        pub(crate) const ALIGNMENT: u8 = 1;
        pub(crate) const COUNT: u8 = 2;
        pub(crate) const FRAMES: u8 = 3;
    }
    pub(crate) mod modules {
        pub(crate) const BIAS: u8 = 1;
        pub(crate) const FIRST: u8 = 2;
        pub(crate) const LENGTH: u8 = 3;
        pub(crate) const PATH: u8 = 4;
        pub(crate) const BUILD_ID: u8 = 5;
    }
    pub(crate) mod vtables {
        pub(crate) const PLACE: u8 = 1;
        pub(crate) const VTABLE: u8 = 2;
    }
    pub(crate) mod index {
        pub(crate) const OFFSET: u8 = 1;
        pub(crate) const LENGTH: u8 = 2;
        pub(crate) const KIND: u8 = 3;
        pub(crate) const RECORDS: u8 = 4;
    }
}

/// The start of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub(crate) major: u16,
    pub(crate) minor: u16,
    pub(crate) address_shift: u8,
}

impl FileHeader {
    pub(crate) fn encode(self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0..8].copy_from_slice(&HEADER_MAGIC);
        bytes[8..10].copy_from_slice(&self.major.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.minor.to_le_bytes());
        bytes[12] = self.address_shift;
        seal::<28>(&mut bytes);
        bytes
    }

    /// The version is not judged here: a newer file's header may mean something else, which its reader words better.
    pub(crate) fn decode(bytes: &[u8; HEADER_LENGTH]) -> Result<FileHeader, Unsound> {
        if bytes[0..8] != HEADER_MAGIC {
            return Err(Unsound::Magic);
        }
        if !is_sealed::<28>(bytes) {
            return Err(Unsound::HeaderChecksum);
        }
        Ok(FileHeader {
            major: u16_at(bytes, 8),
            minor: u16_at(bytes, 10),
            address_shift: bytes[12],
        })
    }
}

/// The start of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockHeader {
    pub(crate) kind: BlockKind,
    pub(crate) columns: u8,
    pub(crate) number: u32,
    pub(crate) records: u32,
    /// Number of the first record; in an index block the offset of the previous index block.
    pub(crate) first: u64,
    pub(crate) body_length: u32,
    pub(crate) body_crc: u32,
}

impl BlockHeader {
    pub(crate) fn encode(self) -> [u8; BLOCK_HEADER_LENGTH] {
        let mut bytes = [0; BLOCK_HEADER_LENGTH];
        bytes[0..4].copy_from_slice(&BLOCK_MAGIC);
        bytes[4] = self.kind.number();
        bytes[5] = self.columns;
        bytes[8..12].copy_from_slice(&self.number.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.records.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.body_length.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.body_crc.to_le_bytes());
        seal::<36>(&mut bytes);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; BLOCK_HEADER_LENGTH]) -> Result<BlockHeader, Unsound> {
        if bytes[0..4] != BLOCK_MAGIC {
            return Err(Unsound::Magic);
        }
        if !is_sealed::<36>(bytes) {
            return Err(Unsound::HeaderChecksum);
        }
        let header = BlockHeader {
            kind: BlockKind::from_number(bytes[4]),
            columns: bytes[5],
            number: u32_at(bytes, 8),
            records: u32_at(bytes, 12),
            first: u64_at(bytes, 16),
            body_length: u32_at(bytes, 24),
            body_crc: u32_at(bytes, 32),
        };
        if usize::from(header.columns) > MAX_COLUMNS {
            return Err(Unsound::TooManyColumns(header.columns));
        }
        if header.records > MAX_RECORDS {
            return Err(Unsound::TooManyRecords(header.records));
        }
        if header.body_length > MAX_BODY {
            return Err(Unsound::BodyTooLong(header.body_length));
        }
        Ok(header)
    }
}

/// How a column's bytes are stored.
pub(crate) mod storage {
    /// As they are.
    pub(crate) const PLAIN: u8 = 0;
    /// As one zstd frame.
    pub(crate) const ZSTD: u8 = 1;
}

/// A column's entry in its block's directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ColumnEntry {
    pub(crate) number: u8,
    pub(crate) storage: u8,
    pub(crate) stored_length: u32,
    pub(crate) raw_length: u32,
}

impl ColumnEntry {
    pub(crate) fn encode(self) -> [u8; COLUMN_ENTRY_LENGTH] {
        let mut bytes = [0; COLUMN_ENTRY_LENGTH];
        bytes[0] = self.number;
        bytes[1] = self.storage;
        bytes[4..8].copy_from_slice(&self.stored_length.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.raw_length.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; COLUMN_ENTRY_LENGTH]) -> ColumnEntry {
        ColumnEntry {
            number: bytes[0],
            storage: bytes[1],
            stored_length: u32_at(bytes, 4),
            raw_length: u32_at(bytes, 8),
        }
    }
}

/// The end of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trailer {
    pub(crate) last_index: u64,
    pub(crate) file_length: u64,
    pub(crate) blocks: u32,
}

impl Trailer {
    pub(crate) fn encode(self) -> [u8; TRAILER_LENGTH] {
        let mut bytes = [0; TRAILER_LENGTH];
        bytes[0..8].copy_from_slice(&self.last_index.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.file_length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.blocks.to_le_bytes());
        seal::<20>(&mut bytes);
        bytes[24..32].copy_from_slice(&TRAILER_MAGIC);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; TRAILER_LENGTH]) -> Result<Trailer, Unsound> {
        if bytes[24..32] != TRAILER_MAGIC {
            return Err(Unsound::Magic);
        }
        if !is_sealed::<20>(bytes) {
            return Err(Unsound::HeaderChecksum);
        }
        Ok(Trailer {
            last_index: u64_at(bytes, 0),
            file_length: u64_at(bytes, 8),
            blocks: u32_at(bytes, 16),
        })
    }
}

/// Writes the CRC of the bytes before `AT` to `AT`.
fn seal<const AT: usize>(bytes: &mut [u8]) {
    let crc = crc32fast::hash(&bytes[..AT]);
    bytes[AT..AT + 4].copy_from_slice(&crc.to_le_bytes());
}

fn is_sealed<const AT: usize>(bytes: &[u8]) -> bool {
    crc32fast::hash(&bytes[..AT]) == u32_at(bytes, AT)
}

// The callers pass arrays of known length and constant offsets, so these never miss.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_way_through_bytes() {
        let file = FileHeader {
            major: 1,
            minor: 7,
            address_shift: 3,
        };
        assert_eq!(FileHeader::decode(&file.encode()), Ok(file));
        let block = BlockHeader {
            kind: BlockKind::References,
            columns: 5,
            number: 0x0102_0304,
            records: 65_536,
            first: 0x0102_0304_0506_0708,
            body_length: 16 << 20,
            body_crc: 0xdead_beef,
        };
        assert_eq!(BlockHeader::decode(&block.encode()), Ok(block));
        let trailer = Trailer {
            last_index: 1 << 40,
            file_length: 1 << 41,
            blocks: 77,
        };
        assert_eq!(Trailer::decode(&trailer.encode()), Ok(trailer));
        let column = ColumnEntry {
            number: 3,
            storage: 1,
            stored_length: 9,
            raw_length: 4 << 20,
        };
        assert_eq!(ColumnEntry::decode(&column.encode()), column);
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_header_is_noticed() {
        let file = FileHeader {
            major: 1,
            minor: 0,
            address_shift: 3,
        }
        .encode();
        for bit in 0..file.len() * 8 {
            let mut bytes = file;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(FileHeader::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn kinds_and_their_numbers_agree() {
        for number in 0..=255 {
            assert_eq!(BlockKind::from_number(number).number(), number);
        }
    }
}
