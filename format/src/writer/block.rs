//! One block on its way to the file: columns are encoded one after the other, compressed, and put behind the header.

use super::{objects, references, text};
use crate::compressor::Compressor;
use crate::layout::{
    BLOCK_HEADER_LENGTH, BlockHeader, BlockKind, COLUMN_ENTRY_LENGTH, ColumnEntry, MAX_COLUMNS,
    storage,
};
use crate::varint::{self, MAX_VARINT};

/// Below this, a frame's own bytes outweigh what compression could gain.
const WORTH_COMPRESSING: usize = 32;

/// Room for the greatest column before compression.
const RAW: usize = max(&[objects::GREATEST_COLUMN, references::GREATEST_COLUMN]) + MAX_VARINT;

/// Room for the greatest block. No column is stored longer than it was before compression, so this is the sum of those.
const BLOCK: usize = BLOCK_HEADER_LENGTH
    + MAX_COLUMNS * COLUMN_ENTRY_LENGTH
    + max(&[
        objects::ALL_COLUMNS,
        references::ALL_COLUMNS,
        text::ALL_COLUMNS,
    ]);

const fn max(values: &[usize]) -> usize {
    let mut greatest = 0;
    let mut at = 0;
    while at < values.len() {
        if values[at] > greatest {
            greatest = values[at];
        }
        at += 1;
    }
    greatest
}

/// The memory for encoding blocks.
pub(super) struct BlockBuffer {
    block: Box<[u8]>,
    raw: Box<[u8]>,
    compressor: Compressor,
    /// Chosen once, so that no block looks for the processor's features.
    crc: crc32fast::Hasher,
}

impl BlockBuffer {
    pub(super) fn new() -> Option<BlockBuffer> {
        Some(BlockBuffer {
            block: vec![0; BLOCK].into_boxed_slice(),
            raw: vec![0; RAW].into_boxed_slice(),
            compressor: Compressor::new()?,
            crc: crc32fast::Hasher::new(),
        })
    }

    /// Begins a block.
    pub(super) fn columns(&mut self, address_shift: u8) -> Columns<'_> {
        Columns {
            address_shift,
            length: 0,
            entries: [ColumnEntry::default(); MAX_COLUMNS],
            count: 0,
            overflow: false,
            buffer: self,
        }
    }
}

/// The columns of one block.
pub(super) struct Columns<'a> {
    /// What addresses are shifted by.
    pub(super) address_shift: u8,
    buffer: &'a mut BlockBuffer,
    entries: [ColumnEntry; MAX_COLUMNS],
    count: usize,
    /// Stored bytes, which lie behind the room for header and the longest directory.
    length: usize,
    overflow: bool,
}

/// Where the stored bytes begin.
const STORED: usize = BLOCK_HEADER_LENGTH + MAX_COLUMNS * COLUMN_ENTRY_LENGTH;

impl<'a> Columns<'a> {
    /// Adds a column of varints, which `encode` pushes.
    #[inline(always)]
    pub(super) fn varints(&mut self, number: u8, encode: impl FnOnce(&mut VarintColumn<'_>)) {
        let mut column = VarintColumn {
            room: &mut self.buffer.raw,
            length: 0,
            overflow: false,
        };
        encode(&mut column);
        let (length, overflow) = (column.length, column.overflow);
        self.overflow |= overflow;
        let raw = std::mem::take(&mut self.buffer.raw);
        self.bytes(number, raw.get(..length).unwrap_or_default());
        self.buffer.raw = raw;
    }

    /// Adds a column of bytes.
    pub(super) fn bytes(&mut self, number: u8, raw: &[u8]) {
        let Some(entry) = self.entries.get_mut(self.count) else {
            self.overflow = true;
            return;
        };
        let Some(room) = self
            .buffer
            .block
            .get_mut(STORED + self.length..)
            .filter(|room| room.len() >= raw.len())
        else {
            self.overflow = true;
            return;
        };
        let compressed = if raw.len() < WORTH_COMPRESSING {
            None
        } else {
            // Room for one byte less than the column has: a frame that would not be smaller is given up.
            self.buffer
                .compressor
                .compress(raw, &mut room[..raw.len() - 1])
        };
        let (storage, stored) = match compressed {
            Some(length) => (storage::ZSTD, length),
            None => {
                room[..raw.len()].copy_from_slice(raw);
                (storage::PLAIN, raw.len())
            }
        };
        *entry = ColumnEntry {
            number,
            storage,
            stored_length: stored as u32,
            raw_length: raw.len() as u32,
        };
        self.count += 1;
        self.length += stored;
    }

    /// Puts directory and header in front; gives the block's bytes, or `None` if anything did not fit.
    pub(super) fn finish(
        self,
        kind: BlockKind,
        number: u32,
        records: u32,
        first: u64,
    ) -> Option<&'a [u8]> {
        if self.overflow {
            return None;
        }
        let BlockBuffer { block, crc, .. } = self.buffer;
        let body = STORED - self.count * COLUMN_ENTRY_LENGTH;
        let directory = block
            .get_mut(body..STORED)?
            .chunks_exact_mut(COLUMN_ENTRY_LENGTH);
        for (bytes, entry) in directory.zip(&self.entries) {
            bytes.copy_from_slice(&entry.encode());
        }
        let end = STORED + self.length;
        let mut body_crc = crc.clone();
        body_crc.update(block.get(body..end)?);
        let header = BlockHeader {
            kind,
            columns: self.count as u8,
            number,
            records,
            first,
            body_length: (end - body) as u32,
            body_crc: body_crc.finalize(),
        };
        let start = body - BLOCK_HEADER_LENGTH;
        block
            .get_mut(start..body)?
            .copy_from_slice(&header.encode());
        block.get(start..end)
    }
}

/// A column of varints while it is being encoded.
pub(super) struct VarintColumn<'a> {
    room: &'a mut [u8],
    length: usize,
    overflow: bool,
}

impl VarintColumn<'_> {
    /// Adds a value to a column that is mostly of one byte a value.
    #[inline(always)]
    pub(super) fn push(&mut self, value: u64) {
        self.put(|room| varint::encode(value, room));
    }

    /// Adds a value to a column of values of all lengths.
    #[inline(always)]
    pub(super) fn push_wide(&mut self, value: u64) {
        self.put(|room| varint::encode_wide(value, room));
    }

    #[inline(always)]
    fn put(&mut self, encode: impl FnOnce(&mut [u8; MAX_VARINT]) -> usize) {
        let room = self.room.get_mut(self.length..);
        match room.and_then(|room| room.first_chunk_mut::<MAX_VARINT>()) {
            Some(room) => self.length += encode(room),
            None => self.overflow = true,
        }
    }
}
