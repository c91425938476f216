//! How surely a word of a block is written while the block is in use. In variants that are not the present one, in the spare capacity of a vector, in
//! empty slots of a table and in padding lies what was there before: what it looks like says little of a type, and nothing against one.

use crate::block_type::{BlockType, counted_start};
use crate::table::TableShape;
use crate::type_name::MAYBE_UNINIT;
use crate::types::{Shape, TypeKey, Types};

/// How surely; the greater, the more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Written {
    /// Nothing says so: padding, or a value that is perhaps not initialised.
    Perhaps,
    /// In one of several variants, or if there are so many elements.
    Sometimes,
    /// Whenever the block is in use.
    Always,
}

/// Types in types.
const DEEPEST: u32 = 64;
/// Bytes of a word.
const WORD: u64 = 8;
/// Bytes of the two counts in front of a value that is counted.
const COUNTS: u64 = 2 * WORD;

impl Types<'_> {
    /// How surely the word at an offset of a block of `size` bytes is written.
    pub(crate) fn written(&self, block: &BlockType, size: u64, offset: u64) -> Written {
        match block {
            BlockType::One(ty) => match self.describe(*ty).size {
                Some(own) if offset >= own => self.written_behind(*ty, size, offset),
                _ => self.written_in(*ty, offset, DEEPEST),
            },
            // Of a vector's elements the first one is there, if any is.
            BlockType::Array(ty) => match self.describe(*ty).size.filter(|&each| each > 0) {
                Some(each) if offset >= each => {
                    let within = self.written_in(*ty, offset % each, DEEPEST);
                    within.min(Written::Sometimes)
                }
                _ => self.written_in(*ty, offset, DEEPEST),
            },
            BlockType::Table(ty) => {
                let element = self.describe(*ty).size;
                match element.and_then(|element| TableShape::of(size, element)) {
                    Some(shape) if offset >= shape.control => Written::Always,
                    Some(_) => Written::Sometimes,
                    None => Written::Perhaps,
                }
            }
            BlockType::Counted(both, value) => match counted_start(self, *both, *value) {
                Some(start) if offset >= start => self.written_in(*value, offset - start, DEEPEST),
                _ if offset < COUNTS => Written::Always,
                _ => Written::Perhaps,
            },
            BlockType::Text | BlockType::Bytes | BlockType::Named(_) => Written::Perhaps,
        }
    }

    /// The same behind the size of a struct that ends with a slice, or a text, as long as the block is.
    fn written_behind(&self, ty: TypeKey, size: u64, offset: u64) -> Written {
        let own = self.describe(ty);
        let Shape::Members(members) = &own.shape else {
            return Written::Perhaps;
        };
        let tail = members.iter().max_by_key(|member| member.offset);
        match tail {
            Some(tail) if offset >= tail.offset => {
                let (inside, bytes) = (offset - tail.offset, size.saturating_sub(tail.offset));
                self.written_among(tail.ty, inside, bytes, DEEPEST)
            }
            _ => Written::Perhaps,
        }
    }

    /// The same in elements that take so many bytes.
    fn written_among(&self, element: TypeKey, offset: u64, bytes: u64, deepest: u32) -> Written {
        let own = self.describe(element);
        match (&own.shape, own.size) {
            (Shape::Scalar, _) if offset + WORD <= bytes => Written::Always,
            (Shape::Scalar, _) => Written::Perhaps,
            (_, Some(each)) if each > 0 => self.written_in(element, offset % each, deepest),
            _ => Written::Perhaps,
        }
    }

    /// The same in a value of a type. Few of all offsets are ever asked for, those again and again.
    fn written_in(&self, ty: TypeKey, offset: u64, deepest: u32) -> Written {
        if let Some(&known) = self.written.borrow().get(&(ty, offset)) {
            return known;
        }
        let written = self.find_written(ty, offset, deepest);
        self.written.borrow_mut().insert((ty, offset), written);
        written
    }

    fn find_written(&self, ty: TypeKey, offset: u64, deepest: u32) -> Written {
        let own = self.describe(ty);
        let (Some(deeper), Some(size)) = (deepest.checked_sub(1), own.size) else {
            return Written::Perhaps;
        };
        match &own.shape {
            // Of a word that smaller numbers share, a part may be padding.
            Shape::Scalar if size >= offset + WORD => Written::Always,
            Shape::Pointer(_) if offset == 0 => Written::Always,
            Shape::Array(element, _) => self.written_among(*element, offset, size, deeper),
            Shape::Members(_) if own.name.starts_with(MAYBE_UNINIT) => Written::Perhaps,
            Shape::Members(members) => {
                let there = members.iter().filter_map(|member| {
                    let inside = offset.checked_sub(member.offset)?;
                    let size = self.describe(member.ty).size?;
                    (inside < size).then_some((member.ty, inside))
                });
                let each = there.map(|(ty, inside)| self.written_in(ty, inside, deeper));
                // Variants and members of unions overlap, and only one of them is there.
                let (count, best) = each.fold((0, Written::Perhaps), |(count, best), written| {
                    (count + 1, best.max(written))
                });
                match count {
                    0 | 1 => best,
                    _ => best.min(Written::Sometimes),
                }
            }
            _ => Written::Perhaps,
        }
    }
}
