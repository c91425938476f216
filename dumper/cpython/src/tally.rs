//! How many objects of each type the walk has met, so that the end line can tell what grew.

use std::fmt::Write;

use memdump_dumper::TypeCount;
use memdump_format::TypeId;

use crate::edges::Interpreter;
use crate::memory::Obj;
use crate::text::{LONGEST_NAME, Text};

/// Types by their number. One whose name could not be read is counted under none, and not told.
#[derive(Default)]
pub(crate) struct Tally {
    types: Vec<Counted>,
}

#[derive(Clone, Copy)]
struct Counted {
    object: Obj,
    key: u64,
    objects: u64,
}

impl Tally {
    /// Takes up a type under its name.
    pub(crate) fn add(&mut self, id: TypeId, object: Obj, module: &str, name: &str) {
        let counted = self.of(id);
        counted.object = object;
        counted.key = key(module, name);
    }

    #[inline]
    pub(crate) fn count(&mut self, id: TypeId) {
        self.of(id).objects += 1;
    }

    #[inline]
    fn of(&mut self, id: TypeId) -> &mut Counted {
        const NONE: Counted = Counted {
            object: Obj::NULL,
            key: 0,
            objects: 0,
        };
        let index = id.0 as usize;
        if index >= self.types.len() {
            self.types.resize(index + 1, NONE);
        }
        &mut self.types[index]
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Vec<TypeCount> {
        let named = (0..)
            .zip(&self.types)
            .filter(|(_, one)| one.object != Obj::NULL);
        named
            .map(|(id, one)| TypeCount {
                id,
                key: one.key,
                objects: one.objects,
            })
            .collect()
    }

    /// Writes the name of a type as the analyzer shows it.
    pub(crate) fn write_name(&self, python: &Interpreter, id: u32, to: &mut dyn Write) {
        let Some(counted) = self.types.get(id as usize) else {
            return;
        };
        let mut module = Text::new(LONGEST_NAME);
        python.write_type_module(counted.object, &mut module);
        let mut name = Text::new(LONGEST_NAME);
        python.write_type_name(counted.object, &mut name);
        let _ = match module.as_str() {
            "builtins" | "" => to.write_str(name.as_str()),
            module => write!(to, "{module}.{}", name.as_str()),
        };
    }
}

/// FNV-1a.
fn key(module: &str, name: &str) -> u64 {
    let bytes = module.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
