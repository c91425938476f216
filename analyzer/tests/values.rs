//! What objects held, where dumps tell it.

#![allow(missing_docs)]

mod support;

use support::{Heap, memdump};

fn heap(value: &str) -> Heap {
    Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "list", 80)
        .object(0x2000, "str", 50)
        .holding(value)
        .object(0x2040, "str", 50)
        .refers(0x1000, 0x1100, ".names")
        .refers(0x1100, 0x2000, "[0]")
        .refers(0x1100, 0x2040, "[1]")
}

#[test]
fn an_object_is_shown_with_its_value_and_those_of_its_neighbours() {
    let directory = tempfile::tempdir().expect("a directory");
    heap("'Anna'").write(&directory.path().join("a.dump"));
    let shown = |address: &str| memdump(directory.path(), &["show", "a.dump", address]).out;
    assert!(shown("0x2000").contains("\nvalue: 'Anna'\n"));
    assert!(!shown("0x2040").contains("value:"));
    let list = shown("0x1100");
    assert!(list.contains("str 'Anna'"), "{list}");
    let json = memdump(directory.path(), &["show", "--json", "a.dump", "0x1100"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["references"]["listed"][0]["value"], "'Anna'");
    assert!(json["references"]["listed"][1].get("value").is_none());
}

#[test]
fn lists_of_objects_tell_values() {
    let directory = tempfile::tempdir().expect("a directory");
    Heap::of_process(1)
        .module(0x1000, "app")
        .write(&directory.path().join("a.dump"));
    heap("'Anna'").write(&directory.path().join("b.dump"));
    for command in [
        &["new", "--type", "str", "a.dump", "b.dump"][..],
        &["top", "--objects", "b.dump"],
    ] {
        let out = memdump(directory.path(), command).out;
        let of_texts = out.lines().filter(|line| line.contains(" str"));
        let told: Vec<bool> = of_texts.map(|line| line.ends_with(" str 'Anna'")).collect();
        assert_eq!(told.iter().filter(|&&told| told).count(), 1, "{out}");
        assert_eq!(told.len(), 2, "{out}");
    }
}

#[test]
fn a_value_cannot_write_to_the_terminal() {
    let directory = tempfile::tempdir().expect("a directory");
    heap("\x1b[2J\nroot").write(&directory.path().join("a.dump"));
    for command in [
        &["show", "a.dump", "0x2000"][..],
        &["show", "a.dump", "0x1100"],
        &["top", "--objects", "a.dump"],
        &["sql", "a.dump", "SELECT value FROM value"],
    ] {
        let out = memdump(directory.path(), command).out;
        assert!(!out.contains('\x1b'), "{out:?}");
        assert!(!out.contains("\nroot"), "{out:?}");
    }
}
