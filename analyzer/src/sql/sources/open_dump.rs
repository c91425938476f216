//! One open dump. What is expensive to know is found out when it is first asked for, and kept.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use memdump_format::{Dump, Fault, Metadata, ObjectId, ReadError, Root};

use super::Previous;
use super::births::{Earlier, births};
use super::kept_blocks::{KeptObjects, KeptReferences};
use super::kept_values::KeptValues;
use super::once::Once;
use super::reach::Reach;
use super::type_names::TypeNames;
use crate::analysis::identity::Process;
use crate::graph::{
    Dominated, DominatorTree, Graph, Referrers, RetainedByClass, RetentionError, indegrees,
};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey, printable};
use crate::sql::error::SqlError;

/// One open dump.
pub(crate) struct OpenDump {
    number: u32,
    dump: Arc<Dump>,
    metadata: Metadata,
    /// Keys and values as rows have them, by key. Of keys that are printed alike the last counts: a table has each once.
    printed: Once<Vec<(String, String)>>,
    process: Process,
    previous: Previous,
    types: Once<TypeNames>,
    roots: Once<Vec<Root>>,
    /// The objects that roots hold, and the numbers of the roots; both rise.
    roots_by_object: Once<Vec<(ObjectId, u32)>>,
    faults: Once<Vec<Fault>>,
    snapshot: Once<Snapshot>,
    graph: Once<Graph>,
    reach: Once<Reach>,
    dominators: Once<DominatorTree>,
    dominated: Once<Dominated>,
    retained_by_type: Once<Option<Vec<u64>>>,
    indegrees: Once<Vec<u32>>,
    by_type: Once<ByType>,
    referrers: Once<Referrers>,
    births: Once<Arc<[u32]>>,
    objects: KeptObjects,
    references: KeptReferences,
    values: KeptValues,
}

impl OpenDump {
    pub(super) fn new(number: u32, dump: Dump) -> Result<OpenDump, ReadError> {
        let metadata = dump.metadata()?;
        Ok(OpenDump {
            number,
            process: Process::of(&metadata),
            metadata,
            printed: Once::new(),
            previous: Previous::None,
            types: Once::new(),
            roots: Once::new(),
            roots_by_object: Once::new(),
            faults: Once::new(),
            snapshot: Once::new(),
            graph: Once::new(),
            reach: Once::new(),
            dominators: Once::new(),
            dominated: Once::new(),
            retained_by_type: Once::new(),
            indegrees: Once::new(),
            by_type: Once::new(),
            referrers: Once::new(),
            births: Once::new(),
            objects: KeptObjects::new(&dump),
            references: KeptReferences::new(&dump),
            values: KeptValues::default(),
            dump: Arc::new(dump),
        })
    }

    pub(super) fn set_previous(&mut self, previous: Previous) {
        self.previous = previous;
    }

    pub(in crate::sql) fn previous(&self) -> &Previous {
        &self.previous
    }

    /// Its number in SQL.
    pub(in crate::sql) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn dump(&self) -> &Dump {
        &self.dump
    }

    /// The same, for who needs it longer.
    pub(crate) fn shared(&self) -> Arc<Dump> {
        self.dump.clone()
    }

    pub(in crate::sql) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its keys and values, made harmless for terminals, by key.
    pub(in crate::sql) fn printed_metadata(&self) -> &[(String, String)] {
        let printed = || {
            let printed = |text| printable(text).into_owned();
            let records = self.metadata.iter();
            let records = records.map(|(key, value)| (printed(key), printed(value)));
            let by_key: BTreeMap<String, String> = records.collect();
            Ok::<_, Infallible>(by_key.into_iter().collect())
        };
        match self.printed.get_or_make(printed) {
            Ok(printed) => printed,
        }
    }

    pub(in crate::sql) fn process(&self) -> &Process {
        &self.process
    }

    /// How many object records it has.
    pub(in crate::sql) fn object_count(&self) -> u32 {
        u32::try_from(self.dump.counts().objects).unwrap_or(u32::MAX)
    }

    /// The object with a number.
    pub(in crate::sql) fn object(&self, id: i64) -> Option<ObjectId> {
        let id = u32::try_from(id).ok()?;
        (id < self.object_count()).then_some(ObjectId(id))
    }

    pub(in crate::sql) fn types(&self) -> Result<&TypeNames, ReadError> {
        self.types.get_or_make(|| TypeNames::read(&self.dump))
    }

