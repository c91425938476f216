//! The report: what the analyses tell of a series of dumps, as one page that needs nothing else.
//!
//! [`gather`] runs the analyses; [`page`] makes the page of their results, as much of them as there is room for.

mod commands;
mod page;
mod shown;

use std::cell::OnceCell;
use std::sync::Arc;

use memdump_format::{Dump, ReadError};

pub use page::page;

use self::commands::Commands;
use crate::analysis::AnalysisError;
use crate::analysis::biggest::{Biggest, biggest_of};
use crate::analysis::chain::{Explained, explain_types};
use crate::analysis::growth::{Growth, GrowthOrder, growth};
use crate::analysis::identity::{Identity, new_objects};
use crate::analysis::info::{Info, info};
use crate::analysis::retained_map::{MapBounds, RetainedMap, retained_map};
use crate::analysis::select::SelectedTypes;
use crate::analysis::series::{Recorder, Series, SeriesOrder};
use crate::analysis::suspects::{self, Suspects, suspects_in};
use crate::analysis::threads::{ThreadBounds, Threads, threads};
use crate::analysis::timeline::{MOST_DUMPS, Timeline, evenly};
use crate::analysis::top::{Top, TopOrder, top, top_retained_of};
use crate::graph::{DominatorTree, Graph, RetainedByClass};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, Snapshot, TypeName};

/// What a report tells. Lists are longer than a page has room for; what takes much to tell is limited already.
pub struct Report {
    commands: Commands,
    /// How many dumps there are, of which perhaps not all were looked at.
    of_dumps: usize,
    infos: Vec<Info>,
    verdict: Suspects,
    /// Of two dumps and more.
    series: Option<Series>,
    /// Of two dumps.
    diff: Option<Growth>,
    map: RetainedMap,
    chains: Vec<Explained>,
    top: Top,
    objects: Biggest,
    threads: Threads,
}

/// More objects than this nobody looks through.
const OBJECTS: usize = 500;
const MAP: MapBounds = MapBounds {
    regions: 700,
    depth: 8,
    children: 40,
};
const THREADS: ThreadBounds = ThreadBounds {
    threads: 60,
    frames: 30,
    variables: 10,
};
/// Of so many types the chains are told.
const EXPLAINED: usize = 5;
/// Of the chains of a type, so many shapes.
const SHAPES: usize = 20;

/// Runs the analyses over the dumps of a series, given in order of time: one at least. Each is loaded once; of very many, some that are spread
/// evenly are looked at.
///
/// # Errors
/// A dump cannot be read, or is too large.
pub fn gather(dumps: Vec<Dump>, progress: &dyn Progress) -> Result<Report, AnalysisError> {
    let of_dumps = dumps.len();
    let dumps: Vec<Arc<Dump>> = evenly(dumps, MOST_DUMPS).map(Arc::new).collect();
    let (last, earlier) = dumps
        .split_last()
        .expect("a report is of one dump at least");
    let infos = dumps.iter().map(|dump| info(dump, progress));
    let infos = infos.collect::<Result<Vec<Info>, ReadError>>()?;
    let load = |dump: &Arc<Dump>| Snapshot::load(Arc::clone(dump), progress);
    let after = load(last)?;
    progress.memory(suspects::memory(&after, earlier).max(RetainedByClass::memory(&after)));
    let graph = Graph::build(&after, progress)?;
    let mut compared = Compared::new(&dumps, &after)?;
    let made = OnceCell::new();
    let verdict = suspects_in(
        &after,
        &graph,
        || {
            let tree = DominatorTree::new(&after, &graph, progress)?;
            Ok(made.get_or_init(|| tree))
        },
        earlier,
        |number| {
            let before = load(&earlier[number])?;
            compared.with(number, &before, progress)?;
            Ok(before)
        },
        progress,
    )?;
    let tree = made.into_inner().expect("a verdict asks for it");
    let objects = biggest_of(&after, &tree, &SelectedTypes::all(), Some(OBJECTS))?;
    let map = retained_map(&after, &tree, MAP, progress)?;
    let threads = threads(&after, &tree, THREADS)?;
    // What follows needs the room.
    drop(tree);
    let top = match top_retained_of(&after, &graph, TopOrder::Bytes, progress) {
        // Their bytes can still be told.
        Err(AnalysisError::TooEntangled { .. }) => top(&after, TopOrder::Bytes),
        told => told?,
    };
    let Compared {
        recorder,
        diff,
        new,
        ..
    } = compared;
    let series = (!earlier.is_empty()).then(|| recorder.finish(SeriesOrder::Count));
    let commands = Commands::new(&dumps, new.is_some());
    let types = of_interest(&verdict, series.as_ref(), &top);
    let chains = explain_types(new, &after, &graph, &types, Some(SHAPES), progress)?;
    Ok(Report {
        commands,
        of_dumps,
        infos,
        verdict,
        series,
        diff,
        map,
        chains,
        top,
        objects,
        threads,
    })
}

/// What the comparison with earlier dumps tells, each of which is there only while it is looked at.
struct Compared<'s> {
    after: &'s Snapshot,
    recorder: Recorder,
    of_two: bool,
    diff: Option<Growth>,
    /// Since the first, if it can be known which are new. Where metadata cannot be read, it cannot.
    identity: Option<Identity>,
    new: Option<(Identity, ObjectSet)>,
}

impl<'s> Compared<'s> {
    fn new(dumps: &[Arc<Dump>], after: &'s Snapshot) -> Result<Compared<'s>, ReadError> {
        let mut recorder = Recorder::over(Timeline::of(dumps.iter().map(|dump| &**dump))?);
        recorder.count(dumps.len() - 1, after);
        let identity = Identity::between(&dumps[0], after.dump()).ok();
        Ok(Compared {
            after,
            recorder,
            of_two: dumps.len() == 2,
            diff: None,
            identity: identity.filter(Identity::is_available),
            new: None,
        })
    }

    /// Compares the last dump with the earlier one of this number.
    fn with(
        &mut self,
        number: usize,
        before: &Snapshot,
        progress: &dyn Progress,
    ) -> Result<(), ReadError> {
        self.recorder.count(number, before);
        if self.of_two {
            self.diff = Some(growth(before, self.after, GrowthOrder::Count, progress)?);
        }
        if number == 0
            && let Some(identity) = self.identity.take()
        {
            self.new = Some((identity, new_objects(before, self.after)?));
        }
        Ok(())
    }
}

/// The types whose chains are told: those that are suspected; or else those that grew most; of one dump those of the program that retain
/// most.
fn of_interest(verdict: &Suspects, series: Option<&Series>, top: &Top) -> Vec<TypeName> {
    let mut types: Vec<TypeName> = Vec::new();
    let mut add = |name: &TypeName| {
        if types.len() < EXPLAINED && !types.contains(name) {
            types.push(name.clone());
        }
    };
    for suspect in &verdict.suspects {
        add(&suspect.type_name);
    }
    match series {
        _ if !verdict.suspects.is_empty() => {}
        Some(series) => {
            let grown = series
                .types
                .iter()
                .filter(|row| row.totals.count.growth > 0);
            grown.for_each(|row| add(&row.type_name));
        }
        None => {
            let is_own = |name: &TypeName| {
                !matches!(name.module(), "" | "builtins") || name.qualified().contains("::")
            };
            let mut own: Vec<_> = top
                .types
                .iter()
                .filter(|row| is_own(&row.type_name))
                .collect();
            own.sort_by_key(|row| std::cmp::Reverse(row.retained));
            own.iter().for_each(|row| add(&row.type_name));
        }
    }
    types
}
