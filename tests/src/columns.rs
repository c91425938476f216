//! From records to the columns of a block, one function for each kind of FORMAT.md.

use crate::block::Block;
use crate::encode::{Slots, target_slot, varint, zigzag};
use crate::kind;
use crate::record::{Fault, Module, Object, Reference, Root, Site, Type};

/// A column of one varint per item.
fn varints(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    values
        .into_iter()
        .for_each(|value| varint(&mut bytes, value));
    bytes
}

/// A column of zigzag differences from one item to the next, the first one's to 0.
fn differences(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut last = 0;
    varints(
        values
            .into_iter()
            .map(|value| zigzag(value.wrapping_sub(std::mem::replace(&mut last, value)))),
    )
}

/// The column of offsets into targets, unless all of them are 0.
fn offsets(values: impl Iterator<Item = u64> + Clone) -> Option<Vec<u8>> {
    values
        .clone()
        .any(|offset| offset != 0)
        .then(|| varints(values))
}

fn joined<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    texts.into_iter().flatten().copied().collect()
}

/// Keys and values.
pub fn metadata(records: &[(String, String)]) -> Block {
    Block::new(
        kind::METADATA,
        records.len(),
        [
            varints(records.iter().map(|(key, _)| key.len() as u64)),
            joined(records.iter().map(|(key, _)| key.as_bytes())),
            varints(records.iter().map(|(_, value)| value.len() as u64)),
            joined(records.iter().map(|(_, value)| value.as_bytes())),
        ],
    )
}

/// Texts.
pub fn strings<S: AsRef<[u8]>>(records: &[S]) -> Block {
    Block::new(
        kind::STRINGS,
        records.len(),
        [
            varints(records.iter().map(|text| text.as_ref().len() as u64)),
            joined(records.iter().map(AsRef::as_ref)),
        ],
    )
}

/// Types.
pub fn types(records: &[Type], shift: u8) -> Block {
    Block::new(
        kind::TYPES,
        records.len(),
        [
            differences(records.iter().map(|record| record.address >> shift)),
            varints(records.iter().map(|record| record.module)),
            varints(records.iter().map(|record| record.name)),
            varints(records.iter().map(|record| record.flags)),
        ],
    )
}

/// Objects; with their birth serials, unless there are none.
pub fn objects(records: &[Object], births: &[u64], shift: u8) -> Block {
    let (mut addresses, mut sizes) = (Slots::new(), Slots::new());
    let mut columns = vec![
        varints(records.iter().map(|record| record.type_id)),
        varints(
            records
                .iter()
                .map(|record| addresses.encode(record.type_id % 256, record.address >> shift)),
        ),
        varints(
            records
                .iter()
                .map(|record| sizes.encode(record.type_id % 256, record.size)),
        ),
        varints(records.iter().map(|record| record.refcount)),
        records.iter().map(|record| record.flags).collect(),
    ];
    if !births.is_empty() {
        columns.push(differences(births.iter().copied()));
    }
    Block::new(kind::OBJECTS, records.len(), columns)
}

/// References, which are grouped here: those of one source that follow one another are a group.
pub fn references(records: &[Reference], shift: u8) -> Block {
    let groups: Vec<&[Reference]> = records
        .chunk_by(|one, next| one.source == next.source)
        .collect();
    let mut last_source = 0;
    let mut targets = Slots::new();
    let mut values = Slots::new();
    let target_columns = groups.iter().flat_map(|group| {
        group
            .iter()
            .zip(0..)
            .map(|(record, j)| (record.target, target_slot(j, group.len() as u64)))
    });
    let mut columns = vec![
        varints(groups.iter().map(|group| {
            let source = group[0].source;
            source.wrapping_sub(std::mem::replace(&mut last_source, source))
        })),
        varints(groups.iter().map(|group| group.len() as u64)),
        varints(target_columns.map(|(target, slot)| targets.encode(slot, target >> shift))),
        records
            .iter()
            .map(|record| record.label.kind | if record.weak { kind::WEAK } else { 0 })
            .collect(),
        varints(
            records
                .iter()
                .map(|record| values.encode(u64::from(record.label.kind), record.label.value)),
        ),
    ];
    columns.extend(offsets(records.iter().map(|record| record.offset)));
    Block::new(kind::REFERENCES, records.len(), columns)
}

