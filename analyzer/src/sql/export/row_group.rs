//! Rows, kept column by column until there are enough of them for a row group.

use std::io::Write;

use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::{Columns, ExportError};
use crate::sql::catalogue::{Column, Kind};
use crate::sql::relation::Cell;

/// Rows of a row group, at most: the unit of work for those who read, and of memory for us (some 80 MiB of the widest table).
const ROWS: usize = 512 << 10;
/// Bytes of text in a row group, at most: a hostile dump has labels of any length.
const TEXT: usize = 64 << 20;

/// One column of the rows so far.
struct Buffer {
    values: Values,
    /// Of a nullable column, for each row: 1 if it has a value.
    present: Option<Vec<i16>>,
}

enum Values {
    Integers(Vec<i64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

/// The rows that are not yet written.
pub(super) struct RowGroup {
    buffers: Vec<Buffer>,
    rows: usize,
    text: usize,
}

impl RowGroup {
    pub(super) fn new(columns: &Columns) -> RowGroup {
        RowGroup {
            buffers: columns.iter().map(Buffer::of).collect(),
            rows: 0,
            text: 0,
        }
    }

    /// Takes the next value of a column; each column must get one for each row.
    pub(super) fn push(
        &mut self,
        at: usize,
        column: &Column,
        value: Cell<'_>,
    ) -> Result<(), ExportError> {
        if let Cell::Text(text) = &value {
            self.text += text.len();
        }
        self.buffers[at].push(column, value)
    }

    pub(super) fn end_row(&mut self) {
        self.rows += 1;
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.text >= TEXT
    }

    /// Writes the rows, if there are any, and begins anew.
    pub(super) fn flush<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = file.next_row_group()?;
        for buffer in &mut self.buffers {
            let mut column = group.next_column()?.ok_or_else(too_few)?;
            buffer.write(column.untyped())?;
            column.close()?;
        }
        group.close()?;
        (self.rows, self.text) = (0, 0);
        Ok(())
    }
}

impl Buffer {
    fn of(column: &Column) -> Buffer {
        Buffer {
            values: match column.kind {
                Kind::Text => Values::Texts(Vec::new()),
                Kind::Flag => Values::Flags(Vec::new()),
                _ => Values::Integers(Vec::new()),
            },
            present: column.nullable.then(Vec::new),
        }
    }

    fn push(&mut self, column: &Column, value: Cell<'_>) -> Result<(), ExportError> {
        if let Some(present) = &mut self.present {
            let is_null = matches!(value, Cell::Null);
            present.push(i16::from(!is_null));
            if is_null {
                return Ok(());
            }
        }
        match (&mut self.values, value) {
            (Values::Integers(values), Cell::Integer(value)) => values.push(value),
            (Values::Flags(values), Cell::Integer(value)) => values.push(value != 0),
            (Values::Texts(values), Cell::Text(value)) => values.push(value.into_owned().into_bytes().into()),
            _ => return Err(ExportError::Mismatch(column.name)),
        }
        Ok(())
    }

    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = self.present.as_deref();
        match (&mut self.values, column) {
            (Values::Integers(values), ColumnWriter::Int64ColumnWriter(column)) => {
                column.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Flags(values), ColumnWriter::BoolColumnWriter(column)) => {
                column.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Texts(values), ColumnWriter::ByteArrayColumnWriter(column)) => {
                column.write_batch(values, present, None)?;
                values.clear();
            }
            _ => {
                return Err(ParquetError::General(
                    "schema and columns differ".to_owned(),
                ));
            }
        }
        if let Some(present) = &mut self.present {
            present.clear();
        }
        Ok(())
    }
}

fn too_few() -> ParquetError {
    ParquetError::General("the schema has fewer columns than the table".to_owned())
}
