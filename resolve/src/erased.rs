//! Values whose type is known only to the table of functions that their block begins with: tasks of tokio, errors of anyhow, C++'s objects with virtual
//! functions. Debug information does not say of which type such a table is. But its functions are made for that type, and the first thing they do is
//! to turn the pointer that they are given into one to it. Of C++ the table has a symbol with the name of its class as well: a class that adds no function
//! of its own has but those of the class that it is made from.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;

use crate::block_type::BlockType;
use crate::elf::Constants;
use crate::family::first_pointer;
use crate::fields::Field;
use crate::names::{class_of_vtable, without_generics};
use crate::types::{TypeKey, Types};

/// Functions that are looked at in a table.
const MOST_FUNCTIONS: usize = 16;
/// What is looked at of a function: all that is inlined into it may be long, and the value's type is known at the start.
const MOST_ENTRIES: u32 = 4096;
/// A pointer to a pointer to a value: what a function is given that drops a box.
const MOST_POINTERS: u32 = 3;

/// Where a pointer leads, and in how many functions of the table.
pub(crate) struct Erased {
    /// Bytes.
    size: u64,
    ty: TypeKey,
    functions: u32,
}

/// Types that a block can be of, each with how many functions of its table say so.
pub(crate) type Fitting = Rc<[(TypeKey, u32)]>;

/// What the pointers of functions lead to, by module and start; `None` where no function begins. Many tables have a function in common, and a dump may
/// name as many tables as it likes.
pub(crate) type KnownFunctions = HashMap<(u32, u64), Option<Rc<[TypeKey]>>, RandomState>;

/// What pointers lead to in the functions of the table at an address of a file; nothing if there is no table of functions.
pub(crate) fn behind_table(
    types: &Types<'_>,
    module: u32,
    constants: &Constants<'_>,
    address: u64,
    known: &mut KnownFunctions,
) -> Vec<Erased> {
    let class = constants.vtable_around(address).and_then(class_of_vtable);
    let mut found: HashMap<TypeKey, u32, RandomState> = HashMap::default();
    for number in 0..MOST_FUNCTIONS as u64 {
        let start = address.checked_add(number * 8);
        let Some(start) = start.and_then(|place| constants.word(place)) else {
            break;
        };
        let function = known
            .entry((module, start))
            .or_insert_with(|| of_function(types, module, start).map(Rc::from));
        let Some(pointees) = function else {
            break;
        };
        let is_told = |ty: &TypeKey| {
            let is_of = |class: &String| without_generics(&types.name(*ty)) == *class;
            class.as_ref().is_none_or(is_of)
        };
        for ty in pointees.iter().copied().filter(is_told) {
            *found.entry(ty).or_default() += 1;
        }
    }
    let mut found: Vec<Erased> = found
        .into_iter()
        .filter_map(|(ty, functions)| {
            let size = types.describe(ty).size?;
            Some(Erased {
                size,
                ty,
                functions,
            })
        })
        .collect();
    found.sort_by_key(|one| (one.size, one.ty));
    found
}

/// What the pointers among the variables of the function that begins at an address lead to, each once; `None` if none begins there.
fn of_function(types: &Types<'_>, module: u32, start: u64) -> Option<Vec<TypeKey>> {
    let info = types.module(module)?;
    let whole = |address| info.functions_at(address).pop()?.entry;
    let entry = whole(start)?;
    if whole(start.checked_sub(1)?) == Some(entry) {
        return None;
    }
    let mut pointees = Vec::new();
    let mut entries = MOST_ENTRIES;
    // What could be read counts, even if something behind it could not.
    let _ = info.each_below(entry, |at, _, entry| {
        let is_variable = matches!(
            entry.tag(),
            gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter
        );
        if is_variable {
            let origins = info.origins(at);
            let own = origins
                .iter()
                .find_map(|(at, entry)| info.reference(*at, entry, gimli::DW_AT_type));
            let mut next = own.map(|entry| TypeKey { module, entry });
            for _ in 0..MOST_POINTERS {
                next = next.and_then(|ty| first_pointer(types, ty));
                pointees.extend(next);
            }
        }
        entries -= 1;
        (entries > 0).then_some(())
    });
    pointees.sort_unstable();
    pointees.dedup();
    Some(pointees)
}

/// A block that has the address of a table of functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Begun {
    /// The address, in the target.
    pub(crate) table: u64,
    /// Where in the block it lies.
    pub(crate) place: u64,
    /// Bytes of the block.
    pub(crate) size: u64,
    /// That was asked for.
    pub(crate) alignment: u64,
}

/// Of what may be erased, in the order of its sizes, the types that the block can be of and that have a pointer where it has that to its table; each with the functions that say so.
pub(crate) fn that_fit(types: &Types<'_>, erased: &[Erased], begun: Begun) -> Fitting {
    let Begun {
        place,
        size,
        alignment,
        ..
    } = begun;
    let fits = |ty: TypeKey| {
        let block = BlockType::One(ty);
        block.fits(types, size, alignment)
            && matches!(types.field(&block, size, place), Field::Pointer { .. })
    };
    let of_size = &erased[erased.partition_point(|one| one.size < size)..];
    let of_size = of_size.iter().take_while(|one| one.size == size);
    let fitting = of_size.filter(|one| fits(one.ty));
    fitting.map(|one| (one.ty, one.functions)).collect()
}
