//! What holds blocks from outside of the heap, by the names of static variables, thread-local ones, and the functions of stacks.

use std::rc::Rc;

use memdump_format::{Dump, ReadError, Root, RootKind};

use crate::block_type::BlockType;
use crate::debug_info::Storage;
use crate::fields::{Field, Pointer};
use crate::program::Program;

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
    /// In a frame of this function.
    Frame(String),
    /// A field of a static variable, of the process or of a thread.
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
    /// Reads all roots and looks for static variables and functions among them.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read(dump: &Dump, program: &Program<'_>) -> Result<Roots, ReadError> {
        let roots = dump.roots()?.into_iter().map(|root| {
            let place = match root.name {
                Some(name) => place_of(root.kind, dump.strings().get(name)?, program),
                None => None,
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

/// What `thread_local!` adds to the name of the variable.
const THREAD_LOCAL_INSIDE: &str = "::{constant#";

/// Variables of malloc: they point to the last block that it gave, and hold none.
const MALLOCS_OWN: [&str; 2] = ["main_arena", "mp_"];

/// Of `program+0x1234`: an address in the file, or an offset in its thread-local memory.
fn place_of(kind: RootKind, name: &str, program: &Program<'_>) -> Option<RootPlace> {
    let (file, address) = name.rsplit_once("+0x")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let storage = match kind {
        RootKind::Static => Storage::Process(address),
        RootKind::Thread => Storage::Thread(address),
        RootKind::Frame => return program.frame_at(file, address).map(RootPlace::Frame),
        _ => return None,
    };
    let mut place = program.static_at(file, storage)?;
    if let Some(end) = place.name.find(THREAD_LOCAL_INSIDE) {
        place.name.truncate(end);
    }
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
