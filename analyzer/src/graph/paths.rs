//! The part of a search's tree that leads to chosen objects.

use memdump_format::{Label, ObjectId};

use super::search::{Reached, Search, Shortest, Start};

/// One object on the way to a chosen one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathNode {
    /// The object.
    pub object: ObjectId,
    /// How it was reached.
    pub from: PathStep,
}

/// How a node of [`Paths`] was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathStep {
    /// It is held directly.
    Held(Start),
    /// By a reference of an earlier node.
    From {
        /// The number of that node.
        node: u32,
        /// What the reference is called.
        label: Label,
    },
}

const ABSENT: u32 = u32::MAX;

/// All objects on the shortest chains to chosen objects, nearest first: a node comes after the one it is reached from.
pub struct Paths {
    nodes: Vec<PathNode>,
    /// From an object to the number of its node.
    node_of: Vec<u32>,
}

impl Paths {
    /// The chains to the chosen objects, as far as the search reached them. Labels are still missing.
    pub fn to(search: &Search<'_>, chosen: impl IntoIterator<Item = ObjectId>) -> Paths {
        Paths::along(search.shortest(), chosen)
    }

    /// The same, of a search that has ended.
    pub fn along(shortest: &Shortest, chosen: impl IntoIterator<Item = ObjectId>) -> Paths {
        const MARKED: u32 = 0;
        let mut node_of = vec![ABSENT; shortest.objects()];
        let mut objects: Vec<(u32, ObjectId)> = Vec::new();
        for chosen in chosen {
            let mut next = chosen;
            while node_of[next.index()] == ABSENT {
                let Some(distance) = shortest.distance(next) else {
                    break;
                };
                node_of[next.index()] = MARKED;
                objects.push((distance, next));
                match shortest.reached(next) {
                    Reached::From(parent) => next = parent,
                    _ => break,
                }
            }
        }
        objects.sort_unstable();
        for (number, &(_, object)) in objects.iter().enumerate() {
            node_of[object.index()] = number as u32;
        }
        let nodes = objects
            .iter()
            .map(|&(_, object)| PathNode {
                object,
                from: match shortest.reached(object) {
                    Reached::From(parent) => PathStep::From {
                        node: node_of[parent.index()],
                        label: Label::None,
                    },
                    Reached::Held(start) => PathStep::Held(start),
                    Reached::Not => unreachable!("only what was reached is marked"),
                },
            })
            .collect();
        Paths { nodes, node_of }
    }

    /// The nodes, nearest to the roots first.
    pub fn nodes(&self) -> &[PathNode] {
        &self.nodes
    }

    /// The number of an object's node.
    pub fn node_of(&self, object: ObjectId) -> Option<u32> {
        let number = self.node_of[object.index()];
        (number != ABSENT).then_some(number)
    }

    /// Names the reference that leads to a node, unless it has a name already.
    pub(super) fn name(&mut self, node: u32, name: Label) {
        if let PathStep::From { label, .. } = &mut self.nodes[node as usize].from
            && *label == Label::None
        {
            *label = name;
        }
    }

    /// The nodes from what is held to node number `node`.
    pub fn chain(&self, node: u32) -> Vec<PathNode> {
        let mut last = self.nodes[node as usize];
        let mut chain = vec![last];
        while let PathStep::From { node, .. } = last.from {
            last = self.nodes[node as usize];
            chain.push(last);
        }
        chain.reverse();
        chain
    }
}
