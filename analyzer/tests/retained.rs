//! Dominators and retained sizes: exact answers on small heaps, and agreement with removing and searching on random ones.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use memdump_analyzer::analysis::show::show;
use memdump_analyzer::analysis::top::{Top, TopOrder, top, top_retained};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_format::{Address, RootKind};
use proptest::prelude::*;
use support::Heap;

fn snapshot(heap: &Heap) -> Snapshot {
    Snapshot::load(heap.dump(), &Silent).expect("a snapshot")
}

/// An object's dominator and retained bytes.
fn kept(snapshot: &Snapshot, address: u64) -> (Option<u64>, u64) {
    let shown = show(snapshot, Address(address), Some(0), &Silent).expect("an object");
    let dominator = shown.dominator.map(|row| row.address.0);
    (dominator, shown.retained)
}

fn by_type(heap: &Heap) -> BTreeMap<String, u64> {
    let top: Top = top_retained(&snapshot(heap), TopOrder::Bytes, &Silent).expect("an answer");
    top.types
        .into_iter()
        .map(|row| (row.type_name.to_string(), row.retained.expect("asked for")))
        .collect()
}

fn expect_by_type(heap: &Heap, expected: &[(&str, u64)]) {
    let expected = expected
        .iter()
        .map(|&(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(by_type(heap), expected.collect());
}

#[test]
fn what_two_objects_of_a_type_share_is_retained_by_the_type_alone() {
    // app → A, A → S → Leaf: no A dominates S, both together do.
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "A", 10)
        .object(0x1200, "A", 20)
        .object(0x1300, "S", 300)
        .object(0x1400, "Leaf", 4000)
        .refers(0x1000, 0x1100, ".a")
        .refers(0x1000, 0x1200, ".b")
        .refers(0x1100, 0x1300, ".s")
        .refers(0x1200, 0x1300, ".s")
        .refers(0x1300, 0x1400, ".leaf");
    let loaded = snapshot(&heap);
    assert_eq!(kept(&loaded, 0x1000), (None, 72 + 4330));
    assert_eq!(kept(&loaded, 0x1100), (Some(0x1000), 10));
    assert_eq!(kept(&loaded, 0x1200), (Some(0x1000), 20));
    assert_eq!(kept(&loaded, 0x1300), (Some(0x1000), 4300));
    assert_eq!(kept(&loaded, 0x1400), (Some(0x1300), 4000));
    let expected = [("module", 4402), ("A", 4330), ("S", 4300), ("Leaf", 4000)];
    expect_by_type(&heap, &expected);
}

#[test]
fn a_list_of_one_type_is_retained_once() {
    // Each node retains those behind it; the type retains all of them, not their sum.
    let mut heap = Heap::of_process(1)
        .module(0x1000, "app")
        .refers(0x1000, 0x2000, ".head")
        .object(0x2000, "Node", 8);
    for address in (0x2008..=0x2020).step_by(8) {
        heap = heap
            .object(address, "Node", 8)
            .refers(address - 8, address, ".next")
            .refers(address, address - 8, ".previous");
    }
    let loaded = snapshot(&heap);
    assert_eq!(kept(&loaded, 0x2000), (Some(0x1000), 40));
    assert_eq!(kept(&loaded, 0x2020), (Some(0x2018), 8));
    expect_by_type(&heap, &[("module", 112), ("Node", 40)]);
}

#[test]
fn what_a_frame_holds_too_is_not_retained_by_the_module() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "list", 100)
        .object(0x1200, "T", 7)
        .refers(0x1000, 0x1100, ".l")
        .refers(0x1100, 0x1200, "[0]")
        .frame("MainThread", "run (app.py)", 1, "<local t>", 0x1200);
    let loaded = snapshot(&heap);
    assert_eq!(kept(&loaded, 0x1100), (Some(0x1000), 100));
    assert_eq!(kept(&loaded, 0x1200), (None, 7));
    expect_by_type(&heap, &[("module", 172), ("list", 100), ("T", 7)]);
}

#[test]
fn weak_references_retain_nothing() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "Holder", 1)
        .object(0x1200, "Watcher", 20)
        .object(0x1300, "T", 300)
        .refers(0x1000, 0x1100, ".holder")
        .refers(0x1000, 0x1200, ".watcher")
        .refers(0x1100, 0x1300, ".t")
        .refers_weakly(0x1200, 0x1300, ".t");
    let loaded = snapshot(&heap);
    assert_eq!(kept(&loaded, 0x1300), (Some(0x1100), 300));
    let expected = [
        ("module", 393),
        ("Holder", 301),
        ("Watcher", 20),
        ("T", 300),
    ];
    expect_by_type(&heap, &expected);
}

