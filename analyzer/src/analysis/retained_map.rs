//! Where memory is kept: the top of the dominator tree, in which objects of one type below the same dominators are taken together.
//!
//! What lies within a region is kept alive only through its objects, so regions never share a byte: they can be drawn as areas.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;
use memdump_format::{Address, ObjectId, ReadError};
use serde::Serialize;

use super::chain::Holder;
use super::{ObjectRow, json_form};
use crate::graph::{Dominated, DominatorTree, Roots};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey, TypeName};

/// Where memory is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetainedMap {
    /// Everything.
    pub root: Region,
}

/// Objects of one type that the same objects dominate, and what they retain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Their type; none for everything.
    #[serde(rename = "type")]
    pub type_name: Option<TypeName>,
    /// Of a single object that a root holds by a name: that name, `app.models`.
    pub name: Option<String>,
    /// Where a single object lay.
    #[serde(serialize_with = "json_form::optional_address")]
    pub address: Option<Address>,
    /// How many objects they are; for everything, how many no single object keeps alive.
    pub objects: u64,
    /// Bytes that would be freed if they all were: their own, and those of what they dominate.
    pub retained: u64,
    /// What they dominate, those that retain most first.
    pub children: Vec<Region>,
    /// What else they dominate.
    pub rest: Option<Rest>,
}

/// What is not told region by region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// How many objects they are.
    pub objects: u64,
    /// What they retain, in bytes.
    pub retained: u64,
}

/// How much of the tree is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapBounds {
    /// No more regions than this, beside the root; those that retain most are told.
    pub regions: usize,
    /// No more levels below the root.
    pub depth: usize,
    /// No more regions directly in one.
    pub children: usize,
}

/// An object that retains at least this share of everything is a region by itself.
const ALONE: u64 = 100;

/// The map of a dump.
pub fn retained_map(
    snapshot: &Snapshot,
    tree: &DominatorTree,
    bounds: MapBounds,
    progress: &dyn Progress,
) -> Result<RetainedMap, ReadError> {
    progress.stage("mapping what is retained", 0);
    let fold = Fold {
        snapshot,
        tree,
        dominated: tree.dominated(snapshot),
    };
    let drafts = fold.drafts(bounds);
    let regions = told(snapshot, &drafts)?;
    Ok(RetainedMap {
        root: nested(drafts, regions),
    })
}

/// A region before it is told.
struct Draft {
    key: TypeKey,
    objects: u64,
    retained: u64,
    /// The first object.
    first: Option<ObjectId>,
    depth: usize,
    /// The place of the region that it lies in, which is before its own.
    parent: usize,
    rest: Rest,
}

/// Objects of a type below the same dominators.
struct Group {
    key: TypeKey,
    first: ObjectId,
    sum: Rest,
    /// Those that dominate something.
    inner: Vec<ObjectId>,
}

struct Fold<'a> {
    snapshot: &'a Snapshot,
    tree: &'a DominatorTree,
    dominated: Dominated,
}

impl Fold<'_> {
    /// The regions, each after the one that it lies in. Those that retain most are looked into first.
    fn drafts(&self, bounds: MapBounds) -> Vec<Draft> {
        let top = self.dominated.by(None);
        let retained = top
            .iter()
            .fold(0_u64, |sum, &id| sum.saturating_add(self.tree.retained(id)));
        let mut drafts = vec![Draft {
            key: TypeKey::NONE,
            objects: top.len() as u64,
            retained,
            first: None,
            depth: 0,
            parent: 0,
            rest: Rest::default(),
        }];
        let alone = (retained / ALONE).max(1);
        let mut waiting = BinaryHeap::from([(retained, Reverse(0))]);
        // What is in a region that waits, by its place.
        let mut groups = HashMap::from([(0, self.groups(top.iter().copied(), alone))]);
        while let Some((_, Reverse(place))) = waiting.pop() {
            let below: Vec<Group> = groups.remove(&place).unwrap_or_default();
            let depth = drafts[place].depth + 1;
            for (number, group) in below.into_iter().enumerate() {
                if number >= bounds.children || drafts.len() > bounds.regions {
                    let rest = &mut drafts[place].rest;
                    rest.objects += group.sum.objects;
                    rest.retained = rest.retained.saturating_add(group.sum.retained);
                    continue;
                }
                let here = drafts.len();
                drafts.push(Draft {
                    key: group.key,
                    objects: group.sum.objects,
                    retained: group.sum.retained,
                    first: Some(group.first),
                    depth,
                    parent: place,
                    rest: Rest::default(),
                });
                if depth < bounds.depth && !group.inner.is_empty() {
                    let inner = group.inner.iter();
                    let below = inner.flat_map(|&id| self.dominated.by(Some(id)));
                    groups.insert(here, self.groups(below.copied(), alone));
                    waiting.push((group.sum.retained, Reverse(here)));
                }
            }
        }
        drafts
    }

    /// Objects by type, but large ones alone; those that retain most first.
    fn groups(&self, ids: impl Iterator<Item = ObjectId>, alone: u64) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut of_type: HashMap<TypeKey, usize, RandomState> = HashMap::default();
        for id in ids {
            let (key, retained) = (self.snapshot.type_of(id), self.tree.retained(id));
            let new = groups.len();
            let place = match retained >= alone {
                true => new,
                false => *of_type.entry(key).or_insert(new),
            };
            if place == new {
                groups.push(Group {
                    key,
                    first: id,
                    sum: Rest::default(),
                    inner: Vec::new(),
                });
            }
            let group = &mut groups[place];
            group.sum.objects += 1;
            group.sum.retained = group.sum.retained.saturating_add(retained);
            if !self.dominated.by(Some(id)).is_empty() {
                group.inner.push(id);
            }
        }
        groups.sort_by_key(|group| (Reverse(group.sum.retained), group.first));
        groups
    }
}

/// What each region is called, without what is in it.
fn told(snapshot: &Snapshot, drafts: &[Draft]) -> Result<Vec<Region>, ReadError> {
    let single = |draft: &Draft| draft.first.filter(|_| draft.objects == 1);
    let singles: Vec<ObjectId> = drafts.iter().filter_map(single).collect();
    let mut rows = ObjectRow::read(snapshot, &singles)?.into_iter();
    let roots = Roots::read(snapshot)?;
    let region = |draft: &Draft| {
        let single = single(draft);
        let root = single.and_then(|id| roots.of(id).next());
        let holder = root
            .map(|root| Holder::of_root(snapshot, root))
            .transpose()?;
        Ok(Region {
            type_name: draft
                .first
                .map(|_| snapshot.types().name(draft.key).clone()),
            name: holder.and_then(|holder| holder.name),
            address: single.and_then(|_| rows.next()).map(|row| row.address),
            objects: draft.objects,
            retained: draft.retained,
            children: Vec::new(),
            rest: (draft.rest.objects > 0).then_some(draft.rest),
        })
    };
    drafts.iter().map(region).collect()
}

/// Puts each region into the one that it lies in.
fn nested(drafts: Vec<Draft>, mut regions: Vec<Region>) -> Region {
    // From the last on: what lies in a region comes after it, and is complete by then.
    for (place, draft) in drafts.iter().enumerate().skip(1).rev() {
        let region = regions.pop().expect("there is one for each draft");
        debug_assert_eq!(place, regions.len());
        regions[draft.parent].children.push(region);
    }
    let mut root = regions.pop().expect("the root is always there");
    in_order(&mut root);
    root
}

/// They were put in from the last on. As deep as the bounds allow, which is not deep.
fn in_order(region: &mut Region) {
    region.children.reverse();
    region.children.iter_mut().for_each(in_order);
}
