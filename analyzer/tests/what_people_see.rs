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

#[test]
fn too_few_dumps_are_told_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let ran = memdump(directory.path(), &["diff"]);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err);
}

#[test]
fn a_type_that_is_not_there_is_told_with_names_like_it() {
    let ran = memdump(leaking().path(), &["chain", "b.dump", "--type", "SomRef"]);
    assert_eq!((ran.code, &*ran.out), (4, ""));
    assert_snapshot!(ran.err);
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
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("memdump"))
        .current_dir(directory.path())
        .args(["top", "b.dump"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
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
