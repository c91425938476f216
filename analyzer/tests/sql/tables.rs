use crate::homes::{expect, minute, minutes};
use crate::support::Heap;

#[test]
fn dump_tells_of_process_and_series() {
    expect(
        &minutes(),
        "SELECT id, previous, process, host, pid, program, runtime, time, uptime_ms, sequence, identity FROM dump",
        &[
            "1|NULL|1|box|7|manage.py|CPython 3.11.7|2026-11-22T10:01:00.000000Z|60000|1|address",
            "2|1|1|box|7|manage.py|CPython 3.11.7|2026-11-22T10:02:00.000000Z|120000|2|address",
            "3|2|1|box|7|manage.py|CPython 3.11.7|2026-11-22T10:03:00.000000Z|180000|3|address",
        ],
    );
    expect(
        &minutes(),
        "SELECT id, objects, reference_count, types, roots, faults, object_bytes, rss_bytes, trigger, arguments FROM dump",
        &[
            "1|9|8|7|3|1|1128|4096|NULL|NULL",
            "2|11|10|7|3|1|1324|4096|NULL|NULL",
            "3|13|12|7|3|1|1520|4096|NULL|NULL",
        ],
    );
}

#[test]
fn metadata_has_what_else_a_dump_says() {
    expect(
        &[minute(1).metadata("answer", "42")],
        "SELECT * FROM metadata WHERE name IN ('answer', 'pid')",
        &["1|answer|42", "1|pid|7"],
    );
}

#[test]
fn types_are_counted_and_new_ones_told() {
    expect(
        &minutes()[..2],
        "SELECT dump, name, module, short_name, count, bytes, retained, new_count, new_bytes, address FROM type",
        &[
            "1|module|builtins|module|1|72|500|NULL|NULL|NULL",
            "1|dict|builtins|dict|1|232|428|NULL|NULL|NULL",
            "1|list|builtins|list|1|100|196|NULL|NULL|NULL",
            "1|app.views.Request|app.views|Request|1|64|64|NULL|NULL|NULL",
            "1|app.Node|app|Node|2|64|64|NULL|NULL|NULL",
            "1|Buffer|builtins|Buffer|1|500|500|NULL|NULL|NULL",
            "1|app.models.SomeRef|app.models|SomeRef|2|96|96|NULL|NULL|NULL",
            "2|module|builtins|module|1|72|696|0|0|NULL",
            "2|dict|builtins|dict|1|232|624|0|0|NULL",
            "2|list|builtins|list|1|200|392|0|0|NULL",
            "2|app.views.Request|app.views|Request|1|64|64|0|0|NULL",
            "2|app.Node|app|Node|2|64|64|0|0|NULL",
            "2|Buffer|builtins|Buffer|1|500|500|0|0|NULL",
            "2|app.models.SomeRef|app.models|SomeRef|4|192|192|2|96|NULL",
        ],
    );
}

#[test]
fn objects_have_their_own_columns_and_those_of_the_graph() {
    expect(
        &[minute(1)],
        "SELECT id, printf('%x', address), type, size, refcount, is_tracked, is_static, indegree FROM object",
        &[
            "0|1000|0|72|NULL|1|0|1",
            "1|1100|1|232|NULL|1|0|1",
            "2|1200|2|100|NULL|1|0|1",
            "3|1400|3|64|NULL|1|0|1",
            "4|5000|4|32|1|1|0|1",
            "5|5040|4|32|1|1|0|1",
            "6|6000|5|500|2|1|0|0",
            "7|2000|6|48|NULL|1|0|1",
            "8|2040|6|48|NULL|1|0|1",
        ],
    );
    expect(
        &[minute(1)],
        "SELECT id, distance, parent, held, dominator, dominated, retained, is_new, born FROM object",
        &[
            "0|0|NULL|root|NULL|1|500|NULL|1",
            "1|1|0|root|0|1|428|NULL|1",
            "2|2|1|root|1|2|196|NULL|1",
            "3|0|NULL|root|NULL|0|64|NULL|1",
            "4|0|NULL|garbage|NULL|1|64|NULL|1",
            "5|1|4|garbage|4|0|32|NULL|1",
            "6|0|NULL|native|NULL|0|500|NULL|1",
            "7|3|2|root|2|0|48|NULL|1",
            "8|3|2|root|2|0|48|NULL|1",
        ],
    );
}

#[test]
fn objects_are_new_since_the_dump_before_and_born_in_the_first_that_has_them() {
    expect(
        &minutes(),
        "SELECT dump, is_new, born, count(*) FROM object GROUP BY dump, is_new, born",
        &[
            "1|NULL|1|9",
            "2|0|1|9",
            "2|1|2|2",
            "3|0|1|9",
            "3|0|2|2",
            "3|1|3|2",
        ],
    );
}

