//! The table `reference`: scanned block by block, or looked up by source or target.

use std::ops::Range;
use std::sync::Arc;

use memdump_format::{
    Address, LabelKind, ObjectId, ReferenceBatch, ReferenceColumns as Decoded, Strength,
};

use crate::analysis::label_text::write_label;
use crate::snapshot::Near;
use crate::sql::catalogue::{REFERENCE, ReferenceColumn as Column, Table};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources, reference_place};

pub(super) struct References(pub(super) Arc<Sources>);

const DUMP: usize = Column::Dump as usize;
const SOURCE: usize = Column::Source as usize;
const TARGET: usize = Column::Target as usize;

impl Relation for References {
    fn table(&self) -> &'static Table {
        &REFERENCE
    }

    fn is_key(&self, column: usize) -> bool {
        [DUMP, SOURCE, TARGET].contains(&column)
    }

    fn estimate(&self, given: Columns) -> Estimate {
        const PER_OBJECT: f64 = 4.0;
        let dumps = if given.has(DUMP) {
            1.0
        } else {
            self.0.len() as f64
        };
        let counts = self
            .0
            .iter()
            .map(|dump| dump.dump().counts().references as f64);
        let references = counts.sum::<f64>() * dumps / (self.0.len() as f64).max(1.0);
        let rows = match (given.has(SOURCE), given.has(TARGET)) {
            (true, true) => dumps,
            (true, false) | (false, true) => PER_OBJECT * dumps,
            (false, false) => {
                return Estimate {
                    rows: references,
                    cost: references,
                };
            }
        };
        Estimate {
            rows,
            cost: 3.0 * rows + 2.0,
        }
    }

    fn rows(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError> {
        Ok(Box::new(ReferenceRows {
            places: self.0.chosen(keys.integer(DUMP)),
            sources: self.0.clone(),
            wanted,
            keys,
            place: 0,
            walk: Walk::Done,
            row: Row::default(),
            near: Near::default(),
            text: String::new(),
        }))
    }
}

struct ReferenceRows {
    sources: Arc<Sources>,
    keys: Keys,
    wanted: Columns,
    /// Dumps to come.
    places: Range<usize>,
    /// The dump of the row.
    place: usize,
    walk: Walk,
    row: Row,
    near: Near,
    /// The row's label.
    text: String,
}

#[derive(Clone, Copy, Default)]
struct Row {
    source: ObjectId,
    /// Its number among the references of the source.
    position: u32,
    target: Address,
    label: (LabelKind, u64),
}

enum Walk {
    Scan(Box<Scan>),
    /// Chosen references, by number.
    Listed(std::vec::IntoIter<u32>),
    Done,
}

/// All references, in the order of the file.
struct Scan {
    blocks: Range<usize>,
    batch: ReferenceBatch,
    /// Behind the row: its group, its place in that, its place in the batch.
    group: usize,
    in_group: u32,
    at: usize,
}

impl Scan {
    fn next(&mut self, before: Row) -> Option<Row> {
        let mut group = self.batch.groups.get(self.group)?;
        if self.in_group == group.count {
            self.group += 1;
            self.in_group = 0;
            group = self.batch.groups.get(self.group)?;
        }
        // A source's references may go on in the next block.
        let goes_on = self.in_group > 0 || (self.at == 0 && before.source == group.source);
        let position = if goes_on { before.position + 1 } else { 0 };
        let label = match (
            self.batch.kinds.get(self.at),
            self.batch.values.get(self.at),
        ) {
            (Some(&kind), value) => (kind, value.copied().unwrap_or(0)),
            _ => Default::default(),
        };
        let row = Row {
            source: group.source,
            position,
            target: self.batch.targets.get(self.at).copied().unwrap_or_default(),
            label,
        };
        self.in_group += 1;
        self.at += 1;
        Some(row)
    }
}

