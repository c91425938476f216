//! Why objects are alive without another object's reference: modules, threads and their frames, the interpreter's tables.

use std::fmt::Write as _;
use std::io::Write;

use memdump_format::{RootKind, StringId};

use crate::edges::{Frame, Interpreter, Tag};
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
        let layout = python.layout.thread;
        for thread in python.api.threads() {
            let identifier = python.heap.word(thread + layout.id);
            let name = self.text(|python, text| write_thread_name(python, identifier, text));
            let exception = python.heap.word(thread + layout.exception);
            let state = [
                (python.heap.object(thread + layout.dict), "thread dict"),
                (python.heap.object(thread + layout.context), "context"),
                (
                    if exception == 0 {
                        Obj::NULL
                    } else {
                        python.heap.object(exception + layout.exception_value)
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
            self.frames(python.current_frame(thread), name);
        }
    }

    fn frames(&mut self, first: usize, thread: Option<StringId>) {
        let python = self.graph.python;
        let existing = |frame: usize| (frame != 0).then_some(frame);
        let frames = std::iter::successors(existing(first), |&frame| {
            existing(python.calling_frame(frame))
        })
        .take(MOST_FRAMES);
        let called = frames.filter_map(|frame| python.frame(frame));
        for (depth, frame) in called.enumerate() {
            self.frame(&frame, depth, thread);
            self.drain();
        }
    }

    fn frame(&mut self, frame: &Frame, depth: usize, thread: Option<StringId>) {
        let python = self.graph.python;
        let (heap, layout) = (python.heap, python.layout.code);
        let code = frame.code;
        let line = match frame.instruction {
            Some(offset) => python.api.line(code, offset),
            None => heap.u32(code.0 + layout.first_line),
        };
        let name = self.text(|python, text| {
            python.write_str(heap.object(code.0 + layout.qualname), text);
            let _ = text.write_str(" (");
            python.write_str(heap.object(code.0 + layout.filename), text);
            let _ = text.write_str(")");
        });
        let place = (line, depth as u32);
        // At the top of a module they are the module's own dict, which is better told by the module.
        let locals = if frame.locals == frame.globals {
            Obj::NULL
        } else {
            frame.locals
        };
        let held = [
            (code, "code"),
            (frame.function, "function"),
            (locals, "locals"),
            (frame.object, "frame"),
            (frame.generator, "generator"),
        ];
        for (target, label) in held {
            if target.is_plausible() {
                let tag = Tag::Internal(label);
                self.graph
                    .root(RootKind::Frame, name, thread, place, target, tag);
            }
        }
        python.frame_variables(frame, |target, tag| {
            self.graph
                .root(RootKind::Frame, name, thread, place, target, tag);
        });
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
        _ => _ = write!(out, "{identifier:#x}"),
    }
}
