//! `--fail-on-growth` and `--fail-on`: the result is printed as ever, and the exit code tells what a script must know.

#![allow(missing_docs)]

mod support;

use support::{Ran, busy_service, memdump, service};

const FORBIDDEN: i32 = 6;

/// `a.dump` with 3 SomeRef, `b.dump` with 5, and `1.dump` to `4.dump` of a service that leaks two a minute.
fn leaking() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    service(3).write(&directory.path().join("a.dump"));
    service(5).write(&directory.path().join("b.dump"));
    for minutes in 1..=4 {
        let name = format!("{minutes}.dump");
        busy_service(minutes).write(&directory.path().join(name));
    }
    directory
}

/// Runs a question as it is, and with what it must not find: both print the same.
fn ask(question: &str, limit: &str) -> Ran {
    let directory = leaking();
    let words: Vec<&str> = question.split(' ').collect();
    let plain = memdump(directory.path(), &words);
    assert_eq!(plain.code, 0, "{}", plain.err);
    let limits: Vec<&str> = limit.split(' ').collect();
    let gated = memdump(directory.path(), &[words, limits].concat());
    assert_eq!(gated.out, plain.out, "{question} {limit}");
    gated
}

#[test]
fn growth_that_is_forbidden_has_an_exit_code_of_its_own() {
    let two = "2 objects more of app.models.SomeRef";
    let bytes = "96 B more of app.models.SomeRef";
    let forbids = |limit: &str, what: &str| format!("--fail-on-growth {limit} forbids it: {what}");
    for (question, limit, said) in [
        ("diff a.dump b.dump", "1", Some(forbids("1", two))),
        ("diff a.dump b.dump", "2", Some(forbids("2", two))),
        ("diff a.dump b.dump", "3", None),
        ("diff a.dump b.dump", "96B", Some(forbids("96 B", bytes))),
        ("diff a.dump b.dump", "97B", None),
        // What is not listed counts as well, and so does what has no room.
        (
            "diff a.dump b.dump --min-growth 50",
            "1",
            Some(forbids("1", two)),
        ),
        ("diff a.dump b.dump --json", "1", Some(forbids("1", two))),
        (
            "diff a.dump b.dump --retained",
            "1",
            Some(forbids("1", two)),
        ),
        (
            "diff a.dump b.dump --type app.*",
            "2",
            Some(forbids("2", two)),
        ),
        ("diff a.dump b.dump --type list", "1", None),
        // No type grew by so much, but all did together.
        (
            "diff 2.dump 3.dump",
            "8",
            Some(forbids("8", "8 objects more in all")),
        ),
        ("diff 2.dump 3.dump --type app.*", "8", None),
        ("diff 2.dump 3.dump", "9", None),
        ("diff b.dump a.dump", "1", None),
        ("diff a.dump a.dump", "1", None),
        // Of a series, from the first to the last.
        (
            "diff 1.dump 2.dump 3.dump",
            "4",
            Some(forbids(
                "4",
                "5 objects more of app.pool.Connection, and 1 more type",
            )),
        ),
        ("diff 1.dump 2.dump 3.dump --type SomeRef", "5", None),
    ] {
        let ran = ask(question, &format!("--fail-on-growth {limit}"));
        let code = if said.is_some() { FORBIDDEN } else { 0 };
        assert_eq!(ran.code, code, "{question} {limit}: {}", ran.err);
        match said {
            Some(said) => assert!(
                ran.err.ends_with(&format!("memdump: {said}\n")),
                "{}",
                ran.err
            ),
            None => assert!(!ran.err.contains("forbids"), "{}", ran.err),
        }
    }
}

#[test]
fn either_of_two_limits_forbids() {
    for (limits, code) in [
        ("--fail-on-growth 100 --fail-on-growth 96B", FORBIDDEN),
        ("--fail-on-growth 2 --fail-on-growth 1MiB", FORBIDDEN),
        ("--fail-on-growth 100 --fail-on-growth 1MiB", 0),
    ] {
        assert_eq!(ask("diff a.dump b.dump", limits).code, code, "{limits}");
    }
}

#[test]
fn a_type_of_another_name_is_not_taken_for_one_that_does_not_grow() {
    let directory = leaking();
    let words = [
        "diff",
        "a.dump",
        "b.dump",
        "--type",
        "SomRef",
        "--fail-on-growth",
        "1",
    ];
    let ran = memdump(directory.path(), &words);
    assert_eq!((ran.code, &*ran.out), (4, ""));
    assert!(
        ran.err.contains("did you mean app.models.SomeRef?"),
        "{}",
        ran.err
    );
}

#[test]
fn a_limit_that_is_none_is_a_wrong_usage() {
    for limit in ["0", "some", "-1", "0MiB"] {
        let limit = format!("--fail-on-growth={limit}");
        let ran = memdump(leaking().path(), &["diff", "a.dump", "b.dump", &limit]);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{limit}");
        assert!(ran.err.contains("1MiB"), "{}", ran.err);
    }
}

#[test]
fn suspects_that_are_sure_enough_have_an_exit_code_of_their_own() {
    let three = "suspects 1.dump 2.dump 3.dump";
    let four = "suspects 1.dump 2.dump 3.dump 4.dump";
    for (question, level, code) in [
        ("suspects a.dump b.dump", "unclear", FORBIDDEN),
        // It may have been once only.
        ("suspects 2.dump 2.dump 3.dump", "unclear", FORBIDDEN),
        ("suspects 2.dump 2.dump 3.dump", "likely", 0),
        (three, "unclear", FORBIDDEN),
        (three, "likely", FORBIDDEN),
        (four, "likely", FORBIDDEN),
        (four, "certain", FORBIDDEN),
        ("suspects 1.dump 2.dump 3.dump --json", "likely", FORBIDDEN),
        ("suspects 2.dump 2.dump 2.dump 2.dump", "unclear", 0),
    ] {
        let ran = ask(question, &format!("--fail-on {level}"));
        assert_eq!(
            ran.code, code,
            "{question} {level}: {}\n{}",
            ran.out, ran.err
        );
        let said = format!("memdump: --fail-on {level} forbids it: 1 such suspect\n");
        assert_eq!(ran.err.ends_with(&said), code == FORBIDDEN, "{}", ran.err);
    }
}

/// A pattern of a shell that matches too little would make a test that can never fail.
#[test]
fn of_too_few_dumps_no_suspect_can_be_so_sure() {
    for (dumps, level) in [
        (&["a.dump"][..], "unclear"),
        (&["a.dump", "b.dump"], "likely"),
        (&["1.dump", "2.dump", "3.dump"], "certain"),
    ] {
        let words = [&["suspects", "--fail-on", level], dumps].concat();
        let ran = memdump(leaking().path(), &words);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{level}: {}", ran.err);
        let needed = format!("--fail-on {level} needs {} dumps", dumps.len() + 1);
        assert!(ran.err.contains(&needed), "{}", ran.err);
    }
}

#[test]
fn who_reads_no_further_does_not_change_what_was_found() {
    use std::process::{Command, Stdio};
    let directory = leaking();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("memdump"))
        .current_dir(directory.path())
        .args(["diff", "a.dump", "b.dump", "--fail-on-growth", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(FORBIDDEN));
}
