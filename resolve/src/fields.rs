//! Which field of a block lies at an offset, and what it points to.

use std::rc::Rc;

use crate::site::{BlockType, TableShape};
use crate::types::{Description, Member, Shape, TypeKey, Types};

/// What the layout of a block says about an offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// A pointer lies there.
    Pointer {
        /// The element of the array or the table, if the block is one.
        index: Option<u64>,
        /// `name.rest`; empty for what is the pointer itself.
        path: Rc<str>,
        /// What it points to.
        target: Pointee,
    },
    /// No pointer lies there: padding, a number, a table's control byte. What looks like one is none.
    Nothing,
    /// The layout does not say.
    Unknown,
}

/// What a pointer points to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pointee {
    /// Any memory.
    Unknown,
    /// A block, or something inside of one, of that type.
    Type(BlockType),
}

/// Types in types: deeper layouts are an error in the debug information.
const DEEPEST: u32 = 64;

/// Members that are looked at for one offset: unions in unions could make it any number.
const MOST_STEPS: u32 = 10_000;

impl Types<'_> {
    /// What lies at an offset of a block of `size` bytes.
    pub(crate) fn field(&self, block: &BlockType, size: u64, offset: u64) -> Field {
        match block {
            BlockType::One(ty) => self.within(*ty, offset, None),
            BlockType::Array(ty) => self.in_elements(*ty, offset),
            BlockType::Table(ty) => {
                let Some(element) = self.describe(*ty).size else {
                    return Field::Unknown;
                };
                match TableShape::of(size, element) {
                    Some(shape) if (shape.first..shape.control).contains(&offset) => {
                        self.in_elements(*ty, offset - shape.first)
                    }
                    Some(_) => Field::Nothing,
                    None => Field::Unknown,
                }
            }
            BlockType::Text | BlockType::Bytes => Field::Nothing,
            BlockType::Named(_) => Field::Unknown,
        }
    }

    fn in_elements(&self, element: TypeKey, offset: u64) -> Field {
        match self.describe(element).size {
            Some(size) if size > 0 => self.within(element, offset % size, Some(offset / size)),
            _ => Field::Unknown,
        }
    }

    fn within(&self, ty: TypeKey, offset: u64, index: Option<u64>) -> Field {
        let known = self.found.borrow().get(&(ty, offset)).cloned();
        let found = known.unwrap_or_else(|| {
            let mut look = Look {
                types: self,
                steps: MOST_STEPS,
            };
            let found = look.at(ty, offset, &mut Vec::new(), DEEPEST);
            self.found.borrow_mut().insert((ty, offset), found.clone());
            found
        });
        match found {
            Found::Pointer(path, target) => Field::Pointer {
                index,
                path,
                target,
            },
            Found::Nothing => Field::Nothing,
            Found::Unknown => Field::Unknown,
        }
    }
}

/// What lies at an offset of a type.
#[derive(Clone)]
pub(crate) enum Found {
    Pointer(Rc<str>, Pointee),
    Nothing,
    Unknown,
}

/// One look for the field at an offset.
struct Look<'t, 'a> {
    types: &'t Types<'a>,
    steps: u32,
}

impl Look<'_, '_> {
    fn at(&mut self, ty: TypeKey, offset: u64, path: &mut Vec<String>, deepest: u32) -> Found {
        let Some(steps) = self.steps.checked_sub(1) else {
            return Found::Unknown;
        };
        self.steps = steps;
        let Some(deeper) = deepest.checked_sub(1) else {
            return Found::Unknown;
        };
        let description = self.types.describe(ty);
        match &description.shape {
            Shape::Scalar => Found::Nothing,
            Shape::Unknown => Found::Unknown,
            Shape::Pointer(target) if offset == 0 => {
                let target =
                    target.map_or(Pointee::Unknown, |ty| Pointee::Type(BlockType::One(ty)));
                Found::Pointer(path.concat().into(), target)
            }
            Shape::Pointer(_) => Found::Nothing,
            Shape::Array(element, count) => {
                let Some(each) = self.types.describe(*element).size.filter(|&each| each > 0) else {
                    return Found::Nothing;
                };
                let index = offset / each;
                if count.is_some_and(|count| index >= count) {
                    return Found::Nothing;
                }
                path.push(format!("[{index}]"));
                let found = self.at(*element, offset % each, path, deeper);
                path.pop();
                found
            }
            Shape::Members(members) => {
                let found = self.in_members(&description, members, offset, path, deeper);
                match found {
                    Found::Pointer(path, target) => {
                        let target = owned_by(self.types, ty, &description.name, members)
                            .map_or(target, Pointee::Type);
                        Found::Pointer(path, target)
                    }
                    found => found,
                }
            }
        }
    }

