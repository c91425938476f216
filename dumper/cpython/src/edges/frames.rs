//! Calls in progress, and what is left of them in generators and frame objects.

use super::slots::SlotList;
use super::{Interpreter, Name, Tag};
use crate::layout::{FrameObject, FrameRecord, Frames, StackTop, Variables, stable};
use crate::memory::Obj;

/// A call of a function of Python's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) code: Obj,
    /// NULL up to 3.10, where a frame does not hold it.
    pub(crate) function: Obj,
    pub(crate) globals: Obj,
    pub(crate) locals: Obj,
    /// The frame as an object, if there is one.
    pub(crate) object: Obj,
    /// The generator or coroutine that runs, if it is one.
    pub(crate) generator: Obj,
    /// From the first instruction, in bytes.
    pub(crate) instruction: Option<usize>,
    variables: usize,
    stack_top: (usize, StackTop),
    tagged: bool,
}

/// More local variables than this are a corrupt code object.
pub(crate) const MOST_LOCALS: usize = 1 << 20;

/// The names of a code object's variables, in the order in which they lie in a frame.
#[derive(Clone, Copy)]
pub(crate) struct VariableNames {
    /// Tuples, one after the other.
    tuples: [Obj; 3],
    kinds: Obj,
    pub(crate) count: usize,
}

/// A local variable of these kinds is a cell that came with the function (`CO_FAST_FREE`).
const KIND_FREE: u8 = 0x80;

/// From a `bytes` object to its first byte.
const BYTES_START: usize = 32;

impl Interpreter {
    /// The frame that a thread is in, by address; 0 for none.
    pub(crate) fn current_frame(&self, thread: usize) -> usize {
        let layout = self.layout.thread;
        let frame = self.heap.word(thread + layout.frame);
        match layout.frame_of_cframe {
            Some(offset) => self.heap.word(frame + offset),
            None => frame,
        }
    }

    /// The frame that called, by address; 0 for none.
    pub(crate) fn calling_frame(&self, frame: usize) -> usize {
        self.heap.word(match self.layout.frames {
            Frames::Objects(FrameObject { back, .. }) => frame + back,
            Frames::Records(FrameRecord { previous, .. }) => frame + previous,
        })
    }

    /// What is in a frame; None for the interpreter's own, which belong to no function of Python's.
    pub(crate) fn frame(&self, frame: usize) -> Option<Frame> {
        let heap = self.heap;
        let found = match &self.layout.frames {
            Frames::Objects(layout) => {
                let last = heap.u32(frame + layout.last_instruction) as i32;
                Frame {
                    code: heap.object(frame + layout.code),
                    function: Obj::NULL,
                    globals: heap.object(frame + layout.globals),
                    locals: heap.object(frame + layout.locals),
                    object: Obj(frame),
                    generator: heap.object(frame + layout.generator),
                    instruction: usize::try_from(last).ok().map(|n| n * layout.instruction),
                    variables: frame + layout.variables,
                    stack_top: (frame, layout.stack_top),
                    tagged: false,
                }
            }
            Frames::Records(layout) => {
                let owner = heap.u8(frame + layout.owner);
                if owner >= stable::OWNED_BY_NONE {
                    return None;
                }
                let reference = |offset| untagged(heap.word(frame + offset), layout.tagged);
                let code = reference(layout.code);
                let instructions = heap.word(self.known.code_type.0 + stable::TP_BASICSIZE);
                let is_generator = owner == stable::OWNED_BY_GENERATOR;
                Frame {
                    code,
                    function: reference(layout.function),
                    globals: heap.object(frame + layout.globals),
                    locals: heap.object(frame + layout.locals),
                    object: heap.object(frame + layout.object),
                    generator: if is_generator {
                        Obj(frame.wrapping_sub(self.layout.generator.frame))
                    } else {
                        Obj::NULL
                    },
                    instruction: heap
                        .word(frame + layout.instruction)
                        .checked_sub(code.0 + instructions),
                    variables: frame + layout.variables,
                    stack_top: (frame, layout.stack_top),
                    tagged: layout.tagged,
                }
            }
        };
        let has_code =
            found.code.is_plausible() && self.heap.type_of(found.code) == self.known.code_type;
        has_code.then_some(found)
    }

    /// The names of the variables of a code object.
    pub(crate) fn variable_names(&self, code: Obj) -> VariableNames {
        let heap = self.heap;
        match self.layout.code.variables {
            Variables::Tuples {
                local, cell, free, ..
            } => {
                let tuples = [local, cell, free].map(|offset| heap.object(code.0 + offset));
                let count: usize = tuples.iter().map(|&names| self.tuple_length(names)).sum();
                VariableNames {
                    tuples,
                    kinds: Obj::NULL,
                    count: count.min(MOST_LOCALS),
                }
            }
            Variables::Kinds {
                count,
                names,
                kinds,
            } => VariableNames {
                tuples: [heap.object(code.0 + names), Obj::NULL, Obj::NULL],
                kinds: heap.object(code.0 + kinds),
                count: (heap.u32(code.0 + count) as usize).min(MOST_LOCALS),
            },
        }
    }

    fn tuple_length(&self, tuple: Obj) -> usize {
        if tuple == Obj::NULL {
            0
        } else {
            self.heap.length(tuple).min(MOST_LOCALS)
        }
    }

    /// The name of the variable at a place of the frame; NULL if it has none.
    fn variable_name(&self, names: &VariableNames, mut index: usize) -> Obj {
        for tuple in names.tuples {
            let length = self.tuple_length(tuple);
            if index < length {
                return self
                    .heap
                    .object(tuple.0 + self.layout.tuple_items + index * 8);
            }
            index -= length;
        }
        Obj::NULL
    }

