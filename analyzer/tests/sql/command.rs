//! `memdump sql` as its users see it.

use std::path::Path;
use std::process::Command;

use crate::homes::{dumps, loaded_home, minutes};
use crate::support::{Ran, memdump};

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    dumps(directory.path(), &minutes());
    directory
}

const QUERY: &str =
    "SELECT type_name, address, parent FROM instance WHERE dump = 1 AND id IN (0, 7) ORDER BY id";

#[test]
fn rows_come_as_table_csv_and_json() {
    let directory = directory();
    let sql = |format: &[&str]| {
        let arguments = [&["sql", "1.dump", "2.dump", QUERY], format].concat();
        let ran = memdump(directory.path(), &arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(
        sql(&[]),
        "type_name           address  parent\n\
         module               0x1000    NULL\n\
         app.models.SomeRef   0x2000       2\n"
    );
    assert_eq!(
        sql(&["--format", "csv"]),
        "type_name,address,parent\nmodule,0x1000,\napp.models.SomeRef,0x2000,2\n"
    );
    let lines = "{\"type_name\":\"module\",\"address\":\"0x1000\",\"parent\":null}\n\
                 {\"type_name\":\"app.models.SomeRef\",\"address\":\"0x2000\",\"parent\":2}\n";
    assert_eq!(sql(&["--format", "jsonl"]), lines);
    let document = format!("[\n  {}\n]\n", lines.trim_end().replace('\n', ",\n  "));
    assert_eq!(sql(&["--format", "json"]), document);
    assert_eq!(sql(&["--json"]), document);
}

#[test]
fn the_newest_dumps_are_taken_where_none_are_named() {
    let directory = directory();
    let ran = memdump(
        directory.path(),
        &["sql", "SELECT count(*) AS n FROM dump", "--format", "csv"],
    );
    assert_eq!((ran.out.as_str(), ran.code), ("n\n3\n", 0), "{}", ran.err);
    assert!(
        ran.err.contains("1.dump") && ran.err.contains("3.dump"),
        "{}",
        ran.err
    );
}

#[test]
fn scripts_come_from_files_and_pipes_and_their_tables_last() {
    let directory = directory();
    let script = "-- What was seen\nCREATE TABLE IF NOT EXISTS seen(dump, n);\n\
                  INSERT INTO seen SELECT id, objects FROM dump;\nSELECT * FROM seen ORDER BY dump;\n";
    std::fs::write(directory.path().join("seen.sql"), script).expect("written");
    let run = |dump: &str| {
        let arguments = [
            "sql", dump, "-f", "seen.sql", "--db", "seen.db", "--format", "csv",
        ];
        memdump(directory.path(), &arguments)
    };
    assert_eq!(run("1.dump").out, "dump,n\n1,9\n");
    assert_eq!(run("3.dump").out, "dump,n\n1,9\n1,13\n");
    let mut piped = assert_cmd::Command::cargo_bin("memdump").expect("the command");
    let output = piped
        .current_dir(directory.path())
        .args(["sql", "1.dump", "--format", "csv"])
        .write_stdin("SELECT 1 AS a; SELECT 2 AS b")
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\nb\n2\n");
}

#[test]
fn a_loaded_file_is_asked_in_place_of_dumps() {
    let directory = directory();
    let paths: Vec<_> = (1..=3)
        .map(|n| directory.path().join(format!("{n}.dump")))
        .collect();
    loaded_home(&paths, &directory.path().join("heap.db"));
    let run = |arguments: &[&str]| memdump(directory.path(), &[&["sql"], arguments].concat());
    let query = "SELECT type_name, count_growth FROM suspects";
    assert_eq!(
        run(&["heap.db", query, "--format", "csv"]).out,
        "type_name,count_growth\napp.models.SomeRef,4\n"
    );
    let ran = run(&["heap.db", "DELETE FROM object"]);
    assert!(ran.code == 2 && ran.err.contains("readonly"), "{}", ran.err);
    let ran = run(&["heap.db", "SELECT * FROM chain(1, 2)"]);
    assert!(
        ran.code == 2 && ran.err.contains("functions need the dumps themselves"),
        "{}",
        ran.err
    );
    let ran = run(&["1.dump", "--db", "heap.db", "SELECT 1;"]);
    assert!(
        ran.code == 2 && ran.err.contains("query it alone"),
        "{}",
        ran.err
    );
    // Alone and by --db it takes tables of the user's own.
    assert_eq!(
        run(&["--db", "heap.db", "CREATE TABLE mine AS SELECT 5 AS five"]).code,
        0
    );
    assert_eq!(
        run(&["heap.db", "SELECT * FROM mine", "--format", "csv"]).out,
        "five\n5\n"
    );
}

fn fails(directory: &Path, query: &str) -> Ran {
    let ran = memdump(directory, &["sql", "1.dump", query]);
    assert!(ran.out.is_empty(), "{}", ran.out);
    ran
}

#[test]
fn errors_tell_the_place_and_what_there_is() {
    let directory = directory();
    let ran = fails(directory.path(), "SELECT\n  adress FROM object");
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.err,
        "memdump: no such column: adress; did you mean address or address_hex?; `--schema NAME` lists the columns of a \
         table or view\n  line 2:   adress FROM object\n            ^\n"
    );
    let ran = fails(directory.path(), "SELECT * FROM objekt");
    assert!(
        ran.err.contains("did you mean object?") && ran.err.contains("views: instance, edge"),
        "{}",
        ran.err
    );
    let ran = fails(directory.path(), "SELEC 1;");
    assert!(
        ran.err.contains("near \"SELEC\"") && ran.err.contains("\n          ^\n"),
        "{}",
        ran.err
    );
    let ran = memdump(directory.path(), &["sql", "1.dump", "typo.dump"]);
    assert!(
        ran.code == 3 && ran.err.contains("typo.dump"),
        "{}",
        ran.err
    );
}

#[test]
fn a_damaged_block_is_named() {
    let directory = directory();
    let path = directory.path().join("1.dump");
    let mut bytes = std::fs::read(&path).expect("a dump");
    bytes[120] ^= 0xff;
    std::fs::write(&path, bytes).expect("written");
    let ran = memdump(
        directory.path(),
        &[
            "sql",
            "1.dump",
            "SELECT * FROM object; SELECT * FROM reference; SELECT * FROM type",
        ],
    );
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("1.dump: block"), "{}", ran.err);
}

