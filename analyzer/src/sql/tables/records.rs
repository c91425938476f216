//! The tables of which dumps have few rows: `metadata`, `root`, `fault`.

use std::sync::Arc;

use memdump_format::{ReadError, RootKind, StringId};

use crate::analysis::label_text::write_label;
use crate::snapshot::printable;
use crate::sql::catalogue::{
    FAULT, FaultColumn, METADATA, MetadataColumn, ROOT, RootColumn, Table,
};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources};

/// The first column of all of them.
const DUMP: usize = 0;

/// The rows of a dump, by number, of those that are asked for.
type Numbers = Box<dyn Iterator<Item = usize>>;

/// A table of which a dump has the rows that `numbers_of` tells, with values that `value` gives.
struct Records {
    sources: Arc<Sources>,
    keys: Keys,
    places: std::ops::Range<usize>,
    place: usize,
    numbers: Numbers,
    number: usize,
    numbers_of: fn(&Sources, &OpenDump, &Keys) -> Result<Numbers, SqlError>,
    value: for<'r> fn(&'r Sources, &'r OpenDump, usize, usize) -> Result<Cell<'r>, SqlError>,
}

impl Rows for Records {
    fn advance(&mut self) -> Result<bool, SqlError> {
        loop {
            if let Some(number) = self.numbers.next() {
                self.number = number;
                return Ok(true);
            }
            let Some(place) = self.places.next() else {
                return Ok(false);
            };
            self.place = place;
            self.numbers = (self.numbers_of)(&self.sources, self.sources.at(place), &self.keys)?;
        }
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let dump = self.sources.at(self.place);
        (self.value)(&self.sources, dump, self.number, column)
    }
}

macro_rules! records {
    ($name:ident, $table:ident, $keys:expr, $numbers_of:expr, $value:ident) => {
        pub(super) struct $name(pub(super) Arc<Sources>);

        impl Relation for $name {
            fn table(&self) -> &'static Table {
                &$table
            }

            fn is_key(&self, column: usize) -> bool {
                column == DUMP || $keys.contains(&column)
            }

            fn estimate(&self, given: Columns) -> Estimate {
                let dumps = if given.has(DUMP) {
                    1.0
                } else {
                    self.0.len() as f64
                };
                let keys: &[usize] = &$keys;
                let of_dump = match keys.iter().any(|&key| given.has(key)) {
                    true => 2.0,
                    false => 500.0,
                };
                let rows = of_dump * dumps;
                Estimate { rows, cost: rows }
            }

            fn rows(&self, keys: Keys, _: Columns) -> Result<Box<dyn Rows>, SqlError> {
                Ok(Box::new(Records {
                    places: self.0.chosen(keys.integer(DUMP)),
                    sources: self.0.clone(),
                    keys,
                    place: 0,
                    numbers: Box::new(0..0),
                    number: 0,
                    numbers_of: $numbers_of,
                    value: $value,
                }))
            }
        }
    };
}

records!(
    MetadataRecords,
    METADATA,
    [],
    |_, dump, _| Ok(Box::new(0..dump.printed_metadata().len())),
    metadata
);
records!(RootRecords, ROOT, [ROOT_OBJECT], roots, root);
records!(
    FaultRecords,
    FAULT,
    [],
    |_, dump, _| Ok(Box::new(0..dump.faults()?.len())),
    fault
);

const ROOT_OBJECT: usize = RootColumn::Object as usize;

/// All roots, or those of an object: views look for what holds each of many.
fn roots(sources: &Sources, dump: &OpenDump, keys: &Keys) -> Result<Numbers, SqlError> {
    let Some(object) = keys.integer(ROOT_OBJECT) else {
        return Ok(Box::new(0..dump.roots()?.len()));
    };
    let numbers: Vec<usize> = match dump.object(object) {
        Some(object) => dump.roots_of(object, sources.progress())?.collect(),
        None => Vec::new(),
    };
    Ok(Box::new(numbers.into_iter()))
}

fn metadata<'r>(
    _: &'r Sources,
    dump: &'r OpenDump,
    number: usize,
    column: usize,
) -> Result<Cell<'r>, SqlError> {
    let Some((key, value)) = dump.printed_metadata().get(number) else {
        return Ok(Cell::Null);
    };
    Ok(match MetadataColumn::of(column) {
        Some(MetadataColumn::Dump) => dump.number().into(),
        Some(MetadataColumn::Key) => key.as_str().into(),
        Some(MetadataColumn::Value) => value.as_str().into(),
        None => Cell::Null,
    })
}

fn root<'r>(
    sources: &'r Sources,
    dump: &'r OpenDump,
    number: usize,
    column: usize,
) -> Result<Cell<'r>, SqlError> {
    let Some(root) = dump.roots()?.get(number) else {
        return Ok(Cell::Null);
    };
    let is_frame = root.kind == RootKind::Frame;
    Ok(match RootColumn::of(column) {
        Some(RootColumn::Dump) => dump.number().into(),
        Some(RootColumn::Id) => Cell::count(number as u64),
        Some(RootColumn::Object) => {
            let index = dump.snapshot(sources.progress())?.index();
            index.find(root.target).map(|id| id.0).into()
        }
        Some(RootColumn::Kind) => root_kind(root.kind).into(),
        Some(RootColumn::Name) => text(dump, root.name)?,
        Some(RootColumn::Thread) => text(dump, root.thread)?,
        Some(RootColumn::Line) => Some(root.line).filter(|&line| line > 0).into(),
        Some(RootColumn::Depth) => is_frame.then_some(root.depth).into(),
        Some(RootColumn::Label) => {
            let mut text = String::new();
            write_label(dump.dump(), root.label, &mut text)?;
            text.into()
        }
        None => Cell::Null,
    })
}

fn fault<'r>(
    _: &'r Sources,
    dump: &'r OpenDump,
    number: usize,
    column: usize,
) -> Result<Cell<'r>, SqlError> {
    let Some(fault) = dump.faults()?.get(number) else {
        return Ok(Cell::Null);
    };
    Ok(match FaultColumn::of(column) {
        Some(FaultColumn::Dump) => dump.number().into(),
        Some(FaultColumn::Id) => Cell::count(number as u64),
        Some(FaultColumn::Address) if fault.address.0 == 0 => Cell::Null,
        Some(FaultColumn::Address) => Cell::address(fault.address),
        Some(FaultColumn::Message) => text(dump, Some(fault.message))?,
        None => Cell::Null,
    })
}

fn text(dump: &OpenDump, id: Option<StringId>) -> Result<Cell<'_>, ReadError> {
    match id {
        None => Ok(Cell::Null),
        Some(id) => Ok(Cell::Text(printable(dump.dump().strings().get(id)?))),
    }
}

/// A root's kind, as SQL says it.
pub(in crate::sql) fn root_kind(kind: RootKind) -> &'static str {
    match kind {
        RootKind::Module => "module",
        RootKind::Frame => "frame",
        RootKind::Thread => "thread",
        RootKind::Interpreter => "interpreter",
        RootKind::Static => "static",
        RootKind::Native => "native",
    }
}
