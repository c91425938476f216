//! From the functions of an allocation to the type of the block.
//!
//! Containers allocate for others: of `RawVec::grow_one ← Vec::push ← app::handler` it is the container frames that know the type. Of the
//! *consecutive innermost container frames* the outermost is believed first, because linkers and LLVM merge functions of the
//! same code, and the inner ones may then bear another type's name; what a block's size and alignment contradict is not believed at all.

use crate::function::Function;
use crate::type_name::{initialised, of_block, without_defaults};
use crate::types::{Shape, TypeKey, Types};

/// The type of a block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum BlockType {
    /// One value.
    One(TypeKey),
    /// As many as fit: a `Vec`'s, a `VecDeque`'s or a boxed slice's buffer.
    Array(TypeKey),
    /// A table of hashbrown, as `HashMap` and `HashSet` have.
    Table(TypeKey),
    /// A value behind the counts of an `Rc` or `Arc` of a trait: the type of both, which does not tell the value's, and the value's.
    Counted(TypeKey, TypeKey),
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// Only the name is known.
    Named(String),
}

/// What the stack of a site tells of its blocks.
#[derive(Clone, Debug, Default)]
pub struct SiteTypes {
    /// Most credible first.
    candidates: Vec<BlockType>,
    /// Whether no function that LLVM may have merged with another's stands behind it.
    pub(crate) is_sure: bool,
    /// The innermost function that is no container's: `app::handler`.
    pub(crate) function: Option<String>,
}

/// The functions that asked for memory, without those of the global allocator, which may be the program's own.
fn behind_the_allocator(functions: &[Function]) -> &[Function] {
    let is_entry = |function: &Function| {
        function.is_in("alloc::alloc")
            || matches!(
                function.name.as_str(),
                "__rust_alloc"
                    | "__rust_alloc_zeroed"
                    | "__rust_realloc"
                    | "__rdl_alloc"
                    | "__rdl_alloc_zeroed"
                    | "__rdl_realloc"
                    | "operator new"
                    | "operator new[]"
            )
    };
    match functions.iter().position(is_entry) {
        Some(at) => {
            let rest = &functions[at..];
            let asked = rest.iter().position(|function| !is_entry(function));
            &rest[asked.unwrap_or(rest.len())..]
        }
        // Line tables do not name what the compiler adds; the methods of `GlobalAlloc` they do.
        None => {
            let is_method = |function: &Function| {
                matches!(function.name.as_str(), "alloc" | "alloc_zeroed" | "realloc")
            };
            let asked = functions.iter().position(|function| !is_method(function));
            &functions[asked.unwrap_or(0)..]
        }
    }
}

/// Which kind of container a function belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    /// The allocator's own functions: they say nothing.
    Plumbing,
    Text,
    Array,
    Table,
    Box,
    Counted,
    BTree,
}

impl SiteTypes {
    /// Judges the functions of a stack, innermost first.
    pub(crate) fn judge(types: &Types<'_>, alignment: u64, functions: &[Function]) -> SiteTypes {
        let mut candidates = Vec::new();
        let mut inner: Option<Family> = None;
        let mut is_text = false;
        let mut function = None;
        let mut ended = false;
        let frames = behind_the_allocator(functions);
        let mut told_at = 0;
        for (place, frame) in frames.iter().enumerate() {
            let Some(family) = Family::of(frame) else {
                // Generic helpers of the library (`Into::into`, adapters of iterators) say nothing to people.
                if function.is_none() || !frame.is_library() {
                    function = Some(frame.full_name());
                }
                if !frame.is_library() {
                    break;
                }
                ended = true;
                continue;
            };
            is_text |= family == Family::Text;
            if ended || family == Family::Plumbing {
                continue;
            }
            if !inner.is_none_or(|inner| family.may_hold(inner)) {
                ended = true;
                continue;
            }
            inner = Some(family);
            if let Some(candidate) = family.type_of(types, frame) {
                candidates.push(candidate);
                told_at = place;
            }
            // Elements are cloned by the clone of what holds them: what comes further out made another block.
            ended = matches!(frame.name.as_str(), "clone" | "to_owned");
        }
        candidates.reverse();
        candidates.dedup();
        if alignment == 1 && !functions.is_empty() {
            // Merged functions bear any name here, and bytes are what nearly all such blocks are.
            if is_text {
                candidates = vec![BlockType::Text];
            } else {
                candidates.push(BlockType::Bytes);
            }
        }
        let compiled = frames[told_at.min(frames.len())..]
            .iter()
            .find(|frame| frame.is_whole);
        SiteTypes {
            candidates,
            is_sure: compiled.is_some_and(|frame| !frame.is_generic()),
            function,
        }
    }

