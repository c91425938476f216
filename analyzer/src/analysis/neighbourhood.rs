//! What is around an object: what it refers to, what refers to it, and what is behind these, to a depth.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use memdump_format::{
    Address, Label, ObjectId, ReadError, ReferenceBatch, ReferenceBlock, ReferenceColumns, Strength,
};
use rayon::prelude::*;

use super::chain::Holder;
use super::label_text::label_text;
use super::{AnalysisError, ObjectRow};
use crate::graph::Roots;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey, TypeName};

/// Of the neighbours of an object on one side so many are told one by one, however many there are.
pub const TOLD: usize = 8;
/// No more objects than this are told at all.
const MOST: usize = 2_000;

/// An object and what is around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbourhood {
    /// The objects, the one that was asked for first, each nearer one before those that are further off.
    pub objects: Vec<Member>,
}

/// One of the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub object: ObjectRow,
    /// How many references it is away.
    pub distance: u32,
    /// The roots that hold it.
    pub roots: Vec<Holder>,
    /// What it refers to, if that was looked for.
    pub references: Side,
    /// What refers to it, if that was looked for.
    pub referrers: Side,
}

/// The neighbours of an object on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The first of them.
    pub told: Vec<Link>,
    /// How many references there are to or from others, by their types, the most numerous first.
    pub more: Vec<(TypeName, u64)>,
}

/// References between two objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The place of the other object among all.
    pub other: usize,
    /// What the first few of them are called.
    pub labels: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// Whether one of them keeps its target alive.
    pub strong: bool,
}

/// Which ends of references are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    References,
    Referrers,
}

/// Describes what is around the object at `address`, to so many references away in both directions. References to classes are left
/// out: each object tells its type.
pub fn neighbourhood(
    snapshot: &Snapshot,
    address: Address,
    depth: u32,
    progress: &dyn Progress,
) -> Result<Neighbourhood, AnalysisError> {
    let centre = snapshot
        .index()
        .find(address)
        .ok_or_else(|| AnalysisError::NoSuchObject {
            file: snapshot.path().display().to_string(),
            address,
        })?;
    let mut found = Found {
        snapshot,
        ids: vec![centre],
        distances: vec![0],
        place_of: HashMap::from_iter([(centre, 0)]),
        sides: vec![<[Side; 2]>::default()],
        looked_at: HashSet::default(),
    };
    for way in [Way::Referrers, Way::References] {
        // On a loop are objects that are met from both sides.
        found.looked_at = HashSet::from_iter([0]);
        let mut frontier = vec![0];
        for distance in 1..=depth {
            frontier = found.look(way, &frontier, distance, progress)?;
        }
    }
    let roots = Roots::read(snapshot)?;
    let rows = ObjectRow::read(snapshot, &found.ids)?;
    let members = rows
        .into_iter()
        .zip(found.ids)
        .zip(found.distances)
        .zip(found.sides);
    let objects = members.map(|(((object, id), distance), [referrers, references])| {
        let roots = roots.of(id).map(|root| Holder::of_root(snapshot, root));
        Ok(Member {
            object,
            distance,
            roots: roots.collect::<Result<_, ReadError>>()?,
            references,
            referrers,
        })
    });
    Ok(Neighbourhood {
        objects: objects.collect::<Result<_, ReadError>>()?,
    })
}

struct Found<'s> {
    snapshot: &'s Snapshot,
    ids: Vec<ObjectId>,
    distances: Vec<u32>,
    place_of: HashMap<ObjectId, usize, RandomState>,
    /// Referrers and references of each.
    sides: Vec<[Side; 2]>,
    /// Those whose neighbours were looked for on the current side, or are about to be.
    looked_at: HashSet<usize, RandomState>,
}

impl Found<'_> {
    /// Looks for the neighbours of objects on one side; gives those whose own were not looked for.
    fn look(
        &mut self,
        way: Way,
        frontier: &[usize],
        distance: u32,
        progress: &dyn Progress,
    ) -> Result<Vec<usize>, ReadError> {
        if frontier.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ObjectId> = frontier.iter().map(|&place| self.ids[place]).collect();
        // Classes are left out where they are met, but one that was asked for has instances.
        let instances = way == Way::Referrers && distance == 1;
        let mut new = Vec::new();
        for (&place, mut ends) in
            frontier
                .iter()
                .zip(ends(self.snapshot, way, &ids, instances, progress)?)
        {
            let mut side = Side::default();
            for (other, link) in std::mem::take(&mut ends.told) {
                let other = match self.place_of.get(&other) {
                    Some(&known) => known,
                    None if self.ids.len() < MOST => {
                        let place = self.ids.len();
                        self.place_of.insert(other, place);
                        self.ids.push(other);
                        self.distances.push(distance);
                        self.sides.push(Default::default());
                        place
                    }
                    None => {
                        let key = self.snapshot.type_of(other);
                        *ends.more.entry(key).or_default() += link.count;
                        continue;
                    }
                };
                if self.looked_at.insert(other) {
                    new.push(other);
                }
                let labels = link
                    .labels
                    .iter()
                    .map(|&label| label_text(self.snapshot, label));
                side.told.push(Link {
                    other,
                    labels: labels.collect::<Result<_, _>>()?,
                    count: link.count,
                    strong: link.strong,
                });
            }
            let mut more: Vec<(TypeName, u64)> = ends
                .more
                .into_iter()
                .map(|(key, count)| (self.snapshot.types().name(key).clone(), count))
                .collect();
            more.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            side.more = more;
            let number = usize::from(way == Way::References);
            self.sides[place][number] = side;
        }
        Ok(new)
    }
}

