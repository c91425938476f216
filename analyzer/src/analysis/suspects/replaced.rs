//! Containers whose members come and go while their number stays: bounded caches at work. They are looked at because their
//! members are as new as those of a leak.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::ObjectId;

use super::accumulations::{follows, is_builtin};
use super::containers::Candidate;
use super::look::Look;
use crate::graph::NO_TARGET;
use crate::snapshot::TypeKey;

/// A container whose members are replaced.
pub(super) struct Replaced {
    pub(super) container: ObjectId,
    pub(super) type_key: TypeKey,
    pub(super) count: u64,
    pub(super) new: u64,
}

/// Only these many are told, the largest.
const MOST: usize = 3;
/// Small containers are changed by every request.
const LARGE: u64 = 20;

/// The largest old containers at least half of whose members are new, and that did not grow.
pub(super) fn replaced(look: &Look<'_>, grown: &[Candidate]) -> Vec<Replaced> {
    let mut found: Vec<Replaced> = look
        .snapshot
        .ids()
        .filter(|&id| look.graph.forward.row(id).len() as u64 >= LARGE && look.is_old(id))
        .filter_map(|id| members(look, id))
        .filter(|r| grown.iter().all(|candidate| candidate.id != r.container))
        .collect();
    found.sort_by_key(|r| (Reverse(r.count), r.container));
    found.truncate(MOST);
    found
}

fn members(look: &Look<'_>, container: ObjectId) -> Option<Replaced> {
    let mut types: BTreeMap<TypeKey, (u64, u64)> = BTreeMap::new();
    for &id in look.graph.forward.targets(container) {
        if id != NO_TARGET {
            let (count, new) = types.entry(look.snapshot.type_of(id)).or_default();
            *count += 1;
            *new += u64::from(!look.is_old(id));
        }
    }
    // Of keys and values, those that tell more.
    let telling = |&(key, (count, _)): &(TypeKey, (u64, u64))| {
        (count >= LARGE, !is_builtin(look, key), count, Reverse(key))
    };
    let (type_key, (count, new)) = types.into_iter().max_by_key(telling)?;
    let replaced = count >= LARGE && new * 2 >= count;
    let some = look
        .members(container, type_key)
        .take(10)
        .collect::<Vec<_>>();
    (replaced && !follows(look, &some)).then_some(Replaced {
        container,
        type_key,
        count,
        new,
    })
}
