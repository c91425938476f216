//! Small heaps that read like what they describe.
//!
//! ```
//! use memdump_tests::Heap;
//!
//! let dump = Heap::new()
//!     .module("app.views", 0x1000)
//!     .object(0x1000, "module", 72)
//!     .object(0x2000, "dict", 232)
//!     .object(0x3000, "app.models.SomeRef", 48)
//!     .refers(0x1000, 0x2000, ".global_data")
//!     .refers(0x2000, 0x3000, "['a']")
//!     .bytes();
//! assert_eq!(memdump_tests::slow_reader::read(&dump).unwrap().objects.len(), 3);
//! ```

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::file::File;
use crate::kind::root;
use crate::label::Label;
use crate::plan::Plan;
use crate::record::{Contents, Fault, Module, Object, RawLabel, Reference, Root, Site, Type};

/// A heap, described from the outside: objects by address, types and labels by name.
///
/// Objects get their ids in the order in which they are named. References may be told in any order; those of one source keep theirs.
/// The methods panic on what is no heap: a reference from an unknown object, a label that cannot be parsed.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    contents: Contents,
    strings: HashMap<String, u64>,
    types: HashMap<String, u64>,
    ids: HashMap<u64, u64>,
    plan: Plan,
}

impl Heap {
    /// An empty heap.
    pub fn new() -> Self {
        Heap::default()
    }

    /// A type without an address. Needed only for types whose qualified name has a dot; others are made when an object names them.
    pub fn type_(self, module: &str, name: &str) -> Self {
        self.type_at(0, module, name)
    }

    /// A type whose type object lies at `address`. The collector may track its instances.
    pub fn type_at(mut self, address: u64, module: &str, name: &str) -> Self {
        self.define_type(address, module, name);
        self
    }

    /// An object of `size` bytes, referenced once, tracked by the collector. `type_name` is `module.Name`, or `name` for a builtin type.
    pub fn object(mut self, address: u64, type_name: &str, size: u64) -> Self {
        let type_id = self.type_id(type_name);
        self.ids
            .entry(address)
            .or_insert(self.contents.objects.len() as u64);
        self.contents.objects.push(Object {
            address,
            type_id,
            size,
            refcount: 1,
            flags: 1,
        });
        self
    }

    /// The same for many objects that lie `step` bytes apart.
    pub fn objects(
        self,
        addresses: impl IntoIterator<Item = u64>,
        type_name: &str,
        size: u64,
    ) -> Self {
        addresses
            .into_iter()
            .fold(self, |heap, address| heap.object(address, type_name, size))
    }

    /// Sets the reference count of an object; 0 = the runtime does not count it.
    pub fn refcount(mut self, address: u64, count: u64) -> Self {
        self.at(address).refcount = count;
        self
    }

    /// Sets the flags of an object: 1 = tracked by the collector, 2 = static memory.
    pub fn flags(mut self, address: u64, flags: u8) -> Self {
        self.at(address).flags = flags;
        self
    }

    /// A strong reference. The label is written as FORMAT.md prints it; `[3]` is a position. The target need not exist.
    pub fn refers(self, source: u64, target: u64, label: &str) -> Self {
        let label = parsed(label);
        self.refers_by(source, target, &label)
    }

    /// A strong reference whose label cannot be told by its text: an integer key.
    pub fn refers_by(self, source: u64, target: u64, label: &Label) -> Self {
        self.reference(source, target, label, false)
    }

    /// A weak reference.
    pub fn refers_weakly(self, source: u64, target: u64, label: &str) -> Self {
        let label = parsed(label);
        self.reference(source, target, &label, true)
    }

    /// A module as a root.
    pub fn module(self, name: &str, target: u64) -> Self {
        self.root(root::MODULE, name, "", target)
    }

    /// A thread's frame as a root, which holds an object by a local variable.
    pub fn frame(
        mut self,
        thread: &str,
        depth: u64,
        name: &str,
        line: u64,
        label: &str,
        target: u64,
    ) -> Self {
        let (name, thread) = (Some(self.string(name)), Some(self.string(thread)));
        let label = self.raw(&parsed(label));
        self.contents.roots.push(Root {
            kind: root::FRAME,
            name,
            thread,
            line,
            depth,
            label,
            target,
            offset: 0,
        });
        self
    }

    /// Any other root; an empty name is none, and so is an empty label.
    pub fn root(mut self, kind: u8, name: &str, label: &str, target: u64) -> Self {
        let name = (!name.is_empty()).then(|| self.string(name));
        let label = self.raw(&parsed(label));
        self.contents.roots.push(Root {
            kind,
            name,
            label,
            target,
            ..Root::default()
        });
        self
    }

    /// Something that could not be read.
    pub fn fault(mut self, address: u64, message: &str) -> Self {
        let message = self.string(message);
        self.contents.faults.push(Fault { address, message });
        self
    }

