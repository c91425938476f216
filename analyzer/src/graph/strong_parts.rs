//! Strongly connected parts of a graph, by Tarjan's algorithm without recursion.

/// The part of each node, by number. Every part has a lower number than those that refer to it.
pub(super) struct Parts {
    pub(super) of: Vec<u32>,
    pub(super) count: usize,
}

const UNSEEN: u32 = u32::MAX;

/// The strongly connected parts of a graph with `nodes` nodes; `targets(node, n)` is the `n`-th node that `node` refers to,
/// none if it refers to fewer.
pub(super) fn strong_parts(nodes: usize, targets: impl Fn(u32, usize) -> Option<u32>) -> Parts {
    let mut parts = Parts {
        of: vec![UNSEEN; nodes],
        count: 0,
    };
    // When a node was first seen, and the earliest node still open that it leads back to.
    let mut seen = vec![UNSEEN; nodes];
    let mut earliest = vec![UNSEEN; nodes];
    let mut open: Vec<u32> = Vec::new();
    // Instead of the call stack: a node and which of its references is next.
    let mut way: Vec<(u32, usize)> = Vec::new();
    let mut clock = 0;
    for start in 0..nodes as u32 {
        if seen[start as usize] != UNSEEN {
            continue;
        }
        way.push((start, 0));
        while let Some(&mut (node, ref mut next)) = way.last_mut() {
            let at = node as usize;
            if *next == 0 && seen[at] == UNSEEN {
                (seen[at], earliest[at]) = (clock, clock);
                clock += 1;
                open.push(node);
            }
            if let Some(target) = targets(node, *next) {
                *next += 1;
                let target_at = target as usize;
                if seen[target_at] == UNSEEN {
                    way.push((target, 0));
                } else if parts.of[target_at] == UNSEEN {
                    earliest[at] = earliest[at].min(seen[target_at]);
                }
                continue;
            }
            way.pop();
            if let Some(&(before, _)) = way.last() {
                earliest[before as usize] = earliest[before as usize].min(earliest[at]);
            }
            if earliest[at] == seen[at] {
                while let Some(member) = open.pop() {
                    parts.of[member as usize] = parts.count as u32;
                    if member == node {
                        break;
                    }
                }
                parts.count += 1;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn parts(nodes: usize, references: &[(u32, u32)]) -> Parts {
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); nodes];
        for &(source, target) in references {
            rows[source as usize].push(target);
        }
        strong_parts(nodes, |node, n| rows[node as usize].get(n).copied())
    }

    proptest! {
        #[test]
        fn nodes_share_a_part_if_each_reaches_the_other(
            references in prop::collection::vec((0..14_u32, 0..14_u32), 0..40),
        ) {
            let parts = parts(14, &references);
            let reached = |from: u32| {
                let mut reached = BTreeSet::from([from]);
                for _ in 0..14 {
                    for &(source, target) in &references {
                        if reached.contains(&source) {
                            reached.insert(target);
                        }
                    }
                }
                reached
            };
            let reached: Vec<_> = (0..14).map(reached).collect();
            for a in 0..14 {
                for b in 0..14 {
                    let both = reached[a].contains(&(b as u32)) && reached[b].contains(&(a as u32));
                    prop_assert_eq!(parts.of[a] == parts.of[b], both);
                }
            }
            for &(source, target) in &references {
                prop_assert!(parts.of[target as usize] <= parts.of[source as usize]);
            }
            let highest = parts.of.iter().copied().collect::<BTreeSet<_>>();
            prop_assert_eq!(highest.len(), parts.count);
        }
    }

    #[test]
    fn a_ring_a_million_long_is_one_part_and_a_list_is_a_million() {
        const LENGTH: u32 = 1_000_000;
        let ring = strong_parts(LENGTH as usize, |node, n| {
            (n == 0).then_some((node + 1) % LENGTH)
        });
        assert_eq!(ring.count, 1);
        let list = strong_parts(LENGTH as usize, |node, n| {
            Some(node + 1).filter(|&next| n == 0 && next < LENGTH)
        });
        assert_eq!(list.count, LENGTH as usize);
    }
}
