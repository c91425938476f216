//! Rows, kept column by column until there are enough of them for a row group.

use std::io::Write;

use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::error::WriteError;
use super::schema::FileColumns;
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
    pub(super) fn new(columns: &FileColumns) -> RowGroup {
        RowGroup {
            buffers: columns.columns().map(Buffer::of).collect(),
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
    ) -> Result<(), WriteError> {
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
    ) -> Result<(), WriteError> {
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

    fn push(&mut self, column: &Column, value: Cell<'_>) -> Result<(), WriteError> {
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
            (Values::Texts(values), Cell::Text(value)) => {
                values.push(value.into_owned().into_bytes().into())
            }
            _ => return Err(mismatch(column).into()),
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

fn mismatch(column: &Column) -> ParquetError {
    ParquetError::General(format!(
        "the column `{}` has a value of another kind than it should",
        column.name
    ))
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::super::schema::{properties, schema};
    use super::*;
    use crate::sql::catalogue::FAULT;

    #[test]
    fn long_texts_make_a_row_group_end_early() {
        let columns = FileColumns::of(&FAULT);
        let mut rows = RowGroup::new(&columns);
        let properties = properties(&columns).expect("properties");
        let schema = schema(&columns).expect("a schema");
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).expect("a writer");
        for id in 0..5 {
            let message = Cell::Text("x".repeat(TEXT / 2).into());
            let cells = [Cell::Integer(1), Cell::Integer(id), Cell::Null, message];
            for (place, cell) in cells.into_iter().enumerate() {
                rows.push(place, columns.at(place).1, cell)
                    .expect("a value");
            }
            rows.end_row();
            assert_eq!(rows.is_full(), id % 2 == 1);
            if rows.is_full() {
                rows.flush(&mut file).expect("written");
            }
        }
        rows.flush(&mut file).expect("written");
        rows.flush(&mut file).expect("nothing to write");
        let bytes = bytes::Bytes::from(file.into_inner().expect("ended"));
        let reader = SerializedFileReader::new(bytes).expect("a file");
        let groups = reader.metadata().row_groups().iter();
        assert_eq!(
            groups.map(|group| group.num_rows()).collect::<Vec<_>>(),
            [2, 2, 1]
        );
    }

    #[test]
    fn a_value_of_another_kind_is_an_error() {
        let columns = FileColumns::of(&FAULT);
        let mut rows = RowGroup::new(&columns);
        let error = rows
            .push(0, columns.at(0).1, "text".into())
            .expect_err("refused");
        let WriteError::Parquet(error) = error else {
            panic!("another error: {error:?}");
        };
        assert!(error.to_string().contains("`dump`"), "{error}");
        rows.push(0, columns.at(0).1, Cell::Null)
            .expect_err("it is not nullable");
    }
}