    /// What an object held. Objects must come in their order.
    pub fn value(mut self, address: u64, text: &str) -> Self {
        let object = self.ids[&address];
        self.contents.values.push((object, text.to_owned()));
        self
    }

    /// Where the objects of the next type were allocated; the first call describes the first type.
    pub fn site(mut self, log2_alignment: u8, frames: &[u64]) -> Self {
        self.contents.sites.push(Site {
            alignment: log2_alignment,
            frames: frames.to_vec(),
        });
        self
    }

    /// A loaded file of one page without a build id, linked to address 0.
    pub fn loaded_file(mut self, path: &str, first: u64) -> Self {
        let (path, build_id) = (self.string(path), self.string(""));
        self.contents.modules.push(Module {
            bias: first,
            first,
            length: 0x1000,
            path,
            build_id,
        });
        self
    }

    /// A word that refers to a block, and what may be the address of a vtable behind it.
    pub fn vtable(mut self, place: u64, vtable: u64) -> Self {
        self.contents.vtables.push((place, vtable));
        self
    }

    /// A key and a value about the dump.
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.contents
            .metadata
            .push((key.to_owned(), value.to_owned()));
        self
    }

    /// Lays the file out in blocks of at most `records` records, so that a small heap has many.
    pub fn records_per_block(mut self, records: usize) -> Self {
        self.plan.records_per_block = records;
        self
    }

    /// Writes an index block after every `blocks` blocks.
    pub fn blocks_per_index(mut self, blocks: usize) -> Self {
        self.plan.blocks_per_index = blocks;
        self
    }

    /// Stores addresses shifted right by this many bits, of which all of them must be multiples.
    pub fn address_shift(mut self, shift: u8) -> Self {
        self.plan.address_shift = shift;
        self
    }

    /// Mixes blocks of different kinds at random.
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.plan.shuffle = Some(seed);
        self
    }

    /// The records, in the order of a file.
    pub fn contents(&self) -> Contents {
        let mut contents = self.contents.clone();
        contents
            .references
            .sort_by_key(|reference| reference.source);
        contents
    }

    /// The file, to be made wrong.
    pub fn file(&self) -> File {
        self.contents().file(&self.plan)
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        self.file().build().bytes
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.bytes())
    }

    fn at(&mut self, address: u64) -> &mut Object {
        let id = self.id(address);
        &mut self.contents.objects[id as usize]
    }

    fn id(&self, address: u64) -> u64 {
        *self
            .ids
            .get(&address)
            .unwrap_or_else(|| panic!("no object at {address:#x} has been named yet"))
    }

    fn reference(mut self, source: u64, target: u64, label: &Label, weak: bool) -> Self {
        let (source, label) = (self.id(source), self.raw(label));
        self.contents.references.push(Reference {
            source,
            target,
            label,
            weak,
            offset: 0,
        });
        self
    }

    fn string(&mut self, text: &str) -> u64 {
        if let Some(&id) = self.strings.get(text) {
            return id;
        }
        let id = self.contents.strings.len() as u64;
        self.contents.strings.push(text.to_owned());
        self.strings.insert(text.to_owned(), id);
        id
    }

    fn type_id(&mut self, full_name: &str) -> u64 {
        if let Some(&id) = self.types.get(full_name) {
            return id;
        }
        let (module, name) = full_name
            .rsplit_once('.')
            .unwrap_or(("builtins", full_name));
        let id = self.define_type(0, module, name);
        self.types.insert(full_name.to_owned(), id);
        id
    }

    fn define_type(&mut self, address: u64, module: &str, name: &str) -> u64 {
        let id = self.contents.types.len() as u64;
        let full_name = if module.is_empty() {
            name.to_owned()
        } else {
            format!("{module}.{name}")
        };
        self.types.insert(full_name, id);
        let (module, name) = (self.string(module), self.string(name));
        self.contents.types.push(Type {
            address,
            module,
            name,
            flags: 2,
        });
        id
    }

    fn raw(&mut self, label: &Label) -> RawLabel {
        let (kind, value) = match label {
            Label::None => (0, 0),
            Label::Attribute(name) => (1, self.string(name)),
            Label::Key(text) => (2, self.string(text)),
            Label::KeyObject(text) => (3, self.string(text)),
            Label::Index(position) => (4, *position),
            Label::IntegerKey(integer) => (5, *integer as u64),
            Label::Closure(name) => (6, self.string(name)),
            Label::Local(name) => (7, self.string(name)),
            Label::Stack(position) => (8, *position),
            Label::Type => (9, 0),
            Label::Internal(name) => (10, self.string(name)),
            Label::Element => (11, 0),
            Label::Offset(bytes) => (12, *bytes),
        };
        RawLabel { kind, value }
    }
}

fn parsed(label: &str) -> Label {
    label.parse().unwrap_or_else(|error| panic!("{error}"))
}
