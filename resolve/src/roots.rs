//! What holds blocks from outside of the heap, by the names of static variables.

use std::rc::Rc;

use memdump_format::{Dump, ReadError, Root, RootKind};

use crate::fields::{Field, Pointer};
use crate::program::Program;
use crate::site::BlockType;

/// The roots of a dump.
pub(crate) struct Roots(pub(crate) Vec<FoundRoot>);

/// A root, and what its place turned out to be.
pub(crate) struct FoundRoot {
    pub(crate) root: Root,
    pub(crate) place: RootPlace,
}

/// Where a root lies.
pub(crate) enum RootPlace {
    /// No static variable is known there: it stays what it is.
    Unknown,
    /// A field of a static variable.
    Field {
        /// `app::CACHE`
        name: String,
        /// Empty if nobody knows what lies there.
        either: Rc<[Pointer]>,
    },
    /// A static variable has no pointer there.
    Nothing,
}

impl Roots {
    /// Reads all roots and looks for the static variables among them.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read(dump: &Dump, program: &Program<'_>) -> Result<Roots, ReadError> {
        let roots = dump.roots()?.into_iter().map(|root| {
            let place = match root.name {
                Some(name) if root.kind == RootKind::Static => {
                    place_of(dump.strings().get(name)?, program)
                }
                _ => None,
            };
            Ok(FoundRoot {
                root,
                place: place.unwrap_or(RootPlace::Unknown),
            })
        });
        Ok(Roots(roots.collect::<Result<_, ReadError>>()?))
    }

    /// Roots that are fields, with the pointers that may lie there.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = (&Root, &[Pointer])> {
        self.0.iter().filter_map(|found| match &found.place {
            RootPlace::Field { either, .. } => Some((&found.root, &**either)),
            _ => None,
        })
    }
}

/// Variables of malloc: they point to the last block that it gave, and hold none.
const MALLOCS_OWN: [&str; 2] = ["main_arena", "mp_"];

/// Of `program+0x1234`, an address in the file.
fn place_of(name: &str, program: &Program<'_>) -> Option<RootPlace> {
    let (file, address) = name.rsplit_once("+0x")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let place = program.static_at(file, address)?;
    if MALLOCS_OWN.contains(&place.name.as_str()) {
        return Some(RootPlace::Nothing);
    }
    let block = BlockType::One(place.ty);
    Some(match program.field(&block, u64::MAX, place.offset) {
        Field::Pointer { either, .. } => RootPlace::Field {
            name: place.name,
            either,
        },
        // Nothing contradicts it, and the name is worth more than none.
        Field::Unknown => RootPlace::Field {
            name: place.name,
            either: Rc::default(),
        },
        Field::Nothing => RootPlace::Nothing,
    })
}
