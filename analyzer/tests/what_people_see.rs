//! Each command's text and JSON, on a small service that leaks.

#![allow(missing_docs)]

mod support;

use insta::assert_snapshot;
use support::{Heap, busy_service, memdump, service};

/// A directory with `a.dump` (3 SomeRef) and `b.dump` (5).
fn leaking() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    service(3).write(&directory.path().join("a.dump"));
    service(5).write(&directory.path().join("b.dump"));
    directory
}

fn told(arguments: &[&str]) -> String {
    let ran = memdump(leaking().path(), arguments);
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    ran.out
}

macro_rules! sees {
    ($($name:ident: $($argument:expr),+;)+) => {$(
        #[test]
        fn $name() {
            assert_snapshot!(told(&[$($argument),+]));
        }
    )+};
}

sees! {
    diff: "diff", "a.dump", "b.dump";
    diff_json: "diff", "a.dump", "b.dump", "--json";
    diff_limited: "diff", "a.dump", "b.dump", "--limit", "1";
    diff_retained: "diff", "a.dump", "b.dump", "--retained";
    diff_retained_json: "diff", "a.dump", "b.dump", "--sort", "retained", "--limit", "1", "--json";
    diff_that_grew: "diff", "a.dump", "b.dump", "--min-growth", "1";
    new: "new", "a.dump", "b.dump";
    new_json: "new", "a.dump", "b.dump", "--json", "--type", "SomeRef";
    new_limited: "new", "a.dump", "b.dump", "--limit", "1";
    no_new: "new", "a.dump", "b.dump", "--type", "Request";
    chain: "chain", "a.dump", "b.dump", "--type", "SomeRef";
    chain_json: "chain", "a.dump", "b.dump", "--type", "SomeRef", "--json";
    chain_of_all: "chain", "b.dump", "--type", "SomeRef";
    chain_of_a_local: "chain", "b.dump", "--type", "Request";
    chain_avoiding_the_only_way: "chain", "b.dump", "--type", "SomeRef", "--avoid", "list";
    top: "top", "b.dump";
    top_json: "top", "b.dump", "--json";
    top_retained: "top", "b.dump", "--sort", "retained";
    top_of_a_type: "top", "b.dump", "--type", "SomeRef";
    top_retained_json: "top", "b.dump", "--retained", "--limit", "1", "--json";
    top_objects: "top", "b.dump", "--objects";
    top_objects_json: "top", "b.dump", "--objects", "--type", "SomeRef", "--limit", "1", "--json";
    show: "show", "b.dump", "0x1300", "--limit", "2";
    show_json: "show", "b.dump", "0x2000", "--json";
    no_leaks: "leaks", "b.dump";
    verify: "verify", "a.dump", "b.dump";
    verify_json: "verify", "a.dump", "--json";
    help: "--help";
}

#[test]
fn info() {
    let directory = tempfile::tempdir().expect("a directory");
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .fault(0x4000, "SIGSEGV while traversing a numpy.ndarray");
    heap.write(&directory.path().join("a.dump"));
    assert_snapshot!(memdump(directory.path(), &["info", "a.dump"]).out);
    assert_snapshot!(memdump(directory.path(), &["info", "a.dump", "--json"]).out);
}

#[test]
fn where_dumps_are_left_out_the_newest_are_used_and_told() {
    let directory = leaking();
    service(9)
        .metadata("pid", "8")
        .metadata("time", "2026-11-22T09:00:00Z")
        .write(&directory.path().join("older-of-another.dump"));
    let ran = memdump(directory.path(), &["new", "--type", "SomeRef"]);
    assert_eq!(
        ran.err,
        "memdump: using a.dump and b.dump, the newest here\n"
    );
    assert!(ran.out.contains("2 new objects"), "{}", ran.out);
}

