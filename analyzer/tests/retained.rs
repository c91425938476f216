//! Dominators and retained sizes: exact answers on small heaps, and agreement with removing and searching on random ones.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use memdump_analyzer::analysis::biggest::biggest;
use memdump_analyzer::analysis::growth::{GrowthOrder, growth_retained};
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

#[test]
fn new_objects_retain_what_only_they_keep_alive() {
    // app → Cache → {T old, T new, T new}; the new ones share S; one took over Old, the other refers to what the module
    // still holds.
    let heap = |sequence, with_new: bool| {
        let mut heap = Heap::of_process(sequence)
            .module(0x1000, "app")
            .object(0x1100, "Cache", 1)
            .object(0x1200, "T", 2)
            .object(0x1300, "Old", 4)
            .object(0x1400, "Held", 8)
            .refers(0x1000, 0x1100, ".cache")
            .refers(0x1000, 0x1400, ".held")
            .refers(0x1100, 0x1200, "[0]");
        if with_new {
            heap = heap
                .object(0x2000, "T", 16)
                .object(0x2100, "T", 32)
                .object(0x2200, "S", 64)
                .refers(0x1100, 0x2000, "[1]")
                .refers(0x1100, 0x2100, "[2]")
                .refers(0x2000, 0x2200, ".s")
                .refers(0x2100, 0x2200, ".s")
                .refers(0x2000, 0x1300, ".old")
                .refers(0x2100, 0x1400, ".held");
        } else {
            heap = heap.refers(0x1000, 0x1300, ".old");
        }
        heap
    };
    let (before, after) = (snapshot(&heap(1, false)), snapshot(&heap(2, true)));
    let answer = growth_retained(&before, &after, GrowthOrder::Retained, &Silent);
    let answer = answer.expect("an answer");
    let rows: Vec<(String, Option<u64>)> = answer
        .types
        .iter()
        .map(|row| (row.type_name.to_string(), row.change.retained_by_new))
        .filter(|row| row.1 != Some(0))
        .collect();
    let expected = [("T", 16 + 32 + 64 + 4), ("S", 64)];
    assert_eq!(
        rows,
        expected.map(|(name, bytes)| (name.to_owned(), Some(bytes)))
    );
    assert_eq!(answer.total.retained_by_new, Some(16 + 32 + 64 + 4));
}

#[test]
fn the_total_counts_what_several_types_share() {
    // Neither the new A nor the new B retains S, both together do.
    let before = Heap::of_process(1).module(0x1000, "app");
    let after = Heap::of_process(2)
        .module(0x1000, "app")
        .object(0x1100, "A", 1)
        .object(0x1200, "B", 2)
        .object(0x1300, "S", 4)
        .refers(0x1000, 0x1100, ".a")
        .refers(0x1000, 0x1200, ".b")
        .refers(0x1100, 0x1300, ".s")
        .refers(0x1200, 0x1300, ".s");
    let answer = growth_retained(
        &snapshot(&before.object(0x1300, "S", 4)),
        &snapshot(&after),
        GrowthOrder::Name,
        &Silent,
    )
    .expect("an answer");
    let bytes = |name: &str| {
        let mut rows = answer.types.iter();
        let row = rows.find(|row| row.type_name.to_string() == name);
        row.and_then(|row| row.change.retained_by_new)
    };
    assert_eq!((bytes("A"), bytes("B")), (Some(1), Some(2)));
    assert_eq!(bytes("S"), Some(0), "it is not new");
    assert_eq!(answer.total.retained_by_new, Some(7));
}

#[test]
fn the_biggest_objects_are_told_with_their_dominators() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "A", 10)
        .object(0x1200, "A", 10)
        .object(0x1300, "B", 300)
        .refers(0x1000, 0x1100, ".a")
        .refers(0x1000, 0x1200, ".b")
        .refers(0x1200, 0x1300, ".s");
    let rows = |pattern: Option<&str>, limit| {
        let pattern = pattern.map(|text| text.parse().expect("a pattern"));
        let answer = biggest(&snapshot(&heap), pattern.as_ref(), limit, &Silent);
        let answer = answer.expect("an answer");
        let rows: Vec<(u64, u64, Option<u64>)> = answer
            .objects
            .iter()
            .map(|row| {
                let dominator = row.dominator.as_ref().map(|object| object.address.0);
                (row.object.address.0, row.retained, dominator)
            })
            .collect();
        (answer.total, rows)
    };
    let all = [
        (0x1000, 392, None),
        (0x1200, 310, Some(0x1000)),
        (0x1300, 300, Some(0x1200)),
        (0x1100, 10, Some(0x1000)),
    ];
    assert_eq!(rows(None, None), (4, all.to_vec()));
    assert_eq!(rows(None, Some(2)), (4, all[..2].to_vec()));
    assert_eq!(rows(Some("A"), None), (2, vec![all[1], all[3]]));
    assert_eq!(rows(Some("A"), Some(0)), (2, vec![]));
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

    #[test]
    fn what_new_objects_retain_is_what_is_no_longer_reached_without_them(
        references in prop::collection::vec((0..OBJECTS, 0..OBJECTS), 0..30),
        held in prop::collection::btree_set(0..OBJECTS, 1..4),
        types in prop::collection::vec(0..3_u64, OBJECTS as usize),
        new in prop::collection::btree_set(0..OBJECTS, 0..8),
    ) {
        let address = |id: u64| ADDRESS + id * 16;
        let with = |heap: Heap, id: u64| heap.object(address(id), &format!("T{}", types[id as usize]), 1 << id);
        // Of the earlier heap only the objects matter.
        let before = (0..OBJECTS).filter(|id| !new.contains(id)).fold(Heap::of_process(1), with);
        let mut after = (0..OBJECTS).fold(Heap::of_process(2), with);
        for &(source, target) in &references {
            after = after.refers(address(source), address(target), "[0]");
        }
        for &id in &held {
            after = after.root(RootKind::Module, "m", "", address(id));
        }
        let alive = reached(&references, &held, |_| false);
        let mask = |ids: &mut dyn Iterator<Item = &u64>| -> u64 { ids.map(|id| 1 << id).sum() };
        let without = |gone: &dyn Fn(u64) -> bool| {
            let spared = reached(&references, &held, gone);
            mask(&mut alive.difference(&spared))
        };
        let alive_mask = mask(&mut alive.iter());
        let answer = growth_retained(&snapshot(&before), &snapshot(&after), GrowthOrder::Name, &Silent);
        let answer = answer.expect("an answer");
        for row in &answer.types {
            let name = row.type_name.to_string();
            let gone = |id: u64| new.contains(&id) && format!("T{}", types[id as usize]) == name;
            let found = row.change.retained_by_new.expect("asked for");
            prop_assert_eq!(found & alive_mask, without(&gone), "type {}", name);
        }
        let total = answer.total.retained_by_new.expect("asked for");
        prop_assert_eq!(total & alive_mask, without(&|id| new.contains(&id)));
    }
}