/// Roots.
pub fn roots(records: &[Root], shift: u8) -> Block {
    let plus_one = |id: Option<u64>| id.map_or(0, |id| id + 1);
    let mut columns = vec![
        records.iter().map(|record| record.kind).collect(),
        varints(records.iter().map(|record| plus_one(record.name))),
        varints(records.iter().map(|record| plus_one(record.thread))),
        varints(records.iter().map(|record| record.line)),
        varints(records.iter().map(|record| record.depth)),
        records.iter().map(|record| record.label.kind).collect(),
        varints(records.iter().map(|record| record.label.value)),
        varints(records.iter().map(|record| record.target >> shift)),
    ];
    columns.extend(offsets(records.iter().map(|record| record.offset)));
    Block::new(kind::ROOTS, records.len(), columns)
}

/// Faults.
pub fn faults(records: &[Fault], shift: u8) -> Block {
    Block::new(
        kind::FAULTS,
        records.len(),
        [
            varints(records.iter().map(|record| record.address >> shift)),
            varints(records.iter().map(|record| record.message)),
        ],
    )
}

/// What objects held.
pub fn values(records: &[(u64, String)]) -> Block {
    let mut last = 0;
    let objects = records
        .iter()
        .map(|(object, _)| object.wrapping_sub(std::mem::replace(&mut last, *object)));
    Block::new(
        kind::VALUES,
        records.len(),
        [
            varints(objects),
            varints(records.iter().map(|(_, text)| text.len() as u64)),
            joined(records.iter().map(|(_, text)| text.as_bytes())),
        ],
    )
}

/// Where the objects of types were allocated.
pub fn sites(records: &[Site]) -> Block {
    Block::new(
        kind::SITES,
        records.len(),
        [
            records.iter().map(|record| record.alignment).collect(),
            varints(records.iter().map(|record| record.frames.len() as u64)),
            differences(records.iter().flat_map(|record| record.frames.clone())),
        ],
    )
}

/// Loaded files.
pub fn modules(records: &[Module]) -> Block {
    Block::new(
        kind::MODULES,
        records.len(),
        [
            varints(records.iter().map(|record| record.bias)),
            varints(records.iter().map(|record| record.first)),
            varints(records.iter().map(|record| record.length)),
            varints(records.iter().map(|record| record.path)),
            varints(records.iter().map(|record| record.build_id)),
        ],
    )
}

/// References with what may be a vtable.
pub fn vtables(records: &[(u64, u64)]) -> Block {
    Block::new(
        kind::VTABLES,
        records.len(),
        [
            differences(records.iter().map(|&(place, _)| place)),
            differences(records.iter().map(|&(_, vtable)| vtable)),
        ],
    )
}

/// One line of an index: where a block lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexEntry {
    /// Its offset.
    pub offset: u64,
    /// Its length, header included.
    pub length: u64,
    /// Its kind.
    pub kind: u8,
    /// Its number of records.
    pub records: u64,
}

/// The index block that lists these.
pub fn index(entries: &[IndexEntry]) -> Block {
    let mut last = 0;
    Block::new(
        kind::INDEX,
        entries.len(),
        [
            varints(entries.iter().map(|entry| {
                entry
                    .offset
                    .wrapping_sub(std::mem::replace(&mut last, entry.offset))
            })),
            varints(entries.iter().map(|entry| entry.length)),
            entries.iter().map(|entry| entry.kind).collect(),
            varints(entries.iter().map(|entry| entry.records)),
        ],
    )
}