#[test]
fn dumps_in_the_wrong_order_are_told() {
    let ran = memdump(leaking().path(), &["diff", "b.dump", "a.dump"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err
            .starts_with("memdump: b.dump was taken after a.dump"),
        "{}",
        ran.err
    );
}

/// What went wrong with each of these, one after the other.
fn complaints(directory: &std::path::Path, commands: &[&[&str]]) -> String {
    let mut told = String::new();
    for arguments in commands {
        let ran = memdump(directory, arguments);
        assert_ne!(ran.code, 0, "{arguments:?}: {}", ran.out);
        told += &format!(
            "$ memdump {}    # {}\n{}\n",
            arguments.join(" "),
            ran.code,
            ran.err
        );
    }
    told
}

#[test]
fn where_there_are_no_dumps_it_is_told_how_to_get_some() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_snapshot!(complaints(
        directory.path(),
        &[
            &["diff"],
            &["info"],
            &["suspects"],
            &["sql", "SELECT 1"],
            &["ui"]
        ]
    ));
}

#[test]
fn too_few_dumps_are_told_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    service(3).write(&directory.path().join("a.dump"));
    assert_snapshot!(complaints(
        directory.path(),
        &[
            &["diff"],
            &["diff", "a.dump"],
            &["suspects", "a.dump", "--fail-on", "likely"]
        ]
    ));
    // One is enough for what one dump tells.
    for command in ["suspects", "report"] {
        let ran = memdump(directory.path(), &[command]);
        assert_eq!(
            (ran.code, &*ran.err),
            (0, "memdump: using a.dump, the newest here\n")
        );
    }
}

#[test]
fn files_that_are_no_sound_dumps_are_told_with_what_to_do() {
    let directory = leaking();
    let path = |name: &str| directory.path().join(name);
    let whole = std::fs::read(path("b.dump")).expect("read");
    std::fs::write(path("text.dump"), "what a dump is not").expect("written");
    std::fs::write(path("empty.dump"), "").expect("written");
    std::fs::write(path("cut.dump"), &whole[..whole.len() - 40]).expect("written");
    assert_snapshot!(complaints(
        directory.path(),
        &[
            &["top", "absent.dump"],
            &["top", "."],
            &["top", "text.dump"],
            &["top", "empty.dump"],
            &["top", "cut.dump"],
            &["verify", "cut.dump"],
            &["load", "a.dump", "-o", "text.dump"],
        ]
    ));
    let ran = memdump(directory.path(), &["top", "cut.dump", "--recover"]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.err);
}

