//! The walk over the heap: every object that the collector tracks, and every object that is reachable from one.
//!
//! Tracked objects come in the order of the collector's rings, oldest generation first, which is nearly the order of
//! birth. What is not tracked (strings, numbers, tuples of such) comes where it is first met: at once if it holds no references, else
//! by a list of what is pending. An object's number is its place in this order; its references are written right behind it.

use std::io::Write;

use memdump_dumper::{MemoryFault, SnapshotContext, WalkError};
use memdump_format::{
    Address, Fault, Object, ObjectFlags, ObjectId, Reference, Root, RootKind, Strength, Type,
    TypeFlags, WriteError, Writer,
};

use crate::births::Births;
use crate::class::{Class, Classes, Shape};
use crate::collector::{Collector, Ring};
use crate::edges::{Edges, Interpreter, SlotList, Tag};
use crate::labels::Labels;
use crate::layout::stable;
use crate::memory::Obj;
use crate::seen::Seen;
use crate::tally::Tally;
use crate::text::{LONGEST_NAME, Text};

/// A walk with all its state outside of the stack, because a fault jumps out of any frame.
pub(crate) struct Walk<W: Write> {
    pub(crate) graph: Graph<W>,
    scratch: SlotList,
    rings: Vec<Ring>,
}

/// What has been written and what is to be: the sink for references.
pub(crate) struct Graph<W: Write> {
    pub(crate) python: Interpreter,
    pub(crate) writer: Writer<W>,
    pub(crate) labels: Labels,
    classes: Classes,
    seen: Seen,
    tally: Tally,
    pending: Vec<Obj>,
    /// Objects of whose references some were put off because too many were pending. See [`Graph::most_pending`].
    unfinished: Vec<Obj>,
    put_off: bool,
    /// An unfinished object's references are gone through again; they are written already.
    again: bool,
    source: ObjectId,
    /// What is being read, for the fault if it cannot be.
    current: Obj,
    /// A collection is going on: tracked objects may be in none of the rings.
    collecting: bool,
    faults: u64,
    /// Where births are marked.
    births: Option<Births>,
    /// The first error of the writer; nothing more is written after it.
    failed: Option<WriteError>,
}

impl<W: Write> Walk<W> {
    pub(crate) fn new(
        python: Interpreter,
        collector: &Collector,
        writer: Writer<W>,
        show_keys: bool,
        births: Option<Births>,
    ) -> Walk<W> {
        Walk {
            rings: collector.rings(python.heap),
            scratch: SlotList::default(),
            graph: Graph {
                python,
                writer,
                labels: Labels::new(show_keys),
                classes: Classes::new(),
                seen: Seen::new(),
                tally: Tally::default(),
                pending: Vec::new(),
                unfinished: Vec::new(),
                put_off: false,
                again: false,
                source: ObjectId(0),
                current: Obj::NULL,
                collecting: collector.is_collecting(python.heap),
                faults: 0,
                births,
                failed: None,
            },
        }
    }

    /// Walks on until the rings are done. Called again after a fault, it goes on behind the object that could not be read.
    pub(crate) fn heap(&mut self) {
        self.drain();
        while let Some(ring) = self.rings.last_mut() {
            if self.graph.failed.is_some() {
                return;
            }
            match ring.next(self.graph.python.heap) {
                Some(object) => self.tracked(object),
                None => {
                    self.rings.pop();
                }
            }
        }
    }

    fn tracked(&mut self, object: Obj) {
        let graph = &mut self.graph;
        graph.current = object;
        if !graph.seen.insert(object) {
            // Outside of a collection each tracked object is met here first. A ring that leads back into itself would never end.
            if !graph.collecting {
                self.rings.pop();
            }
            return;
        }
        self.expand(object);
        self.drain();
    }

    /// Writes what was met and not yet written.
    pub(crate) fn drain(&mut self) {
        while self.graph.failed.is_none() {
            if let Some(object) = self.graph.pending.pop() {
                self.expand(object);
            } else if let Some(object) = self.graph.unfinished.pop() {
                self.graph.again = true;
                self.references(object);
                self.graph.again = false;
            } else {
                return;
            }
        }
    }

    fn expand(&mut self, object: Obj) {
        let graph = &mut self.graph;
        graph.current = object;
        let Some(class) = graph.class_of(object) else {
            return graph.fault(format_args!("its type is none"));
        };
        graph.object(object, class);
        if class.shape != Shape::Leaf {
            self.references(object);
        }
    }

    fn references(&mut self, object: Obj) {
        let graph = &mut self.graph;
        graph.current = object;
        let Some(class) = graph.class_of(object) else {
            return;
        };
        let python = graph.python;
        python.references(object, class, &mut self.scratch, graph);
        if std::mem::take(&mut graph.put_off) {
            graph.unfinished.push(object);
        }
    }