    /// The type of a block of the site: the most credible one that its size and alignment allow.
    pub(crate) fn of(&self, types: &Types<'_>, size: u64, alignment: u64) -> Option<&BlockType> {
        self.candidates
            .iter()
            .find(|candidate| candidate.fits(types, size, alignment))
    }
}

impl BlockType {
    /// Its name: `app::Row`, `[app::Row]`, `alloc::sync::Arc<app::Row>`, `hashbrown::raw::RawTable<(u64, app::Row)>`, `str`, `[u8]`.
    pub(crate) fn name(&self, types: &Types<'_>) -> String {
        match self {
            BlockType::One(ty) => of_block(types.name(*ty)),
            BlockType::Array(ty) => format!("[{}]", types.name(*ty)),
            BlockType::Table(ty) => format!("hashbrown::raw::RawTable<{}>", types.name(*ty)),
            BlockType::Counted(both, value) => {
                let both = of_block(types.name(*both));
                let owner = both.split_once('<').map_or("", |(owner, _)| owner);
                format!("{owner}<{}>", types.name(*value))
            }
            BlockType::Text => "str".into(),
            BlockType::Bytes => "[u8]".into(),
            BlockType::Named(name) => name.clone(),
        }
    }

    /// Whether a block of that size and alignment can be one.
    pub(crate) fn fits(&self, types: &Types<'_>, size: u64, alignment: u64) -> bool {
        match self {
            BlockType::One(ty) => {
                let own = types.describe(*ty);
                let fits_size = match own.size {
                    Some(own_size) if !is_unsized(types, *ty) => own_size == size,
                    Some(own_size) => own_size <= size,
                    None => true,
                };
                fits_size && own.alignment.is_none_or(|own| allows(alignment, own))
            }
            BlockType::Array(ty) => {
                let own = types.describe(*ty);
                own.size
                    .is_none_or(|own| own > 0 && size.is_multiple_of(own))
                    && own.alignment.is_none_or(|own| allows(alignment, own))
            }
            BlockType::Table(ty) => match types.describe(*ty).size {
                Some(own) => TableShape::of(size, own).is_some(),
                None => true,
            },
            BlockType::Counted(both, value) => {
                let (own, inner) = (types.describe(*both), types.describe(*value));
                let (Some(start), Some(inner_size)) =
                    (counted_start(types, *both, *value), inner.size)
                else {
                    return false;
                };
                let greatest = own.alignment.max(inner.alignment).unwrap_or(1);
                let whole = start
                    .checked_add(inner_size)
                    .and_then(|end| end.checked_next_multiple_of(greatest));
                whole == Some(size) && allows(alignment, greatest)
            }
            BlockType::Text | BlockType::Bytes => allows(alignment, 1),
            BlockType::Named(_) => true,
        }
    }
}

/// Whether a block for which an alignment was asked can be of a type of that alignment. `malloc` is asked for none, and tells the 16 that it gives.
pub(crate) fn allows(asked: u64, own: u64) -> bool {
    const BY_MALLOC: u64 = 16;
    own == asked || asked == BY_MALLOC && own < asked
}

