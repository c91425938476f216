//! Keys are looked up, orders are honoured, and neither changes an answer.

use memdump_analyzer::sql::Database;

use crate::homes::{dumps, minute, minutes, rows, try_rows, virtual_home};

fn over_minutes() -> Database {
    let directory = tempfile::tempdir().expect("a directory");
    virtual_home(&dumps(directory.path(), &minutes()))
}

/// How the innermost table is read: the words behind `INDEX`.
fn plan(database: &Database, query: &str) -> String {
    rows(database, &format!("EXPLAIN QUERY PLAN {query}")).join("\n")
}

#[test]
fn equality_is_looked_up_and_gives_what_a_scan_gives() {
    let database = over_minutes();
    for (table, keys) in [
        ("dump", &["id"][..]),
        ("type", &["dump", "id", "name"]),
        ("object", &["dump", "id", "address", "type", "dominator"]),
        ("reference", &["dump", "source", "target"]),
        ("root", &["dump", "object"]),
    ] {
        for key in keys {
            for value in rows(
                &database,
                &format!("SELECT DISTINCT quote({key}) FROM {table}"),
            ) {
                let query = format!("SELECT * FROM {table} WHERE {key} = {value}");
                assert!(
                    plan(&database, &query).contains(&format!(" {key}")),
                    "{query}"
                );
                // A plus keeps SQLite from passing it on.
                let scan = format!("SELECT * FROM {table} WHERE +{key} = {value}");
                assert_eq!(rows(&database, &query), rows(&database, &scan), "{query}");
            }
        }
    }
}

#[test]
fn keys_together_give_what_a_scan_gives() {
    let database = over_minutes();
    let pairs = rows(
        &database,
        "SELECT dump || ',' || source || ',' || target FROM reference WHERE target IS NOT NULL",
    );
    for pair in pairs {
        let values: Vec<&str> = pair.split(',').collect();
        let [dump, source, target] = values[..] else {
            panic!("{pair}");
        };
        let query = format!(
            "SELECT * FROM reference WHERE dump = {dump} AND source = {source} AND target = {target}"
        );
        let scan = format!(
            "SELECT * FROM reference WHERE +dump = {dump} AND +source = {source} AND +target = {target}"
        );
        assert_eq!(rows(&database, &query), rows(&database, &scan), "{query}");
        assert_eq!(rows(&database, &query).len(), 1);
    }
}

#[test]
fn values_are_compared_by_the_rules_of_sqlite() {
    let database = over_minutes();
    for (condition, expected) in [
        ("id = 1.0", 3),
        ("id = 1.5", 0),
        ("id = '1'", 3),
        ("id = ' 1 '", 3),
        ("id = 'x'", 0),
        ("id = NULL", 0),
        ("id = -1", 0),
        ("id = 4294967296", 0),
        ("id = 9223372036854775807", 0),
        ("id IN (0, 1, 99)", 6),
        ("dump = 0", 0),
        ("dump = 4", 0),
        ("address = 0x1200", 3),
        ("address = 0x1201", 0),
        ("type = 1e3", 0),
        ("dominator = -5", 0),
    ] {
        let count = rows(
            &database,
            &format!("SELECT count(*) FROM object WHERE {condition}"),
        );
        assert_eq!(count, [expected.to_string()], "{condition}");
    }
    let by_name = |name: &str| {
        rows(
            &database,
            &format!("SELECT count(*) FROM type WHERE name = {name}"),
        )
    };
    assert_eq!(by_name("'app.Node'"), ["3"]);
    assert_eq!(by_name("'APP.NODE'"), ["0"]);
    assert_eq!(by_name("x'61'"), ["0"]);
    assert_eq!(by_name("1"), ["0"]);
}

