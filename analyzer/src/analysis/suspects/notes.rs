//! What one dump tells without any growth: memory that something unusual keeps.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::{ObjectBatch, ObjectColumns, ObjectId, ReadError};

use super::super::sums::{Sum, sums};
use super::garbage::Garbage;
use super::look::Look;
use super::result::{Note, NoteKind, NotePart};
use super::threads::{Threads, place_of, stands_still};
use crate::graph::{Search, Start, Ways};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, TypeKey};

/// So many parts of each note are told.
pub(super) const PARTS: usize = 3;

fn note(
    look: &Look<'_>,
    kind: NoteKind,
    mut parts: Vec<NotePart>,
    commands: Vec<String>,
) -> Option<Note> {
    let mut all = Sum::default();
    for part in &parts {
        all.add(Sum {
            objects: part.objects,
            bytes: part.bytes,
        });
    }
    parts.retain(|part| part.objects > 0);
    parts.sort_by(|a, b| (b.bytes, b.objects, &a.what).cmp(&(a.bytes, a.objects, &b.what)));
    parts.truncate(PARTS);
    look.is_much(all.bytes).then_some(Note {
        kind,
        objects: all.objects,
        bytes: all.bytes,
        parts,
        commands,
    })
}

/// Garbage of all kinds.
pub(super) fn unreachable(
    look: &Look<'_>,
    garbage: &[Garbage],
    commands: Vec<String>,
) -> Option<Note> {
    let parts = garbage.iter().map(|kind| NotePart {
        what: match kind.main_type(look) {
            Some(key) => format!("{} in cycles", look.snapshot.types().name(key)),
            None => "in no cycle".to_owned(),
        },
        objects: kind.sum.objects,
        bytes: kind.sum.bytes,
        example: None,
    });
    note(look, NoteKind::Unreachable, parts.collect(), commands)
}

/// What only frames keep, by the place where their thread stands; with several dumps, only where it stands still.
pub(super) fn only_frames(
    look: &Look<'_>,
    threads: &[Threads],
    commands: Vec<String>,
) -> Result<Option<Note>, ReadError> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut class_of_root: BTreeMap<ObjectId, Option<usize>> = BTreeMap::new();
    let mut class_of: BTreeMap<ObjectId, usize> = BTreeMap::new();
    for (id, beginning) in look.held.beginnings(&look.held.only_frames) {
        let class = match class_of_root.get(&beginning) {
            Some(&known) => known,
            None => {
                let known = places.len();
                let place = place(look, threads, beginning)?;
                let class = place.map(|place| *places.entry(place).or_insert(known));
                class_of_root.insert(beginning, class);
                class
            }
        };
        if let Some(class) = class {
            class_of.insert(id, class);
        }
    }
    let sums = sums(look.snapshot, places.len(), |id| class_of.get(&id).copied())?;
    let parts = places.into_iter().map(|(what, class)| NotePart {
        what,
        objects: sums[class].objects,
        bytes: sums[class].bytes,
        example: None,
    });
    let parts = parts.filter(|part| look.is_much(part.bytes)).collect();
    Ok(note(look, NoteKind::OnlyFrames, parts, commands))
}

fn place(
    look: &Look<'_>,
    threads: &[Threads],
    held: ObjectId,
) -> Result<Option<String>, ReadError> {
    let mut roots = look.graph.roots.of(held);
    let Some(thread) = roots.find_map(|root| root.thread) else {
        return Ok(None);
    };
    let thread = look.snapshot.text(thread)?;
    let told = |frame: &super::threads::Frame| {
        format!(
            "thread {thread} at {}",
            at_line(&frame.function, frame.line)
        )
    };
    if threads.len() > 1 {
        return Ok(stands_still(look.clock, threads, &thread).map(|(frame, _)| told(frame)));
    }
    let stack = threads.last().and_then(|threads| threads.stack(&thread));
    Ok(stack.and_then(place_of).map(told))
}

/// `handle (views.py)` at line 42 is `handle (views.py:42)`.
pub(super) fn at_line(function: &str, line: u32) -> String {
    match function.strip_suffix(')') {
        Some(open) if line > 0 => format!("{open}:{line})"),
        _ => function.to_owned(),
    }
}

