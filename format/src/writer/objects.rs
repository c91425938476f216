//! Objects on their way to a block.

use super::block::Columns;
use super::output::Batch;
use crate::ids::{ObjectId, TypeId};
use crate::layout::{BlockKind, column::objects as column};
use crate::model::Object;
use crate::predict::{Slots, object_slot};
use crate::varint::{MAX_VARINT, zigzag};

/// Objects in a block, at most.
pub(super) const CAPACITY: usize = 32_768;
/// Bytes of the longest column before compression.
pub(super) const GREATEST_COLUMN: usize = CAPACITY * MAX_VARINT;
/// Bytes of all columns before compression: a type has at most 5 bytes, flags have 1.
pub(super) const ALL_COLUMNS: usize = 4 * GREATEST_COLUMN + CAPACITY * (5 + 1);

/// One array per field, so that each column is encoded in one pass over just its own memory. The arrays' length is part of their type:
/// with it, one comparison of the length serves all of them.
pub(super) struct Objects {
    types: Box<[u32; CAPACITY]>,
    addresses: Box<[u64; CAPACITY]>,
    sizes: Box<[u64; CAPACITY]>,
    refcounts: Box<[u64; CAPACITY]>,
    flags: Box<[u8; CAPACITY]>,
    /// Only of a dump that tells births.
    serials: Option<Box<[u64; CAPACITY]>>,
    length: usize,
    limit: usize,
    first: u32,
    greatest_type: Option<u32>,
}

/// A zeroed array that never lay on the stack.
pub(super) fn boxed<T: Copy + Default, const N: usize>() -> Box<[T; N]> {
    match vec![T::default(); N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the slice was made with the array's length"),
    }
}

impl Objects {
    pub(super) fn new(limit: usize) -> Objects {
        Objects {
            types: boxed(),
            addresses: boxed(),
            sizes: boxed(),
            refcounts: boxed(),
            flags: boxed(),
            serials: None,
            length: 0,
            limit: limit.clamp(1, CAPACITY),
            first: 0,
            greatest_type: None,
        }
    }

    /// From now on objects have birth serials.
    pub(super) fn tell_births(&mut self) {
        self.serials = Some(boxed());
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.limit
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes an object; there must be room.
    #[inline(always)]
    pub(super) fn push(&mut self, record: &Object) -> ObjectId {
        let at = self.length;
        let id = ObjectId(self.first.wrapping_add(at as u32));
        if at < CAPACITY {
            self.types[at] = record.type_id.0;
            self.addresses[at] = record.address.0;
            self.sizes[at] = record.size;
            self.refcounts[at] = record.refcount.unwrap_or(0);
            self.flags[at] = record.flags.0;
            if let Some(serials) = &mut self.serials {
                serials[at] = record.serial.unwrap_or(0);
            }
            self.length = at + 1;
        }
        id
    }

    /// Leaves no room for ever.
    pub(super) fn close(&mut self) {
        self.limit = 0;
    }

    /// The greatest type of the objects that have been encoded.
    pub(super) fn greatest_type(&self) -> Option<TypeId> {
        self.greatest_type.map(TypeId)
    }
}

impl Batch for Objects {
    const KIND: BlockKind = BlockKind::Objects;

    fn records(&self) -> usize {
        self.length
    }

    fn taken(&self) -> u64 {
        u64::from(self.first) + self.length as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        let shift = columns.address_shift;
        let types = &self.types[..self.length];
        self.greatest_type = self.greatest_type.max(types.iter().copied().max());
        columns.varints(column::TYPE, |out| {
            types.iter().for_each(|&id| out.push(u64::from(id)))
        });
        columns.varints(column::ADDRESS, |out| {
            let mut slots = Slots::new();
            for (&id, &address) in types.iter().zip(&self.addresses[..]) {
                out.push_wide(slots.encode(object_slot(id), address >> shift));
            }
        });
        columns.varints(column::SIZE, |out| {
            let mut slots = Slots::new();
            for (&id, &size) in types.iter().zip(&self.sizes[..]) {
                out.push(slots.encode(object_slot(id), size));
            }
        });
        columns.varints(column::REFCOUNT, |out| {
            self.refcounts[..types.len()]
                .iter()
                .for_each(|&count| out.push(count))
        });
        columns.bytes(column::FLAGS, &self.flags[..types.len()]);
        if let Some(serials) = &self.serials {
            columns.varints(column::SERIAL, |out| {
                let mut last = 0;
                for &serial in &serials[..types.len()] {
                    out.push(zigzag(serial.wrapping_sub(last)));
                    last = serial;
                }
            });
        }
    }

    fn clear(&mut self) {
        self.first = self.first.wrapping_add(self.length as u32);
        self.length = 0;
    }
}
