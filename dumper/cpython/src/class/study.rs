//! Works out what the walker needs to know of a type, from the type object.

use memdump_format::TypeId;

use super::{Class, Content, Member, Shape, Sizing, Slots};
use crate::known::Known;
use crate::layout::stable;
use crate::memory::{Frozen, Obj};

impl Class {
    /// Works out what there is to know of a type.
    pub(crate) fn study(heap: Frozen, known: &Known, object: Obj) -> Class {
        let field = |offset: usize| heap.word(object.0 + offset);
        let flags = heap.flags(object);
        let traverse = field(stable::TP_TRAVERSE);
        let collected = flags & stable::FLAG_COLLECTED != 0;
        let dict_offset = heap.signed(object.0 + stable::TP_DICTOFFSET);
        let mut class = Class {
            object,
            id: TypeId(0),
            flags,
            shape: Shape::Leaf,
            sizing: sizing(heap, known, object, flags),
            content: content(heap, known, object, flags),
            basic_size: field(stable::TP_BASICSIZE),
            item_size: field(stable::TP_ITEMSIZE),
            dict_offset,
            traverse: if collected { traverse } else { 0 },
            is_gc: field(stable::TP_IS_GC),
            prefix: prefix(flags),
            base_shape: Shape::Leaf,
            base_traverse: 0,
            visits_type: false,
            visits_dict: false,
            own_slots: &[],
            structure: &[],
        };
        if collected && traverse == known.subtype_traverse {
            class.shape = Shape::Instance;
            let mut slots = Vec::new();
            let mut base = object;
            while base != Obj::NULL
                && heap.word(base.0 + stable::TP_TRAVERSE) == known.subtype_traverse
            {
                if heap.length(base) != 0 {
                    object_members(heap, base, &mut slots);
                }
                base = heap.object(base.0 + stable::TP_BASE);
            }
            let (base_heap, base_dict) = if base == Obj::NULL {
                (false, 0)
            } else {
                class.base_traverse = heap.word(base.0 + stable::TP_TRAVERSE);
                class.base_shape = shape(heap, known, base, class.base_traverse, flags);
                (
                    heap.flags(base) & stable::FLAG_HEAP_TYPE != 0,
                    heap.signed(base.0 + stable::TP_DICTOFFSET),
                )
            };
            class.own_slots = slots.leak();
            if matches!(class.base_shape, Shape::Slots(slots) if slots.have_members()) {
                class.structure = members_of_bases(heap, base).leak();
            }
            class.visits_type =
                flags & stable::FLAG_HEAP_TYPE != 0 && (class.base_traverse == 0 || !base_heap);
            class.visits_dict = dict_offset != base_dict;
            return class;
        }
        class.shape = shape(heap, known, object, class.traverse, flags);
        if let Shape::Slots(slots) = class.shape
            && slots.have_members()
        {
            class.structure = members_of_bases(heap, object).leak();
            if !collected && slots == Slots::Members && class.structure.is_empty() {
                class.shape = Shape::Leaf;
            }
        }
        class
    }
}

fn content(heap: Frozen, known: &Known, object: Obj, flags: u64) -> Option<Content> {
    if flags & stable::FLAG_UNICODE != 0 {
        Some(Content::Text)
    } else if flags & stable::FLAG_BYTES != 0 {
        Some(Content::Bytes)
    } else if flags & stable::FLAG_INT != 0 {
        (object != known.bool_type).then_some(Content::Integer)
    } else {
        // No flag tells a subclass of `float`; numpy's has it as a second base.
        bases(heap, object)
            .any(|class| class == known.float_type || is_named(heap, class, b"numpy.float64"))
            .then_some(Content::Float)
    }
}

fn shape(heap: Frozen, known: &Known, object: Obj, traverse: usize, flags: u64) -> Shape {
    let named =
        |name: &str| heap.c_string(heap.word(object.0 + stable::TP_NAME), 64) == name.as_bytes();
    if traverse == 0 {
        return match () {
            () if object == known.code_type => Shape::Slots(Slots::Code),
            () if has_numpy_base(heap, object) => Shape::NumpyArray,
            () if flags & (stable::FLAG_INT | stable::FLAG_UNICODE | stable::FLAG_BYTES) != 0 => {
                Shape::Leaf
            }
            () if named("_io.BytesIO") => Shape::Slots(Slots::BytesIo),
            // `object` and the plain numbers have no members; a type with some is not a leaf.
            () if has_object_members(heap, object) => Shape::Slots(Slots::Members),
            () => Shape::Leaf,
        };
    }
    let by_traverse = [
        (known.dict, Shape::Dict),
        (known.list, Shape::List),
        (known.tuple, Shape::Tuple),
        (known.set, Shape::Set),
        (known.cell, Shape::Cell),
        (known.weakref, Shape::Weakref),
        (known.type_, Shape::Type),
        (known.ordered_dict, Shape::OrderedDict),
        (known.default_dict, Shape::Slots(Slots::DictMembers)),
        (known.deque, Shape::Slots(Slots::Sequence)),
        (known.method, Shape::Slots(Slots::Method)),
        (known.builtin, Shape::Slots(Slots::Builtin)),
        (known.function, Shape::Slots(Slots::Function)),
        (known.module, Shape::Slots(Slots::Module)),
        (known.generator, Shape::Slots(Slots::Generator)),
        (known.async_generator, Shape::Slots(Slots::Generator)),
        (known.frame, Shape::Slots(Slots::Frame)),
        (known.traceback, Shape::Slots(Slots::Traceback)),
    ];
    if let Some(&(_, shape)) = by_traverse
        .iter()
        .find(|&&(address, _)| address == traverse)
    {
        return shape;
    }
    match () {
        () if flags & FLAG_EXCEPTION != 0 => Shape::Slots(Slots::Exception),
        () if has_numpy_base(heap, object) => Shape::NumpyArray,
        () if named("_io.BytesIO") => Shape::Slots(Slots::BytesIo),
        () => Shape::Slots(Slots::Members),
    }
}

