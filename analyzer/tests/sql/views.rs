use memdump_analyzer::sql::views::VIEWS;

use crate::homes::{dumps, expect, loaded_home, minutes, rows, virtual_home};

#[test]
fn every_column_of_a_view_is_documented_in_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = virtual_home(&dumps(directory.path(), &minutes()));
    for view in VIEWS.iter() {
        let query = format!("SELECT * FROM {}", view.name);
        let statement = database.connection().prepare(&query).expect(view.name);
        let documented: Vec<&str> = view.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            statement.column_names().collect::<Vec<_>>(),
            documented,
            "{}",
            view.name
        );
        let sentences = view.columns.iter().map(|(_, sentence)| sentence);
        for sentence in sentences.chain([&view.doc]) {
            assert!(
                sentence.ends_with('.') && sentence.len() > 5,
                "{}: {sentence}",
                view.name
            );
        }
        assert!(
            view.sql
                .starts_with(&format!("CREATE VIEW {} AS", view.name)),
            "{}",
            view.name
        );
    }
}

#[test]
fn every_file_is_a_view() {
    let files = std::fs::read_dir("src/sql/views").expect("the views");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a file")
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let mut known: Vec<&str> = VIEWS.iter().map(|view| view.name).collect();
    known.sort_unstable();
    assert_eq!(names, known);
}

#[test]
fn both_homes_give_the_same_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let over = virtual_home(&paths);
    let loaded = loaded_home(&paths, &directory.path().join("heap.db"));
    for view in VIEWS.iter() {
        let query = format!("SELECT * FROM {}", view.name);
        let sorted = |database| {
            let mut rows = rows(database, &query);
            rows.sort();
            rows
        };
        assert!(!sorted(&over).is_empty(), "{}", view.name);
        assert_eq!(sorted(&over), sorted(&loaded), "{}", view.name);
    }
}

#[test]
fn instance_names_the_type() {
    expect(
        &minutes(),
        "SELECT * FROM instance WHERE dump = 2 AND id IN (2, 10)",
        &[
            "2|2|list|4608|0x1200|200|392|2|root|1|1|4|NULL|0|1",
            "2|10|app.models.SomeRef|8384|0x20c0|48|48|3|root|2|2|0|NULL|1|2",
        ],
    );
}

#[test]
fn edge_names_both_types() {
    expect(
        &minutes()[..1],
        "SELECT * FROM edge WHERE source = 3 OR target = 8 ORDER BY source, label",
        &[
            "1|2|list|[1]|0|8|app.models.SomeRef",
            "1|3|app.views.Request|.lost|0|NULL|NULL",
            "1|3|app.views.Request|.seen|1|2|list",
        ],
    );
}

#[test]
fn memory_says_what_the_heap_explains() {
    expect(
        &minutes()[..1],
        "SELECT * FROM memory",
        &["1|2026-11-22T10:01:00.000000Z|9|1128|4096|27.5"],
    );
}

#[test]
fn growth_compares_each_dump_with_the_one_before() {
    expect(
        &minutes(),
        "SELECT * FROM growth WHERE count_growth <> 0 OR bytes_growth <> 0 ORDER BY dump, type_name",
        &[
            "2|1|app.models.SomeRef|2|4|2|96|192|96|2|0",
            "2|1|list|1|1|0|100|200|100|0|0",
            "3|2|app.models.SomeRef|4|6|2|192|288|96|2|0",
            "3|2|list|1|1|0|200|300|100|0|0",
        ],
    );
}

#[test]
fn growth_tells_types_that_came_and_went() {
    use crate::support::Heap;
    let before = Heap::of_process(1)
        .object(0x100, "Gone", 5)
        .object(0x200, "Kept", 1);
    let after = Heap::of_process(2)
        .object(0x100, "Come", 7)
        .object(0x200, "Kept", 1);
    expect(
        &[before, after],
        "SELECT * FROM growth ORDER BY type_name",
        &[
            "2|1|Come|0|1|1|0|7|7|1|0",
            "2|1|Gone|1|0|-1|5|0|-5|0|1",
            "2|1|Kept|1|1|0|1|1|0|0|0",
        ],
    );
}

#[test]
fn suspects_grew_in_every_dump() {
    expect(
        &minutes(),
        "SELECT * FROM suspects",
        &["1|app.models.SomeRef|3|2|6|4|192|2"],
    );
    expect(&minutes()[..2], "SELECT * FROM suspects", &[]);
}

