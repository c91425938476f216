//! How much a dump holds.

/// Numbers of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Objects.
    pub objects: u64,
    /// References.
    pub references: u64,
    /// Types.
    pub types: u64,
    /// Strings.
    pub strings: u64,
    /// Roots.
    pub roots: u64,
    /// Faults.
    pub faults: u64,
    /// Objects whose value is told.
    pub values: u64,
    /// Sites, of a native heap.
    pub sites: u64,
    /// Loaded files, of a native heap.
    pub modules: u64,
    /// Words of a native heap that may be vtables.
    pub vtables: u64,
}
