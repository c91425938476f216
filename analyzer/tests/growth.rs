//! What grew and what is new, against sets.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use memdump_analyzer::analysis::growth::{Change, GrowthOrder, growth};
use memdump_analyzer::analysis::new_objects::new_objects;
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use proptest::prelude::*;
use support::Heap;

fn snapshot(heap: &Heap) -> Snapshot {
    Snapshot::load(heap.dump(), &Silent).expect("a snapshot")
}

fn rows(before: &Heap, after: &Heap, order: GrowthOrder) -> Vec<(String, Change)> {
    let result = growth(&snapshot(before), &snapshot(after), order, &Silent).expect("an answer");
    result
        .types
        .into_iter()
        .map(|row| (row.type_name.to_string(), row.change))
        .collect()
}

#[test]
fn an_address_that_was_reused_by_another_type_is_new_and_gone() {
    let before = Heap::of_process(1)
        .object(0x10, "a.T", 10)
        .object(0x20, "a.T", 10)
        .object(0x30, "dict", 5);
    let after = Heap::of_process(2)
        .object(0x20, "a.T", 14)
        .object(0x10, "dict", 6)
        .object(0x30, "dict", 5);
    let change =
        |count_before, count_after, bytes_before: u64, bytes_after: u64, new, gone| Change {
            count_before,
            count_after,
            count_growth: count_after as i64 - count_before as i64,
            bytes_before,
            bytes_after,
            bytes_growth: bytes_after as i64 - bytes_before as i64,
            new: Some(new),
            gone: Some(gone),
            retained_by_new: None,
        };
    assert_eq!(
        rows(&before, &after, GrowthOrder::Count),
        [
            ("dict".to_owned(), change(1, 2, 5, 11, 1, 0)),
            ("a.T".to_owned(), change(2, 1, 20, 14, 0, 1)),
        ]
    );
}

#[test]
fn types_are_sorted_as_asked_for() {
    let before = Heap::of_process(1)
        .object(0x10, "Old", 100)
        .object(0x20, "Kept", 10);
    let after = Heap::of_process(2)
        .object(0x20, "Kept", 10)
        .object(0x30, "Old", 500)
        .object(0x40, "Grown", 1)
        .object(0x50, "Grown", 1);
    let names = |order| -> Vec<String> {
        rows(&before, &after, order)
            .into_iter()
            .map(|row| row.0)
            .collect()
    };
    assert_eq!(names(GrowthOrder::Count), ["Grown", "Old", "Kept"]);
    assert_eq!(names(GrowthOrder::Bytes), ["Old", "Grown", "Kept"]);
    assert_eq!(names(GrowthOrder::New), ["Grown", "Old", "Kept"]);
    assert_eq!(names(GrowthOrder::Name), ["Grown", "Kept", "Old"]);
}

#[test]
fn a_restarted_process_has_no_identity() {
    let before = Heap::of_process(1).object(0x10, "T", 10);
    let after = Heap::of_process(2)
        .metadata("uptime_ms", "1000")
        .object(0x10, "T", 10);
    let [(_, change)] = &rows(&before, &after, GrowthOrder::Count)[..] else {
        panic!("one type");
    };
    assert_eq!((change.new, change.gone), (None, None));
    let refused = new_objects(&snapshot(&before), &snapshot(&after), None, None, &Silent);
    let said = refused.expect_err("no identity").to_string();
    assert!(said.contains("restarted"), "{said}");
}

/// Address to type and size; addresses are few, so that many are kept or reused.
fn any_heap() -> impl Strategy<Value = BTreeMap<u64, (u8, u64)>> {
    prop::collection::btree_map(
        (1..60_u64).prop_map(|n| n * 0x1008),
        (0..4_u8, 1..100_u64),
        0..50,
    )
}

fn heap_of(sequence: u64, objects: &BTreeMap<u64, (u8, u64)>) -> Heap {
    // In an order that is not that of the addresses.
    let mut order: Vec<_> = objects.iter().collect();
    order.sort_by_key(|(address, _)| address.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    order.into_iter().fold(
        Heap::of_process(sequence),
        |heap, (&address, &(kind, size))| heap.object(address, &format!("T{kind}"), size),
    )
}

proptest! {
    #[test]
    fn growth_and_new_objects_are_those_of_sets(before in any_heap(), after in any_heap()) {
        let (old, new) = (heap_of(1, &before), heap_of(2, &after));
        let mut expected = BTreeMap::new();
        for kind in 0..4_u8 {
            let of_kind = |heap: &BTreeMap<u64, (u8, u64)>| -> BTreeSet<u64> {
                heap.iter().filter(|(_, o)| o.0 == kind).map(|(&a, _)| a).collect()
            };
            let bytes = |heap: &BTreeMap<u64, (u8, u64)>| -> u64 {
                heap.values().filter(|o| o.0 == kind).map(|o| o.1).sum()
            };
            let (a, b) = (of_kind(&before), of_kind(&after));
            if a.is_empty() && b.is_empty() {
                continue;
            }
            expected.insert(format!("T{kind}"), Change {
                count_before: a.len() as u64,
                count_after: b.len() as u64,
                count_growth: b.len() as i64 - a.len() as i64,
                bytes_before: bytes(&before),
                bytes_after: bytes(&after),
                bytes_growth: bytes(&after) as i64 - bytes(&before) as i64,
                new: Some(b.difference(&a).count() as u64),
                gone: Some(a.difference(&b).count() as u64),
                retained_by_new: None,
            });
        }
        let found: BTreeMap<_, _> = rows(&old, &new, GrowthOrder::Name).into_iter().collect();
        prop_assert_eq!(found, expected);

        let listed = new_objects(&snapshot(&old), &snapshot(&new), None, None, &Silent).expect("an answer");
        let listed: BTreeSet<(u64, String, u64)> = listed
            .objects
            .iter()
            .map(|row| (row.address.0, row.type_name.to_string(), row.size))
            .collect();
        let is_new = |(address, object): &(&u64, &(u8, u64))| {
            before.get(*address).is_none_or(|old| old.0 != object.0)
        };
        let wanted: BTreeSet<_> = after
            .iter()
            .filter(is_new)
            .map(|(&address, &(kind, size))| (address, format!("T{kind}"), size))
            .collect();
        prop_assert_eq!(listed, wanted);
    }
}
