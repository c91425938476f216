//! Static variables by their addresses, so that what they hold is held by a name.

use crate::debug_info::{Entry, Offset, Storage};
use crate::elf::Elf;
use crate::types::{TypeKey, Types};

/// A static variable, of the process or of each thread.
#[derive(Clone, Debug)]
struct Static {
    /// In the file, or in its thread-local memory.
    address: u64,
    size: u64,
    ty: TypeKey,
    entry: Offset,
}

/// The static variables of a module, in the order of their addresses.
#[derive(Debug, Default)]
pub(crate) struct Statics {
    of_process: Vec<Static>,
    of_threads: Vec<Static>,
}

/// A place in a static variable.
pub(crate) struct Place {
    /// `app::CACHE`
    pub(crate) name: String,
    pub(crate) ty: TypeKey,
    /// Behind its start.
    pub(crate) offset: u64,
}

impl Statics {
    /// Reads all of a module's; `file` is what has its symbols.
    pub(crate) fn read(types: &Types<'_>, module: u32, file: Option<&Elf>) -> Statics {
        let Some(info) = types.module(module) else {
            return Statics::default();
        };
        let first = file.map(Elf::first_thread_locals).unwrap_or_default();
        // What the linker left out is said to lie at the start of thread-local memory, too; it has no symbol.
        let is_left_out = |origins: &[(Offset, Entry<'_>)]| {
            let mut names = origins.iter().filter_map(|(at, _)| {
                let entry = info.entry(*at)?;
                let linked = info.text(*at, &entry, gimli::DW_AT_linkage_name);
                linked.or_else(|| info.text(*at, &entry, gimli::DW_AT_name))
            });
            !first.is_empty() && !names.any(|name| first.contains(&&*name))
        };
        let mut statics = Statics::default();
        let variables = info.variables().iter().filter_map(|&at| {
            let entry = info.entry(at)?;
            let storage = info.storage(at, &entry)?;
            let (Storage::Process(address) | Storage::Thread(address)) = storage;
            // The place is told by the definition, the type perhaps by the declaration only.
            let origins = info.origins(at);
            if storage == Storage::Thread(0) && is_left_out(&origins) {
                return None;
            }
            let entry = origins
                .iter()
                .find_map(|(at, entry)| info.reference(*at, entry, gimli::DW_AT_type))?;
            let ty = TypeKey { module, entry };
            let size = types.describe(ty).size?;
            let found = Static {
                address,
                size,
                ty,
                entry: at,
            };
            Some((storage, found))
        });
        for (storage, found) in variables {
            match storage {
                Storage::Process(_) => statics.of_process.push(found),
                Storage::Thread(_) => statics.of_threads.push(found),
            }
        }
        for statics in [&mut statics.of_process, &mut statics.of_threads] {
            statics.sort_by_key(|found| (found.address, found.entry));
        }
        statics
    }

    /// The types of all variables that begin at an address of the file: the linker may have made one of those of equal contents.
    pub(crate) fn types_at(&self, address: u64) -> impl Iterator<Item = TypeKey> {
        let start = (self.of_process).partition_point(|found| found.address < address);
        let own = self.of_process[start..].iter();
        own.take_while(move |found| found.address == address)
            .map(|found| found.ty)
    }

    /// The static variable that lies there.
    pub(crate) fn find(&self, types: &Types<'_>, module: u32, place: Storage) -> Option<Place> {
        let (statics, address) = match place {
            Storage::Process(address) => (&self.of_process, address),
            Storage::Thread(offset) => (&self.of_threads, offset),
        };
        let after = statics.partition_point(|found| found.address <= address);
        let found = statics.get(after.checked_sub(1)?)?;
        let offset = address - found.address;
        if offset >= found.size {
            return None;
        }
        Some(Place {
            name: types.variable_name(module, found.entry),
            ty: found.ty,
            offset,
        })
    }
}
