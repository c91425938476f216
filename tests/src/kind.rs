//! FORMAT.md's numbers: kinds of blocks, of roots and of labels.

/// Keys and values about the dump.
pub const METADATA: u8 = 1;
/// Texts.
pub const STRINGS: u8 = 2;
/// Types.
pub const TYPES: u8 = 3;
/// Objects.
pub const OBJECTS: u8 = 4;
/// References.
pub const REFERENCES: u8 = 5;
/// Roots.
pub const ROOTS: u8 = 6;
/// Faults.
pub const FAULTS: u8 = 7;
/// What objects held.
pub const VALUES: u8 = 8;
/// Where the objects of types were allocated.
pub const SITES: u8 = 9;
/// Loaded files.
pub const MODULES: u8 = 10;
/// Words of a native heap that what may be a vtable follows.
pub const VTABLES: u8 = 11;
/// Lists other blocks.
pub const INDEX: u8 = 15;

/// All kinds that hold records of the heap.
pub const OF_RECORDS: [u8; 11] = [
    METADATA, STRINGS, TYPES, OBJECTS, REFERENCES, ROOTS, FAULTS, VALUES, SITES, MODULES, VTABLES,
];

/// The word for a kind of block, for messages.
pub fn name(kind: u8) -> &'static str {
    match kind {
        METADATA => "metadata",
        STRINGS => "strings",
        TYPES => "types",
        OBJECTS => "objects",
        REFERENCES => "references",
        ROOTS => "roots",
        FAULTS => "faults",
        VALUES => "values",
        SITES => "sites",
        MODULES => "modules",
        VTABLES => "vtables",
        INDEX => "index",
        _ => "unknown",
    }
}

/// Kinds of roots.
pub mod root {
    /// An imported module.
    pub const MODULE: u8 = 1;
    /// A frame of a thread.
    pub const FRAME: u8 = 2;
    /// A thread's own state.
    pub const THREAD: u8 = 3;
    /// The interpreter's tables.
    pub const INTERPRETER: u8 = 4;
    /// Static memory.
    pub const STATIC: u8 = 5;
    /// Native code; every kind that is not known is read as this one.
    pub const NATIVE: u8 = 6;
}

/// The highest kind of label that is known; higher ones are read as 0.
pub const LAST_LABEL: u8 = 12;
/// The bit of a label's kind which says that the reference is weak.
pub const WEAK: u8 = 0x80;
