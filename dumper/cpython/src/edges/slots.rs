//! Slots known by name: fields of the structures in C whose place the walker knows, and those that `tp_members` tells.

use super::instance::DICT;
use super::{Interpreter, Name, Tag};
use crate::class::{Class, Slots};
use crate::layout::{Variables, stable};
use crate::memory::Obj;

/// The filled slots of one object. Reused from object to object, so that it stops growing soon.
#[derive(Default)]
pub(crate) struct SlotList {
    slots: Vec<Slot>,
    /// Where the last match was: `tp_traverse` mostly visits in the order of the fields.
    cursor: usize,
}

struct Slot {
    target: Obj,
    tag: Tag,
    told: bool,
}

impl SlotList {
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.cursor = 0;
    }

    pub(super) fn push(&mut self, target: Obj, tag: Tag) {
        if target != Obj::NULL {
            self.slots.push(Slot {
                target,
                tag,
                told: false,
            });
        }
    }

    /// The tag of a slot that points there and was not told yet.
    pub(super) fn tell(&mut self, target: Obj) -> Option<Tag> {
        let count = self.slots.len();
        for step in 0..count {
            let at = (self.cursor + step) % count;
            let slot = &mut self.slots[at];
            if slot.target == target && !slot.told {
                slot.told = true;
                self.cursor = at + 1;
                return Some(slot.tag);
            }
        }
        None
    }

    /// The slots that `tp_traverse` did not tell: they cannot be part of a cycle, but they are references.
    pub(super) fn untold(&self) -> impl Iterator<Item = (Obj, Tag)> + '_ {
        self.slots
            .iter()
            .filter(|slot| !slot.told)
            .map(|slot| (slot.target, slot.tag))
    }
}

type Field = (usize, &'static str);

impl Interpreter {
    /// Fills in the slots of an object of a known structure.
    pub(super) fn known_slots(&self, object: Obj, class: &Class, slots: Slots, out: &mut SlotList) {
        for member in class.structure {
            out.push(
                class.member(self.heap, object, member),
                Tag::Attribute(Name::C(member.name)),
            );
        }
        match slots {
            Slots::Members | Slots::Sequence | Slots::DictMembers => {
                let has_dict =
                    class.dict_offset > 0 && class.shape != crate::class::Shape::Instance;
                // Some types have a member for it as well.
                if has_dict
                    && class
                        .structure
                        .iter()
                        .all(|member| member.offset as isize != class.dict_offset)
                {
                    out.push(self.dict_by_offset(object, class), DICT);
                }
            }
            Slots::Method => {
                self.fields(
                    object,
                    &[
                        (stable::METHOD_FUNCTION, "__func__"),
                        (stable::METHOD_SELF, "__self__"),
                    ],
                    out,
                );
            }
            Slots::Builtin => {
                self.fields(
                    object,
                    &[
                        (stable::BUILTIN_SELF, "__self__"),
                        (stable::BUILTIN_MODULE, "__module__"),
                    ],
                    out,
                );
            }
            Slots::Function => self.function_slots(object, out),
            Slots::Module => {
                self.fields(object, &[(stable::MODULE_DICT, "__dict__")], out);
                out.push(
                    self.heap.object(object.0 + self.layout.module_name),
                    Tag::Internal("name"),
                );
            }
            Slots::Generator => self.generator_slots(object, out),
            Slots::Frame => self.frame_object_slots(object, out),
            Slots::Code => {
                // The tuples of earlier versions are members.
                if let Variables::Kinds { names, kinds, .. } = self.layout.code.variables {
                    let field = |offset| self.heap.object(object.0 + offset);
                    out.push(field(names), Tag::Internal("local names"));
                    out.push(field(kinds), Tag::Internal("local kinds"));
                }
            }
            Slots::Exception => self.exception_slots(object, out),
            Slots::Traceback => self.fields(object, &[(16, "tb_next"), (24, "tb_frame")], out),
            Slots::BytesIo => out.push(self.heap.object(object.0 + 16), Tag::Internal("buffer")),
        }
    }

    pub(super) fn fields(&self, object: Obj, fields: &[Field], out: &mut SlotList) {
        for &(offset, name) in fields {
            out.push(
                self.heap.object(object.0 + offset),
                Tag::Attribute(Name::Known(name)),
            );
        }
    }

    fn exception_slots(&self, exception: Obj, out: &mut SlotList) {
        let layout = self.layout.exception;
        self.fields(exception, &[(16, "__dict__"), (24, "args")], out);
        if let Some(notes) = layout.notes {
            self.fields(exception, &[(notes, "__notes__")], out);
        }
        self.fields(
            exception,
            &[
                (layout.traceback, "__traceback__"),
                (layout.context, "__context__"),
                (layout.cause, "__cause__"),
            ],
            out,
        );
    }

    fn function_slots(&self, function: Obj, out: &mut SlotList) {
        let layout = self.layout.function;
        self.fields(
            function,
            &[
                (layout.code, "__code__"),
                (layout.globals, "__globals__"),
                (layout.module, "__module__"),
                (layout.defaults, "__defaults__"),
                (layout.kwdefaults, "__kwdefaults__"),
                (layout.doc, "__doc__"),
                (layout.name, "__name__"),
                (layout.dict, "__dict__"),
                (layout.closure, "__closure__"),
                (layout.annotations, "__annotations__"),
                (layout.qualname, "__qualname__"),
            ],
            out,
        );
        let newer = [
            (layout.builtins, "__builtins__"),
            (layout.annotate, "__annotate__"),
            (layout.type_params, "__type_params__"),
        ];
        for (offset, name) in newer {
            if let Some(offset) = offset {
                self.fields(function, &[(offset, name)], out);
            }
        }
    }
}
