//! Which field of a block lies at an offset, and what it points to.

use std::rc::Rc;

use crate::block_type::{BlockType, counted_start};
use crate::family::first_pointer;
use crate::table::{TableShape, is_table};
use crate::types::{Description, Member, Shape, TypeKey, Types};

/// What the layout of a block says about an offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// A pointer lies there.
    Pointer {
        /// The element of the array or the table, if the block is one.
        index: Option<u64>,
        /// Never empty; more than one where members of unions or variants of enums overlap: the block has one of them, or none.
        either: Rc<[Pointer]>,
    },
    /// No pointer lies there: padding, a number, a table's control byte. What looks like one is none.
    Nothing,
    /// The layout does not say.
    Unknown,
}

/// A pointer in a layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    /// `name.rest`; empty for what is the pointer itself.
    pub path: Rc<str>,
    /// What it points to.
    pub target: Pointee,
    /// Whether it holds a block of its own, as a `Box`, a `Vec` and an `Rc` do: then it points to a whole block of its type, and to nothing else.
    pub is_owner: bool,
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

/// Pointers at one place that are told apart; an enum has hardly more variants with a pointer there.
const MOST_POINTERS: usize = 64;

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
            BlockType::Counted(both, value) => match counted_start(self, *both, *value) {
                Some(start) if offset >= start => self.within(*value, offset - start, None),
                Some(_) => Field::Nothing,
                None => Field::Unknown,
            },
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
                pointers: Vec::new(),
                unknown: false,
            };
            look.at(ty, offset, &mut Vec::new(), DEEPEST);
            let found = Found {
                pointers: look.pointers.into(),
                unknown: look.unknown,
            };
            self.found.borrow_mut().insert((ty, offset), found.clone());
            found
        });
        if !found.pointers.is_empty() {
            return Field::Pointer {
                index,
                either: found.pointers,
            };
        }
        match found.unknown {
            true => Field::Unknown,
            false => Field::Nothing,
        }
    }
}

/// What lies at an offset of a type.
#[derive(Clone)]
pub(crate) struct Found {
    pointers: Rc<[Pointer]>,
    /// Whether something lies there that is not described.
    unknown: bool,
}

/// One look for the fields at an offset.
struct Look<'t, 'a> {
    types: &'t Types<'a>,
    steps: u32,
    pointers: Vec<Pointer>,
    unknown: bool,
}

impl Look<'_, '_> {
    fn at(&mut self, ty: TypeKey, offset: u64, path: &mut Vec<String>, deepest: u32) {
        let (Some(steps), Some(deeper)) = (self.steps.checked_sub(1), deepest.checked_sub(1))
        else {
            self.unknown = true;
            return;
        };
        self.steps = steps;
        let description = self.types.describe(ty);
        match &description.shape {
            Shape::Scalar => {}
            Shape::Unknown => self.unknown = true,
            Shape::Pointer(target) if offset == 0 => {
                let is_owner = description.name.starts_with("alloc::boxed::Box<");
                self.add(Pointer {
                    path: path.concat().into(),
                    target: target.map_or(Pointee::Unknown, |ty| Pointee::Type(BlockType::One(ty))),
                    is_owner,
                });
            }
            Shape::Pointer(_) => {}
            Shape::Array(element, count) => {
                let Some(each) = self.types.describe(*element).size.filter(|&each| each > 0) else {
                    return;
                };
                let index = offset / each;
                if count.is_some_and(|count| index >= count) {
                    return;
                }
                path.push(format!("[{index}]"));
                self.at(*element, offset % each, path, deeper);
                path.pop();
            }
            Shape::Members(members) => {
                let before = self.pointers.len();
                self.in_members(&description, members, offset, path, deeper);
                let inside = &mut self.pointers[before..];
                if inside.is_empty() {
                    return;
                }
                if let Some(element) = spilled(self.types, ty, &description.name) {
                    let one = Pointee::Type(BlockType::One(element));
                    for pointer in inside.iter_mut().filter(|pointer| pointer.target == one) {
                        pointer.target = Pointee::Type(BlockType::Array(element));
                        pointer.is_owner = true;
                    }
                }
                let of_cplusplus = owned_in_cplusplus(self.types, &description.name, members);
                // Of a vector's three pointers the first leads to its block.
                let of_cplusplus = of_cplusplus.filter(|_| offset == 0);
                let is_owner = of_cplusplus.is_some() || is_owner(&description.name);
                let owned =
                    of_cplusplus.or_else(|| owned_by(self.types, ty, &description.name, members));
                if let Some(owned) = owned {
                    for pointer in &mut *inside {
                        pointer.target = Pointee::Type(owned.clone());
                    }
                }
                if is_owner {
                    for pointer in inside {
                        pointer.is_owner = true;
                    }
                }
            }
        }
    }

    fn add(&mut self, pointer: Pointer) {
        if self.pointers.len() < MOST_POINTERS {
            self.pointers.push(pointer);
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
    ) {
        for member in members {
            let Some(inside) = offset.checked_sub(member.offset) else {
                continue;
            };
            let own = self.types.describe(member.ty);
            let inside = match (own.size, is_tail(owner, member, own.size)) {
                // How long it is, and of what, only who points to it knows.
                (_, true) if own.name.starts_with("dyn ") => {
                    self.unknown = true;
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
            self.at(member.ty, inside, path, deeper);
            if named {
                path.pop();
            }
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

/// Whether the pointer in a value of this type holds a block of its own.
fn is_owner(name: &str) -> bool {
    const OWNERS: [&str; 7] = [
        "alloc::boxed::Box<",
        "alloc::rc::Rc<",
        "alloc::rc::Weak<",
        "alloc::sync::Arc<",
        "alloc::sync::Weak<",
        "alloc::raw_vec::RawVec<",
        "alloc::collections::btree::node::NodeRef<",
    ];
    name == "alloc::string::String"
        || is_table(name)
        || OWNERS.iter().any(|owner| name.starts_with(owner))
}

/// What the first pointer of a vector, or of a text, of C++'s library holds. (libstdc++.)
fn owned_in_cplusplus(types: &Types<'_>, name: &str, members: &[Member]) -> Option<BlockType> {
    let path = name.strip_prefix("std::")?;
    if path.contains("basic_string<char,") && path.ends_with("::_Alloc_hider") {
        return Some(BlockType::Text);
    }
    if !path.starts_with("_Vector_base<") || !path.ends_with("::_Vector_impl_data") {
        return None;
    }
    let start = members.iter().find(|member| member.name == "_M_start")?;
    first_pointer(types, start.ty).map(BlockType::Array)
}

/// The element of a small vector: where its elements are not inside of it, it points to the first of them.
fn spilled(types: &Types<'_>, ty: TypeKey, name: &str) -> Option<TypeKey> {
    if !name.starts_with("smallvec::SmallVecData<") {
        return None;
    }
    types.element(types.parameter(ty, "A")?)
}

/// What a container owns through its pointer, where the pointer's own type does not tell.
fn owned_by(types: &Types<'_>, ty: TypeKey, name: &str, members: &[Member]) -> Option<BlockType> {
    if name == "alloc::string::String" {
        return Some(BlockType::Text);
    }
    if name.starts_with("alloc::raw_vec::RawVec<") {
        return types.parameter(ty, "T").map(BlockType::Array);
    }
    if is_table(name) {
        return types.parameter(ty, "T").map(BlockType::Table);
    }
    if name == "alloc::boxed::Box<str>" {
        return Some(BlockType::Text);
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