#[test]
fn what_cannot_be_written_is_told_before_any_work() {
    let directory = leaking();
    let ran = |output: &'static str| ["chain", "--type", "SomeRef", "b.dump", "-o", output];
    assert_snapshot!(complaints(
        directory.path(),
        &[
            &ran("chain.jpg"),
            &ran("nowhere/chain.svg"),
            &ran("a.dump/chain.svg"),
            &["report", "a.dump", "-o", "b.dump"],
        ]
    ));
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let directory = leaking();
    let binary = assert_cmd::cargo::cargo_bin("memdump");
    for arguments in [
        "report a.dump b.dump -o page.html",
        "chain --type SomeRef b.dump -o chain.png",
        "load a.dump -o heap.db",
        "export a.dump -o heaps",
        "man pages",
    ] {
        // No file may have a byte, which is what a full disk looks like.
        let script = format!(
            "trap '' XFSZ; ulimit -f 0; {} {arguments}",
            binary.display()
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .current_dir(directory.path())
            .output()
            .expect("it runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {err}");
        let named = arguments.rsplit(' ').next().expect("a word");
        assert!(err.contains(named), "{arguments}: {err}");
    }
    let left = std::fs::read_dir(directory.path()).expect("read");
    let mut left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    left.retain(|name| name != "heaps" && name != "pages");
    left.sort();
    assert_eq!(left, ["a.dump", "b.dump"]);
    let full = std::fs::File::create("/dev/full").expect("opened");
    let status = std::process::Command::new(&binary)
        .current_dir(directory.path())
        .args(["top", "b.dump"])
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status();
    assert_eq!(status.expect("it runs").code(), Some(1));
}

#[test]
fn words_that_are_misspelt_are_told_with_those_that_are_like_them() {
    assert_snapshot!(complaints(
        leaking().path(),
        &[
            &["chian", "--type", "SomeRef", "b.dump"],
            &["diff", "--tpye", "SomeRef"],
            &["diff", "--sort", "size"],
            &["show", "b.dump", "here"],
            &["show"],
            &["json-schema", "dif"],
            &["sql", "b.dump", "SELECT * FROM objcet"],
        ]
    ));
}

#[test]
fn a_type_that_is_not_there_is_told_with_names_like_it() {
    assert_snapshot!(complaints(
        leaking().path(),
        &[
            &["chain", "b.dump", "--type", "SomRef"],
            &["chain", "b.dump", "--type", "someref"],
            &["chain", "b.dump", "--type", "models.SomeRef"],
            &["new", "a.dump", "b.dump", "--type", "Ref"],
            &["top", "b.dump", "--type", "Elephant"],
        ]
    ));
}

#[test]
fn an_object_that_is_not_there_is_told() {
    let ran = memdump(leaking().path(), &["show", "b.dump", "0x1308"]);
    assert_eq!((ran.code, &*ran.out), (4, ""));
    assert_snapshot!(ran.err);
}

#[test]
fn dumps_of_different_processes_are_compared_by_counts_only() {
    let directory = leaking();
    let other = directory.path().join("c.dump");
    service(5).metadata("pid", "9").write(&other);
    let ran = memdump(directory.path(), &["diff", "a.dump", "c.dump"]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.out);
    for question in [vec!["new"], vec!["chain", "--type", "SomeRef"]] {
        let arguments = [&question[..], &["a.dump", "c.dump"]].concat();
        let ran = memdump(directory.path(), &arguments);
        assert_eq!((ran.code, &*ran.out), (2, ""));
        assert!(
            ran.err.contains("different processes, 7 and 9"),
            "{}",
            ran.err
        );
    }
    let all = memdump(
        directory.path(),
        &["chain", "--all", "--type", "SomeRef", "a.dump", "c.dump"],
    );
    assert!(
        all.out.starts_with("5 app.models.SomeRef, all explained"),
        "{}",
        all.out
    );
}

#[test]
fn what_is_no_dump_or_damaged_has_an_exit_code_of_its_own() {
    let directory = leaking();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("not.dump"), "hello").expect("written");
    let whole = std::fs::read(path("b.dump")).expect("read");
    std::fs::write(path("cut.dump"), &whole[..whole.len() - 100]).expect("written");
    for (file, said) in [
        ("not.dump", "is not a dump"),
        ("cut.dump", "is cut off"),
        ("absent.dump", "cannot be read"),
    ] {
        for command in ["top", "info", "verify"] {
            let ran = memdump(directory.path(), &[command, file]);
            assert_eq!(ran.code, 3, "{command} {file}: {}", ran.err);
            let both = ran.err + &ran.out;
            assert!(both.contains(said), "{command} {file}: {both}");
        }
    }
}

#[test]
fn what_is_sound_of_a_cut_off_dump_can_be_read() {
    let directory = leaking();
    let whole = std::fs::read(directory.path().join("b.dump")).expect("read");
    std::fs::write(
        directory.path().join("cut.dump"),
        &whole[..whole.len() - 40],
    )
    .expect("written");
    let ran = memdump(directory.path(), &["top", "--recover", "cut.dump"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("cut.dump is damaged"), "{}", ran.err);
    assert!(ran.out.contains("app.models.SomeRef"), "{}", ran.out);
}

#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::{Command, Stdio};
    let directory = leaking();
    for arguments in [
        &["top", "b.dump"][..],
        &["top", "b.dump", "--json"],
        &["sql", "b.dump", "SELECT * FROM object"],
        &["json-schema"],
        &["json-schema", "diff"],
        &["completions", "bash"],
    ] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("memdump"))
            .current_dir(directory.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
        assert!(!err.contains("pipe"), "{arguments:?}: {err}");
    }
}

