//! What the command says of its memory: that it is told before, that it is right, and what it does if it would be too much.

#![allow(missing_docs)]

mod support;

use std::fs::File;
use std::path::Path;

use memdump_format::{
    Address, Label, Object, ObjectFlags, ObjectId, Reference, Root, RootKind, Strength, Type,
    TypeFlags, Writer,
};
use support::{Heap, memdump};

const OBJECTS: u32 = 3_000_000;
/// A parent and the leaves behind it.
const FAMILY: u32 = 4;

/// Three million objects: a tree of parents, each with two others and with leaves.
fn write_families(path: &Path) {
    let address = |number: u32| Address(0x10_0000 + u64::from(number) * 48);
    let mut writer = Writer::new(File::create(path).expect("a file"), 4).expect("a writer");
    let empty = writer.string("").expect("written");
    let name = writer.string("T").expect("written");
    let record = Type {
        address: Address(0),
        module: empty,
        name,
        flags: TypeFlags::default(),
    };
    let type_id = writer.define_type(&record).expect("written");
    for number in 0..OBJECTS {
        let object = Object {
            address: address(number),
            type_id,
            size: 48,
            refcount: Some(1),
            flags: ObjectFlags::TRACKED,
            serial: None,
        };
        writer.object(&object).expect("written");
        if number % FAMILY == 0 {
            let leaves = number + 1..number + FAMILY;
            let parents = [2 * number + FAMILY, 2 * (number + FAMILY)];
            let targets = leaves.chain(parents).filter(|&target| target < OBJECTS);
            for target in targets {
                let reference = Reference {
                    target: address(target),
                    label: Label::None,
                    strength: Strength::Strong,
                    offset: 0,
                };
                writer
                    .reference(ObjectId(number), &reference)
                    .expect("written");
            }
        }
    }
    let root = Root {
        kind: RootKind::Module,
        name: Some(name),
        thread: None,
        line: 0,
        depth: 0,
        label: Label::None,
        target: address(0),
        offset: 0,
    };
    writer.root(&root).expect("written");
    writer.finish().expect("finished");
}

/// The number of MiB between two texts, of the last line that has both.
fn mebibytes(told: &str, before: &str, after: &str) -> Option<f64> {
    told.lines().rev().find_map(|line| {
        let number = line.split_once(before)?.1.split_once(after)?.0;
        number.strip_suffix("MiB")?.trim().parse().ok()
    })
}

#[test]
fn the_memory_that_it_takes_is_told_before_and_is_right() {
    let directory = tempfile::tempdir().expect("a directory");
    write_families(&directory.path().join("a.dump"));
    for question in [
        &["diff", "a.dump", "a.dump"][..],
        &["chain", "--all", "--type", "T", "a.dump"],
        &["top", "--retained", "a.dump"],
        &["top", "--objects", "a.dump"],
        &["diff", "--retained", "a.dump", "a.dump"],
    ] {
        let ran = memdump(
            directory.path(),
            &[question, &["--verbose", "--threads", "2"]].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        let foretold = mebibytes(&ran.err, "this takes about ", " of memory");
        let foretold = foretold.unwrap_or_else(|| panic!("{question:?}: {}", ran.err));
        let taken = mebibytes(&ran.err, "memdump: took ", " of memory").expect("told");
        // The program, its threads and the file take some, too.
        let ratio = (taken - 20.0) / foretold;
        assert!(
            (0.7..1.3).contains(&ratio),
            "{question:?}: {foretold} MiB foretold, {taken} taken"
        );
    }
}

#[test]
fn little_memory_is_not_worth_a_word() {
    let directory = tempfile::tempdir().expect("a directory");
    support::service(3).write(&directory.path().join("a.dump"));
    let ran = memdump(directory.path(), &["top", "--retained", "a.dump"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let ran = memdump(directory.path(), &["top", "--retained", "a.dump", "-v"]);
    assert!(ran.err.contains("this takes about "), "{}", ran.err);
}

#[test]
fn types_that_are_too_entangled_are_refused_and_not_their_objects() {
    // A list of six thousand objects, each of a type of its own: the last depends on all types.
    const TYPES: u64 = 6_000;
    let address = |number: u64| 0x1000 + number * 16;
    let mut heap = Heap::of_process(1).module(address(0), "app");
    for number in 1..TYPES {
        heap = heap
            .object(address(number), &format!("T{number}"), 1)
            .refers(address(number - 1), address(number), ".next");
    }
    let directory = tempfile::tempdir().expect("a directory");
    heap.write(&directory.path().join("a.dump"));
    let ran = memdump(directory.path(), &["top", "--retained", "a.dump"]);
    assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
    assert!(
        ran.err.contains("a.dump") && ran.err.contains("too many ways"),
        "{}",
        ran.err
    );
    let ran = memdump(directory.path(), &["top", "--objects", "a.dump"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}
