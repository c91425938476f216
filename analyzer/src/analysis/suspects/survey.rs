//! The way through the earlier dumps, one after the other: none is kept.

use std::borrow::Borrow;
use std::sync::Arc;

use memdump_format::{Dump, ObjectId, ReadError};

use super::super::AnalysisError;
use super::super::identity::{Process, same_types};
use super::ages::Ages;
use super::clock::{Clock, Moment};
use super::containers::Candidates;
use super::relocate::Landmarks;
use super::threads::Threads;
use crate::graph::Graph;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, TypeKey};

/// What the earlier dumps told.
pub(super) struct Survey {
    pub(super) clock: Clock,
    pub(super) ages: Ages,
    pub(super) candidates: Candidates,
    /// For each dump, the last included.
    pub(super) threads: Vec<Threads>,
    /// For each earlier dump, the objects of each type of the last one.
    pub(super) type_counts: Vec<Vec<u64>>,
}

/// What is noted of one dump.
struct Noted {
    number: usize,
    moment: Moment,
    threads: Threads,
    type_counts: Vec<u64>,
}

impl Noted {
    fn of(number: usize, old: &Snapshot, last: &Snapshot) -> Result<Noted, ReadError> {
        Ok(Noted {
            number,
            moment: Moment::of(old)?,
            threads: Threads::of(old)?,
            type_counts: counts_by_type(old, last),
        })
    }
}

/// Looks at every earlier dump, in order. Those of the last one's process tell how old objects are and which containers grew;
/// in dumps of other processes the containers are looked for afterwards, by the names on their chains. Each is loaded once, by its
/// number.
pub(super) fn survey<L: Borrow<Snapshot>>(
    last: &Snapshot,
    graph: &Graph,
    earlier: &[Arc<Dump>],
    mut load: impl FnMut(usize) -> Result<L, AnalysisError>,
    progress: &dyn Progress,
) -> Result<Survey, AnalysisError> {
    let ours = Process::of(&last.dump().metadata()?);
    let mut ages = Ages::new(last.id_limit());
    let mut candidates = Candidates::new(earlier.len());
    let mut noted = Vec::new();
    let mut others = Vec::new();
    let moving = match has_moving_containers(last)? {
        true => {
            for id in largest_containers(last, graph) {
                candidates.add(id);
            }
            Some(Landmarks::new(last, graph, &candidates.ids(), progress)?)
        }
        false => None,
    };
    for (number, dump) in earlier.iter().enumerate() {
        if Process::of(&dump.metadata()?).difference(&ours).is_some() {
            others.push(number);
            continue;
        }
        let loaded = load(number)?;
        let old = loaded.borrow();
        noted.push(Noted::of(number, old, last)?);
        candidates.visit(number, old, last, graph, &mut ages, progress)?;
        if let Some(landmarks) = &moving {
            candidates.count_moved(number, old, last, landmarks.find(old, progress)?)?;
        }
    }
    ages.finish();
    if !others.is_empty() {
        for id in largest_containers(last, graph) {
            candidates.add(id);
        }
        let landmarks = Landmarks::new(last, graph, &candidates.ids(), progress)?;
        for number in others {
            let loaded = load(number)?;
            let old = loaded.borrow();
            noted.push(Noted::of(number, old, last)?);
            let found = landmarks.find(old, progress)?;
            candidates.count(number, old, last, &found)?;
        }
    }
    noted.push(Noted::of(usize::MAX, last, last)?);
    noted.sort_by_key(|noted| noted.number);
    let (mut moments, mut threads, mut type_counts) = (Vec::new(), Vec::new(), Vec::new());
    for one in noted {
        moments.push(one.moment);
        threads.push(one.threads);
        type_counts.push(one.type_counts);
    }
    type_counts.pop();
    Ok(Survey {
        clock: Clock::new(moments),
        ages,
        candidates,
        threads,
        type_counts,
    })
}

/// Whether what grows is another object then: a hash table of Rust allocates a larger block and frees the old one, while a dict of
/// Python stays the same object and only its insides move.
fn has_moving_containers(last: &Snapshot) -> Result<bool, ReadError> {
    Ok(last.dump().metadata()?.get("native").is_some())
}

/// Of so many containers it is asked how large they were in another process.
const MOST_LARGE: usize = 512;
/// A container with fewer references is not large.
const LARGE: usize = 10;

/// The containers with the most references; which of them grew, only the other process can tell.
fn largest_containers(last: &Snapshot, graph: &Graph) -> Vec<ObjectId> {
    let degree = |id: &ObjectId| graph.forward.row(*id).len();
    let mut large: Vec<ObjectId> = last.ids().filter(|id| degree(id) >= LARGE).collect();
    large.sort_by_key(|id| (std::cmp::Reverse(degree(id)), *id));
    large.truncate(MOST_LARGE);
    large
}

fn counts_by_type(old: &Snapshot, last: &Snapshot) -> Vec<u64> {
    let mut counts = vec![0_u64; last.types().len()];
    let of_last = same_types(old, last);
    for (&key, &count) in of_last.iter().zip(&old.census().counts) {
        if key != TypeKey::NONE {
            counts[key.index()] += count;
        }
    }
    counts
}
