//! Why objects are alive without another object's reference: modules, threads and their frames, the interpreter's tables.

use std::fmt::Write as _;
use std::io::Write;

use memdump_format::{RootKind, StringId};

use crate::edges::{Interpreter, Tag};
use crate::layout::stable;
use crate::memory::Obj;
use crate::text::{LONGEST_NAME, Text};
use crate::walk::Walk;

/// The kinds of roots, each written for itself: a fault in one does not cost the others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RootSource {
    Modules,
    Interpreter,
    Threads,
}

impl RootSource {
    pub(crate) const ALL: [RootSource; 3] = [
        RootSource::Modules,
        RootSource::Interpreter,
        RootSource::Threads,
    ];
}

/// More frames on a stack than this are a cycle in a corrupt heap.
const MOST_FRAMES: usize = 1 << 20;

impl<W: Write> Walk<W> {
    /// Writes the roots of one kind, and what is reachable only from them.
    pub(crate) fn roots(&mut self, source: RootSource) {
        match source {
            RootSource::Modules => self.modules(),
            RootSource::Interpreter => self.interpreter(),
            RootSource::Threads => self.threads(),
        }
        self.drain();
    }

    fn modules(&mut self) {
        let python = self.graph.python;
        let modules = python.api.modules();
        if !modules.is_plausible() {
            return;
        }
        python.entries(modules, |key, module| {
            let name = self.text(|python, text| {
                if python.is_str(key) {
                    python.write_str(key, text);
                } else {
                    python.write_key(key, text);
                }
            });
            self.graph
                .root(RootKind::Module, name, None, (0, 0), module, Tag::None);
            self.drain();
            true
        });
    }

    fn interpreter(&mut self) {
        let api = self.graph.python.api;
        for (name, object) in [
            ("sys.modules", api.modules()),
            ("interpreter dict", api.interpreter_dict()),
        ] {
            if object.is_plausible() {
                let name = self.text(|_, text| _ = text.write_str(name));
                self.graph
                    .root(RootKind::Interpreter, name, None, (0, 0), object, Tag::None);
            }
        }
    }

    fn threads(&mut self) {
        let python = self.graph.python;
        let layout = python.layout;
        for thread in python.api.threads() {
            let first = match layout.cframe_current {
                Some(offset) => python
                    .heap
                    .word(python.heap.word(thread + layout.thread_frame) + offset),
                None => python.heap.word(thread + layout.thread_frame),
            };
            let identifier = python.heap.word(thread + layout.thread_id);
            let name = self.text(|python, text| write_thread_name(python, identifier, text));
            let exception = python.heap.word(thread + layout.thread_exc_info);
            let state = [
                (
                    python.heap.object(thread + layout.thread_dict),
                    "thread dict",
                ),
                (
                    python.heap.object(thread + layout.thread_context),
                    "context",
                ),
                (
                    if exception == 0 {
                        Obj::NULL
                    } else {
                        python.heap.object(exception)
                    },
                    "exception being handled",
                ),
            ];
            for (object, label) in state {
                if object != Obj::NULL {
                    self.graph.root(
                        RootKind::Thread,
                        None,
                        name,
                        (0, 0),
                        object,
                        Tag::Internal(label),
                    );
                }
            }
            self.frames(first, name);
        }
    }

    fn frames(&mut self, first: usize, thread: Option<StringId>) {
        let python = self.graph.python;
        let (heap, layout) = (python.heap, python.layout);
        let existing = |frame: usize| (frame != 0).then_some(frame);
        let frames = std::iter::successors(existing(first), |&frame| {
            existing(heap.word(frame + layout.frame_previous))
        })
        .filter(|&frame| heap.u8(frame + layout.frame_owner) < stable::OWNED_BY_C_STACK)
        .take(MOST_FRAMES);
        for (depth, frame) in frames.enumerate() {
            let code = heap.object(frame + layout.frame_code);
            if !code.is_plausible() || heap.type_of(code) != python.known.code_type {
                continue;
            }
            let start = heap.word(python.known.code_type.0 + stable::TP_BASICSIZE);
            let instruction = heap.word(frame + stable::FRAME_INSTRUCTION);
            let line = match instruction.checked_sub(code.0 + start) {
                Some(offset) => python.api.line(code, offset),
                None => heap.u32(code.0 + layout.code_firstlineno),
            };
            let name = self.text(|python, text| {
                python.write_str(heap.object(code.0 + layout.code_qualname), text);
                let _ = text.write_str(" (");
                python.write_str(heap.object(code.0 + layout.code_filename), text);
                let _ = text.write_str(")");
            });
            let place = (line, depth as u32);
            let graph = &mut self.graph;
            graph.root(
                RootKind::Frame,
                name,
                thread,
                place,
                code,
                Tag::Internal("code"),
            );
            let function = heap.object(frame + layout.frame_function);
            graph.root(
                RootKind::Frame,
                name,
                thread,
                place,
                function,
                Tag::Internal("function"),
            );
            let locals = heap.object(frame + layout.frame_locals);
            // At the top of a module they are the module's own dict, which is better told by the module.
            if locals.is_plausible() && locals != heap.object(frame + layout.frame_globals) {
                graph.root(
                    RootKind::Frame,
                    name,
                    thread,
                    place,
                    locals,
                    Tag::Internal("locals"),
                );
            }
            let object = heap.object(frame + layout.frame_object);
            if object.is_plausible() {
                graph.root(
                    RootKind::Frame,
                    name,
                    thread,
                    place,
                    object,
                    Tag::Internal("frame"),
                );
            }
            if heap.u8(frame + layout.frame_owner) == stable::OWNED_BY_GENERATOR {
                let generator = Obj(frame - layout.generator_frame);
                graph.root(
                    RootKind::Frame,
                    name,
                    thread,
                    place,
                    generator,
                    Tag::Internal("generator"),
                );
            }
            python.frame_variables(frame, |target, tag| {
                self.graph
                    .root(RootKind::Frame, name, thread, place, target, tag);
            });
            self.drain();
        }
    }

    /// Writes a short text to the file.
    fn text(&mut self, write: impl FnOnce(&Interpreter, &mut Text)) -> Option<StringId> {
        let mut text = Text::new(LONGEST_NAME * 2);
        write(&self.graph.python, &mut text);
        let written = self.graph.writer.string(text.as_str());
        self.graph.keep(written)
    }
}

/// The name that `threading` has for a thread, or its identifier.
fn write_thread_name(python: &Interpreter, identifier: usize, out: &mut Text) {
    let name = python
        .lookup(python.api.modules(), "threading")
        .map(|module| python.heap.object(module.0 + stable::MODULE_DICT))
        .and_then(|dict| python.lookup(dict, "_active"))
        .and_then(|active| {
            let mut found = None;
            python.entries(active, |key, thread| {
                if python.integer(key) == Some(identifier as i64) {
                    found = Some(thread);
                }
                found.is_none()
            });
            found
        })
        .and_then(|thread| python.attribute_value(thread, "_name"));
    match name {
        Some(name) if python.is_str(name) => python.write_str(name, out),
        _ => _ = write!(out, "thread {identifier:#x}"),
    }
}