#[test]
fn native_code_holds_and_garbage_does_not() {
    // Native code holds 0x2000, whose count is above what is found; 0x3000 and 0x3100 are a cycle that nothing holds.
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "Shared", 1)
        .counted(2)
        .object(0x1200, "Own", 2)
        .counted(2)
        .object(0x2000, "Native", 30)
        .counted(1)
        .object(0x3000, "Garbage", 400)
        .counted(1)
        .object(0x3100, "Garbage", 500)
        .counted(1)
        .refers(0x1000, 0x1100, ".shared")
        .refers(0x1000, 0x1200, ".own")
        .refers(0x2000, 0x1100, ".shared")
        .refers(0x3000, 0x3100, ".other")
        .refers(0x3100, 0x3000, ".other")
        .refers(0x3100, 0x1200, ".own");
    let loaded = snapshot(&heap);
    assert_eq!(kept(&loaded, 0x1100), (None, 1));
    assert_eq!(kept(&loaded, 0x1200), (Some(0x1000), 2));
    assert_eq!(kept(&loaded, 0x1000), (None, 74));
    assert_eq!(kept(&loaded, 0x2000), (None, 30));
    assert_eq!(kept(&loaded, 0x3000), (None, 900));
    assert_eq!(kept(&loaded, 0x3100), (Some(0x3000), 500));
    let expected = [
        ("module", 74),
        ("Shared", 1),
        ("Own", 2),
        ("Native", 30),
        ("Garbage", 900),
    ];
    expect_by_type(&heap, &expected);
}

#[test]
fn absurd_sizes_stop_at_the_greatest_number() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "T", u64::MAX - 1)
        .object(0x1200, "T", u64::MAX - 1)
        .refers(0x1000, 0x1100, ".a")
        .refers(0x1000, 0x1200, ".b");
    assert_eq!(kept(&snapshot(&heap), 0x1000), (None, u64::MAX));
    expect_by_type(&heap, &[("module", u64::MAX), ("T", u64::MAX)]);
}

#[test]
fn types_are_sorted_by_what_they_retain_and_only_then_told_so() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "Small", 1)
        .object(0x1200, "Big", 1000)
        .refers(0x1000, 0x1100, ".s")
        .refers(0x1100, 0x1200, ".b");
    let loaded = snapshot(&heap);
    let names = |top: Top| -> Vec<String> {
        let name = |row: memdump_analyzer::analysis::top::TypeTotal| row.type_name.to_string();
        top.types.into_iter().map(name).collect()
    };
    let sorted = top_retained(&loaded, TopOrder::Retained, &Silent).expect("an answer");
    assert_eq!(names(sorted), ["module", "Small", "Big"]);
    assert_eq!(
        names(top(&loaded, TopOrder::Bytes)),
        ["Big", "module", "Small"]
    );
    assert!(
        top(&loaded, TopOrder::Bytes)
            .types
            .iter()
            .all(|row| row.retained.is_none())
    );
}

const OBJECTS: u64 = 12;
const ADDRESS: u64 = 0x1000;

/// What is reached from the roots without the objects to avoid.
fn reached(
    references: &[(u64, u64)],
    held: &BTreeSet<u64>,
    avoid: impl Fn(u64) -> bool,
) -> BTreeSet<u64> {
    let mut reached: BTreeSet<u64> = held.iter().copied().filter(|&id| !avoid(id)).collect();
    for _ in 0..OBJECTS {
        for &(source, target) in references {
            if reached.contains(&source) && !avoid(target) {
                reached.insert(target);
            }
        }
    }
    reached
}

proptest! {
    #[test]
    fn retained_is_what_is_no_longer_reached(
        references in prop::collection::vec((0..OBJECTS, 0..OBJECTS), 0..30),
        mut held in prop::collection::btree_set(0..OBJECTS, 1..4),
        types in prop::collection::vec(0..4_u64, OBJECTS as usize),
    ) {
        let mut heap = Heap::of_process(1);
        // Sizes are powers of two, so a sum tells which objects are in it.
        for id in 0..OBJECTS {
            heap = heap.object(ADDRESS + id * 16, &format!("T{}", types[id as usize]), 1 << id);
        }
        for &(source, target) in &references {
            heap = heap.refers(ADDRESS + source * 16, ADDRESS + target * 16, "[0]");
        }
        for id in &held {
            heap = heap.root(RootKind::Module, "m", "", ADDRESS + id * 16);
        }
        // Garbage is left out: the lowest ids that are not reached are as if held, but it takes nothing from what lives.
        let alive = reached(&references, &held, |_| false);
        held.retain(|id| alive.contains(id));
        let bytes_without = |avoid: &dyn Fn(u64) -> bool| -> u64 {
            let spared = reached(&references, &held, avoid);
            alive.difference(&spared).map(|id| 1_u64 << id).sum()
        };
        let alive_mask: u64 = alive.iter().map(|id| 1_u64 << id).sum();
        let loaded = snapshot(&heap);
        for &id in &alive {
            let (_, retained) = kept(&loaded, ADDRESS + id * 16);
            prop_assert_eq!(retained, bytes_without(&|other| other == id), "object {}", id);
        }
        for (name, retained) in by_type(&heap) {
            let of_type = |id: u64| format!("T{}", types[id as usize]) == name;
            prop_assert_eq!(retained & alive_mask, bytes_without(&of_type), "type {}", name);
        }
    }
}
