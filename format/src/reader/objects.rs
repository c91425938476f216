//! Objects, block by block, column by column.

use std::ops::BitOr;

use super::block::{Block, BlockInfo};
use super::columns::{Scratch, resize};
use super::error::ReadError;
use super::{Dump, Ids};
use crate::ids::{Address, ObjectId, TypeId};
use crate::layout::column::objects as column;
use crate::model::{Object, ObjectFlags};
use crate::predict::{Slots, object_slot};
use crate::unsound::Unsound;
use crate::varint::unzigzag;

/// Columns of objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ObjectColumns(u8);

impl ObjectColumns {
    /// Types.
    pub const TYPE: ObjectColumns = ObjectColumns(1);
    /// Addresses; types come with them, because they are needed for decoding.
    pub const ADDRESS: ObjectColumns = ObjectColumns(2);
    /// Sizes; types come with them.
    pub const SIZE: ObjectColumns = ObjectColumns(4);
    /// Reference counts.
    pub const REFCOUNT: ObjectColumns = ObjectColumns(8);
    /// Flags.
    pub const FLAGS: ObjectColumns = ObjectColumns(16);
    /// Birth serials, which not every dump has.
    pub const SERIAL: ObjectColumns = ObjectColumns(32);
    /// All of them.
    pub const ALL: ObjectColumns = ObjectColumns(63);

    /// Whether any of `other` is among them.
    pub fn has(self, other: ObjectColumns) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for ObjectColumns {
    type Output = ObjectColumns;

    fn bitor(self, other: ObjectColumns) -> ObjectColumns {
        ObjectColumns(self.0 | other.0)
    }
}

/// The objects of one block, a vector per column; columns that were not asked for are empty. Reuse it: it keeps its memory.
#[derive(Default)]
pub struct ObjectBatch {
    /// The first object; the others follow it.
    pub first: ObjectId,
    /// What they are.
    pub types: Vec<TypeId>,
    /// Where they lay.
    pub addresses: Vec<Address>,
    /// Shallow sizes in bytes.
    pub sizes: Vec<u64>,
    /// Reference counts; 0 = not counted.
    pub refcounts: Vec<u64>,
    /// See [`ObjectFlags`].
    pub flags: Vec<ObjectFlags>,
    /// Birth serials; empty, too, where the dump has none.
    pub serials: Vec<u64>,
    scratch: Scratch,
}

impl ObjectBatch {
    /// The object at a place in the batch, if there is one and all columns were decoded.
    pub fn object(&self, place: usize) -> Option<Object> {
        Some(Object {
            address: *self.addresses.get(place)?,
            type_id: *self.types.get(place)?,
            size: *self.sizes.get(place)?,
            refcount: Some(*self.refcounts.get(place)?).filter(|&count| count != 0),
            flags: *self.flags.get(place)?,
            serial: self.serials.get(place).copied(),
        })
    }

    fn clear(&mut self) {
        self.types.clear();
        self.addresses.clear();
        self.sizes.clear();
        self.refcounts.clear();
        self.flags.clear();
        self.serials.clear();
    }
}

/// A block of objects.
#[derive(Clone, Copy)]
pub struct ObjectBlock<'a> {
    dump: &'a Dump,
    info: &'a BlockInfo,
}

impl<'a> ObjectBlock<'a> {
    pub(super) fn new(dump: &'a Dump, info: &'a BlockInfo) -> ObjectBlock<'a> {
        ObjectBlock { dump, info }
    }

    /// The id of its first object.
    pub fn first(&self) -> ObjectId {
        match &self.dump.survivors {
            // Ids fit 32 bits; the index has been checked for that.
            None => ObjectId(self.info.first as u32),
            Some(survivors) => survivors.object(self.info.first as u32).unwrap_or_default(),
        }
    }

    /// How many objects it has.
    pub fn len(&self) -> usize {
        self.info.records as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its number and place in the file.
    pub fn info(&self) -> &'a BlockInfo {
        self.info
    }

    /// Decodes the columns that are wanted. After an error the batch is empty.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn decode(&self, want: ObjectColumns, into: &mut ObjectBatch) -> Result<(), ReadError> {
        into.first = self.first();
        let block = Block::open(&self.dump.bytes, self.info);
        block
            .and_then(|block| self.columns(&block, want, into))
            .map_err(|why| {
                into.clear();
                self.dump.damaged(self.info, why)
            })
    }

    fn columns(
        &self,
        block: &Block<'_>,
        want: ObjectColumns,
        into: &mut ObjectBatch,
    ) -> Result<(), Unsound> {
        let ObjectBatch {
            types,
            addresses,
            sizes,
            refcounts,
            flags,
            serials,
            scratch,
            ..
        } = into;
        if want.has(ObjectColumns::TYPE | ObjectColumns::ADDRESS | ObjectColumns::SIZE) {
            let mut greatest = 0;
            scratch.records(block, column::TYPE, types, |_, id| {
                greatest = greatest.max(id);
                TypeId(id as u32)
            })?;
            if !types.is_empty() {
                Ids::check(column::TYPE, "type", greatest, self.dump.ids.types)?;
            }
        } else {
            types.clear();
        }
        if want.has(ObjectColumns::ADDRESS) {
            decode_addresses(
                block,
                self.dump.header.address_shift,
                types,
                addresses,
                scratch,
            )?;
        } else {
            addresses.clear();
        }
        if want.has(ObjectColumns::SIZE) {
            let mut slots = Slots::new();
            let types = types.as_slice();
            scratch.records(block, column::SIZE, sizes, |place, stored| {
                slots.decode(types.get(place).map_or(0, |id| object_slot(id.0)), stored)
            })?;
        } else {
            sizes.clear();
        }
        if want.has(ObjectColumns::REFCOUNT) {
            scratch.records(block, column::REFCOUNT, refcounts, |_, count| count)?;
        } else {
            refcounts.clear();
        }
        if want.has(ObjectColumns::FLAGS) {
            let records = block.header.records as usize;
            let bytes = scratch.bytes(block, column::FLAGS, records)?;
            resize(flags, records)?;
            flags
                .iter_mut()
                .zip(bytes)
                .for_each(|(flags, &byte)| *flags = ObjectFlags(byte));
        } else {
            flags.clear();
        }
        if want.has(ObjectColumns::SERIAL) && block.get(column::SERIAL).is_some() {
            let mut last = 0u64;
            scratch.records(block, column::SERIAL, serials, |_, stored| {
                last = last.wrapping_add(unzigzag(stored));
                last
            })?;
        } else {
            serials.clear();
        }
        if let Some(survivors) = &self.dump.survivors {
            // Last, because the ids as they were written choose the slots.
            types.iter_mut().for_each(|id| *id = survivors.type_id(*id));
        }
        Ok(())
    }
}

fn decode_addresses(
    block: &Block<'_>,
    shift: u8,
    types: &[TypeId],
    addresses: &mut Vec<Address>,
    scratch: &mut Scratch,
) -> Result<(), Unsound> {
    let mut slots = Slots::new();
    let mut any = 0;
    scratch.records(block, column::ADDRESS, addresses, |place, stored| {
        let units = slots.decode(types.get(place).map_or(0, |id| object_slot(id.0)), stored);
        any |= units;
        Address(units << shift)
    })?;
    // A bit that the shift pushes out is in one of them, if it is in all of them put together.
    if any > u64::MAX >> shift {
        Err(Unsound::Address(column::ADDRESS))
    } else {
        Ok(())
    }
}
