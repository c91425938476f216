//! The families of containers that allocate for others, and what their functions tell of the block that they allocate.

use crate::block_type::BlockType;
use crate::function::Function;
use crate::table::is_table;
use crate::type_name::{initialised, of_block, without_defaults};
use crate::types::{Shape, TypeKey, Types};

/// Which kind of container a function belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// The allocator's own functions: they say nothing.
    Plumbing,
    Text,
    Array,
    Table,
    Box,
    Counted,
    BTree,
}

impl Family {
    /// The family of a function, if it has one.
    pub(crate) fn of(function: &Function) -> Option<Family> {
        const MODULES: [(&str, Family); 27] = [
            ("alloc::alloc", Family::Plumbing),
            ("core::alloc", Family::Plumbing),
            ("std::alloc", Family::Plumbing),
            // What containers of others ask until the standard library's allocators are stable.
            ("allocator_api2::stable::alloc", Family::Plumbing),
            ("allocator_api2::stable::boxed", Family::Box),
            ("allocator_api2::stable::raw_vec", Family::Array),
            ("allocator_api2::stable::vec", Family::Array),
            ("alloc::raw_vec", Family::Array),
            ("alloc::vec", Family::Array),
            ("alloc::slice", Family::Array),
            ("smallvec", Family::Array),
            ("core::slice::sort", Family::Array),
            ("alloc::collections::vec_deque", Family::Array),
            ("alloc::collections::binary_heap", Family::Array),
            ("alloc::collections::btree", Family::BTree),
            ("alloc::boxed", Family::Box),
            ("alloc::rc", Family::Counted),
            ("alloc::sync", Family::Counted),
            ("hashbrown", Family::Table),
            ("std::collections::hash", Family::Table),
            ("alloc::string", Family::Text),
            ("alloc::str", Family::Text),
            ("alloc::fmt", Family::Text),
            ("alloc::ffi", Family::Text),
            ("std::ffi", Family::Text),
            ("std::path", Family::Text),
            ("std::sys::os_str", Family::Text),
        ];
        let found = MODULES.iter().find(|(module, _)| function.is_in(module));
        found.map(|&(_, family)| family)
    }

    /// Whether a function of this family may make, by functions of the family `inner`, the block that is its own.
    pub(crate) fn may_hold(self, inner: Family) -> bool {
        self == inner
            || matches!(
                (inner, self),
                (Family::Box, Family::Counted | Family::BTree) | (Family::Array, Family::Text)
            )
    }

    /// The type of the block that a function of this family allocates.
    pub(crate) fn type_of(self, types: &Types<'_>, function: &Function) -> Option<BlockType> {
        match self {
            Family::Array => function.element(types).map(|element| match element {
                Parameter::Type(ty) => BlockType::Array(types.initialised(ty)),
                Parameter::Written(name) => BlockType::Named(format!("[{}]", initialised(&name))),
            }),
            Family::Box => {
                let value = function.parameter("T")?;
                match value {
                    Parameter::Type(ty) if is_slice(types, ty) => None,
                    Parameter::Type(ty) => Some(BlockType::One(types.initialised(ty))),
                    Parameter::Written(name) => {
                        Some(BlockType::Named(of_block(initialised(&name))))
                    }
                }
            }
            Family::Counted => counted(types, function),
            Family::Table => table(types, function),
            Family::BTree | Family::Plumbing | Family::Text => None,
        }
    }
}

/// A generic parameter, as precise as the debug information has it.
enum Parameter {
    Type(TypeKey),
    Written(String),
}

impl Function {
    /// The generic parameter of that name; where parameters have no names, the first one.
    fn parameter(&self, name: &str) -> Option<Parameter> {
        if !self.generics.types.is_empty() {
            let found = self.generics.types.iter().find(|(own, _)| own == name);
            return found.map(|&(_, ty)| Parameter::Type(ty));
        }
        let first = self.generics.written.first()?;
        // Small vectors are generic in the array that is inside of them.
        if self.is_in("smallvec")
            && let Some((element, _)) = first
                .strip_prefix('[')
                .and_then(|array| array.rsplit_once("; "))
        {
            return Some(Parameter::Written(without_defaults(element)));
        }
        // A function that is generic in the allocator only.
        (first != "alloc::alloc::Global").then(|| Parameter::Written(without_defaults(first)))
    }