    fn is_free(&self, names: &VariableNames, index: usize) -> bool {
        if names.kinds == Obj::NULL {
            let [local, cell, _] = names.tuples;
            index >= self.tuple_length(local) + self.tuple_length(cell)
        } else {
            index < self.heap.length(names.kinds)
                && self.heap.u8(names.kinds.0 + BYTES_START + index) & KIND_FREE != 0
        }
    }

    /// The local variables of a frame by name, and the entries of its evaluation stack where the interpreter has saved how
    /// many there are (a frame that is running has not).
    pub(crate) fn frame_variables(&self, frame: &Frame, mut out: impl FnMut(Obj, Tag)) {
        let names = self.variable_names(frame.code);
        let value =
            |index: usize| untagged(self.heap.word(frame.variables + index * 8), frame.tagged);
        for index in 0..names.count {
            let target = value(index);
            let name = self.variable_name(&names, index);
            if target != Obj::NULL && name != Obj::NULL {
                out(target, Tag::Local(name));
            }
        }
        for index in 0..self.stack_depth(frame, names.count) {
            let target = value(names.count + index);
            if target != Obj::NULL {
                out(target, Tag::Stack(index));
            }
        }
    }

    fn stack_depth(&self, frame: &Frame, variables: usize) -> usize {
        let (address, top) = frame.stack_top;
        let depth = match top {
            StackTop::Pointer(offset) => {
                let bottom = frame.variables + variables * 8;
                self.heap.word(address + offset).saturating_sub(bottom) / 8
            }
            StackTop::Depth(offset) => {
                usize::try_from(self.heap.u32(address + offset) as i32).unwrap_or(0)
            }
            StackTop::DepthWithVariables(offset) => {
                let top = usize::try_from(self.heap.u32(address + offset) as i32).unwrap_or(0);
                top.saturating_sub(variables)
            }
        };
        depth.min(self.stack_size(frame.code))
    }

    fn stack_size(&self, code: Obj) -> usize {
        self.heap.u32(code.0 + self.layout.code.stack_size) as usize
    }

    /// How many variables and entries of its stack a frame has room for.
    pub(crate) fn frame_room(&self, code: Obj) -> usize {
        self.variable_names(code).count + self.stack_size(code)
    }

    pub(super) fn generator_slots(&self, generator: Obj, out: &mut SlotList) {
        let layout = self.layout.generator;
        self.fields(
            generator,
            &[(layout.name, "__name__"), (layout.qualname, "__qualname__")],
            out,
        );
        let Some((state, cleared)) = layout.state else {
            // The frame is an object, and a member.
            return;
        };
        if (self.heap.u8(generator.0 + state) as i8) < cleared {
            self.frame_slots(generator.0 + layout.frame, out);
        }
    }

    pub(super) fn frame_object_slots(&self, object: Obj, out: &mut SlotList) {
        match &self.layout.frames {
            Frames::Objects(layout) => {
                self.fields(
                    object,
                    &[
                        (layout.back, "f_back"),
                        (layout.code, "f_code"),
                        (layout.builtins, "f_builtins"),
                        (layout.globals, "f_globals"),
                        (layout.locals, "f_locals"),
                        (layout.trace, "f_trace"),
                    ],
                    out,
                );
                if let Some(frame) = self.frame(object.0) {
                    self.frame_variables(&frame, |target, tag| out.push(target, tag));
                }
            }
            Frames::Records(layout) => {
                self.fields(
                    object,
                    &[
                        (stable::FRAME_OBJECT_BACK, "f_back"),
                        (stable::FRAME_OBJECT_TRACE, "f_trace"),
                    ],
                    out,
                );
                let frame = self.heap.word(object.0 + stable::FRAME_OBJECT_FRAME);
                if frame != 0 && self.heap.u8(frame + layout.owner) == stable::OWNED_BY_FRAME_OBJECT
                {
                    self.frame_slots(frame, out);
                }
            }
        }
    }

    /// What a `_PyInterpreterFrame` holds.
    fn frame_slots(&self, frame: usize, out: &mut SlotList) {
        let Some(frame) = self.frame(frame) else {
            return;
        };
        out.push(frame.code, Tag::Attribute(Name::Known("f_code")));
        out.push(frame.function, Tag::Internal("function"));
        out.push(frame.locals, Tag::Attribute(Name::Known("f_locals")));
        out.push(frame.object, Tag::Internal("frame"));
        self.frame_variables(&frame, |target, tag| out.push(target, tag));
    }

    /// What a function's closure holds, by the names of the variables: derived references, straight from the function to the
    /// cells, which it reaches through a tuple without names.
    pub(super) fn closure(&self, function: Obj, out: &mut impl super::Edges) {
        let heap = self.heap;
        let cells = heap.object(function.0 + self.layout.function.closure);
        let code = heap.object(function.0 + self.layout.function.code);
        if cells == Obj::NULL || code == Obj::NULL || heap.type_of(code) != self.known.code_type {
            return;
        }
        let names = self.variable_names(code);
        let free = (0..names.count).filter(|&index| self.is_free(&names, index));
        for (index, variable) in free.enumerate().take(heap.length(cells)) {
            let cell = heap.object(cells.0 + self.layout.tuple_items + index * 8);
            let name = self.variable_name(&names, variable);
            if cell != Obj::NULL && name != Obj::NULL {
                out.strong(cell, Tag::Closure(name));
            }
        }
    }
}

/// A reference in a frame. From 3.14 on the lowest bits tell what it is: 0 a reference that is counted, 1 one that is not; the others are
/// numbers and pointers that are no objects.
fn untagged(word: usize, tagged: bool) -> Obj {
    match (tagged, word & 3) {
        (false, _) => Obj(word),
        (true, 0 | 1) => Obj(word & !3),
        (true, _) => Obj::NULL,
    }
}
