//! The kinds of records of which there are few: types, roots and faults.

use super::block::Columns;
use super::output::Batch;
use crate::ids::StringId;
use crate::label::LabelKind;
use crate::layout::{BlockKind, column};
use crate::model::{Fault, Module, Root, Strength, Type, Vtable};
use crate::varint::zigzag;

/// Records in a block, at most.
pub(super) const CAPACITY: usize = 4_096;

/// Records of one kind, whole.
pub(super) struct Few<T> {
    records: Vec<T>,
    limit: usize,
    written: u64,
}

pub(super) type Types = Few<Type>;
pub(super) type Roots = Few<Root>;
pub(super) type Faults = Few<Fault>;
pub(super) type Modules = Few<Module>;
pub(super) type Vtables = Few<Vtable>;

impl<T> Few<T> {
    pub(super) fn new(limit: usize) -> Few<T> {
        let limit = limit.clamp(1, CAPACITY);
        Few {
            records: Vec::with_capacity(limit),
            limit,
            written: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= self.limit
    }

    /// Takes a record; there must be room, as the vector must not grow.
    pub(super) fn push(&mut self, record: T) {
        debug_assert!(self.records.len() < self.limit);
        self.records.push(record);
    }

    fn taken(&self) -> u64 {
        self.written + self.records.len() as u64
    }

    fn clear(&mut self) {
        self.written = self.taken();
        self.records.clear();
    }
}

/// Implements what is the same for every kind, around the columns of one.
macro_rules! batch {
    ($record:ty, $kind:ident, |$records:ident, $columns:ident| $encode:block) => {
        impl Batch for Few<$record> {
            const KIND: BlockKind = BlockKind::$kind;

            fn records(&self) -> usize {
                self.records.len()
            }

            fn taken(&self) -> u64 {
                Few::taken(self)
            }

            fn encode(&mut self, $columns: &mut Columns<'_>) {
                let $records = &self.records;
                $encode
            }

            fn clear(&mut self) {
                Few::clear(self);
            }
        }
    };
}

batch!(Type, Types, |types, columns| {
    use column::types as column;
    let shift = columns.address_shift;
    columns.varints(column::ADDRESS, |out| {
        let mut last = 0u64;
        for record in types {
            let units = record.address.0 >> shift;
            out.push(zigzag(units.wrapping_sub(last)));
            last = units;
        }
    });
    columns.varints(column::MODULE, |out| {
        types
            .iter()
            .for_each(|record| out.push(u64::from(record.module.0)))
    });
    columns.varints(column::NAME, |out| {
        types
            .iter()
            .for_each(|record| out.push(u64::from(record.name.0)))
    });
    columns.varints(column::FLAGS, |out| {
        types
            .iter()
            .for_each(|record| out.push(u64::from(record.flags.0)))
    });
});

batch!(Root, Roots, |roots, columns| {
    use column::roots as column;
    let shift = columns.address_shift;
    let plus_one = |id: Option<StringId>| id.map_or(0, |id| u64::from(id.0) + 1);
    let label = |root: &Root| LabelKind::encode(root.label, Strength::Strong);
    columns.varints(column::KIND, |out| {
        roots.iter().for_each(|root| out.push(root.kind as u64))
    });
    columns.varints(column::NAME, |out| {
        roots.iter().for_each(|root| out.push(plus_one(root.name)))
    });
    columns.varints(column::THREAD, |out| {
        roots
            .iter()
            .for_each(|root| out.push(plus_one(root.thread)))
    });
    columns.varints(column::LINE, |out| {
        roots.iter().for_each(|root| out.push(u64::from(root.line)))
    });
    columns.varints(column::DEPTH, |out| {
        roots
            .iter()
            .for_each(|root| out.push(u64::from(root.depth)))
    });
    columns.varints(column::LABEL_KIND, |out| {
        roots
            .iter()
            .for_each(|root| out.push(u64::from(label(root).0.0)))
    });
    columns.varints(column::LABEL_VALUE, |out| {
        roots.iter().for_each(|root| out.push(label(root).1))
    });
    columns.varints(column::TARGET, |out| {
        roots
            .iter()
            .for_each(|root| out.push(root.target.0 >> shift))
    });
    if roots.iter().any(|root| root.offset != 0) {
        columns.varints(column::OFFSET, |out| {
            roots.iter().for_each(|root| out.push(root.offset))
        });
    }
});

batch!(Fault, Faults, |faults, columns| {
    use column::faults as column;
    let shift = columns.address_shift;
    columns.varints(column::ADDRESS, |out| {
        faults
            .iter()
            .for_each(|fault| out.push(fault.address.0 >> shift))
    });
    columns.varints(column::MESSAGE, |out| {
        faults
            .iter()
            .for_each(|fault| out.push(u64::from(fault.message.0)))
    });
});

batch!(Module, Modules, |modules, columns| {
    use column::modules as column;
    let mut column = |number, value: fn(&Module) -> u64| {
        columns.varints(number, |out| {
            modules.iter().for_each(|module| out.push(value(module)))
        });
    };
    column(column::BIAS, |module| module.bias);
    column(column::FIRST, |module| module.first);
    column(column::LENGTH, |module| module.length);
    column(column::PATH, |module| u64::from(module.path.0));
    column(column::BUILD_ID, |module| u64::from(module.build_id.0));
});

batch!(Vtable, Vtables, |vtables, columns| {
    use column::vtables as column;
    let mut column = |number, value: fn(&Vtable) -> u64| {
        columns.varints(number, |out| {
            let mut last = 0u64;
            for value in vtables.iter().map(value) {
                out.push_wide(zigzag(value.wrapping_sub(last)));
                last = value;
            }
        });
    };
    column(column::PLACE, |one| one.place);
    column(column::VTABLE, |one| one.vtable);
});
