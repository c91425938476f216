//! What the walker needs to know of a type, worked out once for each.

mod classes;
mod study;

use memdump_format::TypeId;

use crate::layout::stable;
use crate::memory::{Frozen, Obj};

pub(crate) use classes::Classes;

/// How the references of an instance are enumerated. Decided by `tp_traverse`, which subclasses written in C inherit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Holds no references.
    Leaf,
    Dict,
    OrderedDict,
    List,
    Tuple,
    Set,
    Cell,
    Weakref,
    /// A type object.
    Type,
    /// Has known slots, and a `tp_traverse` that tells what else there is.
    Slots(Slots),
    /// An instance of a class written in Python: `subtype_traverse`.
    Instance,
    /// A numpy array: not collected, yet it may hold objects.
    NumpyArray,
}

/// Kinds of objects whose slots are fields of a C structure without member descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slots {
    /// Those of `tp_members` only.
    Members,
    /// The same, and what `tp_traverse` tells beside comes in the order of a sequence (deque).
    Sequence,
    /// The same, and it is a dict besides (defaultdict).
    DictMembers,
    Method,
    Builtin,
    Function,
    Module,
    Generator,
    Frame,
    Code,
    Exception,
    Traceback,
    BytesIo,
}

impl Slots {
    /// Whether `tp_members` tells slots that are not among the known fields.
    pub(super) fn have_members(self) -> bool {
        matches!(
            self,
            Slots::Members
                | Slots::Sequence
                | Slots::DictMembers
                | Slots::Generator
                | Slots::Code
                | Slots::Exception
                | Slots::BytesIo
        )
    }
}

/// How the shallow size is worked out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sizing {
    /// `tp_basicsize` and, where there is an item size, `ob_size` items.
    Plain,
    Fixed,
    Int,
    Str,
    List,
    Dict,
    OrderedDict,
    Set,
    ByteArray,
    Type,
    Code,
    Generator,
    Frame,
    Deque,
    Array,
    NumpyArray,
}

/// What an instance holds that is no reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Text,
    Bytes,
    /// Not of `bool`, of which there are but two.
    Integer,
    Float,
}

/// A slot of instances that holds a reference: `__slots__`, `T_OBJECT` members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) offset: usize,
    /// The items of the instance (a tuple's) lie before it (from 3.15 on).
    pub(crate) after_items: bool,
    /// The address of the name, a C string.
    pub(crate) name: usize,
}

/// A type, as the walker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    pub(crate) object: Obj,
    pub(crate) id: TypeId,
    pub(crate) flags: u64,
    pub(crate) shape: Shape,
    pub(crate) sizing: Sizing,
    pub(crate) content: Option<Content>,
    pub(crate) basic_size: usize,
    pub(crate) item_size: usize,
    pub(crate) dict_offset: isize,
    pub(crate) traverse: usize,
    /// `tp_is_gc`, or 0.
    pub(super) is_gc: usize,
    /// The pointers before the object, bytes, without the collector's header.
    pub(crate) prefix: usize,
    /// For instances of Python classes: how the part is enumerated that a base written in C contributes.
    pub(crate) base_shape: Shape,
    pub(crate) base_traverse: usize,
    /// Whether `tp_traverse` of an instance visits the type, and not through the base.
    pub(crate) visits_type: bool,
    /// Whether `tp_traverse` visits the dict at `dict_offset`.
    pub(crate) visits_dict: bool,
    /// `__slots__` of classes written in Python. Lives as long as the snapshot process, like all that is known of classes.
    pub(crate) own_slots: &'static [Member],
    /// `T_OBJECT` members of the structure in C.
    pub(crate) structure: &'static [Member],
}

impl Class {
    /// Bytes of an instance's allocation that lie before the instance: the collector's header, and pointers to its dict and weak references.
    pub(crate) fn before_object(&self, heap: Frozen, object: Obj) -> usize {
        let header = if self.is_collected(heap, object) {
            stable::GC_HEAD
        } else {
            0
        };
        header + self.prefix
    }

    /// What a slot of an instance holds; may be NULL.
    pub(crate) fn member(&self, heap: Frozen, object: Obj, member: &Member) -> Obj {
        let items = if member.after_items {
            heap.length(object).saturating_mul(self.item_size)
        } else {
            0
        };
        heap.object((object.0 + member.offset).saturating_add(items))
    }

    /// `PyObject_IS_GC` for an instance.
    pub(crate) fn is_collected(&self, heap: Frozen, object: Obj) -> bool {
        if self.flags & stable::FLAG_COLLECTED == 0 {
            return false;
        }
        // Only type objects have a `tp_is_gc` that says no: static ones have no header.
        self.is_gc == 0
            || self.flags & stable::FLAG_TYPE == 0
            || heap.flags(object) & stable::FLAG_HEAP_TYPE != 0
    }
}