/// References that are called differently, between the same two objects.
#[derive(Default)]
struct Between {
    labels: Vec<Label>,
    count: u64,
    strong: bool,
}

/// Of the neighbours on one side of one object the first few, and the types of the others.
#[derive(Default)]
struct Ends {
    told: Vec<(ObjectId, Between)>,
    more: HashMap<TypeKey, u64, RandomState>,
}

impl Ends {
    const LABELS: usize = 3;

    fn add(
        &mut self,
        snapshot: &Snapshot,
        other: ObjectId,
        labels: &[Label],
        count: u64,
        strong: bool,
    ) {
        let known = self.told.iter().position(|(told, _)| *told == other);
        let place = match known {
            Some(place) => place,
            None if self.told.len() < TOLD => {
                self.told.push((other, Between::default()));
                self.told.len() - 1
            }
            None => {
                *self.more.entry(snapshot.type_of(other)).or_default() += count;
                return;
            }
        };
        let between = &mut self.told[place].1;
        let room = Ends::LABELS.saturating_sub(between.labels.len());
        between.labels.extend(labels.iter().take(room));
        between.count += count;
        between.strong |= strong;
    }

    /// Adds what a later block has.
    fn append(&mut self, snapshot: &Snapshot, later: Ends) {
        for (other, between) in later.told {
            self.add(
                snapshot,
                other,
                &between.labels,
                between.count,
                between.strong,
            );
        }
        for (key, count) in later.more {
            *self.more.entry(key).or_default() += count;
        }
    }
}

/// The neighbours of each of `ids` on one side, from a pass over all references.
fn ends(
    snapshot: &Snapshot,
    way: Way,
    ids: &[ObjectId],
    instances: bool,
    progress: &dyn Progress,
) -> Result<Vec<Ends>, ReadError> {
    let numbers: HashMap<ObjectId, usize, RandomState> = ids.iter().copied().zip(0..).collect();
    let rows = snapshot.objects(ids)?;
    let addresses: HashMap<Address, usize, RandomState> =
        rows.iter().map(|row| row.address).zip(0..).collect();
    let blocks: Vec<ReferenceBlock<'_>> = snapshot.dump().reference_blocks().collect();
    progress.stage("looking for neighbours", blocks.len() as u64);
    let in_blocks: Vec<HashMap<usize, Ends, RandomState>> = blocks
        .par_iter()
        .map_init(ReferenceBatch::default, |batch, block| {
            progress.advance(1);
            block.decode(ReferenceColumns::TARGETS, batch)?;
            let is_here = match way {
                Way::References => batch
                    .groups
                    .iter()
                    .any(|group| numbers.contains_key(&group.source)),
                Way::Referrers => batch
                    .targets
                    .iter()
                    .any(|target| addresses.contains_key(target)),
            };
            let mut here = HashMap::default();
            if !is_here {
                return Ok(here);
            }
            block.decode(
                ReferenceColumns::TARGETS | ReferenceColumns::LABELS | ReferenceColumns::STRENGTHS,
                batch,
            )?;
            let mut number = 0;
            for group in &batch.groups {
                for at in number..number + group.count as usize {
                    let (of, other) = match way {
                        Way::References => (
                            numbers.get(&group.source),
                            snapshot.index().find(batch.targets[at]),
                        ),
                        Way::Referrers => {
                            let source =
                                Some(group.source).filter(|&source| snapshot.is_object(source));
                            (addresses.get(&batch.targets[at]), source)
                        }
                    };
                    let label = batch.label(at);
                    if let (Some(&of), Some(other)) = (of, other)
                        && (label != Label::Type || instances)
                    {
                        let strong = batch.strength(at) == Strength::Strong;
                        let ends: &mut Ends = here.entry(of).or_default();
                        ends.add(snapshot, other, &[label], 1, strong);
                    }
                }
                number += group.count as usize;
            }
            Ok(here)
        })
        .collect::<Result<_, ReadError>>()?;
    let mut all: Vec<Ends> = ids.iter().map(|_| Ends::default()).collect();
    for block in in_blocks {
        for (of, ends) in block {
            all[of].append(snapshot, ends);
        }
    }
    Ok(all)
}