    pub(in crate::sql) fn roots(&self) -> Result<&[Root], ReadError> {
        Ok(self.roots.get_or_make(|| self.dump.roots())?)
    }

    /// The numbers of the roots that hold an object, in rising order.
    pub(in crate::sql) fn roots_of(
        &self,
        object: ObjectId,
        progress: &dyn Progress,
    ) -> Result<impl Iterator<Item = usize> + use<'_>, SqlError> {
        let roots = self.roots_by_object.get_or_make(|| {
            let index = self.snapshot(progress)?.index();
            let held = (0..).zip(self.roots()?);
            let mut held: Vec<(ObjectId, u32)> = held
                .filter_map(|(number, root)| Some((index.find(root.target)?, number)))
                .collect();
            held.sort_unstable();
            Ok::<_, SqlError>(held)
        })?;
        let first = roots.partition_point(|&(held, _)| held < object);
        let of = roots[first..]
            .iter()
            .take_while(move |&&(held, _)| held == object);
        Ok(of.map(|&(_, number)| number as usize))
    }

    pub(in crate::sql) fn faults(&self) -> Result<&[Fault], ReadError> {
        Ok(self.faults.get_or_make(|| self.dump.faults())?)
    }

    pub(crate) fn snapshot(&self, progress: &dyn Progress) -> Result<&Snapshot, SqlError> {
        self.snapshot
            .get_or_make(|| Ok(Snapshot::load(self.dump.clone(), progress)?))
    }

    pub(crate) fn graph(&self, progress: &dyn Progress) -> Result<&Graph, SqlError> {
        let snapshot = self.snapshot(progress)?;
        self.graph.get_or_make(|| {
            progress.memory(Graph::memory(snapshot));
            Ok(Graph::build(snapshot, progress)?)
        })
    }

    pub(crate) fn reach(&self, progress: &dyn Progress) -> Result<&Reach, SqlError> {
        let (snapshot, graph) = (self.snapshot(progress)?, self.graph(progress)?);
        self.reach
            .get_or_make(|| Ok(Reach::search(snapshot, graph, progress)?))
    }

    pub(crate) fn dominators(&self, progress: &dyn Progress) -> Result<&DominatorTree, SqlError> {
        let (snapshot, graph) = (self.snapshot(progress)?, self.graph(progress)?);
        self.dominators.get_or_make(|| {
            progress.memory(DominatorTree::memory(snapshot));
            Ok(DominatorTree::new(snapshot, graph, progress)?)
        })
    }

    pub(crate) fn dominated(&self, progress: &dyn Progress) -> Result<&Dominated, SqlError> {
        let (snapshot, tree) = (self.snapshot(progress)?, self.dominators(progress)?);
        self.dominated.get_or_make(|| Ok(tree.dominated(snapshot)))
    }

    /// Retained bytes of each type; none if types are too entangled to tell.
    pub(crate) fn retained_by_type(
        &self,
        progress: &dyn Progress,
    ) -> Result<Option<&[u64]>, SqlError> {
        let (snapshot, graph) = (self.snapshot(progress)?, self.graph(progress)?);
        let retained = self.retained_by_type.get_or_make(|| {
            let class_of = |id| match snapshot.type_of(id) {
                TypeKey::NONE => None,
                key => Some(key.index() as u32),
            };
            let classes = snapshot.types().len();
            match RetainedByClass::new(snapshot, graph, classes, class_of, progress) {
                Ok(retained) => Ok(Some(retained.bytes)),
                Err(RetentionError::TooEntangled(_)) => Ok(None),
                Err(RetentionError::Read(error)) => Err(SqlError::from(error)),
            }
        })?;
        Ok(retained.as_deref())
    }

    /// By object: strong references and roots that lead to it.
    pub(in crate::sql) fn indegrees(&self, progress: &dyn Progress) -> Result<&[u32], SqlError> {
        let graph = self.graph(progress)?;
        Ok(self
            .indegrees
            .get_or_make(|| Ok::<_, SqlError>(indegrees(graph)))?)
    }

    /// Objects by type.
    pub(crate) fn by_type(&self, progress: &dyn Progress) -> Result<&ByType, SqlError> {
        let snapshot = self.snapshot(progress)?;
        self.by_type.get_or_make(|| Ok(ByType::new(snapshot)))
    }

    /// References by target.
    pub(crate) fn referrers(&self, progress: &dyn Progress) -> Result<&Referrers, SqlError> {
        let (snapshot, graph) = (self.snapshot(progress)?, self.graph(progress)?);
        self.referrers.get_or_make(|| {
            progress.memory(Referrers::memory(snapshot));
            Ok(Referrers::index(snapshot, graph, progress)?)
        })
    }

    /// Frees all that was found out but what the next dump of the process is told against. It is found out again if somebody asks.
    pub(super) fn release_graph(&mut self) {
        self.roots.take();
        self.roots_by_object.take();
        self.faults.take();
        self.graph.take();
        self.reach.take();
        self.dominators.take();
        self.dominated.take();
        self.retained_by_type.take();
        self.indegrees.take();
        self.by_type.take();
        self.referrers.take();
        self.objects = KeptObjects::new(&self.dump);
        self.references = KeptReferences::new(&self.dump);
        self.values = KeptValues::default();
    }

    /// Frees its objects, which the next dump of the process is told against.
    pub(super) fn release_objects(&mut self) {
        self.types.take();
        self.snapshot.take();
        self.births.take();
    }

    pub(super) fn births_known(&self) -> Option<&Arc<[u32]>> {
        self.births.get()
    }

    /// By object: the earliest dump that has it. `earlier` is the previous dump, if that is open.
    pub(super) fn births(
        &self,
        earlier: Option<Earlier<'_>>,
        progress: &dyn Progress,
    ) -> Result<Arc<[u32]>, SqlError> {
        let known = self.births.get_or_make(|| {
            let earlier = match &self.previous {
                Previous::Loaded(loaded) => Some(Earlier::Loaded(&loaded.objects)),
                _ => earlier,
            };
            progress.stage("comparing", 0);
            let snapshot = self.snapshot(progress)?;
            Ok::<_, SqlError>(births(snapshot, self.number, earlier.as_ref())?)
        })?;
        Ok(known.clone())
    }

    /// Columns of objects that were looked at one by one.
    pub(in crate::sql) fn kept_objects(&self) -> &KeptObjects {
        &self.objects
    }

    /// Columns of references that were looked at one by one.
    pub(in crate::sql) fn kept_references(&self) -> &KeptReferences {
        &self.references
    }

    /// What objects held, as far as it was looked at.
    pub(in crate::sql) fn kept_values(&self) -> &KeptValues {
        &self.values
    }

    /// Columns that have been computed, for who has asked for them before.
    pub(in crate::sql) fn known(&self) -> Known<'_> {
        Known {
            reach: self.reach.get(),
            dominators: self.dominators.get(),
            dominated: self.dominated.get(),
            indegrees: self.indegrees.get().map(Vec::as_slice),
            births: self.births.get().map(|births| &**births),
        }
    }
}