#[test]
fn accumulators_gained_objects() {
    expect(
        &minutes(),
        "SELECT * FROM accumulators ORDER BY dump",
        &["2|2|list|4608|2|4|2|392|196", "3|2|list|4608|4|6|2|588|196"],
    );
}

#[test]
fn new_objects_are_listed() {
    expect(
        &minutes(),
        "SELECT * FROM new_objects WHERE dump = 3",
        &[
            "3|11|app.models.SomeRef|8448|48|48|3|root|2",
            "3|12|app.models.SomeRef|8512|48|48|3|root|2",
        ],
    );
}

#[test]
fn chains_lead_from_the_root_to_the_new_objects() {
    expect(
        &minutes(),
        "SELECT * FROM chains ORDER BY dump",
        &[
            "2|app.models.SomeRef|module app.views.__dict__['cache'][*]|2|96",
            "3|app.models.SomeRef|module app.views.__dict__['cache'][*]|2|96",
        ],
    );
}

#[test]
fn chains_of_objects_without_parents_and_of_long_lists_end() {
    use crate::support::Heap;
    use memdump_format::RootKind;
    let before = Heap::of_process(1).object(0x10, "Old", 1);
    let mut after = Heap::of_process(2)
        .object(0x10, "Old", 1)
        .counted(1)
        .object(0x2000, "Free", 7)
        .counted(1)
        .object(0x3000, "Held", 9)
        .frame("MainThread", "handle", 1, "<local x>", 0x3000)
        .root(RootKind::Module, "app", "", 0x10_0000);
    for number in 0..100_u64 {
        let address = 0x10_0000 + number * 0x10;
        after = after.object(address, "Node", 1);
        if number > 0 {
            after = after.refers(address - 0x10, address, ".next");
        }
    }
    let long = format!("…{}|48|48", ".next".repeat(51));
    expect(
        &[before, after],
        "SELECT type_name, substr(chain, 1, 300), sum(count), sum(bytes) FROM chains \
         WHERE type_name <> 'Node' OR chain GLOB '…*' GROUP BY type_name, chain ORDER BY type_name",
        &[
            "Free|native code|1|7",
            "Held|frame handle <local x>|1|9",
            &format!("Node|{long}"),
        ],
    );
}

#[test]
fn holders_hold_the_new_objects() {
    expect(
        &minutes(),
        "SELECT * FROM holders ORDER BY dump",
        &[
            "2|app.models.SomeRef|list|[*]|1|2|96",
            "3|app.models.SomeRef|list|[*]|1|2|96",
        ],
    );
}

#[test]
fn ages_and_survivors_are_counted_by_birth() {
    expect(
        &minutes(),
        "SELECT * FROM ages WHERE type_name = 'app.models.SomeRef' ORDER BY dump, born",
        &[
            "1|1|app.models.SomeRef|2|96",
            "2|1|app.models.SomeRef|2|96",
            "2|2|app.models.SomeRef|2|96",
            "3|1|app.models.SomeRef|2|96",
            "3|2|app.models.SomeRef|2|96",
            "3|3|app.models.SomeRef|2|96",
        ],
    );
    expect(
        &minutes(),
        "SELECT * FROM survivors",
        &["3|2|app.models.SomeRef|2|96"],
    );
}

#[test]
fn the_greatest_come_first() {
    expect(
        &minutes()[2..],
        "SELECT * FROM top_types LIMIT 3",
        &[
            "1|Buffer|1|500|500|500",
            "1|list|1|300|300|588",
            "1|app.models.SomeRef|6|288|48|288",
        ],
    );
    expect(
        &minutes()[2..],
        "SELECT * FROM top_retained LIMIT 3",
        &[
            "1|0|module|4096|72|892|58.7|root",
            "1|1|dict|4352|232|820|53.9|root",
            "1|2|list|4608|300|588|38.7|root",
        ],
    );
    expect(
        &minutes()[2..],
        "SELECT * FROM biggest_dominators",
        &["1|2|list|4608|6|588|48"],
    );
}

#[test]
fn what_holds_from_outside_is_told() {
    expect(
        &minutes()[..1],
        "SELECT * FROM modules",
        &["1|app.views|0|500|1"],
    );
    expect(
        &minutes()[..1],
        "SELECT * FROM threads",
        &["1|MainThread|0|handle (app/views.py)|42|<local req>|3|app.views.Request|64"],
    );
    expect(
        &minutes()[..1],
        "SELECT * FROM native_held",
        &["1|6|Buffer|24576|500|500|2|0"],
    );
    expect(
        &minutes()[..1],
        "SELECT * FROM garbage",
        &["1|app.Node|2|64"],
    );
}
