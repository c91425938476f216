//! What keeps objects alive: exact answers on small heaps, and agreement with a slow search on random ones.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use memdump_analyzer::analysis::chain::{ChainQuestion, Explained, explain_all, explain_new};
use memdump_analyzer::graph::RootFilter;
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_analyzer::view::{Width, chain::text};
use memdump_format::RootKind;
use proptest::prelude::*;
use support::Heap;

fn about(pattern: &str) -> ChainQuestion {
    ChainQuestion {
        pattern: pattern.parse().expect("a pattern"),
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: None,
    }
}

fn snapshot(heap: &Heap) -> Snapshot {
    Snapshot::load(heap.dump(), &Silent).expect("a snapshot")
}

fn explained(heap: &Heap, question: &ChainQuestion) -> Explained {
    explain_all(&snapshot(heap), question, &Silent).expect("an answer")
}

/// Each group: its count, its shape on one line, and its example.
fn groups(answer: &Explained) -> Vec<String> {
    let group = |group: &memdump_analyzer::analysis::chain::ShapeGroup| {
        let name = group.holder.name.as_deref().unwrap_or_default();
        let steps: Vec<String> = group
            .steps
            .iter()
            .map(|step| {
                let plus = "+".repeat(step.recurring.into());
                format!("{}:{}{plus}", step.label, step.type_name)
            })
            .collect();
        let holder = format!("{:?} {name}{}", group.holder.kind, group.holder.label);
        let example = group.example.steps.last().expect("a step").address;
        format!(
            "{} × {holder} {} e.g. {example}",
            group.count,
            steps.join(" ")
        )
    };
    answer.groups.iter().map(group).collect()
}

/// A module at 0x1000 with a dict at 0x1100 under `.cache`.
fn cache() -> Heap {
    Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "dict", 100)
        .refers(0x1000, 0x1100, ".cache")
}

#[test]
fn the_namespace_of_an_object_is_folded_into_its_attributes() {
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x1100, "dict", 1)
        .object(0x1200, "app.Holder", 1)
        .object(0x1300, "dict", 1)
        .object(0x1400, "T", 1)
        .object(0x1500, "T", 1)
        .refers(0x1000, 0x1100, ".__dict__")
        .refers(0x1100, 0x1200, "['holder']")
        .refers(0x1200, 0x1300, ".__dict__")
        .refers(0x1300, 0x1400, "['x']")
        // No name, so no attribute.
        .refers(0x1300, 0x1500, "['not a name']");
    let answer = explained(&heap, &about("T"));
    assert_eq!(
        groups(&answer),
        [
            "1 × Module app :module .holder:app.Holder .x:T e.g. 0x1400",
            "1 × Module app :module .holder:app.Holder .__dict__:dict ['not a name']:T e.g. 0x1500",
        ]
    );
    let expressions: Vec<_> = answer
        .groups
        .iter()
        .map(|group| group.example.expression.clone())
        .collect();
    assert_eq!(
        expressions.into_iter().flatten().collect::<Vec<_>>(),
        ["app.holder.x", "app.holder.__dict__['not a name']"]
    );
}

#[test]
fn positions_and_integer_keys_are_generalised_and_few_keys_are_not() {
    let mut heap = cache();
    for number in 0..10_u64 {
        let list = 0x2000 + number * 0x100;
        let key = format!("['{}']", if number % 2 == 0 { "even" } else { "odd" });
        // Five lists under two keys of two dicts would be two places; one dict may not have a key twice, a test may.
        heap = heap
            .object(list, "list", 80)
            .object(list + 8, "T", 16)
            .refers(0x1100, list, &key)
            .refers(list, list + 8, &format!("[{number}]"));
    }
    heap = heap
        .object(0x9000, "T", 16)
        .refers(0x1100, 0x9000, "[key -1]");
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        [
            "5 × Module app :module .cache:dict ['even']:list [*]:T e.g. 0x2008",
            "5 × Module app :module .cache:dict ['odd']:list [*]:T e.g. 0x2108",
            "1 × Module app :module .cache:dict [*]:T e.g. 0x9000",
        ]
    );
}

#[test]
fn more_than_eight_keys_at_one_place_are_data() {
    let with_keys = |keys: u64| {
        (0..keys).fold(cache(), |heap, number| {
            let address = 0x2000 + number * 8;
            heap.object(address, "T", 16)
                .refers(0x1100, address, &format!("['user {number}']"))
        })
    };
    assert_eq!(explained(&with_keys(8), &about("T")).shapes, 8);
    assert_eq!(
        groups(&explained(&with_keys(9), &about("T"))),
        ["9 × Module app :module .cache:dict [*]:T e.g. 0x2000"]
    );
}

