//! Static variables by their addresses, so that what they hold is held by a name.

use crate::debug_info::Offset;
use crate::types::{TypeKey, Types};

/// A static variable.
#[derive(Clone, Debug)]
struct Static {
    /// In the file.
    address: u64,
    size: u64,
    ty: TypeKey,
    entry: Offset,
}

/// The static variables of a module, in the order of their addresses.
#[derive(Debug, Default)]
pub(crate) struct Statics(Vec<Static>);

/// A place in a static variable.
pub(crate) struct Place {
    /// `app::CACHE`
    pub(crate) name: String,
    pub(crate) ty: TypeKey,
    /// Behind its start.
    pub(crate) offset: u64,
}

impl Statics {
    /// Reads all of a module's.
    pub(crate) fn read(types: &Types<'_>, module: u32) -> Statics {
        let Some(info) = types.module(module) else {
            return Statics::default();
        };
        let variables = info.variables().iter().filter_map(|&at| {
            let entry = info.entry(at)?;
            let address = info.static_address(at, &entry)?;
            // The place is told by the definition, the type perhaps by the declaration only.
            let origins = info.origins(at);
            let entry = origins
                .iter()
                .find_map(|(at, entry)| info.reference(*at, entry, gimli::DW_AT_type))?;
            let ty = TypeKey { module, entry };
            let size = types.describe(ty).size?;
            Some(Static {
                address,
                size,
                ty,
                entry: at,
            })
        });
        let mut statics: Vec<Static> = variables.collect();
        statics.sort_by_key(|found| (found.address, found.entry));
        Statics(statics)
    }

    /// The types of all variables that begin at an address of the file: the linker may have made one of those of equal contents.
    pub(crate) fn types_at(&self, address: u64) -> impl Iterator<Item = TypeKey> {
        let start = self.0.partition_point(|found| found.address < address);
        let own = self.0[start..].iter();
        own.take_while(move |found| found.address == address)
            .map(|found| found.ty)
    }

    /// The static variable that holds an address of the file.
    pub(crate) fn find(&self, types: &Types<'_>, module: u32, address: u64) -> Option<Place> {
        let after = self.0.partition_point(|found| found.address <= address);
        let found = self.0.get(after.checked_sub(1)?)?;
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
