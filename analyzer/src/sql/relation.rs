//! What gives rows to SQLite: the safe side of virtual tables.

use std::borrow::Cow;

use super::catalogue::Table;
use super::error::SqlError;

/// A value of a row.
pub(super) enum Cell<'r> {
    Null,
    Integer(i64),
    Text(Cow<'r, str>),
}

impl Cell<'_> {
    /// A number that the file claims; beyond what SQL can hold it is cut.
    pub(super) fn count(number: u64) -> Self {
        Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// 64 bits as they are.
    pub(super) fn address(address: memdump_format::Address) -> Self {
        Cell::Integer(address.0 as i64)
    }

    pub(super) fn flag(flag: bool) -> Self {
        Cell::Integer(i64::from(flag))
    }
}

impl<'r> From<&'r str> for Cell<'r> {
    fn from(text: &'r str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(Cow::Owned(text))
    }
}

impl<'r, T: Into<Cell<'r>>> From<Option<T>> for Cell<'r> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Cell::Integer(i64::from(number))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Integer(number)
    }
}

/// A set of columns, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Columns(pub(super) u64);

impl Columns {
    pub(super) fn has(self, column: usize) -> bool {
        self.0 >> column.min(63) & 1 == 1
    }

    pub(super) fn add(&mut self, column: usize) {
        self.0 |= 1 << column.min(63);
    }
}

/// What a column must equal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Integer(i64),
    Text(String),
    /// No value of the column's kind equals it.
    Nothing,
}

/// The columns that a query gives values for.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(pub(super) Vec<(usize, Key)>);

impl Keys {
    fn get(&self, column: usize) -> Option<&Key> {
        self.0
            .iter()
            .find(|(at, _)| *at == column)
            .map(|(_, key)| key)
    }

    /// Whether some key rules out every row.
    pub(super) fn exclude_all(&self) -> bool {
        self.0.iter().any(|(_, key)| *key == Key::Nothing)
    }

    /// The value that was given for a column.
    pub(super) fn cell(&self, column: usize) -> Cell<'_> {
        match self.get(column) {
            Some(Key::Integer(number)) => Cell::Integer(*number),
            Some(Key::Text(text)) => text.as_str().into(),
            Some(Key::Nothing) | None => Cell::Null,
        }
    }

    pub(super) fn integer(&self, column: usize) -> Option<i64> {
        match self.get(column) {
            Some(Key::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, column: usize) -> Option<&str> {
        match self.get(column) {
            Some(Key::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What a way to the rows costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// How many rows come of it.
    pub(super) rows: f64,
    /// What it takes, in the time of a row of a scan.
    pub(super) cost: f64,
}

/// A table or a function over open dumps.
pub(super) trait Relation: Send + Sync + 'static {
    /// What it is called, and its columns.
    fn table(&self) -> &'static Table;

    /// Whether rows are found by the value of a column without looking at all of them. Functions are by their arguments.
    fn is_key(&self, column: usize) -> bool;

    /// Which of the keys a plan uses when values for some of them are at hand, and what that costs.
    fn estimate(&self, given: Columns) -> Estimate;

    /// The rows where the keys have these values. They come in the order of the table's key. More may come than asked for:
    /// SQLite looks again.
    fn rows(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError>;

    /// Columns in whose order rows can come as well when values for these keys are at hand, at about the cost that is estimated; none by default.
    fn other_order(&self, given: Columns) -> &'static [usize] {
        let _ = given;
        &[]
    }

    /// As [`Self::rows`], in the other order.
    fn rows_in_other_order(&self, keys: Keys, wanted: Columns) -> Result<Box<dyn Rows>, SqlError> {
        self.rows(keys, wanted)
    }
}

/// Rows, one after the other.
pub(super) trait Rows {
    /// Goes on to the first or the next row; false if there is none.
    fn advance(&mut self) -> Result<bool, SqlError>;

    /// The row's value in a column that was asked for.
    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError>;
}

/// None.
pub(super) struct NoRows;

impl Rows for NoRows {
    fn advance(&mut self) -> Result<bool, SqlError> {
        Ok(false)
    }

    fn value(&mut self, _: usize) -> Result<Cell<'_>, SqlError> {
        Ok(Cell::Null)
    }
}

/// Rows that are all there.
pub(super) struct Listed<R> {
    rows: std::vec::IntoIter<R>,
    row: Option<R>,
}

/// A row by itself.
pub(super) trait Row {
    fn value(&self, column: usize) -> Cell<'_>;
}

impl<R: Row + 'static> Listed<R> {
    pub(super) fn boxed(rows: Vec<R>) -> Box<dyn Rows> {
        Box::new(Listed {
            rows: rows.into_iter(),
            row: None,
        })
    }
}

impl<R: Row> Rows for Listed<R> {
    fn advance(&mut self) -> Result<bool, SqlError> {
        self.row = self.rows.next();
        Ok(self.row.is_some())
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        Ok(self
            .row
            .as_ref()
            .map_or(Cell::Null, |row| row.value(column)))
    }
}
