//! The rows of a query: as an aligned table, as CSV, or as JSON. They are written as they come.

use std::io::{self, Write};

use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::Width;
use super::table::{Column, Emphasis, table};
use crate::snapshot::printable;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// What it is called.
    pub name: String,
    /// Whether its integers are addresses.
    pub is_address: bool,
}

/// A value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// An integer, or an address.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Heading {
    /// Those of a statement's result.
    pub fn of(statement: &Statement<'_>) -> Vec<Heading> {
        let columns = statement.columns();
        let heading = |column: &rusqlite::Column<'_>| {
            let (name, declared) = (column.name(), column.decl_type());
            // It shows an address of a table, or is called so.
            let is_declared = declared.is_some_and(|kind| kind.starts_with("ADDRESS"));
            Heading {
                name: name.to_owned(),
                is_address: is_declared || (declared.is_none() && name == "address"),
            }
        };
        columns.map(|column| heading(&column)).collect()
    }
}

impl Value {
    /// Those of a row.
    ///
    /// # Errors
    /// If SQLite has no such column.
    pub fn of_row(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
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

    /// As JSON: an address as a string, and null what JSON has no word for.
    pub fn into_json(self, heading: &Heading) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Integer(number) if heading.is_address => {
                Json::String(format!("{:#x}", number as u64))
            }
            Value::Integer(number) => number.into(),
            Value::Real(number) => number.into(),
            Value::Text(text) => Json::String(text),
            Value::Blob(bytes) => Json::String(hex(&bytes)),
        }
    }
}

/// How rows look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// An aligned table.
    Table(Width),
    /// CSV with a heading; NULL is empty.
    Csv,
    /// A JSON object per row and line.
    JsonLines,
    /// A JSON array of objects.
    Json,
    /// For programs: a JSON object that describes the columns, then a JSON array per row and line. Tells the columns where there are no
    /// rows, keeps those that are called alike apart, and says which are addresses.
    JsonArrays,
}

/// So many rows are aligned together; behind them the heading comes again.
const ALIGNED: usize = 10_000;
/// No cell of a table on a terminal is longer than this, in characters.
const LONGEST: usize = 120;

/// Writes the rows of one statement.
pub struct RowWriter<W: Write> {
    out: W,
    format: RowFormat,
    headings: Vec<Heading>,
    /// Rows that wait to be aligned.
    waiting: Vec<Vec<Value>>,
    written: u64,
}

impl<W: Write> RowWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn new(mut out: W, format: RowFormat, headings: Vec<Heading>) -> io::Result<RowWriter<W>> {
        match format {
            RowFormat::Csv => {
                let names = headings.iter().map(|heading| heading.name.as_bytes());
                write_csv(&mut out, names)?;
            }
            RowFormat::Json => out.write_all(b"[")?,
            RowFormat::JsonArrays => {
                serde_json::to_writer(&mut out, &json!({ "columns": headings }))?;
                out.write_all(b"\n")?;
            }
            RowFormat::Table(_) | RowFormat::JsonLines => {}
        }
        Ok(RowWriter {
            out,
            format,
            headings,
            waiting: Vec::new(),
            written: 0,
        })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn row(&mut self, row: Vec<Value>) -> io::Result<()> {
        match self.format {
            RowFormat::Table(_) => {
                self.waiting.push(row);
                if self.waiting.len() == ALIGNED {
                    self.align()?;
                }
            }
            RowFormat::Csv => {
                let cells: Vec<String> = self.cells(&row, "").collect();
                write_csv(&mut self.out, cells.iter().map(String::as_bytes))?;
            }
            RowFormat::JsonLines => {
                let object = self.json(row)?;
                self.out.write_all(&object)?;
                self.out.write_all(b"\n")?;
            }
            RowFormat::JsonArrays => {
                let cells = row.into_iter().zip(&self.headings);
                let cells: Vec<Json> = cells
                    .map(|(cell, heading)| cell.into_json(heading))
                    .collect();
                serde_json::to_writer(&mut self.out, &cells)?;
                self.out.write_all(b"\n")?;
            }
            RowFormat::Json => {
                let separator: &[u8] = if self.written == 0 { b"\n  " } else { b",\n  " };
                self.out.write_all(separator)?;
                let object = self.json(row)?;
                self.out.write_all(&object)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Ends.
    ///
    /// # Errors
    /// If what is left cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        match self.format {
            RowFormat::Table(_) if self.written == 0 || !self.waiting.is_empty() => self.align()?,
            RowFormat::Json if self.written == 0 => self.out.write_all(b"]\n")?,
            RowFormat::Json => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        self.out.flush()?;
        Ok(self.written)
    }

    fn align(&mut self) -> io::Result<()> {
        let RowFormat::Table(width) = self.format else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.waiting);
        let is_number = |column: usize| {
            let mut values = rows.iter().filter_map(|row| row.get(column));
            values.all(|value| !matches!(value, Value::Text(_) | Value::Blob(_)))
        };
        let columns: Vec<Column<'_>> = (0..)
            .zip(&self.headings)
            .map(|(number, heading)| {
                if is_number(number) && !rows.is_empty() {
                    Column::Number(&heading.name)
                } else {
                    Column::Text(&heading.name)
                }
            })
            .collect();
        let cells = rows.iter().map(|row| {
            let cells = self.cells(row, "NULL").map(|cell| {
                let cell = printable(&cell).into_owned();
                match width {
                    Width::Columns(_) => Width::Columns(LONGEST as u16).fit(&cell, 0),
                    Width::Unlimited => cell,
                }
            });
            (Emphasis::None, cells.collect())
        });
        let text = table(&columns, cells, width);
        self.out.write_all(text.as_bytes())
    }

    fn cells<'r>(&'r self, row: &'r [Value], null: &'r str) -> impl Iterator<Item = String> + 'r {
        row.iter()
            .zip(&self.headings)
            .map(move |(value, heading)| match value {
                Value::Null => null.to_owned(),
                Value::Integer(number) if heading.is_address => format!("{:#x}", *number as u64),
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Text(text) => text.clone(),
                Value::Blob(bytes) => hex(bytes),
            })
    }

    /// An object whose fields are in the order of the columns.
    fn json(&self, row: Vec<Value>) -> serde_json::Result<Vec<u8>> {
        let mut text = vec![b'{'];
        for (value, heading) in row.into_iter().zip(&self.headings) {
            if text.len() > 1 {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &heading.name)?;
            text.push(b':');
            let value = value.into_json(heading);
            serde_json::to_writer(&mut text, &value)?;
        }
        text.push(b'}');
        Ok(text)
    }
}

