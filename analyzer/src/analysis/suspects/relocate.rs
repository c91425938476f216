//! Finds containers in a dump of another process, where addresses tell nothing: by the names on the chains that lead there.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use memdump_format::{ObjectId, ReadError, RootKind};

use super::super::AnalysisError;
use super::super::chain::{Chain, HolderKind, chains_of};
use super::super::label_text::{NAMESPACE, label_text};
use crate::graph::{Graph, Paths, RootFilter, label_paths, named_references};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeName};

use super::held::Held;

/// A longer way is that through a list, whose nodes have no names of their own.
const LONGEST: usize = 32;

/// The ways to containers of the last dump, in names.
pub(super) struct Landmarks {
    ways: Vec<Way>,
}

struct Way {
    /// The number of the container.
    number: usize,
    kind: HolderKind,
    name: Option<String>,
    label: String,
    /// The names of the references after the first object.
    labels: Vec<String>,
    type_name: TypeName,
}

impl Landmarks {
    /// Remembers how to find `wanted`.
    pub(super) fn new(
        last: &Snapshot,
        graph: &Graph,
        wanted: &[ObjectId],
        progress: &dyn Progress,
    ) -> Result<Landmarks, ReadError> {
        let held = Held::new(last, graph, progress)?;
        let near = |id: &ObjectId| {
            let distance = held.search.distance(*id);
            distance.is_some_and(|distance| (distance as usize) < LONGEST)
        };
        let mut paths = Paths::to(&held.search, wanted.iter().copied().filter(near));
        label_paths(last, graph, &mut paths, progress)?;
        let nodes: Vec<(usize, u32)> = wanted
            .iter()
            .enumerate()
            .filter_map(|(number, &id)| Some((number, paths.node_of(id)?)))
            .collect();
        let of: Vec<u32> = nodes.iter().map(|node| node.1).collect();
        let chains = chains_of(last, graph, &paths, RootFilter::Any, &of)?;
        let ways = nodes.into_iter().zip(chains);
        Ok(Landmarks {
            ways: ways
                .filter_map(|((number, _), chain)| Way::of(number, chain))
                .collect(),
        })
    }

    /// The objects of another dump at the ends of these ways, and the numbers of the containers.
    pub(super) fn find(
        &self,
        other: &Snapshot,
        progress: &dyn Progress,
    ) -> Result<HashMap<ObjectId, usize, RandomState>, AnalysisError> {
        let graph = Graph::build(other, progress)?;
        let mut walker = Walker {
            snapshot: other,
            roots: roots(other)?,
            graph,
            known: HashMap::default(),
        };
        let mut found = HashMap::default();
        for way in &self.ways {
            if let Some(id) = walker.follow(way)? {
                found.insert(id, way.number);
            }
        }
        Ok(found)
    }
}

impl Way {
    /// None where nothing that has a name holds the chain.
    fn of(number: usize, chain: Chain) -> Option<Way> {
        let type_name = chain.steps.last()?.type_name.clone();
        let labels = chain.steps.into_iter().skip(1).map(|step| step.label);
        let way = Way {
            number,
            kind: chain.holder.kind,
            name: chain.holder.name,
            label: chain.holder.label,
            labels: labels.collect(),
            type_name,
        };
        way.name.is_some().then_some(way)
    }
}

type RootName = (HolderKind, Option<String>, String);

/// The first object that each root of a name holds.
fn roots(snapshot: &Snapshot) -> Result<HashMap<RootName, ObjectId, RandomState>, ReadError> {
    let mut roots: HashMap<RootName, ObjectId, RandomState> = HashMap::default();
    for root in snapshot.dump().roots()? {
        if root.kind == RootKind::Native {
            continue;
        }
        if let Some(id) = snapshot.index().find(root.target) {
            let name = root.name.map(|name| snapshot.text(name)).transpose()?;
            let label = label_text(snapshot, root.label)?;
            let name = (root.kind.into(), name.map(|name| name.into_owned()), label);
            roots.entry(name).or_insert(id);
        }
    }
    Ok(roots)
}

struct Walker<'s> {
    snapshot: &'s Snapshot,
    graph: Graph,
    roots: HashMap<RootName, ObjectId, RandomState>,
    /// References of objects that were passed, by name.
    known: HashMap<ObjectId, BTreeMap<String, ObjectId>, RandomState>,
}

impl Walker<'_> {
    fn follow(&mut self, way: &Way) -> Result<Option<ObjectId>, ReadError> {
        let root = (way.kind, way.name.clone(), way.label.clone());
        let Some(&(mut at)) = self.roots.get(&root) else {
            return Ok(None);
        };
        for label in &way.labels {
            match self.step(at, label)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        let types = self.snapshot.types();
        let is_same = types.name(self.snapshot.type_of(at)) == &way.type_name;
        Ok(is_same.then_some(at))
    }

    /// Attributes may lie in the object or in its namespace; chains do not tell.
    fn step(&mut self, from: ObjectId, label: &str) -> Result<Option<ObjectId>, ReadError> {
        if let Some(target) = self.references(from)?.get(label) {
            return Ok(Some(*target));
        }
        let namespace = format!(".{NAMESPACE}");
        let (Some(attribute), Some(&namespace)) = (
            label.strip_prefix('.'),
            self.references(from)?.get(&namespace),
        ) else {
            return Ok(None);
        };
        let key = format!("['{attribute}']");
        Ok(self.references(namespace)?.get(&key).copied())
    }

    fn references(&mut self, of: ObjectId) -> Result<&BTreeMap<String, ObjectId>, ReadError> {
        if !self.known.contains_key(&of) {
            let mut names = BTreeMap::new();
            for (label, target) in named_references(self.snapshot, &self.graph, of)? {
                names
                    .entry(label_text(self.snapshot, label)?)
                    .or_insert(target);
            }
            self.known.insert(of, names);
        }
        Ok(&self.known[&of])
    }
}
