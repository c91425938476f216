//! Values that many objects hold, each for itself, where the dump tells values.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use memdump_format::{ObjectId, ReadError};
use rayon::prelude::*;

use super::super::sums::Sum;
use super::look::Look;
use super::notes::PARTS;
use super::result::{Note, NoteKind, NotePart};
use crate::snapshot::{Snapshot, TypeKey};

/// An object that holds a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    /// Of type and value. Two values with the same one would be taken for duplicates; of a hundred million values that is one in
    /// thousands of dumps.
    hash: u64,
    id: ObjectId,
}

/// Objects of one type that hold the same.
struct Group {
    /// One of them.
    example: ObjectId,
    objects: u64,
    /// What would be free if there were but one.
    wasted: u64,
}

/// Bytes of memory that [`duplicates`] takes.
pub(super) fn memory(snapshot: &Snapshot) -> u64 {
    let counts = snapshot.dump().counts();
    match counts.values {
        0 => 0,
        values => (values * size_of::<Holder>() as u64).saturating_add(counts.objects * 8),
    }
}

/// What duplicates of values take, and the values that take the most; `commands` shows more of the object that it is given.
pub(super) fn duplicates(
    look: &Look<'_>,
    commands: impl FnOnce(ObjectId) -> Result<Vec<String>, ReadError>,
) -> Result<Option<Note>, ReadError> {
    let snapshot = look.snapshot;
    if snapshot.dump().counts().values == 0 {
        return Ok(None);
    }
    let mut holders = holders(snapshot)?;
    holders.par_sort_unstable();
    let sizes = snapshot.sizes()?;
    let mut all = Sum::default();
    let mut greatest: Vec<Group> = Vec::new();
    for same in holders.chunk_by(|a, b| a.hash == b.hash) {
        let objects = same.len() as u64;
        let size = |holder: &Holder| sizes.get(holder.id.index()).copied().unwrap_or(0);
        // Sizes are the file's claim, and may be absurd.
        let bytes = same.iter().map(size).fold(0, u64::saturating_add);
        let wasted = bytes - bytes / objects;
        if objects == 1 {
            continue;
        }
        all.add(Sum {
            objects: objects - 1,
            bytes: wasted,
        });
        greatest.push(Group {
            example: same[0].id,
            objects,
            wasted,
        });
        greatest.sort_unstable_by_key(|group| (Reverse(group.wasted), group.example));
        greatest.truncate(PARTS);
    }
    let Some(first) = greatest.first().filter(|_| look.is_much(all.bytes)) else {
        return Ok(None);
    };
    Ok(Some(Note {
        kind: NoteKind::Duplicates,
        objects: all.objects,
        bytes: all.bytes,
        commands: commands(first.example)?,
        parts: parts(snapshot, &greatest)?,
    }))
}

fn holders(snapshot: &Snapshot) -> Result<Vec<Holder>, ReadError> {
    let state = RandomState::default();
    let blocks: Vec<_> = snapshot.dump().value_blocks().collect();
    let of_blocks = blocks
        .par_iter()
        .map(|block| {
            let values = block.decode()?;
            let known = values
                .iter()
                .filter(|&(id, _)| snapshot.is_object(id) && snapshot.type_of(id) != TypeKey::NONE);
            let holder = |(id, text)| Holder {
                hash: state.hash_one((snapshot.type_of(id).index(), text)),
                id,
            };
            Ok(known.map(holder).collect())
        })
        .collect::<Result<Vec<Vec<Holder>>, ReadError>>()?;
    Ok(of_blocks.concat())
}

fn parts(snapshot: &Snapshot, groups: &[Group]) -> Result<Vec<NotePart>, ReadError> {
    let ids: Vec<ObjectId> = groups.iter().map(|group| group.example).collect();
    let values = snapshot.values(&ids)?;
    let objects = snapshot.objects(&ids)?;
    let part = |(group, object): (&Group, memdump_format::Object)| {
        let name = snapshot.types().name(snapshot.type_of(group.example));
        let value = values.get(&group.example).map_or("", String::as_str);
        NotePart {
            what: format!("{} × {name} {value}", group.objects),
            objects: group.objects - 1,
            bytes: group.wasted,
            example: Some(object.address),
        }
    };
    Ok(groups.iter().zip(objects).map(part).collect())
}