#[test]
fn an_order_is_taken_over_only_where_rows_come_in_it() {
    let database = over_minutes();
    for (query, is_sorted) in [
        ("SELECT id FROM object ORDER BY dump, id", false),
        ("SELECT id FROM object WHERE dump = 2 ORDER BY id", false),
        ("SELECT id FROM object ORDER BY dump DESC, id", true),
        ("SELECT id FROM object ORDER BY dump, id DESC", true),
        ("SELECT id FROM object ORDER BY id", true),
        (
            "SELECT id FROM object WHERE dump = 2 ORDER BY id DESC",
            true,
        ),
        (
            "SELECT source FROM reference ORDER BY dump, source, position",
            false,
        ),
        ("SELECT count(*) FROM object GROUP BY type", true),
        (
            "SELECT count(*) FROM object WHERE dump = 2 GROUP BY type",
            false,
        ),
        (
            "SELECT id FROM object WHERE dump = 2 ORDER BY type, id",
            false,
        ),
        (
            "SELECT id FROM object WHERE dump = 2 ORDER BY type, size",
            true,
        ),
        (
            "SELECT id FROM object WHERE dump = 2 ORDER BY type DESC",
            true,
        ),
        (
            "SELECT count(*) FROM object WHERE dump IN (1, 2) GROUP BY type",
            true,
        ),
    ] {
        let plan = plan(&database, query);
        assert_eq!(plan.contains("TEMP B-TREE"), is_sorted, "{query}: {plan}");
    }
    let descending = rows(
        &database,
        "SELECT dump, id FROM object ORDER BY dump DESC, id DESC LIMIT 3",
    );
    assert_eq!(descending, ["3|12", "3|11", "3|10"]);
    let in_any = rows(
        &database,
        "SELECT dump FROM object WHERE dump IN (3, 1) AND id < 2 ORDER BY dump",
    );
    assert_eq!(in_any, ["1", "1", "3", "3"]);
    let grouped = rows(
        &database,
        "SELECT dump, count(*) FROM object GROUP BY dump ORDER BY dump DESC",
    );
    assert_eq!(grouped, ["3|13", "2|11", "1|9"]);
}

#[test]
fn objects_by_type_are_those_of_a_scan() {
    let database = over_minutes();
    let columns = "id, address, type, size, refcount, is_tracked, is_static, indegree, distance, dominator, retained, is_new, born";
    for dump in ["dump = 1", "dump = 2", "dump = 3", "dump = 4"] {
        let by_type = format!("SELECT {columns} FROM object WHERE {dump} ORDER BY type, id");
        let sorted = format!("SELECT {columns} FROM object WHERE {dump} ORDER BY +type, id");
        assert_eq!(rows(&database, &by_type), rows(&database, &sorted));
        let grouped = |by: &str| {
            let query = format!(
                "SELECT type, count(*), sum(size), min(id), max(id) FROM object WHERE {dump} AND size > 16 GROUP BY {by}"
            );
            rows(&database, &query)
        };
        assert_eq!(grouped("type"), grouped("+type"));
        for order in ["2 DESC, type", "type DESC", "5 DESC"] {
            let sorted = |by: &str| grouped(&format!("{by} ORDER BY {order}"));
            assert_eq!(sorted("type"), sorted("+type"), "{order}");
        }
    }
    let plan = plan(
        &database,
        "SELECT type, sum(size) FROM object WHERE dump = 2 GROUP BY type ORDER BY 2 DESC",
    );
    assert!(!plan.contains("FOR GROUP BY"), "{plan}");
    let in_any = |by: &str| {
        let query = "SELECT type, count(*) FROM object WHERE dump IN (3, 1) GROUP BY";
        rows(&database, &format!("{query} {by} ORDER BY 1"))
    };
    assert_eq!(in_any("type"), in_any("+type"));
}

#[test]
fn joins_look_up_the_smaller_side() {
    let database = over_minutes();
    let query =
        "SELECT o.id FROM instance AS o WHERE o.type_name = 'app.models.SomeRef' AND o.dump = 1";
    let plan = plan(&database, query);
    assert!(plan.contains("dump type"), "{plan}");
    assert_eq!(rows(&database, query), ["7", "8"]);
}

#[test]
fn rows_span_blocks() {
    // The writer fills a block with 32,768 records.
    let mut heap = minute(1).object(0x10_0000, "Hub", 8);
    for number in 0..70_000_u64 {
        heap = heap.refers(
            0x10_0000,
            0x2000 + number % 2 * 0x40,
            &format!("[{number}]"),
        );
    }
    let directory = tempfile::tempdir().expect("a directory");
    let database = virtual_home(&dumps(directory.path(), &[heap]));
    let positions = "SELECT count(*), min(position), max(position), count(DISTINCT position), sum(label = '[' || position || ']') FROM reference WHERE";
    let expected = ["70000|0|69999|70000|70000"];
    assert_eq!(
        rows(&database, &format!("{positions} source = 9")),
        expected
    );
    assert_eq!(
        rows(&database, &format!("{positions} +source = 9")),
        expected
    );
    let to = rows(&database, "SELECT count(*) FROM reference WHERE target = 7");
    assert_eq!(to, ["35001"]);
}

#[test]
fn tables_cannot_be_written() {
    let database = over_minutes();
    for statement in [
        "DELETE FROM object",
        "INSERT INTO dump(id) VALUES (9)",
        "UPDATE type SET name = 'x'",
    ] {
        assert!(try_rows(&database, statement).is_err(), "{statement}");
    }
}
