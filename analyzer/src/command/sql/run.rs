//! Runs statements one after the other, and prints their rows.

use std::io::{self, BufWriter, Write};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Statement};

use super::explain::explained;
use super::parameters::Parameters;
use crate::command::progress::Shown;
use crate::sql::{Database, Sources};
use crate::view::rows::{Heading, RowFormat, RowWriter, Value};

/// Runs statements.
pub(in crate::command) struct Runner<'r> {
    pub(in crate::command) database: &'r Database,
    pub(in crate::command) sources: Option<&'r Sources>,
    pub(in crate::command) progress: &'r Shown,
    pub(in crate::command) format: RowFormat,
    /// What statements are given for their parameters.
    pub(in crate::command) parameters: &'r Parameters,
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
        let headings = Heading::of(&statement);
        let columns = headings.len();
        self.parameters.bind(&mut statement)?;
        let mut rows = statement.raw_query();
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
            writer.row(Value::of_row(row, columns)?)?;
        }
        writer.map(RowWriter::finish).transpose()?;
        io::stdout().flush()?;
        Ok(())
    }
}
