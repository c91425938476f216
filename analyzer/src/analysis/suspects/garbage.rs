//! What nothing keeps alive but itself: cycles, and what hangs on them, until the collector comes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::{Label, ObjectId, ReadError};

use super::super::sums::{Sum, sums};
use super::accumulations::is_builtin;
use super::judge::{Evidence, Judgement, judge};
use super::look::Look;
use crate::graph::{NO_TARGET, Unheld, named_references};
use crate::snapshot::{TypeKey, TypeName};

/// Garbage of one kind: cycles of the same types, and what only they hold.
pub(super) struct Garbage {
    /// The types of the cycles' objects; empty for what is in no cycle and hangs on none.
    pub(super) types: Vec<TypeKey>,
    /// Cycles, that is, groups of objects that all reach one another.
    pub(super) cycles: u64,
    /// One object of the first.
    pub(super) first: ObjectId,
    pub(super) sum: Sum,
    /// Objects in the cycles, by dump: those that are still there and were there then.
    pub(super) counts: Vec<Option<u64>>,
    pub(super) judgement: Judgement,
    /// The objects that have come since the first dump.
    pub(super) new: Vec<ObjectId>,
}

impl Garbage {
    /// What it is told as: the type of the application, if there is one.
    pub(super) fn main_type(&self, look: &Look<'_>) -> Option<TypeKey> {
        let types = self.types.iter().copied();
        types.min_by_key(|&key| (is_builtin(look, key), look.snapshot.types().name(key)))
    }

    /// Of the objects in cycles, those that were there in the dump before the last.
    pub(super) fn not_young(&self) -> u64 {
        let before = self.counts.len().checked_sub(2);
        before.and_then(|at| self.counts[at]).unwrap_or(0)
    }
}

/// Sorts the garbage of the last dump by the types of its cycles, most bytes first.
pub(super) fn garbage(look: &Look<'_>) -> Result<Vec<Garbage>, ReadError> {
    let unheld = Unheld::new(look.graph, look.held.unreachable.iter().collect());
    let mut kinds: BTreeMap<Vec<TypeKey>, usize> = BTreeMap::new();
    let mut kind_of: Vec<Option<usize>> = vec![None; unheld.len()];
    let mut in_cycle = vec![false; unheld.len()];
    let mut found: Vec<Garbage> = Vec::new();
    // What hangs on a cycle takes its kind.
    for part in unheld.parts() {
        let is_cycle = unheld.is_cycle(part);
        let kind = match kind_of[part[0] as usize] {
            Some(kind) if !is_cycle => kind,
            _ => {
                let types = match is_cycle {
                    true => unheld.types(look.snapshot, part),
                    false => Vec::new(),
                };
                let known = kinds.len();
                *kinds.entry(types.clone()).or_insert_with(|| {
                    found.push(Garbage {
                        types,
                        cycles: 0,
                        first: unheld.id(part[0]),
                        sum: Sum::default(),
                        counts: vec![Some(0); look.clock.dumps()],
                        judgement: Judgement::Nothing,
                        new: Vec::new(),
                    });
                    known
                })
            }
        };
        found[kind].cycles += u64::from(is_cycle);
        for &number in part {
            kind_of[number as usize] = Some(kind);
            in_cycle[number as usize] = is_cycle;
            for &target in unheld.targets(number) {
                kind_of[target as usize].get_or_insert(kind);
            }
        }
    }
    for (number, id) in unheld.ids() {
        let Some(kind) = kind_of[number as usize] else {
            continue;
        };
        if !look.is_old(id) {
            found[kind].new.push(id);
        }
        if in_cycle[number as usize] {
            note(look, id, &mut found[kind].counts);
        }
    }
    let kind_of = |id| {
        unheld
            .number_of(id)
            .and_then(|number| kind_of[number as usize])
    };
    for (kind, sum) in found
        .iter_mut()
        .zip(sums(look.snapshot, kinds.len(), kind_of)?)
    {
        kind.sum = sum;
        let evidence = Evidence {
            counts: &kind.counts,
            first_members: None,
        };
        kind.judgement = judge(look.clock, &evidence);
    }
    found.sort_by_key(|kind| (Reverse(kind.sum), kind.first));
    Ok(found)
}

/// Counts an object in every dump that has it; those of other processes cannot be asked.
fn note(look: &Look<'_>, id: ObjectId, counts: &mut [Option<u64>]) {
    let last = counts.len() - 1;
    let begin = look.clock.first_of_last();
    for (dump, count) in counts.iter_mut().enumerate() {
        if dump < begin {
            *count = None;
        } else if dump == last || look.ages.was_in(id, dump) {
            *count = Some(count.unwrap_or(0) + 1);
        }
    }
}

/// Of these types' classes, the first that has a finaliser, itself or by inheritance: one of its namespaces has a `__del__`.
pub(super) fn finaliser(look: &Look<'_>, example: ObjectId) -> Result<Option<TypeName>, ReadError> {
    let named = |id| named_references(look.snapshot, look.graph, id);
    let text = |name| look.snapshot.text(name);
    let by = |id: ObjectId, wanted: &str| -> Result<Option<ObjectId>, ReadError> {
        for (label, target) in named(id)? {
            let found = match label {
                Label::Attribute(name) => text(name)? == wanted,
                Label::Type => wanted == "__class__",
                _ => false,
            };
            if found {
                return Ok(Some(target));
            }
        }
        Ok(None)
    };
    let Some(class) = by(example, "__class__")? else {
        return Ok(None);
    };
    let Some(order) = by(class, "__mro__")? else {
        return Ok(None);
    };
    for &base in look.graph.forward.targets(order) {
        if base == NO_TARGET {
            continue;
        }
        let Some(namespace) = by(base, "__dict__")? else {
            continue;
        };
        for (label, _) in named(namespace)? {
            if let Label::Key(key) = label
                && text(key)? == "'__del__'"
            {
                let key = look.snapshot.type_of(example);
                return Ok(Some(look.snapshot.types().name(key).clone()));
            }
        }
    }
    Ok(None)
}
