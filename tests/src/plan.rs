//! From [`Contents`] to a right [`File`]: how many records a block takes, how often an index comes, in which order.

use crate::block::{Block, Storage};
use crate::columns;
use crate::file::{File, Index, Part};
use crate::kind;
use crate::record::Contents;
use crate::rng::Rng;

/// The most records that a block may have.
pub const BLOCK_RECORDS: usize = 65_536;
/// The most bytes that a column may have, before compression.
pub const COLUMN_BYTES: usize = 4 << 20;

/// Which columns are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// None.
    Plain,
    /// All.
    Zstd,
    /// Every other one.
    Alternating,
}

/// How to lay out a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// See FORMAT.md; addresses must be multiples of `1 << address_shift`.
    pub address_shift: u8,
    /// Records in a block, at most.
    pub records_per_block: usize,
    /// Blocks that an index block lists, at most.
    pub blocks_per_index: usize,
    /// Which columns are compressed.
    pub packing: Packing,
    /// Mixes blocks of different kinds at random by this seed; those of one kind stay in order, as their ids demand.
    pub shuffle: Option<u64>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            address_shift: 0,
            records_per_block: BLOCK_RECORDS,
            blocks_per_index: BLOCK_RECORDS,
            packing: Packing::Zstd,
            shuffle: None,
        }
    }
}

impl Contents {
    /// The right file that says this.
    pub fn file(&self, plan: &Plan) -> File {
        let mut blocks = self.blocks(plan);
        if let Some(seed) = plan.shuffle {
            blocks = interleaved(blocks, &mut Rng::new(seed));
        }
        for (block, turn) in blocks.iter_mut().zip(0..) {
            pack(block, plan.packing, turn);
        }
        let mut parts = Vec::new();
        for listed in blocks.chunks(plan.blocks_per_index) {
            parts.extend(listed.iter().cloned().map(Part::Block));
            parts.push(Part::Index(Index::default()));
        }
        if parts.is_empty() {
            parts.push(Part::Index(Index::default()));
        }
        File {
            address_shift: plan.address_shift,
            parts,
            ..File::default()
        }
    }

    /// The bytes of the right file that says this.
    pub fn bytes(&self, plan: &Plan) -> Vec<u8> {
        self.file(plan).build().bytes
    }

    fn blocks(&self, plan: &Plan) -> Vec<Block> {
        let (many, shift) = (plan.records_per_block, plan.address_shift);
        let mut blocks = Vec::new();
        let metadata_bytes = |(key, value): &(String, String)| key.len().max(value.len());
        blocks.extend(
            cut(&self.metadata, many, metadata_bytes)
                .into_iter()
                .map(columns::metadata),
        );
        blocks.extend(
            cut(&self.strings, many, String::len)
                .into_iter()
                .map(columns::strings),
        );
        blocks.extend(
            self.types
                .chunks(many)
                .map(|records| columns::types(records, shift)),
        );
        let mut births = self.births.chunks(many);
        blocks.extend(
            self.objects
                .chunks(many)
                .map(|records| columns::objects(records, births.next().unwrap_or_default(), shift)),
        );
        blocks.extend(
            self.references
                .chunks(many)
                .map(|records| columns::references(records, shift)),
        );
        blocks.extend(
            self.roots
                .chunks(many)
                .map(|records| columns::roots(records, shift)),
        );
        blocks.extend(
            self.faults
                .chunks(many)
                .map(|records| columns::faults(records, shift)),
        );
        blocks.extend(
            cut(&self.values, many, |(_, text)| text.len())
                .into_iter()
                .map(columns::values),
        );
        blocks.extend(self.sites.chunks(many).map(columns::sites));
        blocks.extend(self.modules.chunks(many).map(columns::modules));
        blocks.extend(self.vtables.chunks(many).map(columns::vtables));
        blocks
    }
}

/// Cuts texts so that neither the records nor the bytes of a column become too many.
fn cut<T>(records: &[T], many: usize, bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        if at - start == many || sum + bytes(record) > COLUMN_BYTES {
            pieces.push(&records[start..at]);
            (start, sum) = (at, 0);
        }
        sum += bytes(record);
    }
    if start < records.len() {
        pieces.push(&records[start..]);
    }
    pieces
}

/// The same blocks with kinds mixed at random; blocks of one kind keep their order.
fn interleaved(blocks: Vec<Block>, rng: &mut Rng) -> Vec<Block> {
    let mut queues: Vec<_> = kind::OF_RECORDS
        .iter()
        .map(|&kind| {
            blocks
                .iter()
                .filter(|block| block.kind == kind)
                .cloned()
                .collect::<std::collections::VecDeque<_>>()
        })
        .collect();
    let mut mixed = Vec::new();
    while mixed.len() < blocks.len() {
        let queue = &mut queues[rng.below(kind::OF_RECORDS.len() as u64) as usize];
        mixed.extend(queue.pop_front());
    }
    mixed
}

fn pack(block: &mut Block, packing: Packing, turn: usize) {
    for (column, at) in block.columns.iter_mut().zip(turn..) {
        column.storage = match packing {
            Packing::Plain => Storage::Plain,
            Packing::Zstd => Storage::Zstd,
            Packing::Alternating if at % 2 == 0 => Storage::Plain,
            Packing::Alternating => Storage::Zstd,
        };
    }
}