    /// What the array holds that the function works on.
    fn element(&self, types: &Types<'_>) -> Option<Parameter> {
        let owned = self.owner.and_then(|owner| {
            let own = types.parameter(owner, "T");
            own.or_else(|| types.element(types.parameter(owner, "A")?))
        });
        owned.map(Parameter::Type).or_else(|| self.parameter("T"))
    }
}

fn is_slice(types: &Types<'_>, ty: TypeKey) -> bool {
    let name = types.name(ty);
    &*name == "str" || name.starts_with('[') && !name.contains("; ") || name.starts_with("dyn ")
}

/// The block of an `Rc` or `Arc` is what its pointer points to: the value and its counts.
fn counted(types: &Types<'_>, function: &Function) -> Option<BlockType> {
    if let Some(owner) = function.owner
        && let Some(target) = first_pointer(types, owner)
    {
        return Some(BlockType::One(target));
    }
    if function.generics.types.is_empty()
        && let Some(Parameter::Written(name)) = function.parameter("T")
    {
        let owner = if function.is_in("alloc::rc") {
            "alloc::rc::Rc"
        } else {
            "alloc::sync::Arc"
        };
        // Without the owner's type, only these say whether it holds one value or a slice.
        if function.name.contains("slice") {
            return Some(BlockType::Named(format!("{owner}<[{name}]>")));
        }
        if ["new", "pin"]
            .iter()
            .any(|made| function.name.starts_with(made))
        {
            return Some(BlockType::Named(format!("{owner}<{name}>")));
        }
    }
    None
}

/// Wrappers around a pointer: `Arc` → `NonNull` → `*const ArcInner`.
const MOST_WRAPPERS: u32 = 8;

/// What the pointer leads to that a type is, or begins with.
pub(crate) fn first_pointer(types: &Types<'_>, ty: TypeKey) -> Option<TypeKey> {
    let mut ty = ty;
    for _ in 0..MOST_WRAPPERS {
        let description = types.describe(ty);
        match &description.shape {
            Shape::Pointer(target) => return *target,
            Shape::Members(members) => {
                let sized = |member: &&crate::types::Member| {
                    member.offset == 0 && types.describe(member.ty).size != Some(0)
                };
                ty = members.iter().find(sized)?.ty;
            }
            _ => return None,
        }
    }
    None
}

/// The elements of a table: `RawTable`'s parameter, or a map's key and value.
fn table(types: &Types<'_>, function: &Function) -> Option<BlockType> {
    if let Some(owner) = function.owner
        && let Some(element) = table_element(types, owner)
    {
        return Some(BlockType::Table(element));
    }
    if function.is_in("hashbrown::raw") {
        return match function.parameter("T")? {
            Parameter::Type(ty) => Some(BlockType::Table(ty)),
            Parameter::Written(name) => Some(table_named(&name)),
        };
    }
    let is_set = function.is_in("hashbrown::set") || function.is_in("std::collections::hash::set");
    match function.generics.written.as_slice() {
        // A table without keys, as indexed maps have.
        [element, ..]
            if function.is_in("hashbrown::table") && function.generics.types.is_empty() =>
        {
            Some(table_named(&without_defaults(element)))
        }
        [element, ..] if is_set && function.generics.types.is_empty() => {
            Some(table_named(&format!("({}, ())", without_defaults(element))))
        }
        [key, value, ..] if function.generics.types.is_empty() => Some(table_named(&format!(
            "({}, {})",
            without_defaults(key),
            without_defaults(value)
        ))),
        _ => None,
    }
}

fn table_named(element: &str) -> BlockType {
    BlockType::Named(format!("hashbrown::raw::RawTable<{element}>"))
}

/// `HashSet` → `HashMap` → hashbrown's `HashMap` → `RawTable<T>`: the `T`.
fn table_element(types: &Types<'_>, owner: TypeKey) -> Option<TypeKey> {
    let mut ty = owner;
    for _ in 0..MOST_WRAPPERS {
        let description = types.describe(ty);
        if is_table(&description.name) {
            return types.parameter(ty, "T");
        }
        let Shape::Members(members) = &description.shape else {
            return None;
        };
        let inside = |member: &&crate::types::Member| {
            matches!(member.name.as_str(), "base" | "map" | "table")
        };
        ty = members.iter().find(inside)?.ty;
    }
    None
}
