//! Columns of blocks that were decoded for a look at single records. They are kept, so that each is decoded once however
//! many looks a join takes; at most the whole column stays in memory. Scans do without.

use std::ops::Range;
use std::sync::OnceLock;

use memdump_format::{
    Address, Dump, LabelKind, ObjectBatch, ObjectColumns, ObjectFlags, ObjectId, ReadError,
    ReferenceBatch, ReferenceColumns, TypeId,
};

/// The block, of those that begin at rising numbers, that a record lies in, and its place there.
pub(in crate::sql) fn block_of(firsts: &[u64], number: u64) -> (usize, usize) {
    let first = |block: usize| firsts.get(block).copied();
    // Writers make blocks of one length, but for the last: then no search is needed.
    let length = first(1).unwrap_or(u64::MAX).max(1);
    let likely = (number / length) as usize;
    let is_there = first(likely).is_some_and(|first| first <= number)
        && first(likely + 1).is_none_or(|next| number < next);
    let block = match is_there {
        true => likely,
        false => firsts
            .partition_point(|&first| first <= number)
            .saturating_sub(1),
    };
    let begin = first(block).unwrap_or(0);
    (block, (number - begin.min(number)) as usize)
}

type Column<T> = OnceLock<Box<[T]>>;

#[derive(Default)]
struct ObjectBlock {
    types: Column<TypeId>,
    addresses: Column<Address>,
    sizes: Column<u64>,
    refcounts: Column<u64>,
    flags: Column<ObjectFlags>,
}

/// Blocks of objects.
pub(in crate::sql) struct KeptObjects {
    firsts: Vec<u64>,
    blocks: Vec<ObjectBlock>,
}

macro_rules! object_column {
    ($(#[$doc:meta])* $name:ident, $field:ident, $value:ty, $wanted:ident) => {
        $(#[$doc])*
        pub(in crate::sql) fn $name(&self, dump: &Dump, id: ObjectId) -> Result<$value, ReadError> {
            let (block, place) = block_of(&self.firsts, u64::from(id.0));
            let Some(kept) = self.blocks.get(block) else {
                return Ok(<$value>::default());
            };
            let column = match kept.$field.get() {
                Some(column) => column,
                None => {
                    let mut batch = ObjectBatch::default();
                    if let Some(block) = dump.object_blocks().nth(block) {
                        block.decode(ObjectColumns::$wanted, &mut batch)?;
                    }
                    kept.$field.get_or_init(|| batch.$field.into_boxed_slice())
                }
            };
            Ok(column.get(place).copied().unwrap_or_default())
        }
    };
}

impl KeptObjects {
    pub(super) fn new(dump: &Dump) -> KeptObjects {
        let firsts: Vec<u64> = dump
            .object_blocks()
            .map(|block| u64::from(block.first().0))
            .collect();
        let mut blocks = Vec::new();
        blocks.resize_with(firsts.len(), ObjectBlock::default);
        KeptObjects { firsts, blocks }
    }

    object_column!(type_id, types, TypeId, TYPE);
    object_column!(address, addresses, Address, ADDRESS);
    object_column!(size, sizes, u64, SIZE);
    object_column!(
        /// 0 where the runtime does not count.
        refcount, refcounts, u64, REFCOUNT
    );
    object_column!(flags, flags, ObjectFlags, FLAGS);
}

#[derive(Default)]
struct ReferenceBlock {
    targets: Column<Address>,
    labels: Column<(LabelKind, u64)>,
}

/// Blocks of references.
pub(in crate::sql) struct KeptReferences {
    blocks: Vec<ReferenceBlock>,
}

impl KeptReferences {
    pub(super) fn new(dump: &Dump) -> KeptReferences {
        let mut blocks = Vec::new();
        blocks.resize_with(dump.reference_blocks().len(), ReferenceBlock::default);
        KeptReferences { blocks }
    }

    fn decoded(
        dump: &Dump,
        block: usize,
        wanted: ReferenceColumns,
    ) -> Result<ReferenceBatch, ReadError> {
        let mut batch = ReferenceBatch::default();
        if let Some(block) = dump.reference_blocks().nth(block) {
            block.decode(wanted, &mut batch)?;
        }
        Ok(batch)
    }

    /// Where the targets of a block's references lie.
    pub(in crate::sql) fn targets(
        &self,
        dump: &Dump,
        block: usize,
    ) -> Result<&[Address], ReadError> {
        let Some(kept) = self.blocks.get(block) else {
            return Ok(&[]);
        };
        if kept.targets.get().is_none() {
            let batch = Self::decoded(dump, block, ReferenceColumns::TARGETS)?;
            kept.targets
                .get_or_init(|| batch.targets.into_boxed_slice());
        }
        Ok(kept.targets.get().map_or(&[], |column| column))
    }

    /// What a block's references are called, and how strong they are.
    pub(in crate::sql) fn labels(
        &self,
        dump: &Dump,
        block: usize,
    ) -> Result<&[(LabelKind, u64)], ReadError> {
        let Some(kept) = self.blocks.get(block) else {
            return Ok(&[]);
        };
        if kept.labels.get().is_none() {
            let batch = Self::decoded(dump, block, ReferenceColumns::LABELS)?;
            let labels = batch.kinds.into_iter().zip(batch.values);
            kept.labels.get_or_init(|| labels.collect());
        }
        Ok(kept.labels.get().map_or(&[], |column| column))
    }
}

/// The block of a reference, by the blocks' spans, and its place there.
pub(in crate::sql) fn reference_place(spans: &[Range<usize>], number: usize) -> (usize, usize) {
    let block = spans.partition_point(|span| span.end <= number);
    let begin = spans.get(block).map_or(number, |span| span.start);
    (block, number - begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_in_blocks_of_any_lengths() {
        for firsts in [
            &[][..],
            &[0],
            &[0, 10, 20, 30],
            &[0, 10, 20, 21],
            &[0, 1, 50, 51, 52],
            &[0, 0, 7, 7, 9],
            &[3, 9],
        ] {
            for number in 0..60 {
                let behind = firsts.iter().filter(|&&first| first <= number).count();
                let block = behind.saturating_sub(1);
                let begin = firsts.get(block).copied().unwrap_or(0).min(number);
                assert_eq!(block_of(firsts, number), (block, (number - begin) as usize));
            }
        }
    }
}
