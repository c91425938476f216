//! The synthesiser against its own slow reader: what one writes the other reads.

use memdump_tests::{Heap, RawLabel, random, slow_reader};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_right_file_is_read_back(seed: u64, plan_seed: u64, size in 0u64..300) {
        let plan = random::plan(plan_seed);
        let contents = random::contents(seed, size, &plan);
        prop_assert_eq!(slow_reader::read(&contents.bytes(&plan)), Ok(contents));
    }
}

#[test]
fn a_described_heap_says_what_was_described() {
    let heap = Heap::new()
        .type_("app", "Outer.Inner")
        .object(0x10, "app.Outer.Inner", 48)
        .object(0x20, "dict", 64)
        .refers(0x20, 0x10, "['a']")
        .refers(0x10, 0x20, ".cache")
        .refers_weakly(0x10, 0x30, "[3]")
        .frame(
            "MainThread",
            2,
            "handle (app/views.py)",
            42,
            "<local req>",
            0x20,
        )
        .records_per_block(1)
        .shuffled(1);
    let read = slow_reader::read(&heap.bytes()).unwrap();
    let text = |id: u64| read.strings[id as usize].as_str();

    let types: Vec<_> = read
        .types
        .iter()
        .map(|one| (text(one.module), text(one.name)))
        .collect();
    assert_eq!(types, [("app", "Outer.Inner"), ("builtins", "dict")]);
    let objects: Vec<_> = read
        .objects
        .iter()
        .map(|one| (one.address, one.type_id, one.size))
        .collect();
    assert_eq!(objects, [(0x10, 0, 48), (0x20, 1, 64)]);
    let references: Vec<_> = read
        .references
        .iter()
        .map(|one| (one.source, one.target, one.label.kind, one.weak))
        .collect();
    assert_eq!(
        references,
        [(0, 0x20, 1, false), (0, 0x30, 4, true), (1, 0x10, 2, false)]
    );
    assert_eq!(text(read.references[0].label.value), "cache");
    assert_eq!(read.references[1].label, RawLabel { kind: 4, value: 3 });
    assert_eq!(text(read.references[2].label.value), "'a'");
    let frame = read.roots[0];
    assert_eq!(
        (text(frame.name.unwrap()), text(frame.thread.unwrap())),
        ("handle (app/views.py)", "MainThread")
    );
    assert_eq!(
        (
            frame.line,
            frame.depth,
            frame.target,
            text(frame.label.value)
        ),
        (42, 2, 0x20, "req")
    );
}
