//! Objects of growing types that no growing container explains: they hang on one another, as the nodes of a linked list or
//! of a tree do, where no object has more references than before.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::ObjectId;

use super::accumulations::{Unexplained, is_builtin};
use super::climb::{Answer, Climb};
use super::judge::{Evidence, Judgement, judge};
use super::look::Look;
use crate::graph::DominatorTree;
use crate::snapshot::{ObjectSet, TypeKey};

/// New objects of one type below one old object.
pub(super) struct Linked {
    pub(super) type_key: TypeKey,
    /// The first of them: of those nearest to the roots, the one with the lowest id.
    pub(super) first: ObjectId,
    /// All of the type that are new there, in rising order.
    pub(super) members: Vec<ObjectId>,
    /// How many of the type would go with them: these, and where they were put before the old ones, those too.
    pub(super) going: u64,
    /// Objects of the type in the whole heap, in each dump.
    pub(super) counts: Vec<Option<u64>>,
    pub(super) growth: u64,
    pub(super) judgement: Judgement,
}

/// Finds linked structures that grow. What is `explained`, and what that dominates, is left out. `type_counts` are the
/// objects of each type of the last dump in the earlier dumps.
pub(super) fn linked(
    look: &Look<'_>,
    tree: &DominatorTree,
    explained: &ObjectSet,
    type_counts: &[Vec<u64>],
    unexplained: &Unexplained,
) -> Vec<Linked> {
    let suspected: Vec<Option<(Vec<Option<u64>>, Judgement)>> = look
        .snapshot
        .types()
        .iter()
        .map(|(key, _)| suspected(look, type_counts, key))
        .collect();
    // The nearest dominator that is old; none if what grew on the way to it has been explained.
    let mut region = Climb::new(tree, look.snapshot.id_limit(), |id| {
        if explained.contains(id) {
            Answer::Nowhere
        } else if look.is_old(id) {
            Answer::Here(id.0)
        } else {
            Answer::Above
        }
    });
    let mut groups: BTreeMap<(ObjectId, TypeKey), Vec<ObjectId>> = BTreeMap::new();
    for id in look.snapshot.ids() {
        let key = look.snapshot.type_of(id);
        if suspected[key.index()].is_none() || look.is_old(id) || look.held.unreachable.contains(id)
        {
            continue;
        }
        if let Some(region) = region.from(id) {
            groups.entry((ObjectId(region), key)).or_default().push(id);
        }
    }
    let found = groups.into_iter().filter_map(|((region, key), members)| {
        let (counts, judgement) = suspected[key.index()].clone()?;
        let (growth, number) = (unexplained.of(key), members.len() as u64);
        // Else the type grows elsewhere, or does not grow and lies elsewhere than before.
        let is_most = number * 2 >= growth && growth * 2 >= number;
        // Else they hang on one old object, each for itself, because several things share them.
        let on_new = |id: &&ObjectId| {
            tree.dominator(**id)
                .is_some_and(|above| !look.is_old(above))
        };
        let is_linked = members.iter().filter(on_new).count() * 2 >= members.len();
        let distance = |&&id: &&ObjectId| (look.held.search.distance(id), id);
        let first = *members.iter().min_by_key(distance)?;
        let linked = Linked {
            type_key: key,
            first,
            growth: number,
            going: number,
            members,
            counts,
            judgement,
        };
        (is_most && is_linked).then_some((region, linked))
    });
    // Of all that grows at one place, the type of the application of which there are most.
    let mut found: Vec<(ObjectId, Linked)> = found.collect();
    found.sort_by_key(|(region, linked)| {
        let builtin = is_builtin(look, linked.type_key);
        (*region, builtin, Reverse(linked.growth), linked.type_key)
    });
    found.dedup_by_key(|(region, _)| *region);
    let mut found: Vec<Linked> = found.into_iter().map(|(_, linked)| linked).collect();
    for linked in &mut found {
        linked.going = going(look, tree, linked);
    }
    found
}

fn going(look: &Look<'_>, tree: &DominatorTree, linked: &Linked) -> u64 {
    let mut below = Climb::new(tree, look.snapshot.id_limit(), |id| {
        match linked.members.binary_search(&id) {
            Ok(_) => Answer::Here(0),
            Err(_) => Answer::Above,
        }
    });
    let of_type = |id: &ObjectId| look.snapshot.type_of(*id) == linked.type_key;
    let of_type = look.snapshot.ids().filter(of_type);
    of_type.filter(|&id| below.from(id).is_some()).count() as u64
}

/// The counts of a type whose objects become more, and the judgement of that.
fn suspected(
    look: &Look<'_>,
    type_counts: &[Vec<u64>],
    key: TypeKey,
) -> Option<(Vec<Option<u64>>, Judgement)> {
    let earlier = type_counts.iter().map(|counts| counts[key.index()]);
    let last = look.snapshot.census().counts[key.index()];
    let counts: Vec<Option<u64>> = earlier.chain([last]).map(Some).collect();
    let evidence = Evidence {
        counts: &counts,
        first_members: None,
    };
    let judgement = judge(look.clock, &evidence);
    matches!(judgement, Judgement::Suspect { .. }).then_some((counts, judgement))
}
