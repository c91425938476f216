//! When the dumps of a series were taken, and whether they are of one process.

use memdump_format::{Dump, ReadError};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::identity::{Identity, Process};

/// When a dump was taken.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Moment {
    /// The time; none where the dump does not tell it.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub time: Option<OffsetDateTime>,
    /// The number of the dump in its process.
    pub sequence: Option<u64>,
    /// Minutes since the first dump. None, for all dumps, where one does not tell its time, or they are not of one process in order
    /// of time.
    pub minutes: Option<f64>,
}

fn rfc3339<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.serialize(serializer)
}

/// More dumps of a series no page has room for, and the time that it takes to find trends grows with the square of their number.
pub const MOST_DUMPS: usize = 100;

/// At most so many of a series, two or more, spread evenly: the first and the last among them.
pub fn evenly<T>(all: Vec<T>, most: usize) -> impl Iterator<Item = T> {
    let (last, steps) = (all.len().saturating_sub(1), most.saturating_sub(1).max(1));
    let is_taken = move |place: usize| {
        // The places that the steps come to, each rounded down: one for each step, as they are no shorter than 1.
        let step = (place * steps).div_ceil(last.max(1));
        last <= steps || step * last / steps == place
    };
    let numbered = all.into_iter().enumerate();
    numbered.filter_map(move |(place, one)| is_taken(place).then_some(one))
}

/// The dumps of a series, as far as they say when and of which process they are.
#[derive(Default)]
pub struct Timeline {
    seen: Vec<Process>,
    /// Why they are not all of one process.
    broken: Option<String>,
}

impl Timeline {
    /// Of dumps, in their order.
    pub fn of<'d>(dumps: impl IntoIterator<Item = &'d Dump>) -> Result<Timeline, ReadError> {
        let mut timeline = Timeline::default();
        for dump in dumps {
            timeline.add(dump)?;
        }
        Ok(timeline)
    }

    /// Adds the next dump.
    pub fn add(&mut self, dump: &Dump) -> Result<(), ReadError> {
        let process = Process::of(&dump.metadata()?);
        if self.broken.is_none() {
            // Not with the first only: it may say less of itself than the others.
            self.broken = self.seen.iter().find_map(|one| one.difference(&process));
        }
        self.seen.push(process);
        Ok(())
    }

    /// How many dumps there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// How objects of all these dumps are known to be the same.
    pub fn identity(&self) -> Identity {
        if let Some(reason) = self.broken.clone() {
            return Identity::Unavailable { reason };
        }
        let steps = self.seen.windows(2);
        let mut identities = steps.map(|pair| pair[0].identity(&pair[1]));
        // An answer is as good as its worst step.
        match self.seen.len() > 1 && identities.all(|identity| identity == Identity::Exact) {
            true => Identity::Exact,
            false => Identity::ByAddress,
        }
    }

    /// The times of the dumps in minutes since the first. None unless all tell it, are of one process, and were taken one after the
    /// other.
    pub fn minutes(&self) -> Option<Vec<f64>> {
        if self.broken.is_some() {
            return None;
        }
        let times = self.seen.iter().map(|process| process.dumped);
        let times: Vec<OffsetDateTime> = times.collect::<Option<_>>()?;
        if times.windows(2).any(|pair| pair[0] >= pair[1]) {
            return None;
        }
        let since = |time: &OffsetDateTime| (*time - times[0]).as_seconds_f64() / 60.0;
        Some(times.iter().map(since).collect())
    }

    /// When the dumps were taken.
    pub fn moments(&self) -> Vec<Moment> {
        let minutes = self.minutes();
        let moment = |(number, process): (usize, &Process)| Moment {
            time: process.dumped,
            sequence: process.sequence,
            minutes: minutes.as_ref().map(|minutes| minutes[number]),
        };
        self.seen.iter().enumerate().map(moment).collect()
    }

    /// The dumps' numbers in order of time. None where that is not known, or they are not of one process.
    pub fn order(&self) -> Option<Vec<usize>> {
        let known = self.seen.iter().all(|process| process.dumped.is_some());
        if self.broken.is_some() || !known {
            return None;
        }
        let mut order: Vec<usize> = (0..self.seen.len()).collect();
        order.sort_by_key(|&number| (self.seen[number].dumped, self.seen[number].sequence));
        Some(order)
    }
}

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn of_many_some_are_taken_that_are_spread_evenly() {
        for (all, most) in [
            (0, 5),
            (1, 5),
            (5, 5),
            (6, 5),
            (7, 2),
            (99, 7),
            (3_000, 100),
            (101, 100),
        ] {
            let taken: Vec<usize> = evenly((0..all).collect(), most).collect();
            assert_eq!(taken.len(), all.min(most), "{all} {most}");
            assert_eq!(taken.first().copied(), (all > 0).then_some(0));
            assert_eq!(taken.last().copied(), all.checked_sub(1));
            let steps: Vec<usize> = taken.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let (least, most) = (steps.iter().min(), steps.iter().max());
            assert!(
                most.zip(least)
                    .is_none_or(|(most, least)| most - least <= 1),
                "{steps:?}"
            );
        }
    }
}