    /// Notes what could not be read.
    pub(crate) fn fault(&mut self, fault: MemoryFault) {
        let MemoryFault { signal, address } = fault;
        self.graph.again = false;
        self.graph.fault(format_args!(
            "signal {signal} at {address:#x} while reading this object"
        ));
    }

    /// Tells how many objects there are of each type.
    pub(crate) fn tell_types(&self, context: &SnapshotContext) {
        let Graph { tally, python, .. } = &self.graph;
        context.count_types(&mut tally.counts(), &mut |id, to| {
            tally.write_name(python, id, to);
        });
    }

    /// How much could not be read.
    pub(crate) fn faults(&self) -> u64 {
        self.graph.faults
    }

    /// Drops the ring: its links cannot be read.
    pub(crate) fn give_up_ring(&mut self) {
        self.rings.pop();
    }

    /// Where the walk stands, to see whether it gets on after a fault.
    pub(crate) fn place(&self) -> impl PartialEq + use<W> {
        (
            self.graph.writer.counts().objects,
            self.graph.pending.len(),
            self.graph.unfinished.len(),
            self.rings.len(),
            self.rings.last().copied(),
        )
    }

    /// Ends the walk.
    pub(crate) fn finish(self) -> Result<(W, memdump_format::Counts), WalkError> {
        if let Some(error) = self.graph.failed {
            return Err(walk_error(error));
        }
        self.graph.writer.finish().map_err(walk_error)
    }
}

/// What the target's process is told of an error of the writer.
pub(crate) fn walk_error(error: WriteError) -> WalkError {
    match error {
        WriteError::Io(error) => error.into(),
        WriteError::TooMany { .. } => {
            WalkError::Heap("more than 4 billion objects, strings or types")
        }
        _ => WalkError::Heap("the writer of the dump refused a record"),
    }
}

impl<W: Write> Graph<W> {
    /// Remembers the first error of the writer.
    pub(crate) fn keep<T>(&mut self, result: Result<T, WriteError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    fn fault(&mut self, what: std::fmt::Arguments<'_>) {
        let mut text = Text::new(LONGEST_NAME);
        let _ = std::fmt::Write::write_fmt(&mut text, what);
        let address = Address(self.current.0 as u64 & !7);
        self.current = Obj::NULL;
        self.faults += 1;
        let written = self
            .writer
            .string(text.as_str())
            .and_then(|message| self.writer.fault(&Fault { address, message }));
        self.keep(written);
    }

    /// Makes sure that an object will be written.
    #[inline]
    pub(crate) fn meet(&mut self, object: Obj) {
        if self.seen.contains(object) || !object.is_plausible() {
            return;
        }
        self.meet_first(object);
    }

    fn meet_first(&mut self, object: Obj) {
        let Some(class) = self.class_of(object) else {
            return;
        };
        if class.shape == Shape::Leaf {
            self.seen.insert(object);
            self.object(object, class);
            return;
        }
        // Its ring comes to it.
        if !self.collecting && self.is_tracked(object, class) {
            return;
        }
        if self.pending.len() >= self.most_pending() {
            self.put_off = true;
            return;
        }
        self.seen.insert(object);
        self.pending.push(object);
    }

    /// How many objects may be pending. A list of ten million tuples would else take 8 bytes for each at once. What does not
    /// fit is met again when its holder's references are gone through once more; as the bound grows with what
    /// is written, that happens a number of times that is logarithmic in their number.
    fn most_pending(&self) -> usize {
        const ALWAYS: usize = 1 << 17;
        ALWAYS + self.writer.counts().objects as usize / 4
    }

    fn is_tracked(&self, object: Obj, class: &Class) -> bool {
        let heap = self.python.heap;
        class.is_collected(heap, object) && heap.word(object.0 - stable::GC_HEAD) != 0
    }

    fn class_of(&mut self, object: Obj) -> Option<&'static Class> {
        let class = self.python.heap.type_of(object);
        match self.classes.find(class) {
            Some(class) => Some(class),
            None => self.add_class(class),
        }
    }

