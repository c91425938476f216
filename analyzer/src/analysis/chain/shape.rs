//! Shapes of chains: what chains have in common when positions and recurrences are left out.
//!
//! Shapes form a tree, as chains do: a shape is a step after a shorter shape. Two objects have the same shape if and only
//! if they have the same node of the tree.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::RootKind;

use crate::graph::Start;
use crate::snapshot::TypeKey;

use super::names::Name;

/// The number of a shape in its [`Shapes`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ShapeId(u32);

impl ShapeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A step of a shape: how an object is held, and what it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Step {
    pub(super) by: By,
    pub(super) type_key: TypeKey,
}

/// How the object of a step is held.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum By {
    /// By a root record of this kind and name.
    Root {
        kind: RootKind,
        name: Option<Name>,
        label: LabelShape,
    },
    /// By native code, or by nothing.
    Unnamed(Start),
    /// By a reference of the object of the step before.
    Reference(LabelShape),
}

/// What labels of one shape have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum LabelShape {
    /// The label itself, as printed.
    Literal(Name),
    /// `[*]`: some position or key.
    AnyItem,
    /// `<key *>`: some key itself.
    AnyKeyObject,
    /// `<stack *>`: some entry of an evaluation stack.
    AnyStack,
}

struct Node {
    parent: Option<ShapeId>,
    step: Step,
    /// So many steps up to this one recur.
    recurring: u8,
}

/// The greatest number of steps that are recognised to recur together.
const LONGEST_LOOP: usize = 4;

/// All shapes met so far.
#[derive(Default)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    known: HashMap<(Option<ShapeId>, Step, u8), ShapeId, RandomState>,
}

impl Shapes {
    /// The shape of chains which take `step` after `parent`.
    ///
    /// Steps that repeat the ones before them make no new shape, but are noted as recurring: every node of a linked list
    /// has the same shape, but for the first two.
    pub(super) fn after(&mut self, parent: Option<ShapeId>, step: Step) -> ShapeId {
        match parent.and_then(|parent| self.loop_end(parent, step)) {
            Some((end, length)) => {
                let Node {
                    parent,
                    step,
                    recurring,
                } = self.nodes[end.index()];
                if usize::from(recurring) == length {
                    end
                } else {
                    self.intern(parent, step, length as u8)
                }
            }
            None => self.intern(parent, step, 0),
        }
    }

    fn intern(&mut self, parent: Option<ShapeId>, step: Step, recurring: u8) -> ShapeId {
        *self
            .known
            .entry((parent, step, recurring))
            .or_insert_with(|| {
                self.nodes.push(Node {
                    parent,
                    step,
                    recurring,
                });
                ShapeId(self.nodes.len() as u32 - 1)
            })
    }

    /// If `step` after `parent` completes a repetition of the steps before it: the shape where these ended, and their
    /// number. The shortest repetition is taken.
    fn loop_end(&self, parent: ShapeId, step: Step) -> Option<(ShapeId, usize)> {
        // The last steps and their shapes, the newest first; that of `step` does not exist yet.
        let mut steps = [step; 2 * LONGEST_LOOP];
        let mut shapes = [parent; 2 * LONGEST_LOOP];
        let mut known = 1;
        let mut next = Some(parent);
        while let (Some(shape), true) = (next, known < steps.len()) {
            steps[known] = self.nodes[shape.index()].step;
            shapes[known] = shape;
            next = self.nodes[shape.index()].parent;
            known += 1;
        }
        (1..=LONGEST_LOOP)
            .take_while(|length| 2 * length <= known)
            .find(|&length| steps[..length] == steps[length..2 * length])
            .map(|length| (shapes[length], length))
    }

    /// The steps of a shape from its root, and which of them recur.
    pub(super) fn steps(&self, shape: ShapeId) -> Vec<(Step, u8)> {
        let mut steps = Vec::new();
        let mut next = Some(shape);
        while let Some(shape) = next {
            let node = &self.nodes[shape.index()];
            steps.push((node.step, node.recurring));
            next = node.parent;
        }
        steps.reverse();
        steps
    }

    /// How many shapes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The shape before the last step.
    pub(super) fn parent(&self, shape: ShapeId) -> Option<ShapeId> {
        self.nodes[shape.index()].parent
    }

    /// The last step.
    pub(super) fn last(&self, shape: ShapeId) -> Step {
        self.nodes[shape.index()].step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{TypeName, TypeTable};
    use memdump_format::TypeId;

    /// The shape of a chain whose steps are given by letters, and how it is told: recurring steps in brackets.
    fn told(shapes: &mut Shapes, chain: &str) -> (ShapeId, String) {
        let table = TypeTable::new(vec![TypeName::new("", "T")]);
        let letter = |letter: char| Step {
            by: By::Reference(LabelShape::Literal(Name::numbered(letter as u32))),
            type_key: table.key(TypeId(0)),
        };
        let shape = chain
            .chars()
            .fold(None, |shape, c| Some(shapes.after(shape, letter(c))))
            .expect("a step");
        let mut text = String::new();
        for (step, recurring) in shapes.steps(shape) {
            let c = ('a'..='z').find(|&c| letter(c) == step).expect("a letter");
            text.push(c);
            if recurring > 0 {
                text.insert(text.len() - usize::from(recurring), '(');
                text.push_str(")+");
            }
        }
        (shape, text)
    }

    #[test]
    fn chains_of_the_same_steps_have_the_same_shape() {
        let mut shapes = Shapes::default();
        assert_eq!(told(&mut shapes, "abc").0, told(&mut shapes, "abc").0);
        assert_ne!(told(&mut shapes, "abc").0, told(&mut shapes, "abd").0);
        assert_ne!(told(&mut shapes, "abc").0, told(&mut shapes, "bbc").0);
    }

    #[test]
    fn recurring_steps_are_told_once() {
        let mut shapes = Shapes::default();
        for (chain, shape) in [
            ("ab", "ab"),
            ("abb", "a(b)+"),
            ("abbbbbb", "a(b)+"),
            ("abbbbc", "a(b)+c"),
            ("abcbc", "a(bc)+"),
            ("abcbcbcbc", "a(bc)+"),
            ("abcbcb", "a(bc)+b"),
            ("abcdbcdbcdx", "a(bcd)+x"),
        ] {
            assert_eq!(told(&mut shapes, chain).1, shape, "{chain}");
        }
    }

    #[test]
    fn a_list_a_million_long_has_three_shapes() {
        let mut shapes = Shapes::default();
        told(&mut shapes, &format!("a{}", "b".repeat(1_000_000)));
        // a, ab, a(b)+
        assert_eq!(shapes.len(), 3);
    }
}