/// Columns that have been computed.
#[derive(Clone, Copy)]
pub(in crate::sql) struct Known<'d> {
    pub(in crate::sql) reach: Option<&'d Reach>,
    pub(in crate::sql) dominators: Option<&'d DominatorTree>,
    pub(in crate::sql) dominated: Option<&'d Dominated>,
    pub(in crate::sql) indegrees: Option<&'d [u32]>,
    pub(in crate::sql) births: Option<&'d [u32]>,
}

/// Objects by type: a counting sort, 4 bytes per object.
pub(crate) struct ByType {
    offsets: Vec<u32>,
    objects: Vec<ObjectId>,
}

impl ByType {
    fn new(snapshot: &Snapshot) -> ByType {
        let mut end = 0;
        let mut offsets = vec![0];
        for &count in &snapshot.census().counts {
            end += count as u32;
            offsets.push(end);
        }
        let mut next = offsets.clone();
        let mut objects = vec![ObjectId(0); end as usize];
        for id in snapshot.ids() {
            let at = &mut next[snapshot.type_of(id).index()];
            objects[*at as usize] = id;
            *at += 1;
        }
        ByType { offsets, objects }
    }

    /// How many types there are.
    pub(crate) fn types(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The objects of a type, in rising order.
    pub(crate) fn of(&self, type_number: usize) -> &[ObjectId] {
        match (
            self.offsets.get(type_number),
            self.offsets.get(type_number + 1),
        ) {
            (Some(&begin), Some(&end)) => &self.objects[begin as usize..end as usize],
            _ => &[],
        }
    }
}
