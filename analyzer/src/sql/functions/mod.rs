//! The table-valued functions over open dumps.

mod aggregates;
mod chain;
mod neighbours;

use std::sync::Arc;

use memdump_format::{Address, ObjectId, ReadError, Root, RootKind};

use super::catalogue::Table;
use super::error::SqlError;
use super::relation::{Columns, Estimate, Keys, Relation, Rows};
use super::sources::{OpenDump, Sources};
use super::tables::root_kind;
use crate::snapshot::printable;

/// Every function.
pub(super) fn all(sources: &Arc<Sources>) -> Vec<Arc<dyn Relation>> {
    let function = |table, call, rows, cost| -> Arc<dyn Relation> {
        Arc::new(Function {
            sources: sources.clone(),
            table,
            call,
            estimate: Estimate { rows, cost },
        })
    };
    vec![
        function(&super::catalogue::CHAIN, chain::chain as Call, 10.0, 50.0),
        function(&super::catalogue::CHAINS, aggregates::chains, 20.0, 1e6),
        function(
            &super::catalogue::REFERRERS,
            neighbours::referrers,
            4.0,
            20.0,
        ),
        function(
            &super::catalogue::DOMINATED,
            neighbours::dominated,
            20.0,
            20.0,
        ),
        function(&super::catalogue::DIFF, aggregates::diff, 500.0, 1e5),
    ]
}

/// Gives the rows for two arguments.
type Call = fn(Arc<Sources>, &Arguments<'_>) -> Result<Box<dyn Rows>, SqlError>;

struct Function {
    sources: Arc<Sources>,
    table: &'static Table,
    call: Call,
    estimate: Estimate,
}

/// The values of a function's two arguments.
struct Arguments<'k> {
    keys: &'k Keys,
    first: usize,
}

impl Arguments<'_> {
    fn integer(&self, number: usize) -> Option<i64> {
        self.keys.integer(self.first + number)
    }

    fn text(&self, number: usize) -> Option<&str> {
        self.keys.text(self.first + number)
    }

    /// The place of the dump and the number of the object that are the arguments, if there are such.
    fn object(&self, sources: &Sources) -> Option<(usize, ObjectId)> {
        let place = sources.place(self.integer(0)?)?;
        Some((place, sources.at(place).object(self.integer(1)?)?))
    }
}

impl Relation for Function {
    fn table(&self) -> &'static Table {
        self.table
    }

    fn is_key(&self, column: usize) -> bool {
        column >= self.table.results().len()
    }

    fn estimate(&self, _: Columns) -> Estimate {
        self.estimate
    }

    fn rows(&self, keys: Keys, _: Columns) -> Result<Box<dyn Rows>, SqlError> {
        let first = self.table.results().len();
        (self.call)(self.sources.clone(), &Arguments { keys: &keys, first })
    }
}

/// What the functions tell of an object.
#[derive(Clone, Copy)]
struct Look<'d> {
    dump: &'d OpenDump,
    id: ObjectId,
}

impl<'d> Look<'d> {
    fn type_name(self) -> Result<&'d str, ReadError> {
        let record = self
            .dump
            .kept_objects()
            .type_id(self.dump.dump(), self.id)?;
        let types = self.dump.types()?;
        Ok(types.name(types.number(record) as usize))
    }

    fn address(self) -> Result<Address, ReadError> {
        self.dump.kept_objects().address(self.dump.dump(), self.id)
    }

    fn size(self) -> Result<u64, ReadError> {
        self.dump.kept_objects().size(self.dump.dump(), self.id)
    }
}

/// `module app.views`, `frame handle (app/views.py):42 in MainThread`.
fn root_text(dump: &OpenDump, root: &Root) -> Result<String, ReadError> {
    let mut text = root_kind(root.kind).to_owned();
    let name = |id| dump.dump().strings().get(id).map(printable);
    if let Some(id) = root.name {
        text += &format!(" {}", name(id)?);
    }
    if root.kind == RootKind::Frame && root.line > 0 {
        text += &format!(":{}", root.line);
    }
    if let Some(id) = root.thread {
        text += &format!(" in {}", name(id)?);
    }
    Ok(text)
}
