//! What can be wrong with the bytes of a file.

use crate::varint::VarintError;

/// Why a header, a block or a trailer cannot be read. Small and `Copy`; [`crate::ReadError`] adds which file and which block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsound {
    /// The magic bytes are not there.
    #[error("its magic bytes are missing")]
    Magic,
    /// The header's checksum does not match.
    #[error("the checksum of its header does not match")]
    HeaderChecksum,
    /// The body's checksum does not match.
    #[error("the checksum of its body does not match")]
    BodyChecksum,
    /// It ends behind the bytes that it may use.
    #[error("it is longer than the bytes that are left")]
    Truncated,
    /// More columns than the format allows.
    #[error("it claims {0} columns, 16 are allowed")]
    TooManyColumns(u8),
    /// More records than the format allows.
    #[error("it claims {0} records, 65536 are allowed")]
    TooManyRecords(u32),
    /// A body longer than the format allows.
    #[error("it claims a body of {0} bytes, 16 MiB are allowed")]
    BodyTooLong(u32),
    /// The header's number is not the block's place in the file.
    #[error("it calls itself block {0}")]
    Number(u32),
    /// Header and index disagree.
    #[error("its header and the index disagree on its {0}")]
    Disagrees(&'static str),
    /// The first record's number does not follow from the blocks before.
    #[error("its first record has number {found}, {expected} was expected")]
    First {
        /// In the header.
        found: u64,
        /// From the blocks before.
        expected: u64,
    },
    /// Columns do not fill the body exactly.
    #[error("its columns do not fill its body exactly")]
    Directory,
    /// A column occurs twice.
    #[error("column {0} occurs twice")]
    DuplicateColumn(u8),
    /// A column that every block of this kind has is not there.
    #[error("column {0} is missing")]
    MissingColumn(u8),
    /// A column has an unknown storage.
    #[error("column {column} is stored in an unknown way ({storage})")]
    Storage {
        /// The column's number.
        column: u8,
        /// The directory's byte.
        storage: u8,
    },
    /// A column's length cannot be that of the block's records.
    #[error("column {column} claims {length} bytes, which {records} records cannot have")]
    ColumnLength {
        /// The column's number.
        column: u8,
        /// The claimed length before compression.
        length: u32,
        /// The block's records.
        records: u32,
    },
    /// A column does not decompress to its claimed length.
    #[error("column {0} does not decompress")]
    Compression(u8),
    /// A column ends before the block's records do.
    #[error("column {0} ends before the last record")]
    ColumnShort(u8),
    /// A column goes on behind the block's last record.
    #[error("column {0} goes on behind the last record")]
    ColumnExcess(u8),
    /// A column's varint is longer than 64 bits.
    #[error("column {0} has a number of more than 64 bits")]
    Overflow(u8),
    /// A number is greater than the field allows.
    #[error("column {column} has the number {value}, which is too great")]
    TooGreat {
        /// The column's number.
        column: u8,
        /// What was found.
        value: u64,
    },
    /// An address that does not fit 64 bits.
    #[error("column {0} has an address of more than 64 bits")]
    Address(u8),
    /// An id that no record of the file has.
    #[error("column {column} names {what} {id}, but the file has {count}")]
    NoSuchId {
        /// The column's number.
        column: u8,
        /// What is named: "object", "type", "string".
        what: &'static str,
        /// The id.
        id: u64,
        /// How many there are.
        count: u64,
    },
    /// Sources of groups do not rise.
    #[error("the sources of its references do not rise")]
    SourceOrder,
    /// Objects of values do not rise.
    #[error("the objects of its values do not rise")]
    ValueOrder,
    /// The first object with a value does not lie behind the last one of the earlier block of values.
    #[error("the objects of its values do not lie behind those of the block before")]
    ValueFalls,
    /// The first source lies before the last one of the earlier block of references.
    #[error("its references go back behind those of the block before")]
    SourceFalls,
    /// Groups of references do not add up to the block's records.
    #[error("its groups of references do not add up to its records")]
    Groups,
    /// Text that is not UTF-8.
    #[error("column {0} is not UTF-8 text")]
    Text(u8),
    /// The previous index block does not lie before this one.
    #[error("the index block before it cannot be at offset {0}")]
    IndexChain(u64),
    /// The listed blocks leave gaps or overlap.
    #[error("the blocks that it lists do not lie back to back (at offset {0})")]
    IndexGap(u64),
    /// The number of blocks is not the trailer's.
    #[error("it says that there are {claimed} blocks, the index lists {found}")]
    BlockCount {
        /// In the trailer.
        claimed: u32,
        /// In the index.
        found: u64,
    },
    /// The length in the trailer is not the file's.
    #[error("it says that the file has {claimed} bytes, it has {found}")]
    FileLength {
        /// In the trailer.
        claimed: u64,
        /// The file's.
        found: u64,
    },
    /// An `address_shift` above 12.
    #[error("it has an address shift of {0}, at most 12 is allowed")]
    AddressShift(u8),
    /// More records of a kind than ids have room for.
    #[error("there are more records of its kind than 32-bit ids can name")]
    TooManyIds,
    /// No memory was left for decoding.
    #[error("there is not enough memory to decode it")]
    OutOfMemory,
}

impl Unsound {
    /// A varint's failure in a column.
    #[cold]
    pub(crate) fn varint(column: u8, why: VarintError) -> Unsound {
        match why {
            VarintError::Short => Unsound::ColumnShort(column),
            VarintError::Overflow => Unsound::Overflow(column),
            VarintError::Excess => Unsound::ColumnExcess(column),
        }
    }
}
