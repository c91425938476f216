//! When the dumps of a series were taken, of which process, and whether it worked in between.

use memdump_format::{Metadata, ReadError};

use super::super::identity::Process;
use super::result::Taken;
use crate::snapshot::Snapshot;

/// An interval counts as quiet where the process used less than this share of the CPU time of the busiest one, by the minute
/// and in all. Ten times less work is not a slow hour: a leak that comes with requests may well stand still.
const QUIET: f64 = 0.1;

/// What a dump's metadata tell.
pub(super) struct Moment {
    pub(super) file: String,
    process: Process,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) rss_bytes: Option<u64>,
    pub(super) limit_bytes: Option<u64>,
    cpu_ms: Option<u64>,
}

impl Moment {
    pub(super) fn of(snapshot: &Snapshot) -> Result<Moment, ReadError> {
        let metadata: Metadata = snapshot.dump().metadata()?;
        let number = |key| metadata.get(key).and_then(|text| text.parse::<u64>().ok());
        let census = snapshot.census();
        let sum = |sum: u64, more: &u64| sum.saturating_add(*more);
        Ok(Moment {
            file: snapshot.path().display().to_string(),
            process: Process::of(&metadata),
            objects: census.counts.iter().fold(0, sum),
            bytes: census.bytes.iter().fold(0, sum),
            rss_bytes: number("rss_bytes"),
            limit_bytes: number("memory_limit_bytes"),
            cpu_ms: number("target_cpu_ms"),
        })
    }

    /// Whether both dumps are of one process.
    pub(super) fn is_same_process(&self, other: &Moment) -> bool {
        self.process.difference(&other.process).is_none()
    }
}

/// The times of a series.
pub(super) struct Clock {
    pub(super) moments: Vec<Moment>,
    /// Minutes since the first dump, if all dumps tell their times and these rise.
    pub(super) minutes: Option<Vec<f64>>,
    /// For each dump, whether the process hardly worked since the one before.
    pub(super) quiet: Vec<bool>,
    /// Runs of dumps of one process: for each dump the number of its run.
    run: Vec<usize>,
}

impl Clock {
    pub(super) fn new(moments: Vec<Moment>) -> Clock {
        let mut run = vec![0; moments.len()];
        for at in 1..moments.len() {
            run[at] = run[at - 1] + usize::from(!moments[at].is_same_process(&moments[at - 1]));
        }
        let minutes = minutes(&moments);
        let quiet = quiet(&moments, minutes.as_deref());
        Clock {
            moments,
            minutes,
            quiet,
            run,
        }
    }

    pub(super) fn dumps(&self) -> usize {
        self.moments.len()
    }

    /// Whether two dumps, by number, are of one process.
    pub(super) fn is_same_process(&self, a: usize, b: usize) -> bool {
        self.run[a] == self.run[b]
    }

    /// The first dump of the last one's process.
    pub(super) fn first_of_last(&self) -> usize {
        let last = self.run.last();
        self.run
            .iter()
            .position(|run| Some(run) == last)
            .unwrap_or(0)
    }

    /// Minutes between two dumps, if they are known.
    pub(super) fn minutes_between(&self, first: usize, last: usize) -> Option<f64> {
        let minutes = self.minutes.as_ref()?;
        Some(minutes[last] - minutes[first]).filter(|&minutes| minutes > 0.0)
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        let last = self.dumps() - 1;
        (0..self.dumps())
            .map(|at| Taken {
                file: self.moments[at].file.clone(),
                minutes: self.minutes.as_ref().map(|minutes| minutes[at]),
                objects: self.moments[at].objects,
                bytes: self.moments[at].bytes,
                rss_bytes: self.moments[at].rss_bytes,
                same_process: self.is_same_process(at, last),
                quiet: self.quiet[at],
            })
            .collect()
    }
}

fn minutes(moments: &[Moment]) -> Option<Vec<f64>> {
    let times: Vec<_> = moments
        .iter()
        .map(|moment| moment.process.dumped)
        .collect::<Option<_>>()?;
    if times.windows(2).any(|pair| pair[0] >= pair[1]) {
        return None;
    }
    let since = |time: &time::OffsetDateTime| (*time - times[0]).as_seconds_f64() / 60.0;
    Some(times.iter().map(since).collect())
}

/// Where CPU times are not told, every interval counts as busy.
fn quiet(moments: &[Moment], minutes: Option<&[f64]>) -> Vec<bool> {
    let used: Vec<Option<(f64, f64)>> = (0..moments.len())
        .map(|at| {
            let before = at.checked_sub(1)?;
            let (a, b) = (&moments[before], &moments[at]);
            let cpu = a
                .is_same_process(b)
                .then(|| b.cpu_ms?.checked_sub(a.cpu_ms?));
            let cpu = cpu.flatten()? as f64;
            let time = minutes.map_or(1.0, |minutes| minutes[at] - minutes[before]);
            Some((cpu, cpu / time))
        })
        .collect();
    let most = |of: fn(&(f64, f64)) -> f64| used.iter().flatten().map(of).fold(0.0, f64::max);
    let (cpu, rate) = (most(|u| u.0), most(|u| u.1));
    used.iter()
        .map(|used| used.is_some_and(|(c, r)| c < QUIET * cpu && r < QUIET * rate))
        .collect()
}
