//! Where the blocks are: index blocks, each of which names the one before.

use super::block::Columns;
use super::output::Batch;
use crate::layout::{BlockKind, column::index as column};

/// Blocks in an index block, at most.
pub(super) const CAPACITY: usize = 4_096;

#[derive(Clone, Copy)]
struct Entry {
    offset: u64,
    length: u32,
    records: u32,
    kind: BlockKind,
}

/// The blocks since the last index block.
#[derive(Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    limit: usize,
    previous: u64,
}

impl Index {
    pub(super) fn new(limit: usize) -> Index {
        let limit = limit.clamp(1, CAPACITY);
        Index {
            entries: Vec::with_capacity(limit),
            limit,
            previous: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    /// Takes a block; there must be room.
    pub(super) fn push(&mut self, offset: u64, length: u32, kind: BlockKind, records: u32) {
        debug_assert!(!self.is_full());
        self.entries.push(Entry {
            offset,
            length,
            records,
            kind,
        });
    }

    /// The offset of the last index block, 0 if there is none.
    pub(super) fn previous(&self) -> u64 {
        self.previous
    }

    pub(super) fn set_previous(&mut self, offset: u64) {
        self.previous = offset;
    }
}

impl Batch for Index {
    const KIND: BlockKind = BlockKind::Index;

    fn records(&self) -> usize {
        self.entries.len()
    }

    fn taken(&self) -> u64 {
        self.entries.len() as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        let entries = &self.entries;
        columns.varints(column::OFFSET, |out| {
            let mut last = 0;
            for entry in entries {
                out.push(entry.offset - last);
                last = entry.offset;
            }
        });
        columns.varints(column::LENGTH, |out| {
            entries
                .iter()
                .for_each(|entry| out.push(u64::from(entry.length)))
        });
        // Kinds are below 128, so that a varint is the byte itself.
        columns.varints(column::KIND, |out| {
            entries
                .iter()
                .for_each(|entry| out.push(u64::from(entry.kind.number())))
        });
        columns.varints(column::RECORDS, |out| {
            entries
                .iter()
                .for_each(|entry| out.push(u64::from(entry.records)))
        });
    }

    fn clear(&mut self) {
        self.entries.clear();
    }
}
