//! Where a pointer of a layout can lead, by the sizes of blocks: an owner holds a whole block, and that block can be of its type.

use crate::block_type::{BlockType, allows};
use crate::fields::{Pointee, Pointer};
use crate::program::Program;
use crate::types::{Shape, TypeKey, Types};

/// Types in types.
const DEEPEST: u32 = 64;

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

    /// Whether a value of the type a pointer leads to may lie that far into a block. Only of types with some bytes of their own is it denied: the others are
    /// often named by who does not want to say what he points to.
    pub(crate) fn may_hold(&self, block: &BlockType, pointer: &Pointer, offset: u64) -> bool {
        let Pointee::Type(BlockType::One(value)) = pointer.target else {
            return true;
        };
        if self.types.describe(value).size.is_none_or(|size| size <= 8) {
            return true;
        }
        match block {
            BlockType::One(own) => holds(&self.types, *own, offset, value, DEEPEST),
            BlockType::Array(element) => match self.types.describe(*element).size {
                Some(each) if each > 0 => {
                    holds(&self.types, *element, offset % each, value, DEEPEST)
                }
                _ => true,
            },
            _ => true,
        }
    }
}

fn holds(types: &Types<'_>, ty: TypeKey, offset: u64, value: TypeKey, deepest: u32) -> bool {
    let (description, wanted) = (types.describe(ty), types.describe(value));
    if offset == 0 && description.name == wanted.name {
        return true;
    }
    let Some(deeper) = deepest.checked_sub(1) else {
        return true;
    };
    match &description.shape {
        Shape::Unknown => true,
        Shape::Scalar | Shape::Pointer(_) => false,
        Shape::Array(element, _) => match types.describe(*element).size {
            Some(each) if each > 0 => holds(types, *element, offset % each, value, deeper),
            _ => true,
        },
        Shape::Members(members) => members.iter().any(|member| {
            let inside = offset.checked_sub(member.offset);
            let size = types.describe(member.ty).size;
            inside.is_some_and(|inside| {
                // The end of a struct may be longer than its type.
                size.is_none_or(|size| size == 0 || inside < size)
                    && holds(types, member.ty, inside, value, deeper)
            })
        }),
    }
}
