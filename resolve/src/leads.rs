//! Where a pointer of a layout can lead, by the sizes of blocks: an owner holds a whole block, and that block can be of its type.

use std::rc::Rc;

use crate::block_type::{BlockType, allows};
use crate::fields::{Pointee, Pointer};
use crate::program::Program;
use crate::types::{Shape, TypeKey, Types};

/// Types that are looked at for a value in a block; debug information can be made in which there are endless ones.
const MOST_STEPS: u32 = 4096;

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
        let mut search = Search {
            types: &self.types,
            wanted: self.types.name(value),
            steps: MOST_STEPS,
        };
        match block {
            BlockType::One(own) => search.may_hold(*own, offset),
            BlockType::Array(element) => search.may_hold_element(*element, offset),
            _ => true,
        }
    }
}

/// Looks for a value of a type in another type.
struct Search<'t, 'a> {
    types: &'t Types<'a>,
    wanted: Rc<str>,
    steps: u32,
}

impl Search<'_, '_> {
    /// Whether one may lie at an offset.
    fn may_hold(&mut self, ty: TypeKey, offset: u64) -> bool {
        let description = self.types.describe(ty);
        if offset == 0 && description.name == self.wanted {
            return true;
        }
        // Whoever is at the end of his steps does not deny it.
        let Some(steps) = self.steps.checked_sub(1) else {
            return true;
        };
        self.steps = steps;
        match &description.shape {
            Shape::Unknown => true,
            Shape::Scalar | Shape::Pointer(_) => false,
            Shape::Array(element, _) => self.may_hold_element(*element, offset),
            Shape::Members(members) => members.iter().any(|member| {
                let size = self.types.describe(member.ty).size;
                offset.checked_sub(member.offset).is_some_and(|inside| {
                    // The end of a struct may be longer than its type.
                    size.is_none_or(|size| size == 0 || inside < size)
                        && self.may_hold(member.ty, inside)
                })
            }),
        }
    }

    fn may_hold_element(&mut self, element: TypeKey, offset: u64) -> bool {
        match self.types.describe(element).size {
            Some(each) if each > 0 => self.may_hold(element, offset % each),
            _ => true,
        }
    }
}
