//! The table `object`: scanned block by block, or looked up by number, address, type or dominator.

use std::ops::Range;
use std::sync::Arc;

use memdump_format::{
    Address, ObjectBatch, ObjectColumns as Decoded, ObjectFlags, ObjectId, ReadError, TypeId,
};

use crate::sql::catalogue::{OBJECT, ObjectColumn as Column, Table};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Columns, Estimate, Keys, Relation, Rows};
use crate::sql::sources::{OpenDump, Sources};

pub(super) struct Objects(pub(super) Arc<Sources>);

const DUMP: usize = Column::Dump as usize;
const ID: usize = Column::Id as usize;
const ADDRESS: usize = Column::Address as usize;
const TYPE: usize = Column::Type as usize;
const DOMINATOR: usize = Column::Dominator as usize;

impl Relation for Objects {
    fn table(&self) -> &'static Table {
        &OBJECT
    }

    fn is_key(&self, column: usize) -> bool {
        [DUMP, ID, ADDRESS, TYPE, DOMINATOR].contains(&column)
    }

    fn estimate(&self, given: Columns) -> Estimate {
        let dumps = if given.has(DUMP) {
            1.0
        } else {
            self.0.len() as f64
        };
        let mut objects: f64 = self
            .0
            .iter()
            .map(|dump| f64::from(dump.object_count()))
            .sum();
        objects *= dumps / (self.0.len() as f64).max(1.0);
        let types = self.0.iter().map(|dump| dump.dump().counts().types as f64);
        let types = types.sum::<f64>() / (self.0.len() as f64).max(1.0);
        let rows = if given.has(ID) || given.has(ADDRESS) {
            dumps
        } else if given.has(DOMINATOR) {
            (objects * 1e-5).clamp(dumps, 20.0 * dumps)
        } else if given.has(TYPE) {
            objects / types.max(1.0) + dumps
        } else {
            return Estimate {
                rows: objects,
                cost: objects,
            };
        };
        // A look-up costs more than the next row of a scan.
        Estimate {
            rows,
            cost: 3.0 * rows + 2.0,
        }
    }

    fn rows(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError> {
        Ok(Box::new(self.walk(keys, wanted, false)))
    }

    /// Of one dump, type by type: a question for each type need not sort all objects.
    fn other_order(&self, given: Columns) -> &'static [usize] {
        let is_one = given.has(DUMP) || self.0.len() == 1;
        let is_scan = ![ID, ADDRESS, TYPE, DOMINATOR]
            .iter()
            .any(|&key| given.has(key));
        match is_one && is_scan {
            true => &[TYPE, ID],
            false => &[],
        }
    }

    fn rows_in_other_order(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError> {
        Ok(Box::new(self.walk(keys, wanted, true)))
    }
}

impl Objects {
    fn walk(&self, keys: Keys, wanted: Columns, by_type: bool) -> ObjectRows {
        ObjectRows {
            places: self.0.chosen(keys.integer(DUMP)),
            sources: self.0.clone(),
            decoded: decoded(wanted),
            wanted,
            keys,
            by_type,
            place: 0,
            walk: Walk::Done,
            id: ObjectId(0),
        }
    }
}

/// What is to be decoded for the columns of a query.
fn decoded(wanted: Columns) -> Decoded {
    [
        (Column::Type, Decoded::TYPE),
        (Column::Address, Decoded::ADDRESS),
        (Column::Size, Decoded::SIZE),
        (Column::Refcount, Decoded::REFCOUNT),
        (Column::IsTracked, Decoded::FLAGS),
        (Column::IsStatic, Decoded::FLAGS),
    ]
    .into_iter()
    .filter(|&(column, _)| wanted.has(column as usize))
    .fold(Decoded::default(), |all, (_, one)| all | one)
}

struct ObjectRows {
    sources: Arc<Sources>,
    keys: Keys,
    wanted: Columns,
    decoded: Decoded,
    /// Whether they come in the order of their types.
    by_type: bool,
    /// Dumps to come.
    places: Range<usize>,
    /// The dump of the row.
    place: usize,
    walk: Walk,
    /// The object of the row.
    id: ObjectId,
}

enum Walk {
    /// All objects. `at` is the place in the batch behind the row.
    Scan {
        blocks: Range<usize>,
        batch: Box<ObjectBatch>,
        at: usize,
        len: usize,
    },
    /// All objects, type by type. `next` is the number of the type behind the row's.
    ByType {
        next: usize,
        ids: std::vec::IntoIter<ObjectId>,
    },
    /// Chosen ones.
    Listed(std::vec::IntoIter<ObjectId>),
    Done,
}