#[test]
fn a_linked_list_is_told_as_recurring() {
    let mut heap = cache()
        .object(0x2000, "Node", 32)
        .refers(0x1100, 0x2000, "['head']");
    for number in 1..1000_u64 {
        let address = 0x2000 + number * 8;
        heap = heap
            .object(address, "Node", 32)
            .refers(address - 8, address, ".next");
    }
    assert_eq!(
        groups(&explained(&heap, &about("Node"))),
        [
            "998 × Module app :module .cache:dict ['head']:Node .next:Node+ e.g. 0x2010",
            "1 × Module app :module .cache:dict ['head']:Node e.g. 0x2000",
            "1 × Module app :module .cache:dict ['head']:Node .next:Node e.g. 0x2008",
        ]
    );
}

#[test]
fn of_several_roots_the_one_that_tells_most_is_told() {
    let heap = Heap::of_process(1)
        .object(0x1000, "T", 1)
        .root(RootKind::Native, "extension", "", 0x1000)
        .root(RootKind::Static, "", "", 0x1000)
        .root(RootKind::Interpreter, "sys", "", 0x1000)
        .frame("MainThread", "run (app.py)", 3, "<local t>", 0x1000)
        .root(RootKind::Module, "second", "", 0x1000);
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        ["1 × Module second :T e.g. 0x1000"]
    );
    let from_frames = ChainQuestion {
        from: RootFilter::Frame,
        ..about("T")
    };
    let answer = explained(&heap, &from_frames);
    assert_eq!(
        groups(&answer),
        ["1 × Frame run (app.py)<local t> :T e.g. 0x1000"]
    );
    let holder = &answer.groups[0].example.holder;
    assert_eq!(
        (holder.thread.as_deref(), holder.line),
        (Some("MainThread"), Some(3))
    );
}

#[test]
fn a_chain_from_a_precise_root_is_taken_though_a_native_one_is_shorter() {
    let heap = cache()
        .object(0x2000, "list", 80)
        .object(0x2100, "T", 16)
        .counted(9)
        .refers(0x1100, 0x2000, "['a']")
        .refers(0x2000, 0x2100, "[0]")
        .root(RootKind::Native, "extension", "", 0x2100);
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        ["1 × Module app :module .cache:dict ['a']:list [*]:T e.g. 0x2100"]
    );
}

#[test]
fn what_has_more_references_than_were_found_is_held_by_native_code() {
    let heap = Heap::of_process(1)
        // Held by nobody who is known, and holds the second.
        .object(0x1000, "T", 16)
        .counted(1)
        .object(0x1100, "T", 16)
        .counted(1)
        .refers(0x1000, 0x1100, ".next")
        // A cycle whose counts are explained by itself; a weak reference and an unknown address explain nothing.
        .object(0x2000, "T", 16)
        .counted(1)
        .object(0x2100, "T", 16)
        .counted(1)
        .refers(0x2000, 0x2100, ".other")
        .refers(0x2100, 0x2000, ".other")
        .refers(0x2100, 0x7777_7770, ".dangling")
        .refers_weakly(0x2100, 0x1100, ".weak");
    let answer = explained(&heap, &about("T"));
    assert_eq!(
        groups(&answer),
        [
            "1 × Native  :T e.g. 0x1000",
            "1 × Native  :T .next:T e.g. 0x1100",
            "1 × Unreachable  :T e.g. 0x2000",
            "1 × Unreachable  :T .other:T e.g. 0x2100",
        ]
    );
    assert_eq!(answer.explained, 4);
}

#[test]
fn weak_references_keep_nothing_alive() {
    let heap = cache()
        .object(0x2000, "T", 16)
        .counted(0)
        .refers_weakly(0x1100, 0x2000, "['a']");
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        ["1 × Unreachable  :T e.g. 0x2000"]
    );
}

/// `app.cache[0]` (a dict), and the longer way `app.slow` → list → Box → T.
fn two_ways() -> Heap {
    cache()
        .object(0x2000, "T", 16)
        .object(0x3000, "list", 80)
        .object(0x3100, "Box", 16)
        .refers(0x1100, 0x2000, "[0]")
        .refers(0x1000, 0x3000, ".slow")
        .refers(0x3000, 0x3100, "[0]")
        .refers(0x3100, 0x2000, ".content")
}

#[test]
fn avoided_types_are_not_passed_through() {
    let avoiding = |types: &[&str]| ChainQuestion {
        avoid: types
            .iter()
            .map(|t| t.parse().expect("a pattern"))
            .collect(),
        ..about("T")
    };
    assert_eq!(
        groups(&explained(&two_ways(), &avoiding(&[]))),
        ["1 × Module app :module .cache:dict [*]:T e.g. 0x2000"]
    );
    assert_eq!(
        groups(&explained(&two_ways(), &avoiding(&["dict"]))),
        ["1 × Module app :module .slow:list [*]:Box .content:T e.g. 0x2000"]
    );
    // Not garbage: only avoided.
    let neither = explained(&two_ways(), &avoiding(&["dict", "B*"]));
    assert_eq!(
        (neither.objects, neither.explained, neither.groups.len()),
        (1, 0, 0)
    );
    assert!(text(&neither, Width::Unlimited).contains("to 1 of the objects leads no chain"));
    // The end of a chain is not passed through.
    let its_own_type = explained(&two_ways(), &avoiding(&["T"]));
    assert_eq!(its_own_type.explained, 1);
}

