//! What holds objects from outside of the heap.

use memdump_format::{Label, ObjectId, ReadError, Root, RootKind};

use crate::snapshot::Snapshot;

/// The root records of a dump, and which object each holds.
pub struct Roots {
    records: Vec<Root>,
    /// Object and number of the root's record, by object and then by precedence.
    holds: Vec<(ObjectId, u32)>,
}

/// Which roots a chain may begin at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RootFilter {
    /// All of them, native code included.
    #[default]
    Any,
    /// Imported modules.
    Module,
    /// Frames of threads.
    Frame,
}

impl RootFilter {
    /// Whether a root of this kind counts.
    pub fn admits(self, kind: RootKind) -> bool {
        match self {
            RootFilter::Any => true,
            RootFilter::Module => kind == RootKind::Module,
            RootFilter::Frame => kind == RootKind::Frame,
        }
    }
}

impl Roots {
    /// Reads the roots and resolves their targets.
    pub fn read(snapshot: &Snapshot) -> Result<Roots, ReadError> {
        let records = snapshot.dump().roots()?;
        let mut holds: Vec<(ObjectId, u32)> = records
            .iter()
            .enumerate()
            .filter_map(|(number, root)| Some((snapshot.index().find(root.target)?, number as u32)))
            .collect();
        // The kinds are declared in the order in which they tell most.
        holds.sort_by_key(|&(object, number)| {
            let root = &records[number as usize];
            // A place in a stack that only looks like a reference tells less than any variable's name.
            let is_place = matches!(root.label, Label::Offset(_));
            (object, is_place, root.kind, number)
        });
        Ok(Roots { records, holds })
    }

    /// Objects that a root of an admitted kind holds, in rising order; some more than once.
    pub fn objects(&self, admitted: impl Fn(RootKind) -> bool) -> impl Iterator<Item = ObjectId> {
        self.holds
            .iter()
            .filter(move |&&(_, number)| admitted(self.records[number as usize].kind))
            .map(|&(object, _)| object)
    }

    /// The roots that hold an object, those that tell most first: names before mere places in memory, and modules before frames before threads before
    /// interpreter state before static memory before native code.
    pub fn of(&self, object: ObjectId) -> impl Iterator<Item = &Root> {
        let first = self.holds.partition_point(|&(held, _)| held < object);
        self.holds[first..]
            .iter()
            .take_while(move |&&(held, _)| held == object)
            .map(|&(_, number)| &self.records[number as usize])
    }
}