    /// Members of unions and of variants overlap: a pointer in any of them is one.
    fn in_members(
        &mut self,
        owner: &Description,
        members: &[Member],
        offset: u64,
        path: &mut Vec<String>,
        deeper: u32,
    ) -> Found {
        let mut unknown = false;
        for member in members {
            let Some(inside) = offset.checked_sub(member.offset) else {
                continue;
            };
            let own = self.types.describe(member.ty);
            let inside = match (own.size, is_tail(owner, member, own.size)) {
                // How long it is, and of what, only who points to it knows.
                (_, true) if own.name.starts_with("dyn ") => {
                    unknown = true;
                    continue;
                }
                (Some(size), true) if size > 0 => inside % size,
                (Some(size), _) if inside >= size => continue,
                _ => inside,
            };
            let named = !is_wrapper(&owner.name) && !member.name.is_empty();
            if named {
                path.push(format!(".{}", member.name));
            }
            let found = self.at(member.ty, inside, path, deeper);
            if named {
                path.pop();
            }
            match found {
                Found::Pointer(..) => return found,
                Found::Nothing => {}
                Found::Unknown => unknown = true,
            }
        }
        if unknown {
            Found::Unknown
        } else {
            Found::Nothing
        }
    }
}

/// Whether a member is the unsized end of a struct, which goes on to the end of the block: the struct's size does not count it. Of a slice
/// the debug information gives the element for the member's type.
fn is_tail(owner: &Description, member: &Member, size: Option<u64>) -> bool {
    let end = member.offset.saturating_add(size.unwrap_or(0));
    let is_dynamic = size == Some(0) && owner.name.contains("<dyn ");
    owner
        .size
        .is_some_and(|whole| end > whole || (end == whole && is_dynamic))
}

/// Whether the fields of a type are nobody's business: those of the standard library's containers, but for the nodes of its trees.
fn is_wrapper(name: &str) -> bool {
    let name = name.trim_start_matches(['*', '&', '(']);
    ["core::", "alloc::", "std::", "hashbrown::"]
        .iter()
        .any(|module| name.starts_with(module))
        && !name.starts_with("alloc::collections::btree::node::")
}

/// What a container owns through its pointer, where the pointer's own type does not tell.
fn owned_by(types: &Types<'_>, ty: TypeKey, name: &str, members: &[Member]) -> Option<BlockType> {
    if name == "alloc::string::String" {
        return Some(BlockType::Text);
    }
    if name.starts_with("alloc::raw_vec::RawVec<") {
        return types.parameter(ty, "T").map(BlockType::Array);
    }
    if name.starts_with("hashbrown::raw::RawTable<") {
        return types.parameter(ty, "T").map(BlockType::Table);
    }
    // A fat pointer: `&[T]`, `Box<[T]>`, `&str`, or with a vtable.
    let pointer = members.iter().find(|member| member.name == "data_ptr")?;
    let Shape::Pointer(Some(target)) = types.describe(pointer.ty).shape else {
        return None;
    };
    let has_length = members.iter().any(|member| member.name == "length");
    let is_counted = types.name(target).starts_with("alloc::");
    Some(if has_length && !is_counted {
        BlockType::Array(target)
    } else {
        BlockType::One(target)
    })
}