#[test]
fn chains_are_no_longer_than_asked_for() {
    let within = |depth| {
        explained(
            &two_ways(),
            &ChainQuestion {
                max_depth: Some(depth),
                ..about("*")
            },
        )
    };
    assert_eq!(within(0).explained, 1, "the module");
    assert_eq!(within(1).explained, 3, "what it refers to");
    assert_eq!(within(2).explained, 5);
    assert_eq!(within(2).objects, 5);
}

#[test]
fn of_several_references_between_two_objects_a_named_one_is_told() {
    let heap = cache()
        .object(0x2000, "T", 16)
        .refers(0x1100, 0x2000, "")
        .refers(0x1100, 0x2000, "['b']")
        .refers(0x1100, 0x2000, "['a']");
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        ["1 × Module app :module .cache:dict ['b']:T e.g. 0x2000"]
    );
}

#[test]
fn only_new_objects_are_explained() {
    let before = support::service(3);
    let after = support::service(120);
    let answer = explain_new(
        snapshot(&before),
        &snapshot(&after),
        &about("SomeRef"),
        &Silent,
    );
    let answer = answer.expect("an answer");
    assert_eq!(
        groups(&answer),
        [
            "117 × Module app.views :module .global_data:dict ['a']:list [*]:app.models.SomeRef e.g. 0x20c0"
        ]
    );
    assert_eq!(
        answer.groups[0].example.expression.as_deref(),
        Some("app.views.global_data['a'][3]")
    );
}

#[test]
fn of_two_objects_with_one_address_the_first_counts() {
    let heap = cache()
        .object(0x2000, "T", 16)
        .refers(0x1100, 0x2000, "[0]")
        .object(0x2000, "T", 16);
    let answer = explained(&heap, &about("T"));
    assert_eq!((answer.objects, answer.explained), (1, 1));
}

#[test]
fn references_of_an_object_that_does_not_count_explain_nothing() {
    let heap = Heap::of_process(1)
        .object(0x1000, "Other", 16)
        .object(0x2000, "T", 16)
        .counted(1)
        .object(0x1000, "Other", 16)
        .object_refers(2, 0x2000, ".x");
    assert_eq!(
        groups(&explained(&heap, &about("T"))),
        ["1 × Native  :T e.g. 0x2000"]
    );
}

/// The slow, obvious search: distances by relaxing every reference until nothing changes.
fn distances(
    objects: u64,
    references: &[(u64, u64, bool)],
    held: &BTreeSet<u64>,
) -> BTreeMap<u64, usize> {
    let mut distance: BTreeMap<u64, usize> = held.iter().map(|&id| (id, 0)).collect();
    loop {
        let before = distance.clone();
        for &(source, target, strong) in references {
            if let (true, Some(&d), true) = (strong, before.get(&source), target < objects) {
                let known = distance.entry(target).or_insert(d + 1);
                *known = (*known).min(d + 1);
            }
        }
        if distance == before {
            return distance;
        }
    }
}

const OBJECTS: u64 = 24;

proptest! {
    /// Self references, several references between two objects, dangling and weak ones, unreachable parts.
    #[test]
    fn chains_are_as_short_as_the_slow_search_says(
        references in prop::collection::vec((0..OBJECTS, 0..OBJECTS + 3, prop::bool::weighted(0.8)), 0..60),
        held in prop::collection::btree_set(0..OBJECTS, 1..4),
    ) {
        let address = |number: u64| 0x1000 + number * 8;
        let mut heap = Heap::of_process(1);
        for number in 0..OBJECTS {
            // A type each, so that each object is a group.
            heap = heap.object(address(number), &format!("T{number}"), 8);
        }
        for (number, &(source, target, strong)) in references.iter().enumerate() {
            let label = format!("[{number}]");
            heap = if strong {
                heap.refers(address(source), address(target), &label)
            } else {
                heap.refers_weakly(address(source), address(target), &label)
            };
        }
        for &number in &held {
            heap = heap.root(RootKind::Module, &format!("m{number}"), "", address(number));
        }
        let expected = distances(OBJECTS, &references, &held);
        let modules = ChainQuestion { from: RootFilter::Module, ..about("T*") };
        let answer = explained(&heap, &modules);
        let mut found = BTreeMap::new();
        for group in &answer.groups {
            let steps = &group.example.steps;
            let numbers: Vec<u64> = steps.iter().map(|step| (step.address.0 - 0x1000) / 8).collect();
            prop_assert_eq!(group.count, 1);
            prop_assert!(held.contains(&numbers[0]));
            prop_assert_eq!(group.example.holder.name.clone(), Some(format!("m{}", numbers[0])));
            for (pair, step) in numbers.windows(2).zip(&steps[1..]) {
                // The label is that of a reference which is there.
                let label: usize = step.label.trim_matches(['[', ']']).parse().expect("a position");
                prop_assert_eq!(references[label], (pair[0], pair[1], true));
            }
            found.insert(*numbers.last().expect("a step"), numbers.len() - 1);
        }
        prop_assert_eq!(found, expected);
    }
}