#[test]
fn an_object_of_another_type_at_the_same_address_is_another() {
    let before = Heap::of_process(1)
        .object(0x100, "A", 1)
        .object(0x200, "A", 1);
    let after = Heap::of_process(2)
        .object(0x100, "B", 1)
        .object(0x200, "A", 1);
    expect(
        &[before, after],
        "SELECT id, is_new FROM object WHERE dump = 2",
        &["0|1", "1|0"],
    );
}

#[test]
fn dumps_of_another_process_are_no_series() {
    let other = Heap::of_process(2)
        .metadata("pid", "8")
        .object(0x1000, "A", 1);
    expect(
        &[minute(1), other, minute(3)],
        "SELECT id, previous, process, pid FROM dump ORDER BY pid, id",
        // A loaded file numbers in order of time, which is the order here.
        &["1|NULL|1|7", "3|1|1|7", "2|NULL|2|8"],
    );
}

#[test]
fn references_have_labels_strengths_and_dangling_targets() {
    expect(
        &[minute(1)],
        "SELECT source, position, target, label, is_weak, printf('%x', target_address) FROM reference",
        &[
            "0|0|1|.__dict__|0|0",
            "1|0|2|['cache']|0|0",
            "2|0|7|[0]|0|0",
            "2|1|8|[1]|0|0",
            "3|0|2|.seen|1|0",
            "3|1|NULL|.lost|0|7778",
            "4|0|5|.other|0|0",
            "5|0|4|.other|0|0",
        ],
    );
}

#[test]
fn roots_and_faults_are_told() {
    expect(
        &[minute(1)],
        "SELECT * FROM root",
        &[
            "1|0|0|module|app.views|NULL|NULL|NULL|",
            "1|1|3|frame|handle (app/views.py)|MainThread|42|0|<local req>",
            "1|2|NULL|thread|NULL|NULL|NULL|NULL|",
        ],
    );
    expect(&[minute(1)], "SELECT * FROM fault", &["1|0|39312|too deep"]);
}

#[test]
fn two_objects_at_one_address_are_two_rows_of_which_the_first_counts() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1000, "A", 9)
        .object(0x2000, "A", 5)
        .refers(0x1000, 0x2000, ".a");
    expect(
        std::slice::from_ref(&heap),
        "SELECT id, address, size, distance FROM object",
        &["0|4096|72|0", "1|4096|9|NULL", "2|8192|5|1"],
    );
    expect(
        &[heap],
        "SELECT id FROM object WHERE address = 0x1000 ORDER BY id LIMIT 1",
        &["0"],
    );
}

#[test]
fn absurd_numbers_are_cut_and_not_taken_for_others() {
    let heap = Heap::of_process(1)
        .object(u64::MAX - 7, "A", u64::MAX)
        .object(0x8000_0000_0000_0000, "A", 1);
    expect(
        &[heap],
        "SELECT printf('%x', address), size FROM object",
        &["fffffffffffffff8|9223372036854775807", "8000000000000000|1"],
    );
}

#[test]
fn nothing_has_empty_tables() {
    let nothing = [Heap::default()];
    for table in ["metadata", "type", "object", "reference", "root", "fault"] {
        expect(&nothing, &format!("SELECT count(*) FROM {table}"), &["0"]);
    }
    expect(&nothing, "SELECT objects, object_bytes FROM dump", &["0|0"]);
}

/// A list of three texts, two of them equal and one without a value, and a number.
fn with_values() -> Heap {
    Heap::of_process(1)
        .metadata("values", "shortened")
        .module(0x1000, "app")
        .object(0x1100, "list", 80)
        .object(0x2000, "str", 50)
        .holding("'same'")
        .object(0x2040, "str", 50)
        .object(0x2080, "str", 50)
        .holding("'same'")
        .object(0x20c0, "int", 28)
        .holding("-7")
        .refers(0x1000, 0x1100, ".names")
        .refers(0x1100, 0x2000, "[0]")
        .refers(0x1100, 0x2040, "[1]")
        .refers(0x1100, 0x2080, "[2]")
        .refers(0x1100, 0x20c0, "[3]")
}

#[test]
fn values_are_told_of_those_objects_that_have_one() {
    let dumps = [minute(1), with_values()];
    expect(
        &dumps,
        "SELECT * FROM value WHERE dump = 2",
        &["2|2|'same'", "2|4|'same'", "2|5|-7"],
    );
    expect(
        &dumps,
        "SELECT o.id, v.value FROM object AS o LEFT JOIN value AS v ON v.dump = o.dump AND v.object = o.id WHERE o.dump = 2",
        &["0|NULL", "1|NULL", "2|'same'", "3|NULL", "4|'same'", "5|-7"],
    );
    for (object, rows) in [("4", &["'same'"][..]), ("3", &[]), ("-1", &[]), ("99", &[])] {
        let query = format!("SELECT value FROM value WHERE object = {object} AND dump = 2");
        expect(&dumps, &query, rows);
    }
    expect(
        &dumps,
        "SELECT * FROM duplicates",
        &[
            "1|app.Node|'node'|2|64|32|20480",
            "2|str|'same'|2|100|50|8192",
        ],
    );
}
