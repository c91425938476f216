//! What objects held, block by block.

use super::Dump;
use super::block::{Block, BlockInfo};
use super::columns::Scratch;
use super::error::ReadError;
use super::strings::{Texts, decode_texts};
use crate::ids::ObjectId;
use crate::layout::{BlockKind, column::values as column};
use crate::reader::Ids;
use crate::unsound::Unsound;

impl Dump {
    /// The blocks that tell what objects held, in rising order of the objects. None in most dumps.
    pub fn value_blocks(&self) -> impl Iterator<Item = ValueBlock<'_>> {
        self.blocks_of(BlockKind::Values)
            .map(|info| ValueBlock { dump: self, info })
    }
}

/// A block of values.
#[derive(Clone, Copy)]
pub struct ValueBlock<'a> {
    dump: &'a Dump,
    info: &'a BlockInfo,
}

/// The values of one block.
pub struct ValueBatch {
    /// `None`: lost in a damaged file.
    objects: Vec<Option<ObjectId>>,
    texts: Texts,
}

impl ValueBlock<'_> {
    /// Decodes it.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn decode(&self) -> Result<ValueBatch, ReadError> {
        self.dump.decode(self.info, |block, scratch| {
            decode(self.dump, block, scratch)
        })
    }

    /// The objects whose values it has, which costs less than their values.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn objects(&self) -> Result<Vec<Option<ObjectId>>, ReadError> {
        self.dump.decode(self.info, |block, scratch| {
            objects(self.dump, block, scratch)
        })
    }
}

impl ValueBatch {
    /// How many it has, lost ones included.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object at a place; none where it is lost in a damaged file.
    pub fn object(&self, place: usize) -> Option<ObjectId> {
        self.objects.get(place).copied().flatten()
    }

    /// The object at a place, and what it held.
    pub fn get(&self, place: usize) -> Option<(ObjectId, &str)> {
        Some((self.object(place)?, self.texts.get(place)?))
    }

    /// Objects and what they held, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &str)> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

/// Decodes a block of values.
pub(super) fn decode(
    dump: &Dump,
    block: &Block<'_>,
    scratch: &mut Scratch,
) -> Result<ValueBatch, Unsound> {
    Ok(ValueBatch {
        objects: objects(dump, block, scratch)?,
        texts: decode_texts(block, scratch, column::LENGTH, column::TEXT)?,
    })
}

/// The first and the last object of a block of values, as the file numbers them.
pub(super) fn ends(
    dump: &Dump,
    block: &Block<'_>,
    scratch: &mut Scratch,
) -> Result<(Option<u64>, Option<u64>), Unsound> {
    let ids = ids(dump, block, scratch)?;
    Ok((ids.first().copied(), ids.last().copied()))
}

fn objects(
    dump: &Dump,
    block: &Block<'_>,
    scratch: &mut Scratch,
) -> Result<Vec<Option<ObjectId>>, Unsound> {
    let ids = ids(dump, block, scratch)?.into_iter();
    let own = |id: u64| match &dump.survivors {
        None => Some(ObjectId(id as u32)),
        Some(survivors) => survivors.object_of(ObjectId(id as u32)),
    };
    Ok(ids.map(own).collect())
}

/// As the file numbers them; checked against how many there are.
fn ids(dump: &Dump, block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<u64>, Unsound> {
    let mut ids = Vec::<u64>::new();
    let mut next = 0u64;
    let mut rises = true;
    scratch.records(block, column::OBJECT, &mut ids, |place, difference| {
        rises &= place == 0 || difference > 0;
        next = next.saturating_add(difference);
        next
    })?;
    if !rises {
        return Err(Unsound::ValueOrder);
    }
    if let Some(&last) = ids.last() {
        Ids::check(column::OBJECT, "object", last, dump.ids.objects)?;
    }
    Ok(ids)
}
