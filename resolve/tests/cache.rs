//! A typed dump is kept beside the native one as long as it is right.
#![allow(clippy::expect_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use memdump_format::{Dump, Module, Writer};
use memdump_resolve::{BuildId, Kept, Outcome, Symbols, is_native, open_typed};
use support::{Content, RELEASE};

fn open(path: &Path) -> (Dump, Outcome) {
    let native = Dump::open(path).expect("a dump");
    assert!(is_native(&native.metadata().expect("metadata")));
    open_typed(native, &Symbols::default(), false).expect("a typed dump")
}

#[test]
fn a_typed_dump_is_made_once_and_again_when_the_native_one_is_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    let kept = directory.path().join("a.dump.typed");
    let program = support::build(RELEASE);
    fs::write(&path, support::bytes(&program, Content::Heap, true).0).expect("written");

    let (dump, outcome) = open(&path);
    assert!(matches!(&outcome, Outcome::Typed { kept: Kept::In(place), .. } if *place == kept));
    assert_eq!(dump.path(), path);
    assert!(!is_native(&dump.metadata().expect("metadata")));
    let mode = fs::metadata(&kept).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    assert!(matches!(open(&path).1, Outcome::Cached));

    // Of another process, and so of another length.
    fs::write(&path, support::bytes(&program, Content::Heap, false).0).expect("written");
    assert!(matches!(open(&path).1, Outcome::Typed { .. }));

    let whole = fs::read(&kept).expect("there");
    fs::write(&kept, &whole[..whole.len() / 2]).expect("written");
    assert!(matches!(open(&path).1, Outcome::Typed { .. }));
    assert!(matches!(open(&path).1, Outcome::Cached));
}

#[test]
fn what_cannot_be_kept_is_typed_all_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    let program = support::build(RELEASE);
    fs::write(&path, support::bytes(&program, Content::Heap, true).0).expect("written");
    fs::create_dir(directory.path().join("a.dump.typed")).expect("a directory");
    let (dump, outcome) = open(&path);
    let Outcome::Typed {
        kept: Kept::Nowhere(..),
        summary,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(dump.counts().objects, summary.blocks);
}

#[test]
fn what_somebody_else_has_called_so_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    let kept = directory.path().join("a.dump.typed");
    let program = support::build(RELEASE);
    let native = support::bytes(&program, Content::Heap, true).0;
    fs::write(&path, &native).expect("written");
    for content in [&b"my notes"[..], b"", &native] {
        fs::write(&kept, content).expect("written");
        let (_, outcome) = open(&path);
        assert!(
            matches!(
                &outcome,
                Outcome::Typed {
                    kept: Kept::Nowhere(..),
                    ..
                }
            ),
            "{outcome:?}"
        );
        assert!(fs::read(&kept).expect("there") == content);
    }
}

#[test]
fn without_debug_information_the_dump_stays_what_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    let mut writer = Writer::new(Vec::new(), 3).expect("a writer").with_native();
    writer.metadata("native", "conservative").expect("metadata");
    fs::write(&path, writer.finish().expect("a dump").0).expect("written");
    let (dump, outcome) = open(&path);
    assert!(matches!(outcome, Outcome::Untyped(_)));
    assert!(is_native(&dump.metadata().expect("metadata")));
    assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 1);
}

#[test]
fn what_lacks_debug_information_is_looked_for_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    let program = support::build(RELEASE);
    let id = BuildId::of_file(&program)
        .expect("readable")
        .expect("an id");
    let mut writer = Writer::new(Vec::new(), 3).expect("a writer").with_native();
    let program = program.display().to_string();
    for (path, id) in [
        (program, id.to_string()),
        ("/opt/absent".into(), "00ff".into()),
    ] {
        let path = writer.string(&path).expect("a string");
        let build_id = writer.string(&id).expect("a string");
        let (bias, first, length) = (0, 0, 4096);
        let module = Module {
            bias,
            first,
            length,
            path,
            build_id,
        };
        writer.module(&module).expect("a module");
    }
    writer.metadata("native", "conservative").expect("metadata");
    fs::write(&path, writer.finish().expect("a dump").0).expect("written");
    for _ in 0..2 {
        let outcome = open(&path).1;
        assert!(matches!(&outcome, Outcome::Typed { missing, .. } if missing.len() == 1));
    }
}
