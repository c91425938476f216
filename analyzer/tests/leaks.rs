//! What nothing holds: who leaked, and what hangs on it.

#![allow(missing_docs)]

mod support;

use insta::assert_snapshot;
use memdump_analyzer::analysis::leaks::{LeakedKind, Leaks, leaks};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_format::RootKind;
use proptest::prelude::*;
use support::{Heap, memdump};

fn load(heap: &Heap) -> Snapshot {
    Snapshot::load(heap.dump(), &Silent).expect("a snapshot")
}

fn told(heap: &Heap) -> Leaks {
    leaks(None, &load(heap), &Silent).expect("an answer")
}

/// `2 × app.Node 64 B, 3 objects of 96 B`, sorted as they are told.
fn lines(leaks: &Leaks) -> Vec<String> {
    let line = |kind: &LeakedKind| {
        let types: Vec<String> = kind.types.iter().map(ToString::to_string).collect();
        format!(
            "{} × {}{} {} B, {} objects of {} B",
            kind.count,
            types.join("+"),
            if kind.in_cycles { " cycle" } else { "" },
            kind.bytes,
            kind.held_objects,
            kind.held_bytes
        )
    };
    leaks.kinds.iter().map(line).collect()
}

/// One session that is held and two that are not, each with a buffer; a tree of `Rc`s that is a cycle, with a text on it.
fn service() -> Heap {
    Heap::of_process(1)
        .metadata("native", "typed")
        .root(RootKind::Static, "app::SESSIONS", "", 0x1000)
        .object(0x1000, "app.Session", 64)
        .object(0x1100, "[u8]", 16)
        .object(0x2000, "app.Session", 64)
        .object(0x2100, "[u8]", 16)
        .object(0x3000, "app.Session", 64)
        .object(0x3100, "[u8]", 16)
        .object(0x4000, "app.Parent", 32)
        .object(0x4100, "app.Child", 32)
        .object(0x4200, "str", 8)
        .refers(0x1000, 0x1100, ".buffer")
        .refers(0x2000, 0x2100, ".buffer")
        .refers(0x3000, 0x3100, ".buffer")
        .refers(0x4000, 0x4100, ".child")
        .refers(0x4100, 0x4000, ".parent")
        .refers(0x4100, 0x4200, ".name")
}

#[test]
fn what_nothing_refers_to_leaked_and_what_hangs_on_it_is_held() {
    let leaks = told(&service());
    assert_eq!(
        lines(&leaks),
        [
            "2 × app.Session 128 B, 4 objects of 160 B",
            "1 × app.Child+app.Parent cycle 64 B, 3 objects of 72 B",
        ]
    );
    assert_eq!(
        (leaks.objects, leaks.bytes, leaks.total_bytes),
        (7, 232, 312)
    );
    assert!(leaks.conservative && leaks.identity.is_none());
}

#[test]
fn a_cycle_that_hangs_on_a_leak_is_none_of_its_own() {
    let heap = Heap::of_process(1)
        .object(0x1000, "app.A", 1)
        // The way in leads to the member with the highest address.
        .object(0x2000, "app.B", 2)
        .object(0x3000, "app.C", 4)
        .refers(0x1000, 0x3000, ".c")
        .refers(0x3000, 0x2000, ".b")
        .refers(0x2000, 0x3000, ".c");
    assert_eq!(lines(&told(&heap)), ["1 × app.A 1 B, 3 objects of 7 B"]);
}

#[test]
fn weak_references_hold_nothing() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x2000, "app.A", 1)
        .refers_weakly(0x1000, 0x2000, ".a");
    assert_eq!(lines(&told(&heap)), ["1 × app.A 1 B, 1 objects of 1 B"]);
}

#[test]
fn with_an_earlier_dump_new_leaks_are_told() {
    let before = service().metadata("sequence", "0");
    let after = service().object(0x5000, "app.Session", 64);
    let leaks = leaks(Some(&load(&before)), &load(&after), &Silent).expect("an answer");
    let new: Vec<_> = leaks
        .kinds
        .iter()
        .map(|kind| (kind.count, kind.new))
        .collect();
    assert_eq!(new, [(3, Some(1)), (1, Some(0))]);
}

#[test]
fn as_people_see_it() {
    let directory = tempfile::tempdir().expect("a directory");
    service().write(&directory.path().join("a.dump"));
    service()
        .object(0x5000, "app.Session", 64)
        .write(&directory.path().join("b.dump"));
    let ran = |arguments: &[&str]| {
        let ran = memdump(directory.path(), &[arguments, &["--no-types"]].concat());
        assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
        ran.out
    };
    assert_snapshot!("leaks", ran(&["leaks", "a.dump"]));
    assert_snapshot!("new_leaks", ran(&["leaks", "a.dump", "b.dump"]));
    assert_snapshot!("leaks_limited", ran(&["leaks", "b.dump", "--limit", "1"]));
    assert_snapshot!("leaks_json", ran(&["leaks", "a.dump", "b.dump", "--json"]));
}

proptest! {
    /// A slow, obvious model: an object leaks by itself if everything that reaches it is reached by it.
    #[test]
    fn leaks_are_what_only_those_reach_that_they_reach(
        references in prop::collection::vec((0..10_u64, 0..10_u64), 0..25),
        held in prop::collection::btree_set(0..10_u64, 0..3),
    ) {
        let mut heap = Heap::of_process(1);
        for n in 0..10 {
            heap = heap.object(0x1000 + n * 0x10, "app.A", 1 << n);
        }
        for &n in &held {
            heap = heap.root(RootKind::Static, "S", "", 0x1000 + n * 0x10);
        }
        for &(a, b) in &references {
            heap = heap.refers(0x1000 + a * 0x10, 0x1000 + b * 0x10, "");
        }
        let mut reaches = [[false; 10]; 10];
        for (n, row) in reaches.iter_mut().enumerate() {
            row[n] = true;
        }
        for _ in 0..10 {
            for &(a, b) in &references {
                for row in &mut reaches {
                    row[b as usize] |= row[a as usize];
                }
            }
        }
        let alive = |n: usize| held.iter().any(|&root| reaches[root as usize][n]);
        let itself = |n: usize| !alive(n) && (0..10).all(|m| !reaches[m][n] || reaches[n][m]);
        let sum = |which: &dyn Fn(usize) -> bool| (0..10).filter(|&n| which(n)).map(|n| 1_u64 << n).sum::<u64>();
        let leaks = told(&heap);
        prop_assert_eq!(leaks.bytes, sum(&|n| !alive(n)));
        prop_assert_eq!(leaks.kinds.iter().map(|kind| kind.bytes).sum::<u64>(), sum(&itself));
        prop_assert_eq!(leaks.kinds.iter().map(|kind| kind.held_bytes).sum::<u64>(), leaks.bytes);
        // One for each group that reaches itself.
        let first = |n: usize| itself(n) && (0..n).all(|m| !(reaches[n][m] && reaches[m][n]));
        let count = (0..10).filter(|&n| first(n)).count() as u64;
        prop_assert_eq!(leaks.kinds.iter().map(|kind| kind.count).sum::<u64>(), count);
    }
}
