//! The table `type`.

use std::ops::Range;
use std::sync::Arc;

use crate::snapshot::Snapshot;
use crate::sql::catalogue::{TYPE, Table, TypeColumn as Column};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources};

pub(super) struct Types(pub(super) Arc<Sources>);

const DUMP: usize = Column::Dump as usize;
const ID: usize = Column::Id as usize;
const NAME: usize = Column::Name as usize;

impl Relation for Types {
    fn table(&self) -> &'static Table {
        &TYPE
    }

    fn is_key(&self, column: usize) -> bool {
        [DUMP, ID, NAME].contains(&column)
    }

    fn estimate(&self, given: Columns) -> Estimate {
        let dumps = if given.has(DUMP) {
            1.0
        } else {
            self.0.len() as f64
        };
        let counts = self.0.iter().map(|dump| dump.dump().counts().types as f64);
        let types = counts.sum::<f64>() * dumps / (self.0.len() as f64).max(1.0);
        if given.has(ID) || given.has(NAME) {
            Estimate {
                rows: dumps,
                cost: 2.0 * dumps,
            }
        } else {
            Estimate {
                rows: types,
                cost: types + 2.0,
            }
        }
    }

    fn rows(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError> {
        Ok(Box::new(TypeRows {
            places: self.0.chosen(keys.integer(DUMP)),
            sources: self.0.clone(),
            wanted,
            keys,
            place: 0,
            numbers: 0..0,
            number: 0,
            new: Vec::new(),
        }))
    }
}

struct TypeRows {
    sources: Arc<Sources>,
    keys: Keys,
    wanted: Columns,
    places: Range<usize>,
    place: usize,
    /// Types of the dump to come.
    numbers: Range<usize>,
    number: usize,
    /// By type: new objects and their bytes; empty where that is not known or not asked for.
    new: Vec<(u64, u64)>,
}

impl Rows for TypeRows {
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
            let types = self.sources.at(place).types()?;
            let chosen = match (self.keys.integer(ID), self.keys.text(NAME)) {
                (Some(number), _) => usize::try_from(number).ok(),
                (None, Some(name)) => types.find(name),
                (None, None) => {
                    self.numbers = 0..types.count();
                    None
                }
            };
            if let Some(number) = chosen.filter(|&number| number < types.count()) {
                self.numbers = number..number + 1;
            }
            self.compute()?;
        }
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let Some(column) = Column::of(column) else {
            return Ok(Cell::Null);
        };
        let (dump, number) = (self.sources.at(self.place), self.number);
        let (types, progress) = (dump.types()?, self.sources.progress());
        let of = |column: &[u64]| Cell::count(column.get(number).copied().unwrap_or(0));
        Ok(match column {
            Column::Dump => dump.number().into(),
            Column::Id => Cell::count(number as u64),
            Column::Name => types.name(number).into(),
            Column::Module => types.module(number).into(),
            Column::ShortName => types.short(number).into(),
            Column::Count => of(&dump.snapshot(progress)?.census().counts),
            Column::Bytes => of(&dump.snapshot(progress)?.census().bytes),
            Column::Retained => dump.retained_by_type(progress)?.map_or(Cell::Null, of),
            Column::NewCount => self
                .new
                .get(number)
                .map_or(Cell::Null, |new| Cell::count(new.0)),
            Column::NewBytes => self
                .new
                .get(number)
                .map_or(Cell::Null, |new| Cell::count(new.1)),
            Column::Address => types.address(number).map_or(Cell::Null, Cell::address),
        })
    }
}

impl TypeRows {
    /// Counts new objects, if they are asked for and can be told.
    fn compute(&mut self) -> Result<(), SqlError> {
        self.new.clear();
        let dump = self.sources.at(self.place);
        let wanted = [Column::NewCount, Column::NewBytes];
        if wanted
            .iter()
            .any(|&column| self.wanted.has(column as usize))
            && self.sources.previous(dump).is_some()
        {
            let births = self.sources.births(dump)?;
            let snapshot = dump.snapshot(self.sources.progress())?;
            self.new = new_objects(dump, snapshot, &births)?;
        }
        Ok(())
    }
}

fn new_objects(
    dump: &OpenDump,
    snapshot: &Snapshot,
    births: &[u32],
) -> Result<Vec<(u64, u64)>, SqlError> {
    let mut new = vec![(0, 0_u64); snapshot.types().len()];
    let sizes = snapshot.sizes()?;
    for id in snapshot
        .ids()
        .filter(|id| births[id.index()] == dump.number())
    {
        let (count, bytes) = &mut new[snapshot.type_of(id).index()];
        *count += 1;
        *bytes = bytes.saturating_add(sizes[id.index()]);
    }
    Ok(new)
}
