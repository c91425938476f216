//! The blocks of a native dump with their kinds: by what their stacks tell, and then by what typed blocks point to.

use memdump_format::{Address, Dump, ObjectBatch, ObjectColumns, ObjectId, ReadError, TypeId};

use crate::fields::{Pointee, Pointer};
use crate::kinds::{KindId, Kinds};
use crate::leads::Target;
use crate::places::Places;
use crate::program::Program;
use crate::roots::Roots;
use crate::spread;

/// Kind, size and place of every block, by object id.
pub(crate) struct Blocks {
    pub(crate) rows: Vec<Block>,
    places: Places,
    /// How many have their type from their stack.
    pub(crate) by_stack: u64,
    /// How many have it from what points to them.
    pub(crate) by_reference: u64,
}

/// A block.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) kind: KindId,
    /// Who allocated it, with which alignment.
    pub(crate) site: TypeId,
}

impl Blocks {
    /// Reads all blocks and gives kinds to them.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read<'p, 'a>(
        dump: &Dump,
        program: &'p Program<'a>,
        kinds: &mut Kinds<'p, 'a>,
        roots: &Roots,
    ) -> Result<Blocks, ReadError> {
        let mut rows = Vec::new();
        let mut addresses = Vec::new();
        let (mut by_stack, mut is_settled) = (0, true);
        let mut batch = ObjectBatch::default();
        for block in dump.object_blocks() {
            let columns = ObjectColumns::TYPE | ObjectColumns::ADDRESS | ObjectColumns::SIZE;
            block.decode(columns, &mut batch)?;
            addresses.extend_from_slice(&batch.addresses);
            for (&site, &size) in batch.types.iter().zip(&batch.sizes) {
                let kind = kinds.of(site, size);
                by_stack += u64::from(kinds.get(kind).block.is_some());
                is_settled &= !kinds.is_open(kind, site);
                rows.push(Block { size, kind, site });
            }
        }
        let mut blocks = Blocks {
            rows,
            places: Places::new(addresses),
            by_stack,
            by_reference: 0,
        };
        if !is_settled {
            spread::types(&mut blocks, dump, program, kinds, roots)?;
        }
        Ok(blocks)
    }

    /// A block; `None` if there is no such object.
    pub(crate) fn get(&self, id: ObjectId) -> Option<Block> {
        self.rows.get(id.index()).copied()
    }

    /// The block at an address, and what a pointer says of it that leads so far into it.
    pub(crate) fn target(
        &self,
        kinds: &Kinds<'_, '_>,
        address: Address,
        offset: u64,
    ) -> Option<(Block, Target)> {
        let block = self.get(self.find(address)?)?;
        Some((block, block.as_target(kinds, offset)))
    }

    /// The block at an address.
    pub(crate) fn find(&self, address: Address) -> Option<ObjectId> {
        self.places.find(address)
    }

    /// The block that an address lies in, and where in it.
    pub(crate) fn holder(&self, address: u64) -> Option<(ObjectId, u64)> {
        let (id, offset) = self.places.before(address)?;
        (offset < self.get(id)?.size).then_some((id, offset))
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> u64 {
        self.rows.len() as u64
    }
}

impl Block {
    /// The block for a pointer that leads so far into it.
    pub(crate) fn as_target(self, kinds: &Kinds<'_, '_>, offset: u64) -> Target {
        Target {
            size: self.size,
            alignment: kinds.alignment(self.site),
            offset,
        }
    }

    /// Of pointers of which one lies at a place, the one that leads to this block; `None` if none of them can. The block's own type
    /// decides where it is known, then its size.
    pub(crate) fn choose<'e>(
        self,
        program: &Program<'_>,
        kinds: &Kinds<'_, '_>,
        either: &'e [Pointer],
        target: Target,
    ) -> Option<&'e Pointer> {
        let mut best = None;
        for pointer in either
            .iter()
            .filter(|pointer| program.can_lead(pointer, target))
        {
            if either.len() == 1 {
                return Some(pointer);
            }
            let whole = match &pointer.target {
                Pointee::Type(pointee) => program.whole(pointee, target),
                Pointee::Unknown => None,
            };
            let rank = match whole {
                Some(whole) if kinds.is(self.kind, &whole) => 2,
                Some(_) => 1,
                None => 0,
            };
            // The first of equals.
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, pointer));
            }
        }
        best.map(|(_, pointer)| pointer)
    }
}
