//! Runs statements one after the other, and prints their rows.

use std::io::{self, BufWriter, Write};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Row, Statement};

use super::explain::explained;
use crate::command::progress::Shown;
use crate::sql::{Database, Sources};
use crate::view::rows::{Heading, RowFormat, RowWriter, Value};

/// Runs statements.
pub(in crate::command) struct Runner<'r> {
    pub(in crate::command) database: &'r Database,
    pub(in crate::command) sources: Option<&'r Sources>,
    pub(in crate::command) progress: &'r Shown,
    pub(in crate::command) format: RowFormat,
}

impl Runner<'_> {
    /// Runs all statements of a script, up to the first that fails.
    pub(in crate::command) fn script(&self, script: &str) -> anyhow::Result<()> {
        let mut batch = Batch::new(self.database.connection(), script);
        loop {
            let next = batch.next();
            let told = |error| explained(error, script, self.database, self.sources);
            let Some(statement) = next.map_err(told)? else {
                return Ok(());
            };
            self.statement(statement, script)?;
        }
    }

    fn statement(&self, mut statement: Statement<'_>, script: &str) -> anyhow::Result<()> {
        let headings: Vec<Heading> = statement
            .columns()
            .map(|column| Heading {
                name: column.name().to_owned(),
                is_address: is_address(column.name(), column.decl_type()),
            })
            .collect();
        let columns = headings.len();
        let mut rows = statement
            .query([])
            .map_err(|error| explained(error, script, self.database, self.sources))?;
        let mut writer = None;
        loop {
            let row = rows
                .next()
                .map_err(|error| explained(error, script, self.database, self.sources));
            // What came before an error stays printed.
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    self.progress.clear();
                    writer.map(RowWriter::finish).transpose()?;
                    return Err(error);
                }
            };
            if columns == 0 {
                return Ok(());
            }
            if writer.is_none() {
                self.progress.clear();
                let out = BufWriter::new(anstream::stdout());
                writer = Some(RowWriter::new(out, self.format, headings.clone())?);
            }
            let (Some(row), Some(writer)) = (row, &mut writer) else {
                break;
            };
            writer.row(values(row, columns)?)?;
        }
        writer.map(RowWriter::finish).transpose()?;
        io::stdout().flush()?;
        Ok(())
    }
}

/// Whether the integers of a result's column are addresses: it shows one, or is called so.
fn is_address(name: &str, declared: Option<&str>) -> bool {
    let is_declared = declared.is_some_and(|kind| kind.starts_with("ADDRESS"));
    is_declared || (declared.is_none() && name == "address")
}

fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
    (0..columns)
        .map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Real(number) => Value::Real(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            })
        })
        .collect()
}