#[test]
fn the_schema_is_told_without_dumps() {
    let directory = tempfile::tempdir().expect("a directory");
    let ran = memdump(directory.path(), &["sql", "--schema", "garbage"]);
    assert_eq!(
        ran.out,
        "view garbage\n  What only a collection of the cyclic collector could still free, per type.\n  \
         dump       The dump.\n  type_name  The type.\n  count      Objects.\n  bytes      Their shallow bytes.\n"
    );
    let ran = memdump(directory.path(), &["sql", "--schema", "--json"]);
    let schema: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(schema["schema"], "memdump.schema/1");
    assert_eq!(schema["tables"][3]["name"], "object");
    assert_eq!(schema["functions"][0]["arguments"][1]["name"], "object");
    let ran = memdump(directory.path(), &["sql", "--schema", "grwth"]);
    assert!(
        ran.code == 4 && ran.err.contains("did you mean growth?"),
        "{}",
        ran.err
    );
}

/// Runs the shell in a terminal, types, and gives what the terminal shows and the history.
#[test]
fn the_shell_takes_statements_over_lines_and_commands_and_keeps_history() {
    let directory = directory();
    let script = r#"
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", XDG_STATE_HOME=os.getcwd() + "/state")
    os.execv(sys.argv[1], [sys.argv[1], "sql", "1.dump", "2.dump"])
shown = b""
def wait(text):
    global shown
    end = time.time() + 60
    while text not in shown:
        if time.time() > end or not select.select([terminal], [], [], 60)[0]:
            sys.exit(f"waited for {text}: {shown}")
        shown += os.read(terminal, 65536)
    shown = shown[shown.index(text) + len(text):]
def enter(line):
    os.write(terminal, line.encode() + b"\r")
wait(b"memdump> ")
enter("SELECT 40 +"); enter("2 AS answer;"); wait(b"42"); wait(b"memdump> ")
enter(".schema nothing"); wait(b"nothing is called"); wait(b"memdump> ")
enter("SELECT nonsense;"); wait(b"no such column"); wait(b"memdump> ")
enter("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT sum(x) FROM c;")
time.sleep(1)
os.write(terminal, b"\x03"); wait(b"interrupted"); wait(b"memdump> ")
enter("SELECT count(*) + 100 FROM dump;"); wait(b"102"); wait(b"memdump> ")
enter(".quit")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print("answer" in open("state/memdump/sql_history").read())
"#;
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(assert_cmd::cargo::cargo_bin("memdump"))
        .current_dir(directory.path())
        .output()
        .expect("python3");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "0\nTrue\n",
        "{err}"
    );
}

#[test]
fn a_pipe_among_the_dumps_is_not_waited_for() {
    let directory = directory();
    let made = Command::new("mkfifo")
        .arg(directory.path().join("pipe.dump"))
        .status();
    assert!(made.expect("mkfifo").success());
    for (arguments, code) in [
        (vec!["diff"], 0),
        (vec!["sql", "pipe.dump", "SELECT 1"], 3),
        (vec!["load", "pipe.dump", "-o", "heap.db"], 3),
    ] {
        let mut command = assert_cmd::Command::cargo_bin("memdump").expect("the command");
        let output = command
            .current_dir(directory.path())
            .args(&arguments)
            .timeout(std::time::Duration::from_secs(120))
            .output()
            .expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains("no regular file"), "{err}");
    }
}