#[test]
fn every_command_has_a_short_help_with_examples() {
    let help = memdump(leaking().path(), &["--help"]).out;
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("and options");
    let mut seen = 0;
    for line in commands.lines().filter(|line| !line.starts_with("    ")) {
        let name = line.split_whitespace().next().expect("a name");
        if name == "help" {
            continue;
        }
        seen += 1;
        let ran = memdump(leaking().path(), &[name, "--help"]);
        assert_eq!((ran.code, &*ran.err), (0, ""), "{name}");
        let (_, examples) = ran.out.split_once("\nExamples:\n").expect(name);
        assert!(
            examples.contains(&format!("  memdump {name}")),
            "{name}: {examples}"
        );
        // Its own options come first.
        let (_, common) = ran
            .out
            .split_once("\nOptions of every command:\n")
            .expect(name);
        assert!(
            common.contains("--json") && common.contains("--no-types"),
            "{common}"
        );
        let short = memdump(leaking().path(), &[name, "-h"]).out;
        assert!(short.lines().count() < 60, "{name}: {short}");
    }
    assert!(seen > 15, "{help}");
}

#[test]
fn manual_pages_have_examples_and_exit_codes() {
    let directory = leaking();
    let ran = memdump(directory.path(), &["man", "pages"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let page = |name: &str| {
        std::fs::read_to_string(directory.path().join("pages").join(name)).expect("a page")
    };
    assert!(page("memdump.1").contains(".SH \"EXIT STATUS\"\n  0  it worked\n"));
    let diff = page("memdump-diff.1");
    assert!(diff.contains(".SH EXAMPLES\n  memdump diff "), "{diff}");
}

#[test]
fn off_a_terminal_progress_is_plain_lines_on_stderr() {
    let directory = leaking();
    let quiet = memdump(directory.path(), &["top", "--retained", "b.dump"]);
    let ran = memdump(directory.path(), &["top", "--retained", "b.dump", "-v"]);
    assert_eq!(ran.out, quiet.out);
    assert!(
        ran.err.contains("\nmemdump: reading references …\n"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains(['\r', '\u{1b}']), "{:?}", ran.err);
}

/// A directory with a dump of the busy service after each of so many minutes: `1.dump`, `2.dump` …
fn busy(minutes: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for minute in 1..=minutes {
        busy_service(minute).write(&directory.path().join(format!("{minute}.dump")));
    }
    directory
}

/// What is told of the first five minutes of the busy service.
fn told_of_series(question: &[&str]) -> String {
    let dumps = ["1.dump", "2.dump", "3.dump", "4.dump", "5.dump"];
    let ran = memdump(busy(5).path(), &[question, &dumps].concat());
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    ran.out
}

macro_rules! sees_in_series {
    ($($name:ident: $($argument:expr),+;)+) => {$(
        #[test]
        fn $name() {
            assert_snapshot!(told_of_series(&[$($argument),+]));
        }
    )+};
}

sees_in_series! {
    diff_of_five: "diff";
    diff_of_five_by_bytes: "diff", "--sort", "bytes", "--limit", "2";
    diff_of_five_json: "diff", "--json", "--limit", "1";
    new_that_stay: "new";
    new_that_stay_json: "new", "--json", "--limit", "1";
    no_new_that_stay: "new", "--type", "Request";
    chain_of_new_that_stay: "chain", "--type", "SomeRef";
    survivors: "survivors";
    survivors_of_a_type: "survivors", "--type", "Request";
    survivors_by_bytes: "survivors", "--sort", "bytes";
    survivors_json: "survivors", "--json", "--limit", "1";
}

#[test]
fn the_newest_of_a_series_are_taken_as_many_as_asked_for() {
    let directory = busy(12);
    for (arguments, said) in [
        (&["diff"][..], "11.dump and 12.dump"),
        (&["diff", "-n", "3"], "10.dump, 11.dump and 12.dump"),
        (&["new", "--newest", "3"], "10.dump, 11.dump and 12.dump"),
        (
            &["chain", "--type", "SomeRef", "-n", "3"],
            "10.dump, 11.dump and 12.dump",
        ),
        (&["survivors", "-n", "2"], "11.dump and 12.dump"),
        (&["survivors"], "12 dumps, 1.dump to 12.dump"),
    ] {
        let ran = memdump(directory.path(), arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(ran.err, format!("memdump: using {said}, the newest here\n"));
    }
    for all in [
        &["survivors"][..],
        &["diff", "-n", "0"],
        &["diff", "-n", "50"],
    ] {
        let ran = memdump(directory.path(), &[all, &["--json"]].concat());
        let result: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let dumps: Vec<String> = (1..=12).map(|n| format!("{n}.dump")).collect();
        assert_eq!(result["dumps"], serde_json::json!(dumps));
    }
    let one = memdump(directory.path(), &["diff", "-n", "1"]);
    assert_eq!((one.code, &*one.out), (2, ""));
    assert!(one.err.contains("one dump is no series"), "{}", one.err);
    let both = memdump(directory.path(), &["diff", "-n", "3", "1.dump", "2.dump"]);
    assert_eq!((both.code, &*both.out), (2, ""));
}

#[test]
fn a_series_is_taken_in_order_of_time() {
    let directory = busy(3);
    let right = memdump(
        directory.path(),
        &["diff", "1.dump", "2.dump", "3.dump", "--json"],
    );
    assert_eq!(right.err, "");
    for question in ["diff", "survivors", "new"] {
        let dumps = |order: [&str; 3]| {
            memdump(
                directory.path(),
                &[question, "--json", order[0], order[1], order[2]],
            )
        };
        let right = dumps(["1.dump", "2.dump", "3.dump"]);
        let wrong = dumps(["3.dump", "1.dump", "2.dump"]);
        assert_eq!(right.out, wrong.out);
        assert_eq!(
            (&*right.err, &*wrong.err),
            (
                "",
                "memdump: taken in order of time: 1.dump, 2.dump and 3.dump\n"
            )
        );
    }
}

#[test]
fn of_a_series_of_several_processes_only_counts_are_compared() {
    let directory = busy(2);
    busy_service(3)
        .metadata("pid", "9")
        .write(&directory.path().join("other.dump"));
    let dumps = ["1.dump", "2.dump", "other.dump"];
    let ran = memdump(directory.path(), &[&["diff"][..], &dumps].concat());
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.out);
    for question in [
        &["new"][..],
        &["survivors"],
        &["chain", "--type", "SomeRef"],
    ] {
        let ran = memdump(directory.path(), &[question, &dumps].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""));
        let said = "different processes, 7 and 9";
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn one_damaged_dump_of_a_series_is_named_and_what_is_sound_can_be_read() {
    let directory = busy(3);
    let path = directory.path().join("2.dump");
    let whole = std::fs::read(&path).expect("read");
    std::fs::write(&path, &whole[..whole.len() - 40]).expect("written");
    for question in ["diff", "new", "survivors"] {
        let arguments = [question, "1.dump", "2.dump", "3.dump"];
        let ran = memdump(directory.path(), &arguments);
        assert_eq!((ran.code, &*ran.out), (3, ""));
        assert!(
            ran.err.contains("2.dump: the file is cut off"),
            "{}",
            ran.err
        );
        let ran = memdump(directory.path(), &[&arguments[..], &["--recover"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("2.dump is damaged"), "{}", ran.err);
        assert!(ran.out.contains("app.models.SomeRef"), "{}", ran.out);
    }
}

#[test]
fn types_of_a_series_cannot_be_sorted_by_new_objects() {
    let arguments = ["diff", "--sort", "new", "1.dump", "2.dump", "3.dump"];
    let ran = memdump(busy(3).path(), &arguments);
    assert_eq!((ran.code, &*ran.out), (2, ""));
    assert!(ran.err.contains("memdump survivors"), "{}", ran.err);
}

#[test]
fn one_dump_is_too_few_for_a_series() {
    for question in ["diff", "new", "survivors"] {
        let ran = memdump(busy(1).path(), &[question, "1.dump"]);
        assert_eq!((ran.code, &*ran.out), (2, ""));
        assert!(
            ran.err.contains("needs 2 dumps, 1 was given"),
            "{}",
            ran.err
        );
    }
}
