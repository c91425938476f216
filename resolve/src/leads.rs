//! Where a pointer of a layout can lead, by the sizes of blocks: an owner holds a whole block, and that block can be of its type.

use crate::block_type::{BlockType, allows};
use crate::fields::{Pointee, Pointer};
use crate::program::Program;

/// A block, and where in it a pointer leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Bytes.
    pub(crate) size: u64,
    /// That was asked for.
    pub(crate) alignment: u64,
    /// Behind the block's start.
    pub(crate) offset: u64,
}

impl Program<'_> {
    /// The type that a block has if a pointer to this type leads to it as a whole; `None` if the block cannot be of it.
    pub(crate) fn whole(&self, pointee: &BlockType, target: Target) -> Option<BlockType> {
        let actual = self.actual(pointee, target.size);
        let begins = match actual {
            BlockType::Table(_) => self.table_control(&actual, target.size) == Some(target.offset),
            _ => target.offset == 0,
        };
        (begins && self.fits(&actual, target.size, target.alignment)).then_some(actual)
    }

    /// Whether a pointer can lead there at all. Only an owner says so much of a block that this can be denied, and only where its size is told.
    pub(crate) fn can_lead(&self, pointer: &Pointer, target: Target) -> bool {
        let Pointee::Type(pointee) = &pointer.target else {
            return true;
        };
        if !pointer.is_owner {
            return true;
        }
        match pointee {
            BlockType::Text => target.offset == 0 && allows(target.alignment, 1),
            BlockType::One(ty) | BlockType::Array(ty) => {
                !self.is_sized(*ty) || self.whole(pointee, target).is_some()
            }
            // How a table lies in its block is hashbrown's own business, and another of its versions may do it otherwise.
            _ => true,
        }
    }
}
