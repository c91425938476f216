//! Virtual tables of SQLite: the only file here that SQLite's conventions reach.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::vtab::{
    Context, DistinctMode, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig,
    VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use super::catalogue::{Kind, Table};
use super::relation::{Cell, Columns, Estimate, Key, Keys, Relation, Rows};
use super::sources::Sources;

/// Makes a relation known to a connection, under its own name or another.
pub(super) fn register(
    connection: &Connection,
    name: &str,
    relation: Arc<dyn Relation>,
    sources: &Arc<Sources>,
) -> Result<()> {
    const MODULE: &Module<'static, RelationTable> = &Module::eponymous_only_module();
    connection.create_module(name, MODULE, Some((relation, sources.clone())))
}

/// A virtual table over a relation.
#[repr(C)]
struct RelationTable {
    base: sqlite3_vtab,
    relation: Arc<dyn Relation>,
    sources: Arc<Sources>,
}

// SAFETY: the struct is `repr(C)` and begins with SQLite's own.
unsafe impl<'vtab> VTab<'vtab> for RelationTable {
    type Aux = (Arc<dyn Relation>, Arc<Sources>);
    type Cursor = RelationCursor<'vtab>;

    fn connect(
        db: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let (relation, sources) = aux
            .ok_or_else(|| Error::ModuleError("a table without a relation".to_owned()))?
            .clone();
        // It does nothing but read what was opened before, so views of any file may use it.
        db.config(VTabConfig::Innocuous)?;
        let declaration = CString::new(declaration(relation.table()))
            .map_err(|error| Error::ModuleError(error.to_string()))?;
        let base = sqlite3_vtab::default();
        Ok((
            Cow::Owned(declaration),
            RelationTable {
                base,
                relation,
                sources,
            },
        ))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let table = self.relation.table();
        let results = table.results().len();
        let mut chosen: Vec<(usize, usize)> = Vec::new();
        for (number, constraint) in info.constraints().enumerate() {
            let Ok(column) = usize::try_from(constraint.column()) else {
                continue;
            };
            if constraint.operator() != IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ
                || !self.relation.is_key(column)
            {
                continue;
            }
            if !constraint.is_usable() {
                // A function without its arguments has no rows to give; another order of the tables may help.
                if column >= results {
                    return Ok(false);
                }
                continue;
            }
            if chosen.iter().all(|&(other, _)| other != column) {
                chosen.push((column, number));
            }
        }
        if let Some(missing) = (results..table.columns.len())
            .find(|argument| chosen.iter().all(|&(column, _)| column != *argument))
        {
            let argument = table.columns[missing].name;
            return Err(Error::ModuleError(format!(
                "{} needs its argument {argument}",
                table.usage()
            )));
        }
        let mut given = Columns::default();
        let mut plan = format!("{:x}", info.col_used());
        for (place, &(column, number)) in (1..).zip(&chosen) {
            given.add(column);
            plan += &format!(" {}", table.columns[column].name);
            // Nothing is omitted: SQLite compares again, as it alone knows all of its rules.
            info.constraint_usage(number).set_argv_index(place);
        }
        let Estimate { rows, cost } = self.relation.estimate(given);
        info.set_estimated_cost(cost);
        info.set_estimated_rows(rows as i64);
        info.set_idx_str(&plan);
        let by_key = is_ordered(0..table.key, given, info);
        let other = self.relation.other_order(given).iter().copied();
        let by_other = !by_key && is_ordered(other, given, info);
        info.set_idx_num(if by_other { OTHER_ORDER } else { KEY_ORDER });
        info.set_order_by_consumed(by_key || by_other);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<RelationCursor<'vtab>> {
        Ok(RelationCursor {
            base: sqlite3_vtab_cursor::default(),
            results: self.relation.table().results().len(),
            relation: self.relation.clone(),
            sources: self.sources.clone(),
            rows: RefCell::new(None),
            arguments: Keys::default(),
            number: 0,
            table: PhantomData,
        })
    }
}

/// A plan's number: in which order the rows are to come.
const KEY_ORDER: c_int = 0;
const OTHER_ORDER: c_int = 1;

/// Whether rows in the order of these columns are in the order that is asked for. Columns that have one value do not count.
fn is_ordered(columns: impl Iterator<Item = usize>, given: Columns, info: &IndexInfo) -> bool {
    // Groups may come in any order, as long as each comes in one piece. SQLite may give the direction of what it sorts them by afterwards.
    let may_descend = matches!(
        info.distinct(),
        DistinctMode::Grouped | DistinctMode::Distinct
    );
    let mut order = columns.filter(|&column| !given.has(column));
    info.order_bys().all(|by| {
        let is_right = may_descend || !by.is_order_by_desc();
        usize::try_from(by.column())
            .is_ok_and(|column| given.has(column) || (is_right && order.next() == Some(column)))
    })
}

