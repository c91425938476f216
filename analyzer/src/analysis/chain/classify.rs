//! Gives every node of the paths its shape, nearest to the roots first.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{Label, ObjectId, ReadError};

use super::super::label_text::NAMESPACE;
use super::names::{Name, Names};
use super::shape::{By, LabelShape, ShapeId, Shapes, Step};
use crate::graph::{Graph, PathNode, PathStep, Paths, RootFilter, Start};
use crate::snapshot::{Snapshot, TypeKey};

/// With more different keys than this at one place, the keys are data, and not part of the program's structure.
const MANY_KEYS: usize = 8;

/// Which shape the chain to each node has.
pub(super) struct Classified<'s> {
    /// The step from an object to its namespace.
    namespace: By,
    pub(super) shape_of: Vec<ShapeId>,
    pub(super) shapes: Shapes,
    pub(super) names: Names<'s>,
}

/// Where keys may be many: after a shape, keys or key objects, to objects of a type.
type Place = (ShapeId, KeyKind, TypeKey);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum KeyKind {
    Value,
    KeyObject,
}

/// What is known of a node before its level's keys are counted.
struct Proposal {
    parent: Option<ShapeId>,
    step: Step,
    key: Option<(KeyKind, Name)>,
}

/// Classifies all nodes.
pub(super) fn classify<'s>(
    snapshot: &'s Snapshot,
    graph: &Graph,
    paths: &Paths,
    from: RootFilter,
) -> Result<Classified<'s>, ReadError> {
    let mut names = Names::new(snapshot);
    let namespace = names.intern(format!(".{NAMESPACE}"));
    let mut classified = Classified {
        namespace: By::Reference(LabelShape::Literal(namespace)),
        shape_of: Vec::with_capacity(paths.nodes().len()),
        shapes: Shapes::default(),
        names,
    };
    for level in Levels(paths.nodes(), 0) {
        // What has a key is proposed twice, as a level may be half the heap, and its proposals too many to be kept.
        let mut keys = Keys::default();
        for node in level.iter().filter(|node| has_key(node)) {
            keys.add(&classified.propose(snapshot, graph, from, node)?);
        }
        for node in level {
            let proposal = classified.propose(snapshot, graph, from, node)?;
            let shape = classified
                .shapes
                .after(proposal.parent, keys.generalise(&proposal));
            classified.shape_of.push(shape);
        }
    }
    Ok(classified)
}

impl Classified<'_> {
    fn propose(
        &mut self,
        snapshot: &Snapshot,
        graph: &Graph,
        from: RootFilter,
        node: &PathNode,
    ) -> Result<Proposal, ReadError> {
        let type_key = snapshot.type_of(node.object);
        let (before, label) = match node.from {
            PathStep::Held(start) => {
                let by = self.held_by(snapshot, graph, from, node.object, start)?;
                return Ok(Proposal {
                    parent: None,
                    step: Step { by, type_key },
                    key: None,
                });
            }
            PathStep::From { node, label } => (self.shape_of[node as usize], label),
        };
        if let Label::Key(key) = label
            && self.shapes.last(before).by == self.namespace
            && let Some(attribute) = self.names.attribute(key)?
        {
            // The namespace between an object and its attribute is not worth a step.
            return Ok(Proposal {
                parent: self.shapes.parent(before),
                step: Step {
                    by: By::Reference(LabelShape::Literal(attribute)),
                    type_key,
                },
                key: None,
            });
        }
        let shape = self.label_shape(label)?;
        let key = match (label, shape) {
            (Label::Key(_), LabelShape::Literal(name)) => Some((KeyKind::Value, name)),
            (Label::KeyObject(_), LabelShape::Literal(name)) => Some((KeyKind::KeyObject, name)),
            _ => None,
        };
        Ok(Proposal {
            parent: Some(before),
            step: Step {
                by: By::Reference(shape),
                type_key,
            },
            key,
        })
    }

    fn label_shape(&mut self, label: Label) -> Result<LabelShape, ReadError> {
        Ok(match label {
            Label::Index(_) | Label::IntegerKey(_) => LabelShape::AnyItem,
            Label::Stack(_) => LabelShape::AnyStack,
            other => LabelShape::Literal(self.names.label(other)?),
        })
    }

    fn held_by(
        &mut self,
        snapshot: &Snapshot,
        graph: &Graph,
        from: RootFilter,
        object: ObjectId,
        start: Start,
    ) -> Result<By, ReadError> {
        let admitted = graph.roots.of(object).find(|root| from.admits(root.kind));
        let (Start::Root, Some(root)) = (start, admitted) else {
            return Ok(By::Unnamed(start));
        };
        let name = root.name.map(|name| snapshot.text(name)).transpose()?;
        Ok(By::Root {
            kind: root.kind,
            name: name.map(|text| self.names.intern(text.into_owned())),
            label: self.label_shape(root.label)?,
        })
    }
}

fn has_key(node: &PathNode) -> bool {
    let label = match node.from {
        PathStep::From { label, .. } => label,
        PathStep::Held(_) => return false,
    };
    matches!(label, Label::Key(_) | Label::KeyObject(_))
}

/// The different keys at each place, up to one more than are kept apart.
#[derive(Default)]
struct Keys(HashMap<Place, Vec<Name>, RandomState>);

impl Keys {
    fn add(&mut self, proposal: &Proposal) {
        if let Some((place, key)) = place(proposal) {
            let known = self.0.entry(place).or_default();
            if known.len() <= MANY_KEYS && !known.contains(&key) {
                known.push(key);
            }
        }
    }

    /// The proposal's step, or what steps at its place have in common if their keys are many.
    fn generalise(&self, proposal: &Proposal) -> Step {
        match place(proposal) {
            Some((place, _)) if self.0[&place].len() > MANY_KEYS => Step {
                by: By::Reference(match place.1 {
                    KeyKind::Value => LabelShape::AnyItem,
                    KeyKind::KeyObject => LabelShape::AnyKeyObject,
                }),
                ..proposal.step
            },
            _ => proposal.step,
        }
    }
}

fn place(proposal: &Proposal) -> Option<(Place, Name)> {
    let (kind, key) = proposal.key?;
    Some(((proposal.parent?, kind, proposal.step.type_key), key))
}

/// Cuts the nodes into levels of one distance: a node that comes from a node of this level is of the next.
struct Levels<'p>(&'p [PathNode], u32);

impl<'p> Iterator for Levels<'p> {
    type Item = &'p [PathNode];

    fn next(&mut self) -> Option<&'p [PathNode]> {
        let Levels(rest, first) = *self;
        let of_next =
            |node: &PathNode| matches!(node.from, PathStep::From { node, .. } if node >= first);
        let length = rest.iter().position(of_next).unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        let (level, behind) = rest.split_at(length);
        *self = Levels(behind, first + length as u32);
        Some(level)
    }
}
