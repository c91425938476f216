//! What nothing holds any more: blocks that were never freed, and cycles that wait for the collector.
//!
//! LeakSanitizer and Valgrind's memcheck call a block that nothing refers to *directly lost*, and what only such a block holds *indirectly
//! lost*. A leak is told by what is lost directly.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use memdump_format::ObjectId;
use schemars::JsonSchema;
use serde::Serialize;

use super::identity::{self, Identity};
use super::new_objects::require_one_process;
use super::sums::{Sum, sums};
use super::timeline::Timeline;
use super::{AnalysisError, ObjectRow};
use crate::graph::{
    Graph, RootFilter, Search, Unheld, Ways, search_from_native, search_from_roots,
};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot, TypeKey, TypeName};

/// What no root leads to.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Leaks {
    /// How objects were known to be the same; none of one dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Whether the dump tells every word that looks like a reference as one, so that more may be leaked than is told here.
    pub conservative: bool,
    /// Shallow bytes of all objects of the dump.
    pub total_bytes: u64,
    /// Objects that no root leads to.
    pub objects: u64,
    /// Their shallow bytes.
    pub bytes: u64,
    /// They by kind, those that keep most bytes from being freed first.
    pub kinds: Vec<LeakedKind>,
}

/// Leaks of one kind: what nothing refers to, or what only refers to one another, of the same types.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LeakedKind {
    /// What leaked: one type, or those of the objects of each cycle.
    pub types: Vec<TypeName>,
    /// Whether the objects hold one another.
    pub in_cycles: bool,
    /// How many leaks: objects, or cycles.
    pub count: u64,
    /// Of these, those of which no object was in the earlier dump; none if there was no earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
    /// Shallow bytes of the objects themselves.
    pub bytes: u64,
    /// Objects that are kept from being freed: they themselves, and what hangs on them. What hangs on several leaks counts for one.
    pub held_objects: u64,
    /// Shallow bytes of these.
    pub held_bytes: u64,
    /// The first of the objects.
    pub example: ObjectRow,
}

/// Tells what nothing in a dump holds; and what of it is new, if there is an earlier dump of the process.
///
/// # Errors
/// A dump cannot be read, or the two are not of one process.
pub fn leaks(
    before: Option<&Snapshot>,
    snapshot: &Snapshot,
    progress: &dyn Progress,
) -> Result<Leaks, AnalysisError> {
    const CURE: &str = "`memdump leaks` of one dump tells what nothing holds in it";
    let identity = match before {
        Some(before) => {
            let timeline = Timeline::of([before.dump(), snapshot.dump()])?;
            Some(require_one_process(&timeline, CURE)?)
        }
        None => None,
    };
    let born = before.map(|before| identity::new_objects(before, snapshot));
    let born = born.transpose()?;
    let of_graph = Graph::memory(snapshot);
    progress.memory(of_graph.saturating_add(Search::memory(snapshot)));
    let graph = Graph::build(snapshot, progress)?;
    let ids = unreached(snapshot, &graph, progress)?;
    let references: usize = ids.iter().map(|&id| graph.forward.row(id).len()).sum();
    let of_unheld = Unheld::memory(ids.len() as u64, references as u64);
    progress.memory(of_graph.saturating_add(of_unheld));
    let unheld = Unheld::new(&graph, ids);
    drop(graph);
    let kinds = Kinds::of(snapshot, &unheld, born.as_ref());
    let [leaked, held] = kinds.sums(snapshot, &unheld)?;
    let mut all = Sum::default();
    held.iter().for_each(|&sum| all.add(sum));
    let examples: Vec<ObjectId> = kinds.found.iter().map(|kind| kind.example).collect();
    let rows = ObjectRow::read(snapshot, &examples)?;
    let names = |keys: &[TypeKey]| {
        let names = keys.iter().map(|&key| snapshot.types().name(key).clone());
        let mut names: Vec<TypeName> = names.collect();
        names.sort();
        names
    };
    let kinds = kinds.found.iter().zip(leaked.into_iter().zip(held));
    let mut kinds: Vec<LeakedKind> = kinds
        .zip(rows)
        .map(|((kind, (leaked, held)), example)| LeakedKind {
            types: names(&kind.types),
            in_cycles: kind.in_cycles,
            count: kind.count,
            new: born.is_some().then_some(kind.new),
            bytes: leaked.bytes,
            held_objects: held.objects,
            held_bytes: held.bytes,
            example,
        })
        .collect();
    kinds.sort_by(|a, b| {
        let key = |kind: &LeakedKind| Reverse((kind.held_bytes, kind.count));
        (key(a), &a.types).cmp(&(key(b), &b.types))
    });
    let census = snapshot.census();
    Ok(Leaks {
        identity,
        conservative: snapshot.dump().metadata()?.get("native").is_some(),
        total_bytes: census.bytes.iter().copied().fold(0, u64::saturating_add),
        objects: all.objects,
        bytes: all.bytes,
        kinds,
    })
}

