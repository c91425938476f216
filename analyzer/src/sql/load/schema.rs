//! What a loaded file is made of.

use rusqlite::Connection;

use crate::sql::catalogue::{TABLES, Table};
use crate::sql::views::VIEWS;

/// `memd`, by which SQLite's header tells whose file it is.
const APPLICATION: i32 = 0x6d65_6d64;
/// Of tables and views. A file of another one is not touched.
const VERSION: i32 = 2;

/// What a database is to memdump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Heap {
    /// Dumps were loaded into it by this version.
    Loaded,
    /// Dumps were loaded into it, with tables of another version.
    OtherVersion(i32),
    /// It has nothing to do with memdump.
    None,
}

impl Heap {
    /// Why it cannot be used as a loaded file.
    pub(in crate::sql) fn obstacle(self) -> Option<String> {
        match self {
            Heap::Loaded => None,
            Heap::OtherVersion(version) => Some(format!(
                "its tables have version {version}, those of this memdump version {VERSION}; load the dumps into a new file"
            )),
            Heap::None => Some(
                "is a database, but not one that `memdump load` made; it is left as it is, choose another name".to_owned(),
            ),
        }
    }
}

/// What a database is to memdump.
///
/// # Errors
/// If it is no database.
pub(in crate::sql) fn is_loaded(connection: &Connection) -> rusqlite::Result<Heap> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    Ok(match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION, VERSION) => Heap::Loaded,
        (APPLICATION, version) => Heap::OtherVersion(version),
        _ => Heap::None,
    })
}

/// Nobody else knows the file, and if this fails it goes away: no journal, no waiting for the disk.
pub(super) const BEFORE_NEW: &str = "
    PRAGMA page_size = 16384;
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -262144;
    PRAGMA temp_store = FILE;
    PRAGMA application_id = 0x6d656d64;
    PRAGMA user_version = 2;
";

/// With a journal, the rollback journal that is SQLite's default or the one that the user has chosen: a crash at any moment leaves the
/// file as it was. To change it would take a moment in which nobody reads.
pub(super) const BEFORE_MORE: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -262144;
";

/// What the planner knows of the tables. A sample is enough.
pub(super) const AFTER: &str = "
    PRAGMA analysis_limit = 2000;
    ANALYZE;
";

/// Made last: sorting is quicker than inserting in any order. What tells most comes first where only equality is asked for: entries
/// that agree in their first column cost the sort twice the time.
pub(super) const INDEXES: &str = "
    CREATE UNIQUE INDEX type_by_name ON type(dump, name);
    CREATE INDEX object_by_address ON object(address, dump);
    CREATE INDEX object_by_type ON object(dump, type);
    CREATE INDEX object_by_dominator ON object(dominator, dump) WHERE dominator IS NOT NULL;
    CREATE INDEX object_new ON object(dump, type) WHERE is_new = 1;
    CREATE INDEX reference_by_target ON reference(target, dump, source);
    CREATE INDEX root_by_object ON root(object, dump);
";

/// The tables, each with its documentation inside, where `.schema` shows it.
pub(super) fn tables_sql() -> String {
    TABLES.iter().map(|table| table_sql(table)).collect()
}

fn table_sql(table: &Table) -> String {
    let mut sql = format!("CREATE TABLE {} (\n-- {}\n", table.name, table.doc);
    for column in table.columns {
        let (name, kind) = (column.name, column.kind.sql_type());
        let null = if column.nullable { "" } else { " NOT NULL" };
        sql += &format!("  {name} {kind}{null}, -- {}\n", column.doc);
    }
    let key: Vec<&str> = table.key().iter().map(|column| column.name).collect();
    // Rows lie in the order of the key, in which they come.
    sql + &format!("  PRIMARY KEY ({})\n) WITHOUT ROWID;\n", key.join(", "))
}

/// The views, each with its documentation inside.
pub(super) fn views_sql() -> String {
    VIEWS
        .iter()
        .map(|view| view.documented_sql() + ";\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_is_written_into_it() {
        let connection = Connection::open_in_memory().expect("a database");
        assert_eq!(is_loaded(&connection), Ok(Heap::None));
        connection.execute_batch(BEFORE_NEW).expect("set");
        assert_eq!(is_loaded(&connection), Ok(Heap::Loaded));
        connection
            .pragma_update(None, "user_version", 9)
            .expect("set");
        assert_eq!(is_loaded(&connection), Ok(Heap::OtherVersion(9)));
    }
}