/// `Py_TPFLAGS_BASE_EXC_SUBCLASS`.
const FLAG_EXCEPTION: u64 = 1 << 30;

/// Chains of bases longer than this are a corrupt heap.
const MOST_BASES: usize = 1000;

fn bases(heap: Frozen, object: Obj) -> impl Iterator<Item = Obj> {
    let existing = |class: Obj| (class != Obj::NULL).then_some(class);
    std::iter::successors(existing(object), move |class| {
        existing(heap.object(class.0 + stable::TP_BASE))
    })
    .take(MOST_BASES)
}

fn has_numpy_base(heap: Frozen, object: Obj) -> bool {
    bases(heap, object).any(|class| is_named(heap, class, b"numpy.ndarray"))
}

fn is_named(heap: Frozen, class: Obj, name: &[u8]) -> bool {
    heap.c_string(heap.word(class.0 + stable::TP_NAME), 16) == name
}

fn has_object_members(heap: Frozen, object: Obj) -> bool {
    !members_of_bases(heap, object).is_empty()
}

fn members_of_bases(heap: Frozen, object: Obj) -> Vec<Member> {
    let mut members = Vec::new();
    for class in bases(heap, object) {
        object_members(heap, class, &mut members);
    }
    members
}

/// The entries of `tp_members` that hold objects.
fn object_members(heap: Frozen, class: Obj, members: &mut Vec<Member>) {
    let table = heap.word(class.0 + stable::TP_MEMBERS);
    if table == 0 {
        return;
    }
    for entry in (table..).step_by(stable::MEMBER_SIZE).take(4096) {
        let name = heap.word(entry + stable::MEMBER_NAME);
        if name == 0 {
            return;
        }
        let kind = heap.u32(entry + stable::MEMBER_TYPE);
        let offset = heap.word(entry + stable::MEMBER_OFFSET);
        let after_items = heap.u32(entry + stable::MEMBER_FLAGS) & stable::MEMBER_AFTER_ITEMS != 0;
        // Offsets below the header are the relative or special ones of newer versions.
        if matches!(kind, stable::MEMBER_OBJECT | stable::MEMBER_OBJECT_EX)
            && (16..1 << 20).contains(&offset)
        {
            // Some fields have two names.
            if members.iter().all(|member| member.offset != offset) {
                members.push(Member {
                    offset,
                    after_items,
                    name,
                });
            }
        }
    }
}

fn sizing(heap: Frozen, known: &Known, object: Obj, flags: u64) -> Sizing {
    let traverse = heap.word(object.0 + stable::TP_TRAVERSE);
    let item_size = heap.word(object.0 + stable::TP_ITEMSIZE);
    if flags & stable::FLAG_INT != 0 {
        return Sizing::Int;
    }
    if flags & stable::FLAG_UNICODE != 0 {
        return Sizing::Str;
    }
    if flags & stable::FLAG_LIST != 0 {
        return Sizing::List;
    }
    for class in bases(heap, object) {
        match class {
            c if c == known.ordered_dict_type => return Sizing::OrderedDict,
            c if c == known.dict_type => return Sizing::Dict,
            c if c == known.set_type || c == known.frozenset_type => return Sizing::Set,
            c if c == known.bytearray_type => return Sizing::ByteArray,
            c if c == known.type_type => return Sizing::Type,
            c if c == known.code_type => return Sizing::Code,
            c if c == known.frame_type => return Sizing::Frame,
            c if c == known.deque_type => return Sizing::Deque,
            c if c == known.array_type => return Sizing::Array,
            _ => {}
        }
    }
    match () {
        () if traverse == known.generator || traverse == known.async_generator => Sizing::Generator,
        () if has_numpy_base(heap, object) => Sizing::NumpyArray,
        () if item_size == 0 => Sizing::Fixed,
        () => Sizing::Plain,
    }
}

/// What lies before an instance beside the collector's header: pointers to its dict and weak references, bytes.
fn prefix(flags: u64) -> usize {
    if flags & (stable::FLAG_MANAGED_DICT | stable::FLAG_MANAGED_WEAKREF) != 0 {
        16
    } else {
        0
    }
}
