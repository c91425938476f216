//! The records of a dump, as its writer takes them and its reader gives them. The layout on disk is FORMAT.md's.

use crate::ids::{Address, StringId, TypeId};

/// What a reference is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Label {
    /// Held by a native structure which tells no name.
    None,
    /// `.name`: an attribute or a slot.
    Attribute(StringId),
    /// `[text]`: the value under a key; the text is ready to print (`'a'`, `(1, 2)`).
    Key(StringId),
    /// `<key text>`: the key object itself.
    KeyObject(StringId),
    /// `[3]`: an item of a sequence, by position.
    Index(u64),
    /// `[3]`: the value under an integer key.
    IntegerKey(i64),
    /// `<closure name>`: a closure's cell.
    Closure(StringId),
    /// `<local name>`: a local variable of a frame.
    Local(StringId),
    /// `<stack 3>`: an entry of a frame's evaluation stack.
    Stack(u64),
    /// `.__class__`: an instance's type.
    Type,
    /// `<name>`: held by a native structure under a name that no program can write.
    Internal(StringId),
    /// `<element>`: a member of a set, or of another collection without order.
    Element,
    /// `+0x18`: where in the source's memory the reference lay, in bytes from its start.
    Offset(u64),
}

/// Whether a reference keeps its target alive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Strength {
    /// It does.
    Strong,
    /// It does not (a weak reference's referent).
    Weak,
}

/// A type: what an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Type {
    /// Where the type object lay; `Address(0)` for a type that is no object.
    pub address: Address,
    /// `app.models`; the empty string where there is none.
    pub module: StringId,
    /// The qualified name, `SomeRef` or `Outer.Inner`.
    pub name: StringId,
    /// See [`TypeFlags`].
    pub flags: TypeFlags,
}

/// Bits that describe a [`Type`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TypeFlags(pub u32);

impl TypeFlags {
    /// The type object lies in static memory.
    pub const STATIC: TypeFlags = TypeFlags(1);
    /// The runtime's collector may track instances.
    pub const COLLECTED: TypeFlags = TypeFlags(2);

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: TypeFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A node of the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object {
    /// Where it lay.
    pub address: Address,
    /// What it is.
    pub type_id: TypeId,
    /// Shallow size in bytes: its own memory, its collector's header and the buffers that only it owns.
    pub size: u64,
    /// References counted by the runtime; `None` where it does not count (immortal objects).
    pub refcount: Option<u64>,
    /// See [`ObjectFlags`].
    pub flags: ObjectFlags,
    /// When it was born: greater the later, 0 = before births were marked. `None` in a dump without birth serials.
    pub serial: Option<u64>,
}

/// Bits that describe an [`Object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ObjectFlags(pub u8);

impl ObjectFlags {
    /// The runtime's collector tracks it.
    pub const TRACKED: ObjectFlags = ObjectFlags(1);
    /// It lies in static memory: no allocation, never freed.
    pub const STATIC: ObjectFlags = ObjectFlags(2);

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: ObjectFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An edge from an object, which the context names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The object it points to. An address that no object of the dump has is legal (and told as dangling).
    pub target: Address,
    /// Its name.
    pub label: Label,
    /// Whether it keeps the target alive.
    pub strength: Strength,
    /// It points to so many bytes behind the target's address. Not 0 only in a dump of a native heap.
    pub offset: u64,
}

/// Why an object is alive without another one's reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum RootKind {
    /// An imported module; `name` is its name.
    Module = 1,
    /// A frame of a thread's stack; `name` is the function, `thread` the thread, `line` the line.
    Frame = 2,
    /// A thread's own state (thread locals, context, exceptions being handled).
    Thread = 3,
    /// The interpreter's own tables; `name` says which.
    Interpreter = 4,
    /// A type or another object in static memory.
    Static = 5,
    /// Held by native code; `name` says by whom where that is known.
    Native = 6,
}

/// One reference from a root to an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root {
    /// What kind of root.
    pub kind: RootKind,
    /// What it is called: a module's name, `function (file.py)`.
    pub name: Option<StringId>,
    /// The thread's name, for frames and thread state.
    pub thread: Option<StringId>,
    /// The line that is being executed, for frames; 0 where unknown.
    pub line: u32,
    /// For frames: how many callers up from the innermost frame of its thread, from 0.
    pub depth: u32,
    /// How the root holds the object: `<local req>`.
    pub label: Label,
    /// The object; `Address(0)` for a root that holds nothing (a frame without locals).
    pub target: Address,
    /// As in [`Reference`].
    pub offset: u64,
}

/// Something that could not be read, and cost only itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The object that was being read; `Address(0)` where there is none.
    pub address: Address,
    /// What happened, for people.
    pub message: StringId,
}

/// Where objects of a type were allocated, in a dump of a native heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Site<'a> {
    /// Logarithm to the base 2 of the alignment that was asked for, at most 63.
    pub log2_alignment: u8,
    /// Return addresses, innermost first, at most 64; empty where they are not known.
    pub frames: &'a [u64],
}

/// A file of machine code that was loaded in the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Module {
    /// An address in the target minus the address in the file; wraps.
    pub bias: u64,
    /// First mapped address.
    pub first: u64,
    /// Bytes from there to the end of its last mapping; other memory may lie between its mappings.
    pub length: u64,
    /// The path, as the target's loader had it.
    pub path: StringId,
    /// The build id in lower-case hexadecimal digits; the empty string for none.
    pub build_id: StringId,
}

/// A word of a native heap that is an address in constant memory, and may be a vtable: one that follows a reference, so that both may be the pointer to a
/// value and its vtable, or one of the first words of a block, which may begin with the table of the functions for the value in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vtable {
    /// Where in the target the word before it lies, in bytes: the reference, if it is one.
    pub place: u64,
    /// The address.
    pub vtable: u64,
}
