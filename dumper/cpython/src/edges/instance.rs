//! Instances of classes written in Python, and the classes themselves.

use super::{Edges, Interpreter, Name, SlotList, Tag};
use crate::class::Class;
use crate::layout::{ManagedDict, stable};
use crate::memory::Obj;

impl Interpreter {
    /// `subtype_traverse` of Objects/typeobject.c, step by step: slots, attributes, type, and then what the base has.
    pub(super) fn instance(
        &self,
        object: Obj,
        class: &Class,
        scratch: &mut SlotList,
        out: &mut impl Edges,
    ) {
        for slot in class.own_slots {
            let target = class.member(self.heap, object, slot);
            if target != Obj::NULL {
                out.strong(target, Tag::Attribute(Name::C(slot.name)));
            }
        }
        if class.flags & stable::FLAG_MANAGED_DICT != 0 {
            self.managed_dict(object, class, out);
        } else if class.visits_dict {
            let dict = self.dict_by_offset(object, class);
            if dict != Obj::NULL {
                out.strong(dict, DICT);
            }
        }
        if class.visits_type {
            out.strong(class.object, Tag::Type);
        }
        self.structure(
            object,
            class,
            class.base_shape,
            class.base_traverse,
            scratch,
            out,
        );
    }

    /// The attributes of an instance that has no slot for its dict.
    fn managed_dict(&self, object: Obj, class: &Class, out: &mut impl Edges) {
        let heap = self.heap;
        match self.layout.managed_dict {
            ManagedDict::None => {}
            ManagedDict::TwoPointers => {
                let values = heap.word(object.0 - 32);
                if values != 0 {
                    self.values(values, class, usize::MAX, out);
                }
                let dict = heap.object(object.0 - 24);
                if dict != Obj::NULL {
                    out.strong(dict, DICT);
                }
            }
            ManagedDict::TaggedPointer => {
                let tagged = heap.word(object.0 - 24);
                if tagged & 1 != 0 {
                    self.values(tagged + 1, class, usize::MAX, out);
                } else if tagged != 0 {
                    out.strong(Obj(tagged), DICT);
                }
            }
            ManagedDict::Inline { dict_tells } => {
                let dict = heap.object(object.0 - 24);
                let told_by_dict = dict_tells && dict != Obj::NULL;
                if class.flags & stable::FLAG_INLINE_VALUES != 0 && !told_by_dict {
                    let values = object.0 + class.basic_size;
                    let (capacity, valid) = (heap.u8(values), heap.u8(values + 3));
                    if valid != 0 {
                        self.values(values, class, usize::from(capacity), out);
                    }
                }
                if dict != Obj::NULL {
                    out.strong(dict, DICT);
                }
            }
        }
    }

    /// The pointers of a `PyDictValues`, by the names that the class caches.
    fn values(&self, values: usize, class: &Class, most: usize, out: &mut impl Edges) {
        let Some(keys) = self.cached_keys(class.object) else {
            return;
        };
        for index in 0..keys.count.min(most) {
            let value = self
                .heap
                .object(values + self.layout.dict_values + index * 8);
            if value != Obj::NULL {
                out.strong(value, Interpreter::attribute(self.key_at(&keys, index)));
            }
        }
    }

    /// `_PyObject_ComputedDictPointer`, dereferenced.
    pub(super) fn dict_by_offset(&self, object: Obj, class: &Class) -> Obj {
        let mut offset = class.dict_offset;
        if offset == 0 {
            return Obj::NULL;
        }
        if offset < 0 {
            let size = class.basic_size + self.heap.length(object) * class.item_size;
            offset += size.next_multiple_of(8) as isize;
        }
        let Some(address) = object.0.checked_add_signed(offset) else {
            return Obj::NULL;
        };
        self.heap.object(address)
    }

    /// A class: what `type_traverse` visits, and what it leaves out because it cannot be part of a cycle. Static types are not
    /// collected, but hold the same.
    pub(super) fn type_object(&self, class: Obj, out: &mut impl Edges) {
        let flags = self.heap.flags(class);
        let is_heap_type = flags & stable::FLAG_HEAP_TYPE != 0;
        let in_interpreter =
            self.layout.static_types_in_interpreter && flags & stable::FLAG_STATIC_BUILTIN != 0;
        if in_interpreter {
            let dict = self.api.type_dict(class);
            if dict != Obj::NULL {
                out.strong(dict, DICT);
            }
        } else {
            self.field(class, stable::TP_DICT, "__dict__", out);
            self.internal(class, stable::TP_SUBCLASSES, "subclasses", out);
        }
        self.internal(class, stable::TP_CACHE, "cache", out);
        self.field(class, stable::TP_MRO, "__mro__", out);
        self.field(class, stable::TP_BASES, "__bases__", out);
        self.field(class, stable::TP_BASE, "__base__", out);
        if !is_heap_type {
            return;
        }
        let layout = self.layout;
        self.field(class, layout.heap_type_name, "__name__", out);
        self.field(class, layout.heap_type_qualname, "__qualname__", out);
        self.field(class, layout.heap_type_slots, "__slots__", out);
        self.internal(class, layout.heap_type_module(), "module", out);
        if let Some(keys) = self.cached_keys(class) {
            for index in 0..keys.count {
                let key = self.key_at(&keys, index);
                if key != Obj::NULL {
                    out.strong(key, Tag::KeyObject(key));
                }
            }
        }
    }

    fn internal(&self, object: Obj, offset: usize, name: &'static str, out: &mut impl Edges) {
        let target = self.heap.object(object.0 + offset);
        if target != Obj::NULL {
            out.strong(target, Tag::Internal(name));
        }
    }
}

/// Finds one attribute of an instance.
struct Attribute<'a> {
    python: &'a Interpreter,
    name: &'a str,
    value: Option<Obj>,
}

impl Edges for Attribute<'_> {
    fn strong(&mut self, target: Obj, tag: Tag) {
        match tag {
            Tag::Attribute(Name::Str(name)) if self.python.str_is(name, self.name) => {
                self.value = Some(target)
            }
            DICT if self.value.is_none() => self.value = self.python.lookup(target, self.name),
            _ => {}
        }
    }
    fn weak(&mut self, _: Obj, _: Tag) {}
}

impl Interpreter {
    /// The value of an attribute that an instance has of its own.
    pub(crate) fn attribute_value(&self, object: Obj, name: &str) -> Option<Obj> {
        let class = Class::study(self.heap, &self.known, self.heap.type_of(object));
        let mut attribute = Attribute {
            python: self,
            name,
            value: None,
        };
        self.references(object, &class, &mut SlotList::default(), &mut attribute);
        attribute.value
    }
}

/// The dict of an instance, a function, a class.
pub(super) const DICT: Tag = Tag::Attribute(Name::Known("__dict__"));
