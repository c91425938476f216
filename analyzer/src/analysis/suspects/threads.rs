//! The threads of each dump and where they stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use memdump_format::{ReadError, RootKind};

use super::clock::Clock;
use super::judge::{Evidence, Judgement, judge};
use crate::snapshot::Snapshot;

/// A frame as it is told: the function and its file, and the line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) line: u32,
}

/// The frames of a thread, the innermost first.
pub(super) type Stack = Vec<Frame>;

/// The threads of a dump: their names, of which several may have one, and their stacks.
pub(super) struct Threads {
    all: Vec<(String, Stack)>,
    /// The first of each name, by its place. There may be as many threads as objects that only their frames keep.
    by_name: HashMap<String, usize, RandomState>,
}

impl Threads {
    pub(super) fn of(snapshot: &Snapshot) -> Result<Threads, ReadError> {
        let mut threads: Vec<(String, Stack)> = Vec::new();
        // A thread's frames follow one another from depth 0 on, with one or more records each.
        let mut last: Option<(String, u32)> = None;
        for root in snapshot.dump().roots()? {
            let (RootKind::Frame, Some(thread), Some(name)) = (root.kind, root.thread, root.name)
            else {
                continue;
            };
            let thread = snapshot.text(thread)?.into_owned();
            let place = (thread.clone(), root.depth);
            if last.as_ref() == Some(&place) {
                continue;
            }
            if last.is_none_or(|(before, depth)| before != thread || root.depth < depth) {
                threads.push((thread, Stack::new()));
            }
            last = Some(place);
            if let Some((_, stack)) = threads.last_mut() {
                stack.push(Frame {
                    function: snapshot.text(name)?.into_owned(),
                    line: root.line,
                });
            }
        }
        let mut by_name = HashMap::default();
        for (at, (name, _)) in threads.iter().enumerate() {
            by_name.entry(name.clone()).or_insert(at);
        }
        Ok(Threads {
            all: threads,
            by_name,
        })
    }

    /// How many threads stand at each place.
    fn places(&self) -> BTreeMap<&Stack, u64> {
        let mut places = BTreeMap::new();
        for (_, stack) in &self.all {
            *places.entry(stack).or_default() += 1;
        }
        places
    }

    /// The stack of the first thread of a name.
    pub(super) fn stack(&self, thread: &str) -> Option<&Stack> {
        self.by_name.get(thread).map(|&at| &self.all[at].1)
    }
}

/// Where a stack stands, for people: the innermost frame of the application, in front of the libraries that it waits in.
pub(super) fn place_of(stack: &Stack) -> Option<&Frame> {
    let is_library = |frame: &&Frame| {
        let file = &frame.function;
        file.contains("/lib/python") || file.contains("(<frozen")
    };
    stack
        .iter()
        .find(|frame| !is_library(frame))
        .or(stack.first())
}

/// Threads that stand at one place and become more.
pub(super) struct Crowd {
    pub(super) stack: Stack,
    /// The threads' names in the last dump.
    pub(super) names: BTreeSet<String>,
    pub(super) counts: Vec<Option<u64>>,
    pub(super) judgement: Judgement,
}

/// A thread is dear: it has a stack of its own and whatever its frames hold. Pools of a few are common.
const FEW_THREADS: u64 = 3;

/// The places where ever more threads stand.
pub(super) fn crowds(clock: &Clock, threads: &[Threads]) -> Vec<Crowd> {
    let Some(last) = threads.last() else {
        return Vec::new();
    };
    let places: Vec<BTreeMap<&Stack, u64>> = threads.iter().map(Threads::places).collect();
    last.places()
        .into_keys()
        .filter_map(|stack| {
            let count = |places: &BTreeMap<&Stack, u64>| Some(*places.get(stack).unwrap_or(&0));
            let counts: Vec<Option<u64>> = places.iter().map(count).collect();
            let evidence = Evidence {
                counts: &counts,
                first_members: None,
            };
            let judgement = judge(clock, &evidence);
            let is_suspect = matches!(judgement, Judgement::Suspect { .. });
            let grew = super::accumulations::growth_of(&counts) >= FEW_THREADS;
            let here = last.all.iter().filter(|(_, other)| other == stack);
            (is_suspect && grew).then(|| Crowd {
                stack: stack.clone(),
                names: here.map(|(name, _)| name.clone()).collect(),
                counts,
                judgement,
            })
        })
        .collect()
}

/// Where a thread stands, if it stands there in every dump of its process, of which there must be two or more; and how many.
pub(super) fn stands_still<'t>(
    clock: &Clock,
    threads: &'t [Threads],
    thread: &str,
) -> Option<(&'t Frame, usize)> {
    let ours = &threads[clock.first_of_last()..];
    let stack = ours.last()?.stack(thread)?;
    let same = ours
        .iter()
        .filter(|t| t.stack(thread) == Some(stack))
        .count();
    (same >= 2 && same == ours.len()).then_some((place_of(stack)?, same))
}
