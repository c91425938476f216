//! What is exported, read back: the same rows as in SQL, in files that say what they are.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::sql::catalogue::{Kind, TABLES, Table};
use memdump_analyzer::sql::{Database, Sources};
use memdump_format::Dump;
use parquet::basic::{Compression, Encoding};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::types::ValueRef;
use support::{Heap, memdump, service};

/// The Parquet files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn reader(path: &Path) -> SerializedFileReader<fs::File> {
    SerializedFileReader::new(fs::File::open(path).expect("opened")).expect("a Parquet file")
}

/// The rows of a file: each value by its column's name, as text.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let rows = reader(path).into_iter().map(|row| {
        let row = row.expect("a row");
        let values = row
            .get_column_iter()
            .map(|(name, value)| (name.clone(), text(value)));
        values.collect()
    });
    rows.collect()
}

fn text(value: &Field) -> String {
    match value {
        Field::Null => "NULL".to_owned(),
        Field::Bool(flag) => i64::from(*flag).to_string(),
        Field::Long(number) => number.to_string(),
        Field::Str(text) => format!("'{text}'"),
        other => panic!("a value of another type: {other:?}"),
    }
}

/// The rows that SQL gives for a table, those of all dumps.
fn rows_in_sql(dumps: &[&Path], table: &Table) -> Vec<BTreeMap<String, String>> {
    let dumps = dumps.iter().map(|path| Dump::open(path).expect("a dump"));
    let sources = Sources::new(dumps, Arc::new(Silent)).expect("sources");
    let database = Database::over(Arc::new(sources)).expect("a database");
    let query = format!("SELECT * FROM {}", table.name);
    let mut statement = database.connection().prepare(&query).expect("prepared");
    let mut found = statement.query([]).expect("rows");
    let mut rows = Vec::new();
    while let Some(row) = found.next().expect("a row") {
        let cell = |(at, column): (usize, &memdump_analyzer::sql::catalogue::Column)| {
            let value = match row.get_ref(at).expect("a value") {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                other => panic!("a value of another type: {other:?}"),
            };
            (column.name.to_owned(), value)
        };
        rows.push(table.columns.iter().enumerate().map(cell).collect());
    }
    rows
}

#[test]
fn every_table_reads_back_as_sql_gives_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    let rich = |leaked| {
        service(leaked)
            .refers_weakly(0x1100, 0x1400, "<weak>")
            .refers(0x1200, 0xdead0, "['gone']")
            .counted(3)
            .holding("'wörter'")
            .fault(0x1300, "cannot be read")
            .fault(0, "ünïcode")
    };
    let (a, b) = (
        rich(3).write(&place.join("a.dump")),
        rich(5).write(&place.join("b.dump")),
    );
    let ran = memdump(place, &["export", "a.dump", "b.dump", "-o", "heaps"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);

    let exported = |table: &Table| files(&place.join("heaps").join(table.name));
    let dump_table = TABLES
        .iter()
        .find(|table| table.name == "dump")
        .expect("the table");
    // From the numbers that dumps have in the session to those in the files.
    let numbers: BTreeMap<String, String> = exported(dump_table)
        .iter()
        .flat_map(|file| rows(file))
        .map(|row| {
            (
                if row["file"] == "'a.dump'" { "1" } else { "2" }.to_owned(),
                row["id"].clone(),
            )
        })
        .chain([("NULL".to_owned(), "NULL".to_owned())])
        .collect();
    assert_eq!(numbers.len(), 3, "{numbers:?}");
    for table in TABLES {
        assert_eq!(exported(table).len(), 2, "{}", table.name);
        let mut found: Vec<_> = exported(table).iter().flat_map(|file| rows(file)).collect();
        let mut wanted = rows_in_sql(&[&a, &b], table);
        for row in &mut wanted {
            for column in table
                .columns
                .iter()
                .filter(|column| column.kind == Kind::Dump)
            {
                let number = numbers[&row[column.name]].clone();
                row.insert(column.name.to_owned(), number);
            }
            if table.name == "dump" {
                // The path tells these; and the command was given relative names.
                row.remove("host");
                row.remove("pid");
                let name = Path::new(row["file"].trim_matches('\''))
                    .file_name()
                    .expect("a name")
                    .to_owned();
                row.insert("file".to_owned(), format!("'{}'", name.display()));
            }
        }
        found.sort();
        wanted.sort();
        assert!(!wanted.is_empty(), "{}", table.name);
        assert_eq!(found, wanted, "{}", table.name);
    }
}

