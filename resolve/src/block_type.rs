//! What a block is of, what such a block is called, and which sizes and alignments it can have.

use crate::table::TableShape;
use crate::type_name::of_block;
use crate::types::{TypeKey, Types};

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

impl BlockType {
    /// Its name: `app::Row`, `[app::Row]`, `alloc::sync::Arc<app::Row>`, `hashbrown::raw::RawTable<(u64, app::Row)>`, `str`, `[u8]`.
    pub(crate) fn name(&self, types: &Types<'_>) -> String {
        match self {
            BlockType::One(ty) => of_block(&types.name(*ty)),
            BlockType::Array(ty) => format!("[{}]", types.name(*ty)),
            BlockType::Table(ty) => format!("hashbrown::raw::RawTable<{}>", types.name(*ty)),
            BlockType::Counted(both, value) => {
                let both = of_block(&types.name(*both));
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