impl Rows for ReferenceRows {
    fn advance(&mut self) -> Result<bool, SqlError> {
        loop {
            let dump = self.sources.at(self.place);
            match &mut self.walk {
                Walk::Scan(scan) => {
                    if let Some(row) = scan.next(self.row) {
                        self.row = row;
                        return Ok(true);
                    }
                    let block = scan.blocks.next();
                    if let Some(block) = block.and_then(|n| dump.dump().reference_blocks().nth(n)) {
                        block.decode(decoded(self.wanted), &mut scan.batch)?;
                        (scan.group, scan.in_group, scan.at) = (0, 0, 0);
                        continue;
                    }
                }
                Walk::Listed(numbers) => {
                    if let Some(number) = numbers.next() {
                        self.row = looked_up(dump, number as usize, self.wanted, &self.sources)?;
                        return Ok(true);
                    }
                }
                Walk::Done => {}
            }
            let Some(place) = self.places.next() else {
                return Ok(false);
            };
            self.place = place;
            // No source: what comes first is at position 0.
            self.row = Row {
                source: ObjectId(u32::MAX),
                ..Row::default()
            };
            self.walk = self.begin()?;
        }
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let Some(column) = Column::of(column) else {
            return Ok(Cell::Null);
        };
        let dump = self.sources.at(self.place);
        Ok(match column {
            Column::Dump => dump.number().into(),
            Column::Source => self.row.source.0.into(),
            Column::Position => self.row.position.into(),
            Column::Target | Column::TargetAddress => {
                let index = dump.snapshot(self.sources.progress())?.index();
                let target = index.find_near(self.row.target, &mut self.near);
                match (column, target) {
                    (Column::Target, target) => target.map(|id| id.0).into(),
                    (_, Some(_)) => Cell::Null,
                    (_, None) => Cell::address(self.row.target),
                }
            }
            Column::Label => {
                let (kind, value) = self.row.label;
                self.text.clear();
                write_label(dump.dump(), kind.label(value), &mut self.text)?;
                self.text.as_str().into()
            }
            Column::IsWeak => Cell::flag(self.row.label.0.strength() == Strength::Weak),
        })
    }
}

/// What is to be decoded for the columns of a query.
fn decoded(wanted: Columns) -> Decoded {
    [
        (Column::Target, Decoded::TARGETS),
        (Column::TargetAddress, Decoded::TARGETS),
        (Column::Label, Decoded::LABELS),
        (Column::IsWeak, Decoded::STRENGTHS),
    ]
    .into_iter()
    .filter(|&(column, _)| wanted.has(column as usize))
    .fold(Decoded::default(), |all, (_, one)| all | one)
}

/// The reference of a number, as far as it is wanted.
fn looked_up(
    dump: &OpenDump,
    number: usize,
    wanted: Columns,
    sources: &Sources,
) -> Result<Row, SqlError> {
    let graph = dump.graph(sources.progress())?;
    let (block, at) = reference_place(graph.blocks(), number);
    let source = ObjectId(graph.forward.sources(&(number..number + 1)).start);
    let position = number - graph.forward.row(source).start;
    let mut row = Row {
        source,
        position: position as u32,
        ..Row::default()
    };
    let decoded = decoded(wanted);
    let kept = dump.kept_references();
    if decoded.has(Decoded::TARGETS) {
        let targets = kept.targets(dump.dump(), block)?;
        row.target = targets.get(at).copied().unwrap_or_default();
    }
    if decoded.has(Decoded::LABELS | Decoded::STRENGTHS) {
        let labels = kept.labels(dump.dump(), block)?;
        row.label = labels.get(at).copied().unwrap_or_default();
    }
    Ok(row)
}

impl ReferenceRows {
    /// Begins with the dump at `self.place`.
    fn begin(&self) -> Result<Walk, SqlError> {
        let dump = self.sources.at(self.place);
        let progress = self.sources.progress();
        let (source, target) = (self.keys.integer(SOURCE), self.keys.integer(TARGET));
        if source.is_none() && target.is_none() {
            return Ok(Walk::Scan(Box::new(Scan {
                blocks: 0..dump.dump().reference_blocks().len(),
                batch: ReferenceBatch::default(),
                group: 0,
                in_group: 0,
                at: 0,
            })));
        }
        let row = match source {
            None => None,
            Some(source) => match dump.object(source) {
                Some(source) => Some(dump.graph(progress)?.forward.row(source)),
                None => return Ok(Walk::Done),
            },
        };
        let referrers = match target.map(|target| dump.object(target)) {
            // Looking through a short row is quicker than an index of all references.
            Some(_) if row.as_ref().is_some_and(|row| row.len() <= 8) => None,
            Some(Some(target)) => Some(dump.referrers(progress)?.of(target)),
            Some(None) => return Ok(Walk::Done),
            None => None,
        };
        let numbers: Vec<u32> = match (row, referrers) {
            (None, None) => Vec::new(),
            (Some(row), None) => (row.start as u32..row.end as u32).collect(),
            (None, Some(referrers)) => referrers.to_vec(),
            (Some(row), Some(referrers)) => {
                let first = referrers.partition_point(|&number| (number as usize) < row.start);
                let behind = referrers.partition_point(|&number| (number as usize) < row.end);
                referrers[first..behind].to_vec()
            }
        };
        Ok(Walk::Listed(numbers.into_iter()))
    }
}
