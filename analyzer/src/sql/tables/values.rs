//! The table `value`: what objects held, where dumps tell it.

use std::sync::Arc;

use memdump_format::{ObjectId, ValueBatch};

use crate::snapshot::printable;
use crate::sql::catalogue::{Table, VALUE, ValueColumn};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, NoRows, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources};

const DUMP: usize = ValueColumn::Dump as usize;
const OBJECT: usize = ValueColumn::Object as usize;

pub(super) struct Values(pub(super) Arc<Sources>);

impl Relation for Values {
    fn table(&self) -> &'static Table {
        &VALUE
    }

    fn is_key(&self, column: usize) -> bool {
        column == DUMP || column == OBJECT
    }

    fn estimate(&self, given: Columns) -> Estimate {
        let dumps = if given.has(DUMP) {
            1.0
        } else {
            self.0.len() as f64
        };
        if given.has(OBJECT) {
            return Estimate {
                rows: dumps,
                cost: 10.0 * dumps,
            };
        }
        let rows = self.0.value_count() as f64 * dumps / self.0.len().max(1) as f64;
        Estimate {
            rows,
            cost: rows.max(1.0),
        }
    }

    fn rows(&self, keys: Keys, _: Columns) -> Result<Box<dyn Rows>, SqlError> {
        let object = match keys.integer(OBJECT).map(u32::try_from) {
            None => None,
            Some(Ok(object)) => Some(ObjectId(object)),
            Some(Err(_)) => return Ok(Box::new(NoRows)),
        };
        Ok(Box::new(ValueRows {
            places: self.0.chosen(keys.integer(DUMP)),
            sources: self.0.clone(),
            object,
            place: 0,
            block: 0,
            batch: None,
            at: 0,
            next: 0,
        }))
    }
}

struct ValueRows {
    sources: Arc<Sources>,
    /// Dumps that are still to come.
    places: std::ops::Range<usize>,
    /// The only one that is asked for.
    object: Option<ObjectId>,
    place: usize,
    /// The block after that of the batch.
    block: usize,
    batch: Option<Arc<ValueBatch>>,
    at: usize,
    next: usize,
}

impl ValueRows {
    fn dump(&self) -> &OpenDump {
        self.sources.at(self.place)
    }

    /// Goes to the next block, of this dump or a later one.
    fn next_block(&mut self) -> Result<bool, SqlError> {
        loop {
            if self.batch.is_some() && self.object.is_none() {
                let dump = self.dump();
                self.batch = dump.kept_values().block(dump.dump(), self.block)?;
                self.block += 1;
                self.next = 0;
                if self.batch.is_some() {
                    return Ok(true);
                }
            }
            let Some(place) = self.places.next() else {
                return Ok(false);
            };
            self.place = place;
            let dump = self.dump();
            let first = match self.object {
                Some(object) => dump.kept_values().block_of(dump.dump(), object)?,
                None => 0,
            };
            let batch = dump.kept_values().block(dump.dump(), first)?;
            self.batch = batch;
            self.block = first + 1;
            self.next = 0;
            if self.batch.is_some() {
                return Ok(true);
            }
        }
    }
}

impl Rows for ValueRows {
    fn advance(&mut self) -> Result<bool, SqlError> {
        loop {
            if let Some(batch) = &self.batch {
                let wanted = |place: &usize| match (self.object, batch.object(*place)) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(wanted), Some(object)) => wanted == object,
                };
                if let Some(at) = (self.next..batch.len()).find(wanted) {
                    self.at = at;
                    self.next = at + 1;
                    return Ok(true);
                }
            }
            if !self.next_block()? {
                return Ok(false);
            }
        }
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let Some((object, text)) = self.batch.as_ref().and_then(|batch| batch.get(self.at)) else {
            return Ok(Cell::Null);
        };
        Ok(match ValueColumn::of(column) {
            Some(ValueColumn::Dump) => self.sources.at(self.place).number().into(),
            Some(ValueColumn::Object) => object.0.into(),
            Some(ValueColumn::Value) => Cell::Text(printable(text)),
            None => Cell::Null,
        })
    }
}