    #[cold]
    fn add_class(&mut self, object: Obj) -> Option<&'static Class> {
        let Interpreter { heap, known, .. } = self.python;
        if !object.is_plausible() || heap.flags(heap.type_of(object)) & stable::FLAG_TYPE == 0 {
            return None;
        }
        let class = self.classes.add(heap, &known, object);
        let mut text = Text::new(LONGEST_NAME);
        self.python.write_type_module(object, &mut text);
        let written = self.writer.string(text.as_str());
        let module_id = self.keep(written)?;
        let module = text;
        let mut text = Text::new(LONGEST_NAME);
        self.python.write_type_name(object, &mut text);
        let written = self.writer.string(text.as_str());
        let name = self.keep(written)?;
        self.tally
            .add(class.id, object, module.as_str(), text.as_str());
        let is_static = class.flags & stable::FLAG_HEAP_TYPE == 0;
        let mut flags = TypeFlags::default();
        if is_static {
            flags.0 |= TypeFlags::STATIC.0;
        }
        if class.flags & stable::FLAG_COLLECTED != 0 {
            flags.0 |= TypeFlags::COLLECTED.0;
        }
        let written = self.writer.define_type(&Type {
            address: Address(object.0 as u64),
            module: module_id,
            name,
            flags,
        });
        self.keep(written)?;
        if is_static {
            let mut text = Text::new(LONGEST_NAME * 2);
            self.python.write_type_module(object, &mut text);
            let _ = std::fmt::Write::write_char(&mut text, '.');
            self.python.write_type_name(object, &mut text);
            let written = self.writer.string(text.as_str());
            let name = self.keep(written);
            self.root(RootKind::Static, name, None, (0, 0), object, Tag::None);
        }
        // Never put off: nobody's references lead here again.
        if !self.seen.contains(object) && (is_static || self.collecting) {
            self.seen.insert(object);
            self.pending.push(object);
        }
        Some(class)
    }

    fn object(&mut self, object: Obj, class: &Class) {
        let heap = self.python.heap;
        let mut flags = ObjectFlags::default();
        if self.is_tracked(object, class) {
            flags.0 |= ObjectFlags::TRACKED.0;
        }
        if class.flags & stable::FLAG_TYPE != 0 && heap.flags(object) & stable::FLAG_HEAP_TYPE == 0
        {
            flags.0 |= ObjectFlags::STATIC.0;
        }
        let record = Object {
            address: Address(object.0 as u64),
            type_id: class.id,
            size: self.python.shallow_size(object, class),
            refcount: self.refcount(object),
            flags,
            serial: self
                .births
                .map(|births| births.serial(object.0 - class.before_object(heap, object))),
        };
        let written = self.writer.object(&record);
        if let Some(id) = self.keep(written) {
            self.source = id;
            self.tally.count(class.id);
        }
    }

    fn refcount(&self, object: Obj) -> Option<u64> {
        /// What 3.11 gives to objects in static memory.
        const NEARLY_IMMORTAL: usize = 999_999_999 / 2;
        let count = self.python.heap.word(object.0 + stable::REFCOUNT);
        if self.python.layout.immortal_bits {
            ((count as u32 as i32) >= 0).then_some(u64::from(count as u32))
        } else {
            (count < NEARLY_IMMORTAL).then_some(count as u64)
        }
    }

    fn reference(&mut self, target: Obj, tag: Tag, strength: Strength) {
        if self.failed.is_some() || !target.is_plausible() {
            return;
        }
        // `meet` may write leaves, which moves `source` on.
        if self.again {
            return self.meet(target);
        }
        let source = self.source;
        let label = self.labels.label(&self.python, &mut self.writer, tag);
        if let Some(label) = self.keep(label) {
            let reference = Reference {
                target: Address(target.0 as u64),
                label,
                strength,
                offset: 0,
            };
            let written = self.writer.reference(source, &reference);
            self.keep(written);
        }
        self.meet(target);
        self.source = source;
    }

    /// Writes a root, and sees to it that what it holds is written.
    pub(crate) fn root(
        &mut self,
        kind: RootKind,
        name: Option<memdump_format::StringId>,
        thread: Option<memdump_format::StringId>,
        (line, depth): (u32, u32),
        target: Obj,
        tag: Tag,
    ) {
        let label = self.labels.label(&self.python, &mut self.writer, tag);
        let Some(label) = self.keep(label) else {
            return;
        };
        let target_address = if target.is_plausible() {
            Address(target.0 as u64)
        } else {
            Address(0)
        };
        let written = self.writer.root(&Root {
            kind,
            name,
            thread,
            line,
            depth,
            label,
            target: target_address,
            offset: 0,
        });
        self.keep(written);
        if target.is_plausible() {
            self.meet(target);
        }
    }
}

impl<W: Write> Edges for Graph<W> {
    #[inline]
    fn strong(&mut self, target: Obj, tag: Tag) {
        self.reference(target, tag, Strength::Strong);
    }

    fn weak(&mut self, target: Obj, tag: Tag) {
        self.reference(target, tag, Strength::Weak);
    }
}
