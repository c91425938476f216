//! What a dump says, as plain numbers: wide enough to say wrong things, too.

/// A type. Ids of strings are places in [`Contents::strings`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Type {
    /// Address of the type object, 0 for none.
    pub address: u64,
    /// String id of the module.
    pub module: u64,
    /// String id of the qualified name.
    pub name: u64,
    /// 1 = static memory, 2 = the collector may track instances.
    pub flags: u64,
}

/// An object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Object {
    /// Where it lay.
    pub address: u64,
    /// Place of its type in [`Contents::types`].
    pub type_id: u64,
    /// Shallow size, bytes.
    pub size: u64,
    /// Reference count, 0 = not counted.
    pub refcount: u64,
    /// 1 = tracked by the collector, 2 = static memory.
    pub flags: u8,
}

/// A label as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RawLabel {
    /// FORMAT.md's table of label kinds, without the bit for weak references.
    pub kind: u8,
    /// A string id, a position or an integer, as the kind says.
    pub value: u64,
}

impl RawLabel {
    /// The label as a reader must understand it: unknown kinds are kind 0, and kinds without a value have none.
    pub fn normal(self) -> RawLabel {
        match self.kind {
            1..=8 | 10 | 12 => self,
            9 | 11 => RawLabel { value: 0, ..self },
            _ => RawLabel::default(),
        }
    }

    /// Whether the value is a string id.
    pub fn names_a_string(self) -> bool {
        matches!(self.kind, 1 | 2 | 3 | 6 | 7 | 10)
    }
}

/// A reference from an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reference {
    /// Place of the source in [`Contents::objects`].
    pub source: u64,
    /// Address of the target.
    pub target: u64,
    /// Its name.
    pub label: RawLabel,
    /// It does not keep its target alive.
    pub weak: bool,
    /// It points so many bytes behind the target's address.
    pub offset: u64,
}

/// A reference from a root.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Root {
    /// See [`crate::kind::root`].
    pub kind: u8,
    /// String id of its name.
    pub name: Option<u64>,
    /// String id of its thread's name.
    pub thread: Option<u64>,
    /// The line being executed, 0 = unknown.
    pub line: u64,
    /// Callers up from the innermost frame.
    pub depth: u64,
    /// How it holds the object.
    pub label: RawLabel,
    /// The object's address, 0 = none.
    pub target: u64,
    /// It points so many bytes behind it.
    pub offset: u64,
}

/// What could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fault {
    /// Address of the object, 0 = none.
    pub address: u64,
    /// String id of the message.
    pub message: u64,
}

/// Where the objects of a type were allocated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Site {
    /// Logarithm to the base 2 of the alignment.
    pub alignment: u8,
    /// Return addresses, innermost first.
    pub frames: Vec<u64>,
}

/// A loaded file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Module {
    /// Address in the target minus address in the file.
    pub bias: u64,
    /// First mapped address.
    pub first: u64,
    /// Bytes from there to the end.
    pub length: u64,
    /// String id of its path.
    pub path: u64,
    /// String id of its build id.
    pub build_id: u64,
}

/// All that a dump says. Ids are places in these lists; the order is the file's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// Keys and values, a later one of the same key not yet overriding the earlier.
    pub metadata: Vec<(String, String)>,
    /// Texts.
    pub strings: Vec<String>,
    /// Types.
    pub types: Vec<Type>,
    /// Objects.
    pub objects: Vec<Object>,
    /// Birth serials, one per object, or none at all.
    pub births: Vec<u64>,
    /// References, grouped by source, sources never falling.
    pub references: Vec<Reference>,
    /// Roots.
    pub roots: Vec<Root>,
    /// Faults.
    pub faults: Vec<Fault>,
    /// What objects held: places in [`Contents::objects`], which rise, and texts.
    pub values: Vec<(u64, String)>,
    /// Sites, of the first types.
    pub sites: Vec<Site>,
    /// Loaded files.
    pub modules: Vec<Module>,
    /// Where references lie, and the words behind them that may be vtables' addresses.
    pub vtables: Vec<(u64, u64)>,
}