#[test]
fn files_lie_under_host_and_process_and_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    service(3).write(&directory.path().join("app.7.1.dump"));
    memdump(
        directory.path(),
        &[
            "export",
            "app.7.1.dump",
            "-o",
            "heaps",
            "--table",
            "type",
            "--table",
            "dump",
        ],
    );
    let heaps = directory.path().join("heaps");
    let found: Vec<String> = files(&heaps)
        .iter()
        .map(|file| {
            let mode = fs::metadata(file).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let relative = file
                .strip_prefix(&heaps)
                .expect("below")
                .display()
                .to_string();
            let (place, number) = relative.rsplit_once("app.7.1.").expect("the dump's name");
            assert!(
                number
                    .strip_suffix(".parquet")
                    .is_some_and(|number| number.len() == 16),
                "{number}"
            );
            place.to_owned()
        })
        .collect();
    assert_eq!(found, ["dump/host=box/pid=7/", "type/host=box/pid=7/"]);
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    service(3).write(&place.join("a.dump"));
    service(5).write(&place.join("b.dump"));
    memdump(place, &["export", "a.dump", "-o", "heaps"]);
    let before = files(&place.join("heaps"));
    for file in &before {
        fs::write(file, "mine").expect("written");
    }
    let ran = memdump(place, &["export", "a.dump", "b.dump", "-o", "heaps"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        told[0],
        "a.dump: 8 files were there already, and are left as they are"
    );
    assert!(
        told[1].starts_with("b.dump: ") && told[1].ends_with("rows in 8 files"),
        "{}",
        told[1]
    );
    assert!(
        before
            .iter()
            .all(|file| fs::read(file).expect("read") == b"mine")
    );
    assert_eq!(files(&place.join("heaps")).len(), 16);
}

#[test]
fn dumps_of_one_name_do_not_meet() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    for (number, folder) in [(3, "x"), (5, "y")] {
        fs::create_dir(place.join(folder)).expect("made");
        service(number).write(&place.join(folder).join("heap.dump"));
    }
    let ran = memdump(
        place,
        &[
            "export",
            "x/heap.dump",
            "y/heap.dump",
            "-o",
            "heaps",
            "--json",
        ],
    );
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(told["schema"], "memdump.export/1");
    assert!(
        told["files"]
            .as_array()
            .expect("files")
            .iter()
            .all(|file| file["rows"].is_u64())
    );
    assert_eq!(files(&place.join("heaps")).len(), 16);
}

#[test]
fn a_file_says_what_its_columns_are_and_is_packed() {
    let directory = tempfile::tempdir().expect("a directory");
    service(40).write(&directory.path().join("a.dump"));
    memdump(directory.path(), &["export", "a.dump", "-o", "heaps"]);
    for table in TABLES {
        let file = &files(&directory.path().join("heaps").join(table.name))[0];
        let reader = reader(file);
        let metadata = reader.metadata().file_metadata();
        let said: BTreeMap<&str, Option<&str>> = metadata
            .key_value_metadata()
            .expect("metadata")
            .iter()
            .map(|said| (said.key.as_str(), said.value.as_deref()))
            .collect();
        assert_eq!(
            said[format!("memdump.{}", table.name).as_str()],
            Some(table.doc)
        );
        for column in metadata.schema_descr().columns() {
            let described = table
                .columns
                .iter()
                .find(|described| described.name == column.name());
            let key = format!("memdump.{}.{}", table.name, column.name());
            assert_eq!(said[key.as_str()], described.map(|described| described.doc));
        }
        for group in reader.metadata().row_groups() {
            for column in group.columns() {
                assert!(matches!(column.compression(), Compression::ZSTD(_)));
                if matches!(
                    column.column_path().string().as_str(),
                    "label" | "name" | "kind"
                ) {
                    assert!(
                        column
                            .encodings()
                            .any(|encoding| encoding == Encoding::RLE_DICTIONARY)
                    );
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    service(3).write(&place.join("a.dump"));
    fs::create_dir(place.join("heaps")).expect("made");
    fs::write(place.join("heaps/object"), "in the way").expect("written");
    let ran = memdump(place, &["export", "a.dump", "-o", "heaps"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("heaps/object/host=box/pid=7/a."),
        "{}",
        ran.err
    );
    // What was written before stays, and is told.
    assert!(ran.out.starts_with("a.dump: "), "{}", ran.out);
    let left = files(&place.join("heaps"));
    assert!(left.iter().all(|file| file.ends_with("heaps/object")
        || file.extension().is_some_and(|end| end == "parquet")));

    let ran = memdump(
        place,
        &["export", "a.dump", "-o", "heaps", "--table", "objects"],
    );
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("object, reference"), "{}", ran.err);
}

#[test]
fn a_damaged_dump_leaves_no_file_that_is_not_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    let heap = (0..100).fold(Heap::of_process(1), |heap, number| {
        heap.object(0x1000 + number * 64, "dict", 64)
    });
    let mut bytes = heap.bytes();
    // In the body of the first block.
    bytes[120] ^= 0xff;
    fs::write(place.join("a.dump"), bytes).expect("written");
    let ran = memdump(place, &["export", "a.dump", "-o", "heaps"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for file in if place.join("heaps").exists() {
        files(&place.join("heaps"))
    } else {
        Vec::new()
    } {
        rows(&file);
    }
}
