//! From an object to its references, each with its name.
//!
//! What the collector is told by `tp_traverse` is the truth. For the commonest structures the same walk is done here,
//! entry by entry, because only so the entry's name is known; for all others `tp_traverse` is called and what it tells is matched
//! by pointer with the slots known by name. Tests compare both with `gc.get_referents` on every version.

mod collections;
mod frames;
mod instance;
mod slots;
mod traverse;

use memdump_format::Label;

use crate::class::{Class, Shape};
use crate::known::Known;
use crate::layout::{Layout, stable};
use crate::memory::{Frozen, Obj};

pub(crate) use frames::Frame;
pub(crate) use slots::SlotList;

/// A name, wherever it is kept. Turned into text only if it has not been met before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    /// A `str` of the target.
    Str(Obj),
    /// The address of a C string.
    C(usize),
    /// Of this program.
    Known(&'static str),
}

/// What a reference is called, before its texts are interned: [`Label`] with names in place of string ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tag {
    None,
    Attribute(Name),
    /// The value under the key.
    Key(Obj),
    /// The key itself.
    KeyObject(Obj),
    Index(usize),
    Closure(Obj),
    Local(Obj),
    Stack(usize),
    Type,
    Internal(&'static str),
    Element,
}

/// Takes an object's references.
pub(crate) trait Edges {
    /// A reference that keeps its target alive.
    fn strong(&mut self, target: Obj, tag: Tag);
    /// One that does not.
    fn weak(&mut self, target: Obj, tag: Tag);
}

/// All that enumerating references needs to know, and changes nothing of.
#[derive(Clone, Copy)]
pub(crate) struct Interpreter {
    pub(crate) heap: Frozen,
    pub(crate) layout: &'static Layout,
    pub(crate) known: Known,
    pub(crate) api: crate::api::Api,
}

impl Interpreter {
    /// Gives all references of `object`, an instance of `class`.
    ///
    /// `scratch` is room that is reused from object to object.
    pub(crate) fn references(
        &self,
        object: Obj,
        class: &Class,
        scratch: &mut SlotList,
        out: &mut impl Edges,
    ) {
        // Static types are not collected even where their type's instances are; their `tp_traverse` would abort.
        if class.flags & stable::FLAG_TYPE != 0 && !class.is_collected(self.heap, object) {
            return self.type_object(object, out);
        }
        match class.shape {
            Shape::Instance => self.instance(object, class, scratch, out),
            shape => self.structure(object, class, shape, class.traverse, scratch, out),
        }
    }

    /// The part of an object's references that its structure in C has: all of them, or those of the base of a Python class.
    fn structure(
        &self,
        object: Obj,
        class: &Class,
        shape: Shape,
        traverse: usize,
        scratch: &mut SlotList,
        out: &mut impl Edges,
    ) {
        match shape {
            Shape::Leaf | Shape::Instance => {}
            Shape::Dict => self.dict(object, out),
            Shape::OrderedDict => self.ordered_dict(object, out),
            Shape::List => self.list(object, out),
            Shape::Tuple => self.tuple(object, out),
            Shape::Set => self.set(object, out),
            Shape::Cell => self.field(object, stable::CELL_CONTENTS, "cell_contents", out),
            Shape::Weakref => self.weakref(object, out),
            Shape::Type => self.type_object(object, out),
            Shape::NumpyArray => self.numpy_array(object, out),
            Shape::Slots(slots) => {
                scratch.clear();
                self.known_slots(object, class, slots, scratch);
                self.traverse(object, class.object, slots, traverse, scratch, out);
                if slots == crate::class::Slots::Function {
                    self.closure(object, out);
                }
            }
        }
    }

    /// One field, as an attribute.
    fn field(&self, object: Obj, offset: usize, name: &'static str, out: &mut impl Edges) {
        let target = self.heap.object(object.0 + offset);
        if target != Obj::NULL {
            out.strong(target, Tag::Attribute(Name::Known(name)));
        }
    }

    fn weakref(&self, object: Obj, out: &mut impl Edges) {
        let callback = self.heap.object(object.0 + stable::WEAKREF_CALLBACK);
        if callback != Obj::NULL {
            out.strong(callback, Tag::Attribute(Name::Known("__callback__")));
        }
        let referent = self.heap.object(object.0 + stable::WEAKREF_OBJECT);
        // A dead weak reference points to None; one that is being cleared, to an object without references.
        if referent != Obj::NULL
            && referent != self.known.none
            && self.heap.word(referent.0) as u32 != 0
        {
            out.weak(referent, Tag::Internal("weak"));
        }
    }
}

/// A label of the file, for tags without text.
pub(crate) fn plain_label(tag: Tag) -> Option<Label> {
    match tag {
        Tag::None => Some(Label::None),
        Tag::Index(index) => Some(Label::Index(index as u64)),
        Tag::Stack(index) => Some(Label::Stack(index as u64)),
        Tag::Type => Some(Label::Type),
        Tag::Element => Some(Label::Element),
        _ => None,
    }
}