impl Rows for ObjectRows {
    fn advance(&mut self) -> Result<bool, SqlError> {
        loop {
            match &mut self.walk {
                Walk::Scan {
                    blocks,
                    batch,
                    at,
                    len,
                } => {
                    if *at < *len {
                        self.id = ObjectId(batch.first.0 + *at as u32);
                        *at += 1;
                        return Ok(true);
                    }
                    let dump = self.sources.at(self.place).dump();
                    if let Some(block) = blocks
                        .next()
                        .and_then(|block| dump.object_blocks().nth(block))
                    {
                        block.decode(self.decoded, batch)?;
                        (*at, *len) = (0, block.len());
                        continue;
                    }
                }
                Walk::ByType { next, ids } => {
                    if let Some(id) = ids.next() {
                        self.id = id;
                        return Ok(true);
                    }
                    let dump = self.sources.at(self.place);
                    let by_type = dump.by_type(self.sources.progress())?;
                    if *next < by_type.types() {
                        *ids = by_type.of(*next).to_vec().into_iter();
                        *next += 1;
                        continue;
                    }
                }
                Walk::Listed(ids) => {
                    if let Some(id) = ids.next() {
                        self.id = id;
                        return Ok(true);
                    }
                }
                Walk::Done => {}
            }
            let Some(place) = self.places.next() else {
                return Ok(false);
            };
            self.place = place;
            self.walk = self.begin()?;
        }
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let Some(column) = Column::of(column) else {
            return Ok(Cell::Null);
        };
        let dump = self.sources.at(self.place);
        // Asked only where it is needed: most columns are not computed.
        let (id, known) = (self.id, || dump.known());
        Ok(match column {
            Column::Dump => dump.number().into(),
            Column::Id => id.0.into(),
            Column::Address => Cell::address(self.address(dump)?),
            Column::Type => match &self.walk {
                Walk::ByType { next, .. } => Cell::count(*next as u64 - 1),
                _ => dump.types()?.number(self.type_id(dump)?).into(),
            },
            Column::Size => Cell::count(self.size(dump)?),
            Column::Refcount => match self.refcount(dump)? {
                0 => Cell::Null,
                count => Cell::count(count),
            },
            Column::IsTracked => Cell::flag(self.flags(dump)?.contains(ObjectFlags::TRACKED)),
            Column::IsStatic => Cell::flag(self.flags(dump)?.contains(ObjectFlags::STATIC)),
            Column::Indegree => known().indegrees.map(|counts| counts[id.index()]).into(),
            Column::Distance => known().reach.and_then(|reach| reach.distance(id)).into(),
            Column::Parent => known()
                .reach
                .and_then(|reach| reach.parent(id))
                .map(|id| id.0)
                .into(),
            Column::Held => known()
                .reach
                .and_then(|reach| reach.held(id))
                .map(|held| held.text())
                .into(),
            Column::Dominator => known()
                .dominators
                .and_then(|tree| tree.dominator(id))
                .map(|id| id.0)
                .into(),
            Column::Dominated => known()
                .dominated
                .map(|below| below.by(Some(id)).len() as u32)
                .into(),
            Column::Retained => known()
                .dominators
                .map_or(Cell::Null, |tree| Cell::count(tree.retained(id))),
            Column::IsNew => match (self.sources.previous(dump), known().births) {
                (Some(_), Some(births)) => Cell::flag(births[id.index()] == dump.number()),
                _ => Cell::Null,
            },
            Column::Born => known().births.map(|births| births[id.index()]).into(),
        })
    }
}

macro_rules! decoded_or_kept {
    ($($name:ident, $field:ident, $value:ty;)+) => {
        impl ObjectRows {
            $(
                fn $name(&self, dump: &OpenDump) -> Result<$value, ReadError> {
                    match &self.walk {
                        Walk::Scan { batch, at, .. } => {
                            Ok(batch.$field.get(*at - 1).copied().unwrap_or_default())
                        }
                        _ => dump.kept_objects().$name(dump.dump(), self.id),
                    }
                }
            )+
        }
    };
}

decoded_or_kept! {
    type_id, types, TypeId;
    address, addresses, Address;
    size, sizes, u64;
    refcount, refcounts, u64;
    flags, flags, ObjectFlags;
}

impl ObjectRows {
    /// Begins with the dump at `self.place`: computes what the query needs, and finds its rows.
    fn begin(&self) -> Result<Walk, SqlError> {
        let dump = self.sources.at(self.place);
        let progress = self.sources.progress();
        let listed = |ids: Vec<ObjectId>| Walk::Listed(ids.into_iter());
        let walk = if let Some(id) = self.keys.integer(ID) {
            listed(dump.object(id).into_iter().collect())
        } else if let Some(address) = self.keys.integer(ADDRESS) {
            let index = dump.snapshot(progress)?.index();
            listed(index.find(Address(address as u64)).into_iter().collect())
        } else if let Some(dominator) = self.keys.integer(DOMINATOR) {
            let dominator = dump.object(dominator);
            match dominator {
                Some(id) => listed(dump.dominated(progress)?.by(Some(id)).to_vec()),
                None => Walk::Done,
            }
        } else if let Some(number) = self.keys.integer(TYPE) {
            let by_type = dump.by_type(progress)?;
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            listed(by_type.of(number).to_vec())
        } else if self.by_type {
            Walk::ByType {
                next: 0,
                ids: Vec::new().into_iter(),
            }
        } else {
            Walk::Scan {
                blocks: 0..dump.dump().object_blocks().len(),
                batch: Box::default(),
                at: 0,
                len: 0,
            }
        };
        if matches!(&walk, Walk::Listed(ids) if ids.len() == 0) {
            return Ok(walk);
        }
        self.compute(dump)?;
        Ok(walk)
    }

    /// Computes the columns that need the whole heap, if they are asked for.
    fn compute(&self, dump: &OpenDump) -> Result<(), SqlError> {
        let progress = self.sources.progress();
        let wants = |columns: &[Column]| columns.iter().any(|&c| self.wanted.has(c as usize));
        if wants(&[Column::Indegree]) {
            dump.indegrees(progress)?;
        }
        if wants(&[Column::Distance, Column::Parent, Column::Held]) {
            dump.reach(progress)?;
        }
        if wants(&[Column::Dominator, Column::Retained]) {
            dump.dominators(progress)?;
        }
        if wants(&[Column::Dominated]) {
            dump.dominated(progress)?;
        }
        let has_previous = self.sources.previous(dump).is_some();
        if wants(&[Column::Born]) || wants(&[Column::IsNew]) && has_previous {
            self.sources.births(dump)?;
        }
        Ok(())
    }
}
