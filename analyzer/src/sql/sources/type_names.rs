//! The types of a dump by number and by name.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{Address, Dump, ReadError, TypeId};

use crate::snapshot::TypeTable;

/// The types of a dump by number and by name.
pub(in crate::sql) struct TypeNames {
    table: TypeTable,
    /// As people write them, by key.
    names: Vec<String>,
    by_name: HashMap<String, u32, RandomState>,
    /// Where the first type object of each lies.
    addresses: Vec<Address>,
    /// How many there are; the stand-in for lost ones counts only where some may be lost.
    count: usize,
}

impl TypeNames {
    pub(super) fn read(dump: &Dump) -> Result<TypeNames, ReadError> {
        let table = TypeTable::read(dump)?;
        let names: Vec<String> = table.names().iter().map(ToString::to_string).collect();
        let mut addresses = vec![Address(0); names.len()];
        for (id, record) in (0..).map(TypeId).zip(dump.types()?) {
            let address = &mut addresses[table.key(id).index()];
            if address.0 == 0 {
                *address = record.address;
            }
        }
        // `table` numbers its own stand-in last, unless some type is really called so.
        let stand_in = table.key(TypeId(u32::MAX)).index();
        let is_spare = stand_in + 1 == names.len() && !dump.is_recovered();
        let count = names.len() - usize::from(is_spare);
        Ok(TypeNames {
            by_name: (0..)
                .zip(&names)
                .map(|(key, name)| (name.clone(), key))
                .collect(),
            table,
            names,
            addresses,
            count,
        })
    }

    /// How many there are.
    pub(in crate::sql) fn count(&self) -> usize {
        self.count
    }

    /// The number of the type of a record.
    pub(in crate::sql) fn number(&self, id: TypeId) -> u32 {
        self.table.key(id).index() as u32
    }

    /// The number of the type of a name.
    pub(in crate::sql) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).map(|&key| key as usize)
    }

    pub(in crate::sql) fn name(&self, number: usize) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    pub(in crate::sql) fn module(&self, number: usize) -> &str {
        self.table
            .names()
            .get(number)
            .map_or("", |name| name.module())
    }

    pub(in crate::sql) fn short(&self, number: usize) -> &str {
        self.table
            .names()
            .get(number)
            .map_or("", |name| name.short())
    }

    /// Where the type object lies; none for a type that is no object.
    pub(in crate::sql) fn address(&self, number: usize) -> Option<Address> {
        self.addresses
            .get(number)
            .copied()
            .filter(|address| address.0 != 0)
    }
}