fn write_csv<'c>(out: impl Write, cells: impl Iterator<Item = &'c [u8]>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(cells)?;
    writer.flush()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{}'", digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: RowFormat) -> String {
        let heading = |name: &str, is_address| Heading {
            name: name.to_owned(),
            is_address,
        };
        let headings = vec![
            heading("type", false),
            heading("address", true),
            heading("n", false),
        ];
        let mut out = Vec::new();
        let mut writer = RowWriter::new(&mut out, format, headings).expect("begun");
        let rows = [
            [
                Value::Text("a, \"b\"\n".to_owned()),
                Value::Integer(0x1000),
                Value::Integer(7),
            ],
            [Value::Null, Value::Null, Value::Real(0.5)],
            [Value::Blob(vec![1, 0xab]), Value::Integer(-1), Value::Null],
        ];
        for row in rows {
            writer.row(row.to_vec()).expect("written");
        }
        assert_eq!(writer.finish().expect("finished"), 3);
        anstream::adapter::strip_bytes(&out).to_string_lossy()
    }

    trait Lossy {
        fn to_string_lossy(self) -> String;
    }

    impl Lossy for anstream::adapter::StrippedBytes<'_> {
        fn to_string_lossy(self) -> String {
            String::from_utf8_lossy(&self.into_vec()).into_owned()
        }
    }

    #[test]
    fn a_table_has_numbers_to_the_right_and_null_visible() {
        let expected = "\
type        address             n
a, \"b\"\\n   0x1000              7
NULL        NULL                0.5
x'01ab'     0xffffffffffffffff  NULL
";
        let text = written(RowFormat::Table(Width::Unlimited));
        let squeezed: Vec<Vec<&str>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|c| !c.is_empty())
                    .collect()
            })
            .collect();
        let wanted: Vec<Vec<&str>> = expected
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|c| !c.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(squeezed, wanted);
        assert!(
            text.lines()
                .nth(1)
                .is_some_and(|line| line.ends_with("  7")),
            "{text}"
        );
    }

    #[test]
    fn csv_quotes_what_must_be_and_leaves_null_empty() {
        assert_eq!(
            written(RowFormat::Csv),
            "type,address,n\n\"a, \"\"b\"\"\n\",0x1000,7\n,,0.5\nx'01ab',0xffffffffffffffff,\n"
        );
    }

    #[test]
    fn json_has_addresses_as_strings() {
        let lines = written(RowFormat::JsonLines);
        let first = lines.lines().next().expect("a line");
        let expected = json!({"type": "a, \"b\"\n", "address": "0x1000", "n": 7});
        assert_eq!(serde_json::from_str::<Json>(first).expect("JSON"), expected);
        let all: Json = serde_json::from_str(&written(RowFormat::Json)).expect("JSON");
        assert_eq!(all[1], json!({"type": null, "address": null, "n": 0.5}));
        assert_eq!(all.as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn arrays_come_behind_their_columns() {
        let text = written(RowFormat::JsonArrays);
        let lines: Vec<Json> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(
            lines[0]["columns"][1],
            json!({"name": "address", "is_address": true})
        );
        assert_eq!(lines[1], json!(["a, \"b\"\n", "0x1000", 7]));
        assert_eq!(lines[2], json!([null, null, 0.5]));
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn arrays_tell_the_columns_of_no_rows() {
        let mut out = Vec::new();
        let headings = vec![Heading {
            name: "n".to_owned(),
            is_address: false,
        }];
        let writer = RowWriter::new(&mut out, RowFormat::JsonArrays, headings).expect("begun");
        assert_eq!(writer.finish().expect("finished"), 0);
        let expected = json!({"columns": [{"name": "n", "is_address": false}]});
        assert_eq!(
            serde_json::from_slice::<Json>(&out).expect("JSON"),
            expected
        );
    }
}