/// What neither a root leads to nor something that only native code holds.
fn unreached(
    snapshot: &Snapshot,
    graph: &Graph,
    progress: &dyn Progress,
) -> Result<Vec<ObjectId>, AnalysisError> {
    let ways = Ways::all();
    let mut search = search_from_roots(graph, RootFilter::Any, &ways, progress);
    search_from_native(snapshot, graph, &mut search, &ways, progress)?;
    let ids = snapshot.ids();
    Ok(ids.filter(|&id| !search.is_reached(id)).collect())
}

struct Kind {
    types: Vec<TypeKey>,
    in_cycles: bool,
    count: u64,
    new: u64,
    example: ObjectId,
}

/// What is unheld, by kind.
struct Kinds {
    found: Vec<Kind>,
    /// The kind of each object, and whether it is itself what leaked.
    of: Vec<(u32, bool)>,
}

impl Kinds {
    fn of(snapshot: &Snapshot, unheld: &Unheld, born: Option<&ObjectSet>) -> Kinds {
        let mut found: Vec<Kind> = Vec::new();
        let mut kinds: BTreeMap<(Vec<TypeKey>, bool), u32> = BTreeMap::new();
        let mut of: Vec<Option<(u32, bool)>> = vec![None; unheld.len()];
        for part in unheld.parts() {
            let held_by = part.iter().find_map(|&number| of[number as usize]);
            let kind = match held_by {
                // Something else that leaked refers to it.
                Some((kind, _)) => kind,
                None => {
                    let types = unheld.types(snapshot, part);
                    let in_cycles = unheld.is_cycle(part);
                    let kind = *kinds.entry((types.clone(), in_cycles)).or_insert_with(|| {
                        found.push(Kind {
                            types,
                            in_cycles,
                            count: 0,
                            new: 0,
                            example: unheld.id(part[0]),
                        });
                        found.len() as u32 - 1
                    });
                    let is_born = |id| born.is_some_and(|born| born.contains(id));
                    let all_born = part.iter().all(|&number| is_born(unheld.id(number)));
                    let found = &mut found[kind as usize];
                    found.count += 1;
                    found.new += u64::from(all_born);
                    // Numbers rise in a part.
                    found.example = found.example.min(unheld.id(part[0]));
                    for &number in part {
                        of[number as usize] = Some((kind, true));
                    }
                    kind
                }
            };
            for &number in part {
                // The rest of a part that is held by its first object only.
                of[number as usize].get_or_insert((kind, false));
                for &target in unheld.targets(number) {
                    of[target as usize].get_or_insert((kind, false));
                }
            }
        }
        Kinds {
            found,
            of: of.into_iter().flatten().collect(),
        }
    }

    /// By kind: the sums of what leaked itself, and of all that is held.
    fn sums(&self, snapshot: &Snapshot, unheld: &Unheld) -> Result<[Vec<Sum>; 2], AnalysisError> {
        let class_of = |id| {
            let (kind, is_itself) = self.of[unheld.number_of(id)? as usize];
            Some(kind as usize * 2 + usize::from(is_itself))
        };
        let sums = sums(snapshot, self.found.len() * 2, class_of)?;
        let leaked = sums.chunks(2).map(|pair| pair[1]).collect();
        let held = sums.chunks(2).map(|pair| {
            let mut all = pair[0];
            all.add(pair[1]);
            all
        });
        Ok([leaked, held.collect()])
    }
}