/// What SQLite is told that the table is.
fn declaration(table: &Table) -> String {
    let results = table.results().len();
    let columns: Vec<String> = (0..)
        .zip(table.columns)
        .map(|(number, column)| {
            let hidden = if number < results { "" } else { " HIDDEN" };
            format!("{} {}{hidden}", column.name, column.kind.sql_type())
        })
        .collect();
    format!("CREATE TABLE x({})", columns.join(", "))
}

/// A query's walk over a virtual table.
#[repr(C)]
struct RelationCursor<'vtab> {
    base: sqlite3_vtab_cursor,
    relation: Arc<dyn Relation>,
    sources: Arc<Sources>,
    /// Columns that are no arguments.
    results: usize,
    /// A value may be put together in memory of the rows' own.
    rows: RefCell<Option<Box<dyn Rows>>>,
    arguments: Keys,
    number: i64,
    table: PhantomData<&'vtab RelationTable>,
}

// SAFETY: the struct is `repr(C)` and begins with SQLite's own.
unsafe impl VTabCursor for RelationCursor<'_> {
    fn filter(&mut self, order: c_int, plan: Option<&str>, values: &Filters<'_>) -> Result<()> {
        *self.rows.get_mut() = None;
        self.number = 0;
        let table = self.relation.table();
        let mut words = plan.unwrap_or_default().split(' ');
        let used = words.next().unwrap_or_default();
        let wanted = Columns(u64::from_str_radix(used, 16).unwrap_or(u64::MAX));
        let keys = words.zip(values.iter()).filter_map(|(name, value)| {
            let column = table
                .columns
                .iter()
                .position(|column| column.name == name)?;
            Some((column, key(table.columns[column].kind, value)))
        });
        let keys = Keys(keys.collect());
        if keys.exclude_all() {
            return Ok(());
        }
        self.arguments = keys.clone();
        let rows = match order {
            OTHER_ORDER => self.relation.rows_in_other_order(keys, wanted),
            _ => self.relation.rows(keys, wanted),
        };
        *self.rows.get_mut() = Some(rows.map_err(|error| self.sources.keep(error))?);
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        self.number += 1;
        if let Some(rows) = self.rows.get_mut()
            && !rows.advance().map_err(|error| self.sources.keep(error))?
        {
            *self.rows.get_mut() = None;
        }
        Ok(())
    }

    fn eof(&self) -> bool {
        self.rows.borrow().is_none()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let mut rows = self.rows.borrow_mut();
        let cell = match (&mut *rows, usize::try_from(column)) {
            (Some(rows), Ok(column)) if column < self.results => rows
                .value(column)
                .map_err(|error| self.sources.keep(error))?,
            // SQLite compares what was asked for with what came of it.
            (Some(_), Ok(column)) => self.arguments.cell(column),
            _ => Cell::Null,
        };
        match cell {
            Cell::Null => context.set_result(rusqlite::types::Null),
            Cell::Integer(number) => context.set_result(number),
            Cell::Text(text) => {
                let text = ValueRef::Text(text.as_bytes());
                context.set_result(ToSqlOutput::Borrowed(text))
            }
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.number)
    }
}

/// What a column of a kind must be to equal a value, by SQLite's rules of affinity.
fn key(kind: Kind, value: ValueRef<'_>) -> Key {
    let whole = |number: f64| {
        let is_exact = number.fract() == 0.0 && number.abs() < 9e15;
        if is_exact {
            Key::Integer(number as i64)
        } else {
            Key::Nothing
        }
    };
    match (kind, value) {
        (Kind::Text, ValueRef::Text(text)) => match str::from_utf8(text) {
            Ok(text) => Key::Text(text.to_owned()),
            Err(_) => Key::Nothing,
        },
        (Kind::Text, ValueRef::Integer(number)) => Key::Text(number.to_string()),
        (Kind::Text, ValueRef::Real(number)) => Key::Text(format!("{number:?}")),
        (_, ValueRef::Integer(number)) => Key::Integer(number),
        (_, ValueRef::Real(number)) => whole(number),
        (_, ValueRef::Text(text)) => {
            let text = str::from_utf8(text).unwrap_or_default().trim();
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => Key::Integer(number),
                (_, Ok(number)) => whole(number),
                _ => Key::Nothing,
            }
        }
        _ => Key::Nothing,
    }
}
