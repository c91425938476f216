//! Slots known by name: fields of the structures in C whose place the walker knows, and those that `tp_members` tells.

use super::instance::DICT;
use super::{Interpreter, Name, Tag};
use crate::class::{Class, Slots};
use crate::layout::stable;
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

    fn push(&mut self, target: Obj, tag: Tag) {
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

/// A local variable of these kinds is a cell that came with the function (`CO_FAST_FREE`).
const KIND_FREE: u8 = 0x80;

/// More local variables than this are a corrupt code object.
pub(crate) const MOST_LOCALS: usize = 1 << 20;

impl Interpreter {
    /// Fills in the slots of an object of a known structure.
    pub(super) fn known_slots(&self, object: Obj, class: &Class, slots: Slots, out: &mut SlotList) {
        for member in class.structure {
            out.push(
                self.heap.object(object.0 + member.offset),
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
                    self.heap.object(object.0 + MODULE_NAME),
                    Tag::Internal("name"),
                );
            }
            Slots::Generator => self.generator_slots(object, out),
            Slots::Frame => self.frame_object_slots(object, out),
            Slots::Code => {
                out.push(
                    self.heap
                        .object(object.0 + self.layout.code_localsplusnames),
                    Tag::Internal("local names"),
                );
                out.push(
                    self.heap
                        .object(object.0 + self.layout.code_localspluskinds),
                    Tag::Internal("local kinds"),
                );
            }
            Slots::Exception => self.fields(
                object,
                &[
                    (16, "__dict__"),
                    (24, "args"),
                    (32, "__notes__"),
                    (40, "__traceback__"),
                    (48, "__context__"),
                    (56, "__cause__"),
                ],
                out,
            ),
            Slots::Traceback => self.fields(object, &[(16, "tb_next"), (24, "tb_frame")], out),
            Slots::BytesIo => out.push(self.heap.object(object.0 + 16), Tag::Internal("buffer")),
        }
    }

    fn fields(&self, object: Obj, fields: &[Field], out: &mut SlotList) {
        for &(offset, name) in fields {
            out.push(
                self.heap.object(object.0 + offset),
                Tag::Attribute(Name::Known(name)),
            );
        }
    }

    fn function_slots(&self, function: Obj, out: &mut SlotList) {
        self.fields(
            function,
            &[
                (stable::FUNCTION_CODE, "__code__"),
                (stable::FUNCTION_GLOBALS, "__globals__"),
                (stable::FUNCTION_MODULE, "__module__"),
                (stable::FUNCTION_DEFAULTS, "__defaults__"),
                (stable::FUNCTION_KWDEFAULTS, "__kwdefaults__"),
                (stable::FUNCTION_DOC, "__doc__"),
                (stable::FUNCTION_NAME, "__name__"),
                (stable::FUNCTION_DICT, "__dict__"),
                (stable::FUNCTION_CLOSURE, "__closure__"),
                (stable::FUNCTION_ANNOTATIONS, "__annotations__"),
                (stable::FUNCTION_BUILTINS, "__builtins__"),
                (stable::FUNCTION_QUALNAME, "__qualname__"),
            ],
            out,
        );
        if let Some(offset) = self.layout.function_type_params {
            self.fields(function, &[(offset, "__type_params__")], out);
        }
    }

    fn generator_slots(&self, generator: Obj, out: &mut SlotList) {
        let layout = self.layout;
        self.fields(
            generator,
            &[
                (layout.generator_name, "__name__"),
                (layout.generator_qualname, "__qualname__"),
            ],
            out,
        );
        // FRAME_CREATED is −2, SUSPENDED −1, EXECUTING 0, CLEARED 4 (3.13: one more state, still below 4).
        if (self.heap.u8(generator.0 + layout.generator_frame_state) as i8) < FRAME_CLEARED {
            self.frame_slots(generator.0 + layout.generator_frame, out);
        }
    }

    fn frame_object_slots(&self, object: Obj, out: &mut SlotList) {
        self.fields(
            object,
            &[
                (stable::FRAME_OBJECT_BACK, "f_back"),
                (stable::FRAME_OBJECT_TRACE, "f_trace"),
            ],
            out,
        );
        let frame = self.heap.word(object.0 + stable::FRAME_OBJECT_FRAME);
        if frame != 0
            && self.heap.u8(frame + self.layout.frame_owner) == stable::OWNED_BY_FRAME_OBJECT
        {
            self.frame_slots(frame, out);
        }
    }

    /// What a `_PyInterpreterFrame` holds.
    fn frame_slots(&self, frame: usize, out: &mut SlotList) {
        let layout = self.layout;
        out.push(
            self.heap.object(frame + layout.frame_code),
            Tag::Attribute(Name::Known("f_code")),
        );
        out.push(
            self.heap.object(frame + layout.frame_function),
            Tag::Internal("function"),
        );
        out.push(
            self.heap.object(frame + layout.frame_locals),
            Tag::Attribute(Name::Known("f_locals")),
        );
        out.push(
            self.heap.object(frame + layout.frame_object),
            Tag::Internal("frame"),
        );
        self.frame_variables(frame, |target, tag| out.push(target, tag));
    }

    /// The local variables of a frame by name, and the entries of its evaluation stack where the interpreter has saved how
    /// many there are (a frame that is running has not).
    pub(crate) fn frame_variables(&self, frame: usize, mut out: impl FnMut(Obj, Tag)) {
        let heap = self.heap;
        let code = heap.object(frame + self.layout.frame_code);
        if !code.is_plausible() || heap.type_of(code) != self.known.code_type {
            return;
        }
        let names = heap.object(code.0 + self.layout.code_localsplusnames);
        let count = (heap.u32(code.0 + self.layout.code_nlocalsplus) as usize).min(MOST_LOCALS);
        let variable = |index: usize| heap.object(frame + stable::FRAME_LOCALSPLUS + index * 8);
        for index in 0..count.min(heap.length(names)) {
            let target = variable(index);
            if target != Obj::NULL {
                out(
                    target,
                    Tag::Local(heap.object(names.0 + stable::TUPLE_ITEMS + index * 8)),
                );
            }
        }
        let top = heap.u32(frame + stable::FRAME_STACKTOP) as i32;
        let stack_size = heap.u32(code.0 + self.layout.code_stacksize) as usize;
        for index in count..usize::try_from(top).unwrap_or(0).min(count + stack_size) {
            let target = variable(index);
            if target != Obj::NULL {
                out(target, Tag::Stack(index - count));
            }
        }
    }

    /// What a function's closure holds, by the names of the variables: derived references, straight from the function to the
    /// cells, which it reaches through a tuple without names.
    pub(super) fn closure(&self, function: Obj, out: &mut impl super::Edges) {
        let heap = self.heap;
        let cells = heap.object(function.0 + stable::FUNCTION_CLOSURE);
        let code = heap.object(function.0 + stable::FUNCTION_CODE);
        if cells == Obj::NULL || code == Obj::NULL || heap.type_of(code) != self.known.code_type {
            return;
        }
        let names = heap.object(code.0 + self.layout.code_localsplusnames);
        let kinds = heap.object(code.0 + self.layout.code_localspluskinds);
        let count = heap.length(names).min(heap.length(kinds)).min(MOST_LOCALS);
        let free = (0..count).filter(|&i| heap.u8(kinds.0 + BYTES_START + i) & KIND_FREE != 0);
        for (index, variable) in free.enumerate().take(heap.length(cells)) {
            let cell = heap.object(cells.0 + stable::TUPLE_ITEMS + index * 8);
            if cell != Obj::NULL {
                out.strong(
                    cell,
                    Tag::Closure(heap.object(names.0 + stable::TUPLE_ITEMS + variable * 8)),
                );
            }
        }
    }
}

const FRAME_CLEARED: i8 = 4;
const MODULE_NAME: usize = 48;
/// From a `bytes` object to its first byte.
const BYTES_START: usize = 32;
