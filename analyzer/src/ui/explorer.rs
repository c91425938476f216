//! The open dumps, and what is known of them so far.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use memdump_format::{Dump, ReadError};

use super::answer::Refusal;
use super::stages::{Opening, Stages};
use crate::analysis::AnalysisError;
use crate::analysis::chain::Searched;
use crate::analysis::growth::{Growth, GrowthOrder, growth};
use crate::analysis::identity::{Identity, new_objects};
use crate::analysis::info::{Info, info};
use crate::analysis::retained_map::{MapBounds, RetainedMap, retained_map};
use crate::analysis::series::{Recorder, Series, SeriesOrder};
use crate::analysis::show::Surroundings;
use crate::analysis::suspects::{Suspects, suspects_in};
use crate::graph::DominatorTree;
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot};
use crate::sql::{Once, OpenDump, Sources, SqlError};

/// The open dumps, in order of time, and what is known of them so far: each is found out when it is first asked for, and kept.
pub struct Explorer {
    sources: Arc<Sources>,
    stages: Arc<Stages>,
    infos: Once<Vec<Info>>,
    compared: Mutex<BTreeMap<(DumpNumber, DumpNumber), Comparison>>,
    series: Once<Series>,
    suspects: Once<Suspects>,
    /// By dump.
    maps: Vec<Once<RetainedMap>>,
}

const MAP: MapBounds = MapBounds {
    regions: 2000,
    depth: 10,
    children: 60,
};

type Comparison = Arc<Once<Arc<Compared>>>;

/// The number of one of the dumps, from 1, as in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DumpNumber(usize);

impl DumpNumber {
    fn place(self) -> usize {
        self.0 - 1
    }
}

/// Two dumps, one beside the other.
pub(super) struct Compared {
    pub(super) growth: Growth,
    /// Objects that only the later one has; none if it cannot be known which are the same.
    new: Option<ObjectSet>,
}

/// The new objects of a dump.
pub(super) struct NewSince {
    /// The dump that does not have them.
    pub(super) before: DumpNumber,
    /// How they were told from old ones.
    pub(super) identity: Identity,
    compared: Arc<Compared>,
}

impl NewSince {
    /// They themselves.
    pub(super) fn objects(&self) -> &ObjectSet {
        let new = self.compared.new.as_ref();
        new.expect("it is known which objects are the same")
    }
}

impl Explorer {
    /// Takes open dumps, at least one, in order of time.
    ///
    /// # Errors
    /// If the metadata of one cannot be read.
    pub fn new(dumps: Vec<Dump>, stages: Arc<Stages>) -> Result<Explorer, SqlError> {
        Ok(Explorer {
            maps: dumps.iter().map(|_| Once::new()).collect(),
            sources: Arc::new(Sources::new(dumps, stages.clone())?),
            stages,
            infos: Once::new(),
            compared: Mutex::default(),
            series: Once::new(),
            suspects: Once::new(),
        })
    }

    /// Finds out what views need, so that each of them answers at once. Takes as long as the commands do.
    pub fn open(&self) {
        let opened = self.open_all().map_or_else(
            |refusal| Opening::Failed {
                error: refusal.error,
            },
            |()| Opening::Done,
        );
        self.stages.opened(opened);
    }

    /// In the order in which one looks at them.
    fn open_all(&self) -> Result<(), Refusal> {
        let (first, last) = (self.first(), self.last());
        self.infos()?;
        let snapshot = self.snapshot(last)?;
        self.progress().memory(self.memory(snapshot));
        if first != last {
            self.compared(first, last)?;
            self.series()?;
        }
        self.surroundings(last)?;
        let dump = self.dump(last);
        dump.dominated(self.progress())?;
        dump.by_type(self.progress())?;
        dump.retained_by_type(self.progress())?;
        self.suspects()?;
        self.map(last)?;
        Ok(())
    }

    /// Bytes of memory that it takes once all is known: of the last dump everything, of the others the objects.
    fn memory(&self, last: &Snapshot) -> u64 {
        /// By object: the search, what is dominated, referrers, types.
        const OWN: u64 = 8 + 8 + 4 + 4;
        /// By reference: referrers, and their targets while they are indexed.
        const OF_REFERENCE: u64 = 8;
        let counts = last.dump().counts();
        let others = self.dumps().filter(|&dump| dump != self.last());
        let others = others.map(|other| Snapshot::memory(self.dump(other).dump()));
        DominatorTree::memory(last)
            .saturating_add(counts.objects.saturating_mul(OWN))
            .saturating_add(counts.references.saturating_mul(OF_REFERENCE))
            .saturating_add(others.fold(0, u64::saturating_add))
    }

