//! The table `dump`.

use std::sync::Arc;

use crate::snapshot::printable;
use crate::sql::catalogue::{DUMP, DumpColumn as Column, Table};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources};

pub(super) struct Dumps(pub(super) Arc<Sources>);

const ID: usize = Column::Id as usize;

impl Relation for Dumps {
    fn table(&self) -> &'static Table {
        &DUMP
    }

    fn is_key(&self, column: usize) -> bool {
        [ID].contains(&column)
    }

    fn estimate(&self, given: Columns) -> Estimate {
        let rows = if given.has(ID) {
            1.0
        } else {
            self.0.len() as f64
        };
        Estimate { rows, cost: rows }
    }

    fn rows(&self, keys: Keys, _: Columns) -> Result<Box<dyn Rows>, SqlError> {
        Ok(Box::new(DumpRows {
            places: self.0.chosen(keys.integer(ID)),
            sources: self.0.clone(),
            place: 0,
        }))
    }
}

struct DumpRows {
    sources: Arc<Sources>,
    places: std::ops::Range<usize>,
    place: usize,
}

impl Rows for DumpRows {
    fn advance(&mut self) -> Result<bool, SqlError> {
        let next = self.places.next();
        self.place = next.unwrap_or(self.place);
        Ok(next.is_some())
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let Some(column) = Column::of(column) else {
            return Ok(Cell::Null);
        };
        let (sources, dump) = (&self.sources, self.sources.at(self.place));
        let text = |key| {
            Cell::from(
                dump.metadata()
                    .get(key)
                    .map(|text| printable(text).into_owned()),
            )
        };
        let number = |key| number(dump, key).map_or(Cell::Null, Cell::count);
        let counts = dump.dump().counts();
        Ok(match column {
            Column::Id => dump.number().into(),
            Column::File => printable(&dump.dump().path().to_string_lossy())
                .into_owned()
                .into(),
            Column::Previous => sources.previous(dump).into(),
            Column::Process => sources.series(dump).into(),
            Column::Host => text("host"),
            Column::Pid => number("pid"),
            Column::Program => text("program"),
            Column::Arguments => text("arguments"),
            Column::Runtime => text("runtime"),
            Column::Producer => text("producer"),
            Column::Time => text("time"),
            Column::UptimeMs => number("uptime_ms"),
            Column::Sequence => number("sequence"),
            Column::Trigger => text("trigger"),
            Column::Identity => text("identity"),
            Column::Objects => Cell::count(counts.objects),
            Column::ReferenceCount => Cell::count(counts.references),
            Column::Types => Cell::count(dump.types()?.count() as u64),
            Column::Roots => Cell::count(counts.roots),
            Column::Faults => Cell::count(counts.faults),
            Column::ObjectBytes => {
                let bytes = &dump.snapshot(sources.progress())?.census().bytes;
                Cell::count(bytes.iter().fold(0, |sum, &more| sum.saturating_add(more)))
            }
            Column::RssBytes => number("rss_bytes"),
            Column::PauseUs => number("pause_us"),
            Column::DurationUs => number("duration_us"),
            Column::FileBytes => Cell::count(dump.dump().file_len()),
        })
    }
}

fn number(dump: &OpenDump, key: &str) -> Option<u64> {
    dump.metadata().get(key)?.parse().ok()
}
