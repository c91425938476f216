//! One block: its header and directory, checked before anything in it is used.

use crate::layout::{
    BLOCK_HEADER_LENGTH, BlockHeader, BlockKind, COLUMN_ENTRY_LENGTH, ColumnEntry, MAX_COLUMN,
    MAX_COLUMNS, storage,
};
use crate::unsound::Unsound;

/// Where a block is, and what it holds, as the index says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockInfo {
    /// The block's number in the file.
    pub number: u32,
    /// What it holds.
    pub kind: BlockKind,
    /// Where it starts, in bytes from the file's start.
    pub offset: u64,
    /// Bytes with its header.
    pub length: u64,
    /// Its records.
    pub records: u32,
    /// The number of its first record among all of its kind; in an index block 0.
    pub first: u64,
}

/// A column as it is stored.
#[derive(Clone, Copy)]
pub(super) struct StoredColumn<'a> {
    pub(super) entry: ColumnEntry,
    pub(super) bytes: &'a [u8],
}

/// A block whose checksums match and whose directory fills it exactly.
pub(super) struct Block<'a> {
    pub(super) header: BlockHeader,
    columns: [Option<StoredColumn<'a>>; MAX_COLUMNS],
}

impl<'a> Block<'a> {
    /// Reads the block at the start of `bytes`, which may go on behind it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Block<'a>, Unsound> {
        let (header, rest) = bytes
            .split_first_chunk::<BLOCK_HEADER_LENGTH>()
            .ok_or(Unsound::Truncated)?;
        let header = BlockHeader::decode(header)?;
        let body = rest
            .get(..header.body_length as usize)
            .ok_or(Unsound::Truncated)?;
        if crc32fast::hash(body) != header.body_crc {
            return Err(Unsound::BodyChecksum);
        }
        let directory_length = usize::from(header.columns) * COLUMN_ENTRY_LENGTH;
        let (directory, mut stored) = body
            .split_at_checked(directory_length)
            .ok_or(Unsound::Directory)?;
        let mut block = Block {
            header,
            columns: [None; MAX_COLUMNS],
        };
        for (place, entry) in directory.chunks_exact(COLUMN_ENTRY_LENGTH).enumerate() {
            let Some(entry) = entry.first_chunk().map(ColumnEntry::decode) else {
                return Err(Unsound::Directory);
            };
            if block.get(entry.number).is_some() {
                return Err(Unsound::DuplicateColumn(entry.number));
            }
            let wrong = entry.storage == storage::PLAIN && entry.raw_length != entry.stored_length;
            if entry.raw_length > MAX_COLUMN || wrong {
                return Err(Unsound::ColumnLength {
                    column: entry.number,
                    length: entry.raw_length,
                    records: header.records,
                });
            }
            let (bytes, rest) = stored
                .split_at_checked(entry.stored_length as usize)
                .ok_or(Unsound::Directory)?;
            stored = rest;
            block.columns[place] = Some(StoredColumn { entry, bytes });
        }
        if stored.is_empty() {
            Ok(block)
        } else {
            Err(Unsound::Directory)
        }
    }

    /// Reads the block that the index tells of; both must agree.
    pub(super) fn open(file: &'a [u8], info: &BlockInfo) -> Result<Block<'a>, Unsound> {
        // Both casts keep the value: an index entry lies within the mapped file.
        let bytes = file
            .get(info.offset as usize..)
            .and_then(|bytes| bytes.get(..info.length as usize))
            .ok_or(Unsound::Truncated)?;
        let block = Block::parse(bytes)?;
        let header = &block.header;
        if header.number != info.number {
            return Err(Unsound::Number(header.number));
        }
        if header.kind != info.kind {
            return Err(Unsound::Disagrees("kind"));
        }
        if header.records != info.records {
            return Err(Unsound::Disagrees("number of records"));
        }
        if BLOCK_HEADER_LENGTH as u64 + u64::from(header.body_length) != info.length {
            return Err(Unsound::Disagrees("length"));
        }
        if header.kind != BlockKind::Index && header.first != info.first {
            return Err(Unsound::First {
                found: header.first,
                expected: info.first,
            });
        }
        Ok(block)
    }

    /// A column, if the block has it.
    pub(super) fn get(&self, number: u8) -> Option<StoredColumn<'a>> {
        self.columns
            .iter()
            .flatten()
            .find(|column| column.entry.number == number)
            .copied()
    }

    /// A column that every block of the kind has.
    pub(super) fn column(&self, number: u8) -> Result<StoredColumn<'a>, Unsound> {
        self.get(number).ok_or(Unsound::MissingColumn(number))
    }
}