    /// For queries.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    pub(super) fn stages(&self) -> &Stages {
        &self.stages
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        &*self.stages
    }

    pub(super) fn dumps(&self) -> impl Iterator<Item = DumpNumber> + use<> {
        (1..=self.sources.len()).map(DumpNumber)
    }

    pub(super) fn first(&self) -> DumpNumber {
        DumpNumber(1)
    }

    pub(super) fn last(&self) -> DumpNumber {
        DumpNumber(self.sources.len())
    }

    /// The dump that a request names, or another.
    pub(super) fn chosen(
        &self,
        number: Option<usize>,
        or_else: DumpNumber,
    ) -> Result<DumpNumber, Refusal> {
        match number {
            None => Ok(or_else),
            Some(number) if (1..=self.sources.len()).contains(&number) => Ok(DumpNumber(number)),
            Some(number) => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no dump {number}"),
            )),
        }
    }

    pub(super) fn dump(&self, number: DumpNumber) -> &OpenDump {
        self.sources.at(number.place())
    }

    pub(super) fn path(&self, number: DumpNumber) -> &Path {
        self.dump(number).dump().path()
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        self.dumps().map(|number| self.path(number)).collect()
    }

    pub(super) fn snapshot(&self, number: DumpNumber) -> Result<&Snapshot, SqlError> {
        self.dump(number).snapshot(self.progress())
    }

    pub(super) fn tree(&self, number: DumpNumber) -> Result<&DominatorTree, SqlError> {
        self.dump(number).dominators(self.progress())
    }

    /// Where memory is kept.
    pub(super) fn map(&self, number: DumpNumber) -> Result<&RetainedMap, SqlError> {
        self.maps[number.place()].get_or_make(|| {
            let (snapshot, tree) = (self.snapshot(number)?, self.tree(number)?);
            Ok::<_, SqlError>(retained_map(snapshot, tree, MAP, self.progress())?)
        })
    }

    pub(super) fn searched(&self, number: DumpNumber) -> Result<Searched<'_>, SqlError> {
        let (dump, progress) = (self.dump(number), self.progress());
        Ok(Searched {
            snapshot: dump.snapshot(progress)?,
            graph: dump.graph(progress)?,
            shortest: dump.reach(progress)?.shortest(),
        })
    }

    pub(super) fn surroundings(&self, number: DumpNumber) -> Result<Surroundings<'_>, SqlError> {
        Ok(Surroundings {
            searched: self.searched(number)?,
            tree: self.tree(number)?,
            referrers: self.dump(number).referrers(self.progress())?,
        })
    }

    /// What the dumps are.
    pub(super) fn infos(&self) -> Result<&[Info], ReadError> {
        let infos = || {
            let dumps = self.dumps().map(|number| self.dump(number).dump());
            dumps.map(|dump| info(dump, self.progress())).collect()
        };
        Ok(self.infos.get_or_make(infos)?)
    }

    /// Two dumps, one beside the other.
    pub(super) fn compared(
        &self,
        before: DumpNumber,
        after: DumpNumber,
    ) -> Result<Arc<Compared>, SqlError> {
        let once = {
            let mut all = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Once::new());
            all.entry((before, after)).or_insert_with(new).clone()
        };
        let compared = once.get_or_make(|| {
            let (before, after) = (self.snapshot(before)?, self.snapshot(after)?);
            let growth = growth(before, after, GrowthOrder::Name, self.progress())?;
            let new = match growth.identity.is_available() {
                true => Some(new_objects(before, after)?),
                false => None,
            };
            Ok::<_, SqlError>(Arc::new(Compared { growth, new }))
        })?;
        Ok(compared.clone())
    }

    /// What is new in a dump, if a request asks what is since an earlier one.
    pub(super) fn new_since(
        &self,
        before: Option<usize>,
        after: DumpNumber,
    ) -> Result<Option<NewSince>, Refusal> {
        const CURE: &str = "growth compares the counts";
        let Some(number) = before else {
            return Ok(None);
        };
        let before = self.chosen(Some(number), after)?;
        let compared = self.compared(before, after)?;
        match compared.growth.identity.clone() {
            Identity::Unavailable { reason } => {
                Err(AnalysisError::NoIdentity { reason, cure: CURE }.into())
            }
            identity => Ok(Some(NewSince {
                before,
                identity,
                compared,
            })),
        }
    }

    /// All dumps, one after the other.
    pub(super) fn series(&self) -> Result<&Series, SqlError> {
        self.series.get_or_make(|| {
            let mut recorder = Recorder::new();
            for number in self.dumps() {
                recorder.look(self.snapshot(number)?)?;
            }
            Ok(recorder.finish(SeriesOrder::Name))
        })
    }

    /// The verdict.
    pub(super) fn suspects(&self) -> Result<&Suspects, SqlError> {
        self.suspects.get_or_make(|| {
            let searched = self.searched(self.last())?;
            let earlier = self.dumps().filter(|&dump| dump != self.last());
            let snapshots: Vec<&Snapshot> = earlier
                .map(|number| self.snapshot(number))
                .collect::<Result<_, _>>()?;
            let earlier: Vec<Arc<Dump>> = (self.dumps().take(snapshots.len()))
                .map(|number| self.dump(number).shared())
                .collect();
            let tree = self.tree(self.last())?;
            let Searched {
                snapshot, graph, ..
            } = searched;
            let load = |number: usize| Ok(snapshots[number]);
            let found = suspects_in(
                snapshot,
                graph,
                || Ok(tree),
                &earlier,
                load,
                self.progress(),
            )?;
            Ok::<_, SqlError>(found)
        })
    }
}