/// Where the value lies in a block that is [`BlockType::Counted`].
pub(crate) fn counted_start(types: &Types<'_>, both: TypeKey, value: TypeKey) -> Option<u64> {
    let alignment = types.describe(value).alignment.filter(|&own| own > 0);
    let counts = types.describe(both).size?;
    counts.checked_next_multiple_of(alignment.unwrap_or(1))
}

/// Whether a struct ends with a slice or a `str`, so that its blocks are longer than it.
fn is_unsized(types: &Types<'_>, ty: TypeKey) -> bool {
    let name = types.name(ty);
    let inside = name.split_once('<').map_or("", |(_, inside)| inside);
    inside.starts_with("str>")
        || (inside.starts_with('[') && !inside.contains("; "))
        || inside.starts_with("dyn ")
}

/// How a table of hashbrown lies in its block: elements growing down from the control bytes, which follow, one a bucket and a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TableShape {
    /// Where the element with the highest index begins.
    pub(crate) first: u64,
    /// Where the control bytes begin; where the map points to.
    pub(crate) control: u64,
}

impl TableShape {
    /// Of a block of `size` bytes with elements of `element` bytes.
    pub(crate) fn of(size: u64, element: u64) -> Option<TableShape> {
        // Control bytes of a group: 16 with SSE2, 8 elsewhere; elements are aligned to it.
        for group in [16_u64, 8] {
            for bits in 0..48 {
                let buckets = 1_u64 << bits;
                let elements = element.checked_mul(buckets)?;
                let control = elements.checked_next_multiple_of(group)?;
                let whole = control.checked_add(buckets + group)?;
                if whole == size {
                    return Some(TableShape {
                        first: control - elements,
                        control,
                    });
                }
                if whole > size {
                    break;
                }
            }
        }
        None
    }
}

impl Family {
    fn of(function: &Function) -> Option<Family> {
        const MODULES: [(&str, Family); 23] = [
            ("alloc::alloc", Family::Plumbing),
            ("core::alloc", Family::Plumbing),
            ("std::alloc", Family::Plumbing),
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
    fn may_hold(self, inner: Family) -> bool {
        self == inner
            || matches!(
                (inner, self),
                (Family::Box, Family::Counted | Family::BTree) | (Family::Array, Family::Text)
            )
    }

    fn type_of(self, types: &Types<'_>, function: &Function) -> Option<BlockType> {
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
                        Some(BlockType::Named(of_block(initialised(&name).to_owned())))
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
    name == "str" || name.starts_with('[') && !name.contains("; ") || name.starts_with("dyn ")
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

fn first_pointer(types: &Types<'_>, ty: TypeKey) -> Option<TypeKey> {
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

/// Whether a type is hashbrown's table; earlier versions have it one module further in.
pub(crate) fn is_table(name: &str) -> bool {
    [
        "hashbrown::raw::RawTable<",
        "hashbrown::raw::inner::RawTable<",
    ]
    .iter()
    .any(|table| name.starts_with(table))
}

/// `HashSet` → `HashMap` → hashbrown's `HashMap` → `RawTable<T>`: the `T`.
pub(crate) fn table_element(types: &Types<'_>, owner: TypeKey) -> Option<TypeKey> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lies_in_its_block_as_hashbrown_lays_it_out() {
        // 16 buckets of 24 bytes, 16 control bytes and a group of 16.
        assert_eq!(
            TableShape::of(16 * 24 + 32, 24),
            Some(TableShape {
                first: 0,
                control: 384
            })
        );
        // 4 buckets of 12 bytes: 48 is a multiple of 16; 4 of 10 need 8 bytes in front.
        assert_eq!(
            TableShape::of(48 + 4 + 16, 10),
            Some(TableShape {
                first: 8,
                control: 48
            })
        );
        assert_eq!(TableShape::of(1000, 24), None);
        assert_eq!(TableShape::of(u64::MAX, u64::MAX), None);
    }
}