/// What only tracebacks keep: not reached once no way leads through one.
pub(super) fn only_tracebacks(
    look: &Look<'_>,
    commands: Vec<String>,
    progress: &dyn Progress,
) -> Result<(Option<Note>, Option<ObjectSet>), ReadError> {
    let snapshot = look.snapshot;
    let is_traceback: Vec<bool> = snapshot
        .types()
        .iter()
        .map(|(_, name)| name.module() == "builtins" && name.qualified() == "traceback")
        .collect();
    let through = |id| !is_traceback[snapshot.type_of(id).index()];
    if !snapshot.ids().any(|id| !through(id)) {
        return Ok((None, None));
    }
    progress.stage("looking for what tracebacks keep", 0);
    let ways = Ways {
        through,
        max_distance: u32::MAX,
    };
    let mut search = Search::new(&look.graph.forward);
    search.run(Start::Root, look.graph.roots.objects(|_| true), &ways);
    for id in look.held.only_native.iter() {
        if look.held.search.distance(id) == Some(0) {
            search.run(Start::Native, [id], &ways);
        }
    }
    let kept = ObjectSet::new(snapshot.id_limit());
    for id in snapshot.ids() {
        if !search.is_reached(id) && !look.held.unreachable.contains(id) {
            kept.insert(id);
        }
    }
    let parts = by_type(look, &kept)?;
    Ok((
        note(look, NoteKind::OnlyTracebacks, parts, commands),
        Some(kept),
    ))
}

/// What only native code keeps, by type; with several dumps, only what is new. Extension modules keep what they were loaded with.
pub(super) fn only_native(
    look: &Look<'_>,
    commands: Vec<String>,
) -> Result<Option<Note>, ReadError> {
    let new = ObjectSet::new(look.snapshot.id_limit());
    for id in look.held.only_native.iter().filter(|&id| !look.is_old(id)) {
        new.insert(id);
    }
    let parts = by_type(look, &new)?;
    Ok(note(look, NoteKind::OnlyNative, parts, commands))
}

fn by_type(look: &Look<'_>, chosen: &ObjectSet) -> Result<Vec<NotePart>, ReadError> {
    let types = look.snapshot.types();
    let class_of = |id| {
        let key = look.snapshot.type_of(id);
        (chosen.contains(id) && key != TypeKey::NONE).then(|| key.index())
    };
    let sums = sums(look.snapshot, types.len(), class_of)?;
    let parts = types.iter().zip(sums).map(|((_, name), sum)| NotePart {
        what: name.to_string(),
        objects: sum.objects,
        bytes: sum.bytes,
        example: None,
    });
    Ok(parts.collect())
}

/// What a container of a builtin type needs for each reference at most, in bytes, when it has just grown: a list doubles at
/// worst (an eighth more, in fact), a dict's table is at least a sixth full after it was made larger, a set's too.
fn need_per_reference(type_name: &str) -> Option<u64> {
    match type_name {
        "list" => Some(16),
        // An entry of 24 bytes and up to 4 for its index, for key and value; six times the room.
        "dict" | "set" | "collections.OrderedDict" | "collections.defaultdict" => Some(6 * 28),
        _ => None,
    }
}

/// Containers that are smaller than this are not counted: an empty one has some room.
const SMALL_CONTAINER: u64 = 4096;

/// Containers of builtin types with far more room than they use; `named` tells what some are called.
pub(super) fn half_empty(
    look: &Look<'_>,
    named: impl FnOnce(&[ObjectId]) -> Result<Vec<String>, ReadError>,
) -> Result<Option<Note>, ReadError> {
    let needs: Vec<Option<u64>> = look
        .snapshot
        .types()
        .iter()
        .map(|(_, name)| need_per_reference(&name.to_string()))
        .collect();
    let mut wasteful: Vec<(Reverse<u64>, ObjectId)> = Vec::new();
    let mut wasted = Sum::default();
    let mut batch = ObjectBatch::default();
    for block in look.snapshot.dump().object_blocks() {
        block.decode(ObjectColumns::SIZE, &mut batch)?;
        for (id, &size) in (block.first().0..).map(ObjectId).zip(&batch.sizes) {
            if size < SMALL_CONTAINER || !look.snapshot.is_object(id) {
                continue;
            }
            let Some(need) = needs[look.snapshot.type_of(id).index()] else {
                continue;
            };
            let references = look.graph.forward.row(id).len() as u64;
            let unused = size.saturating_sub(SMALL_CONTAINER / 4 + references * need);
            if unused * 2 > size {
                wasted.add(Sum {
                    objects: 1,
                    bytes: unused,
                });
                wasteful.push((Reverse(unused), id));
            }
        }
    }
    if !look.is_much(wasted.bytes) {
        return Ok(None);
    }
    wasteful.sort_unstable();
    wasteful.truncate(PARTS);
    let ids: Vec<ObjectId> = wasteful.iter().map(|w| w.1).collect();
    let parts = named(&ids)?
        .into_iter()
        .zip(&wasteful)
        .map(|(what, &(Reverse(bytes), _))| NotePart {
            what,
            objects: 1,
            bytes,
            example: None,
        });
    Ok(Some(Note {
        kind: NoteKind::HalfEmpty,
        objects: wasted.objects,
        bytes: wasted.bytes,
        parts: parts.collect(),
        commands: Vec::new(),
    }))
}
