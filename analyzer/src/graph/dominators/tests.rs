use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::graph::forward::{Forward, tests::forward};
use crate::graph::reaching::Reaching;

fn ids(numbers: &[u32]) -> Vec<ObjectId> {
    numbers.iter().copied().map(ObjectId).collect()
}

/// The dominators of all objects, as they follow from what is held in two phases and from what is left; and what is left
/// that the walk had to begin at.
fn dominators(graph: &Forward, roots: &[u32], more_roots: &[u32]) -> (Vec<Option<u32>>, Vec<u32>) {
    let mut walk = DepthFirst::new(graph);
    walk.hold(&ids(roots));
    walk.hold(&ids(more_roots));
    walk.begin_garbage();
    let mut garbage = Vec::new();
    let objects = graph.objects() as u32;
    for id in 0..objects {
        if !walk.is_reached(ObjectId(id)) {
            garbage.push(id);
            walk.hold(&[ObjectId(id)]);
        }
    }
    let found = Dominators::of_walk(walk);
    let of = |&id: &ObjectId| (id != NO_TARGET).then_some(id.0);
    (found.of_object.iter().map(of).collect(), garbage)
}

/// What is reached from `held` on ways that avoid some objects.
fn reached(references: &[(u32, u32)], held: &[u32], avoid: impl Fn(u32) -> bool) -> BTreeSet<u32> {
    let mut reached: BTreeSet<u32> = held.iter().copied().filter(|&id| !avoid(id)).collect();
    loop {
        let before = reached.len();
        for &(source, target) in references {
            if reached.contains(&source) && !avoid(target) {
                reached.insert(target);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

/// The slow, obvious way: an object dominates what is not reached without it. Of several dominators the nearest is the one
/// that all others dominate, so the one with the most dominators of its own.
fn model(
    objects: u32,
    references: &[(u32, u32)],
    held: &[u32],
    garbage: &[u32],
) -> Vec<Option<u32>> {
    let alive = reached(references, held, |_| false);
    let without: Vec<BTreeSet<u32>> = (0..objects)
        .map(|gone| {
            let mut spared = reached(references, held, |id| id == gone);
            let avoid = |id| id == gone || alive.contains(&id);
            spared.extend(reached(references, garbage, avoid));
            spared
        })
        .collect();
    let strict_dominators = |id: u32| (0..objects).filter(move |&other| other != id);
    // What is alive does not end if an object that is garbage goes, and the other way round.
    let dominates = |other: u32, id: u32| {
        !without[other as usize].contains(&id) && alive.contains(&other) == alive.contains(&id)
    };
    let count = |id: u32| {
        strict_dominators(id)
            .filter(|&other| dominates(other, id))
            .count()
    };
    (0..objects)
        .map(|id| {
            strict_dominators(id)
                .filter(|&other| dominates(other, id))
                .max_by_key(|&other| count(other))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn agrees_with_removing_each_object_in_turn(
        references in prop::collection::vec((0..24_u32, 0..24_u32), 0..60),
        roots in prop::collection::vec(0..24_u32, 0..3),
        more_roots in prop::collection::vec(0..24_u32, 0..3),
    ) {
        let graph = forward(24, &references);
        let (found, garbage) = dominators(&graph, &roots, &more_roots);
        let held = [roots, more_roots].concat();
        prop_assert_eq!(found, model(24, &references, &held, &garbage));
    }

    /// Long chains with few other references, where paths are compressed and dominators lie far up.
    #[test]
    fn agrees_on_chains_with_shortcuts(
        shortcuts in prop::collection::vec((0..60_u32, 0..60_u32), 0..25),
    ) {
        let chain = (0..59).map(|id| (id, id + 1));
        let references: Vec<(u32, u32)> = chain.chain(shortcuts).collect();
        let graph = forward(60, &references);
        let (found, garbage) = dominators(&graph, &[0], &[]);
        prop_assert_eq!(found, model(60, &references, &[0], &garbage));
    }
}

/// Small heaps whose answers can be seen: references, what is held, and the dominator of each object.
#[test]
fn small_heaps() {
    type Case<'c> = (&'c str, &'c [(u32, u32)], &'c [u32], &'c [Option<u32>]);
    let cases: [Case<'_>; 8] = [
        (
            "a chain",
            &[(0, 1), (1, 2)],
            &[0],
            &[None, Some(0), Some(1)],
        ),
        (
            "a diamond",
            &[(0, 1), (0, 2), (1, 3), (2, 3)],
            &[0],
            &[None, Some(0), Some(0), Some(0)],
        ),
        (
            "a diamond whose end refers on",
            &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)],
            &[0],
            &[None, Some(0), Some(0), Some(0), Some(3)],
        ),
        ("two roots", &[(0, 2), (1, 2)], &[0, 1], &[None; 3]),
        (
            "a root within",
            &[(0, 1), (1, 2)],
            &[0, 1],
            &[None, None, Some(1)],
        ),
        (
            "a cycle entered twice",
            &[(0, 1), (0, 2), (1, 2), (2, 1)],
            &[0],
            &[None, Some(0), Some(0)],
        ),
        (
            "a loop and a double",
            &[(0, 0), (0, 1), (0, 1), (1, 1)],
            &[0],
            &[None, Some(0)],
        ),
        (
            "garbage holds nothing that lives",
            &[(0, 1), (2, 3), (3, 2), (3, 1)],
            &[0],
            &[None, Some(0), None, Some(2)],
        ),
    ];
    for (what, references, held, expected) in cases {
        let graph = forward(expected.len() as u32, references);
        assert_eq!(dominators(&graph, held, &[]).0, expected, "{what}");
    }
}

/// The example of Lengauer and Tarjan's paper; R is 0, A to L are 1 to 12.
#[test]
fn the_graph_of_the_paper() {
    let references: Vec<(u32, u32)> = [
        "RA", "RB", "RC", "AD", "BA", "BD", "BE", "CF", "CG", "DL", "EH", "FI", "GI", "GJ", "HE",
        "HK", "IK", "JI", "KI", "KR", "LH",
    ]
    .iter()
    .map(|pair| {
        let number = |at: usize| match pair.as_bytes()[at] {
            b'R' => 0,
            letter => u32::from(letter - b'A') + 1,
        };
        (number(0), number(1))
    })
    .collect();
    let (found, _) = dominators(&forward(13, &references), &[0], &[]);
    let name = |id: &Option<u32>| match id {
        None => '-',
        Some(0) => 'R',
        Some(id) => char::from(b'A' + *id as u8 - 1),
    };
    let told: String = found.iter().map(name).collect();
    //                 RABCDEFGHIJKL
    assert_eq!(told, "-RRRRRCCRRGRD");
}

const MILLION: u32 = 1_000_000;

#[test]
fn a_list_a_million_long_linked_both_ways() {
    let next = (0..MILLION - 1).map(|id| (id, id + 1));
    let back = (1..MILLION).map(|id| (id, id - 1));
    let references: Vec<(u32, u32)> = next.chain(back).collect();
    let (found, _) = dominators(&forward(MILLION, &references), &[0], &[]);
    assert!((1..MILLION).all(|id| found[id as usize] == Some(id - 1)));
    // From its other end.
    let (found, _) = dominators(&forward(MILLION, &references), &[MILLION - 1], &[]);
    assert!((0..MILLION - 1).all(|id| found[id as usize] == Some(id + 1)));
}

#[test]
fn two_long_lists_of_the_same_values() {
    // Even objects below 2 × N are one list, odd ones the other; both lists' n-th nodes refer to one value.
    const N: u32 = 300_000;
    let node = |list: u32, n: u32| n * 2 + list;
    let mut references = Vec::new();
    for n in 0..N {
        for list in 0..2 {
            references.push((node(list, n), 2 * N + n));
            if n + 1 < N {
                references.push((node(list, n), node(list, n + 1)));
            }
        }
    }
    let (found, _) = dominators(&forward(3 * N, &references), &[0, 1], &[]);
    assert!((0..N).all(|n| found[(2 * N + n) as usize].is_none()));
    assert!((1..N).all(|n| found[node(1, n) as usize] == Some(node(1, n - 1))));
}

#[test]
fn a_hub_with_a_million_referrers() {
    // 0 → all others → 1 → 2, once as a leaf's referrer and once as an object with references of its own.
    let mut references: Vec<(u32, u32)> = (3..MILLION).flat_map(|id| [(0, id), (id, 1)]).collect();
    references.push((1, 2));
    let (found, _) = dominators(&forward(MILLION, &references), &[0], &[]);
    assert_eq!(found[1..3], [Some(0), Some(1)]);
    assert!((3..MILLION).all(|id| found[id as usize] == Some(0)));
}
