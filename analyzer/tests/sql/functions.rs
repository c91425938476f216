use memdump_analyzer::sql::Database;
use memdump_analyzer::sql::catalogue::FUNCTIONS;

use crate::homes::{dumps, minutes, rows, try_rows, virtual_home};

fn over_minutes() -> Database {
    let directory = tempfile::tempdir().expect("a directory");
    virtual_home(&dumps(directory.path(), &minutes()))
}

fn expect(query: &str, expected: &[&str]) {
    let found = rows(&over_minutes(), query);
    assert_eq!(found, expected, "{query}\nfound:\n{}", found.join("\n"));
}

#[test]
fn chain_leads_from_the_root_to_the_object() {
    expect(
        "SELECT step, id, type_name, label, root, address, size FROM chain(1, 8)",
        &[
            "0|0|module||module app.views|4096|72",
            "1|1|dict|.__dict__|NULL|4352|232",
            "2|2|list|['cache']|NULL|4608|100",
            "3|8|app.models.SomeRef|[1]|NULL|8256|48",
        ],
    );
    expect(
        "SELECT step, id, label, root FROM chain(1, 3)",
        &["0|3|<local req>|frame handle (app/views.py):42 in MainThread"],
    );
    expect("SELECT step, root FROM chain(1, 6)", &["0|native code"]);
    expect(
        "SELECT step, id, label, root FROM chain(1, 5)",
        &["0|4||nothing", "1|5|.other|NULL"],
    );
    expect("SELECT * FROM chain(1, 99)", &[]);
    expect("SELECT * FROM chain(9, 1)", &[]);
}

#[test]
fn chain_is_joined_to_what_it_is_asked_of() {
    expect(
        "SELECT o.id, c.step FROM object AS o, chain(o.dump, o.id) AS c WHERE o.dump = 1 AND o.type = 6 ORDER BY o.id, c.step DESC",
        &["7|3", "7|2", "7|1", "7|0", "8|3", "8|2", "8|1", "8|0"],
    );
}

#[test]
fn chains_are_grouped_by_shape() {
    expect(
        "SELECT * FROM chains_of(3, 'SomeRef')",
        &["6|app.models.SomeRef|module app.views .cache [*]|8192"],
    );
    expect(
        "SELECT count, chain FROM chains_of(3, 'Buffer')",
        &["1|native code"],
    );
    expect("SELECT count FROM chains_of(3, 'NoSuch')", &[]);
    assert!(try_rows(&over_minutes(), "SELECT * FROM chains_of(3, '')").is_err());
}

#[test]
fn referrers_are_objects_and_roots() {
    expect(
        "SELECT * FROM referrers(1, 2)",
        &[
            "1|dict|['cache']|0|NULL|4352",
            "3|app.views.Request|.seen|1|NULL|5120",
        ],
    );
    expect(
        "SELECT source, label, root FROM referrers(1, 0)",
        &["NULL||module app.views"],
    );
    expect("SELECT * FROM referrers(1, 6)", &[]);
}

#[test]
fn dominated_are_what_would_go_with_it() {
    expect(
        "SELECT * FROM dominated_by(1, 2)",
        &[
            "7|app.models.SomeRef|48|48|8192",
            "8|app.models.SomeRef|48|48|8256",
        ],
    );
    expect("SELECT id, retained FROM dominated_by(1, 0)", &["1|428"]);
}

#[test]
fn any_two_dumps_can_be_compared() {
    expect(
        "SELECT * FROM diff(1, 3) WHERE count_growth <> 0 OR bytes_growth <> 0 ORDER BY type_name",
        &[
            "app.models.SomeRef|2|6|4|96|288|192|4|0",
            "list|1|1|0|100|300|200|0|0",
        ],
    );
    expect(
        "SELECT count_growth FROM diff(3, 1) WHERE type_name = 'app.models.SomeRef'",
        &["-4"],
    );
    expect("SELECT * FROM diff(1, 7)", &[]);
}

#[test]
fn a_function_without_its_arguments_says_which_it_needs() {
    let database = over_minutes();
    for function in FUNCTIONS {
        let error = try_rows(&database, &format!("SELECT * FROM {}", function.name))
            .expect_err(function.name);
        assert!(error.to_string().contains("needs its argument"), "{error}");
    }
}
