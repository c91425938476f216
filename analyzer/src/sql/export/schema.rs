//! From a table of the catalogue to a Parquet schema, and how its columns are stored.

use std::sync::Arc;

use parquet::basic::{
    Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::sql::catalogue::{Column, Kind, Table};

/// Twice the size of level 1's work for a tenth less to store and read; files are written once and read often.
const LEVEL: i32 = 3;

/// The columns of a table's file, and their numbers in the table: all but those that the file's path tells.
pub(super) struct FileColumns {
    table: &'static Table,
    numbers: Vec<usize>,
}

impl FileColumns {
    pub(super) fn of(table: &'static Table) -> FileColumns {
        let in_path = |name| table.name == "dump" && matches!(name, "host" | "pid");
        let numbers = 0..table.columns.len();
        FileColumns {
            table,
            numbers: numbers
                .filter(|&at| !in_path(table.columns[at].name))
                .collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The column at a place in the file, and its number in the table.
    pub(super) fn at(&self, place: usize) -> (usize, &'static Column) {
        let number = self.numbers[place];
        (number, &self.table.columns[number])
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &'static Column> + '_ {
        self.numbers
            .iter()
            .map(|&number| &self.table.columns[number])
    }
}

/// The schema: the catalogue's names, in its order.
pub(super) fn schema(columns: &FileColumns) -> Result<TypePtr, ParquetError> {
    let fields = columns.columns().map(|column| Ok(Arc::new(field(column)?)));
    let fields = fields.collect::<Result<_, ParquetError>>()?;
    let group = Type::group_type_builder(columns.table.name).with_fields(fields);
    Ok(Arc::new(group.build()?))
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let repetition = if column.nullable {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let builder = Type::primitive_type_builder(column.name, physical(column.kind))
        .with_repetition(repetition);
    let builder = match column.kind {
        Kind::Text => builder
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8),
        _ => builder,
    };
    builder.build()
}

/// The same values as in SQL: integers of 64 bits, addresses in two's complement. Unsigned ones would become decimals in Spark.
fn physical(kind: Kind) -> Physical {
    match kind {
        Kind::Text => Physical::BYTE_ARRAY,
        Kind::Flag => Physical::BOOLEAN,
        _ => Physical::INT64,
    }
}

/// How columns are stored, and what the file says about itself and each of its columns.
pub(super) fn properties(columns: &FileColumns) -> Result<WriterPropertiesPtr, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("memdump ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_key_value_metadata(Some(sentences(columns)));
    for column in columns.columns() {
        let path = ColumnPath::from(column.name);
        if physical(column.kind) == Physical::INT64 {
            builder = builder.set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        // Nearly every row has another value: a dictionary would be filled in vain before it is given up.
        if matches!(column.name, "id" | "address" | "source") {
            builder = builder.set_column_dictionary_enabled(path, false);
        }
    }
    Ok(Arc::new(builder.build()))
}

fn sentences(columns: &FileColumns) -> Vec<KeyValue> {
    let table = columns.table;
    let say = |key: String, value: &str| KeyValue::new(key, value.to_owned());
    let mut said = vec![say(format!("memdump.{}", table.name), table.doc)];
    said.extend(columns.columns().map(|column| {
        say(
            format!("memdump.{}.{}", table.name, column.name),
            column.doc,
        )
    }));
    said
}
