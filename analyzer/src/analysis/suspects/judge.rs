//! From how a number went over the dumps to a judgement: suspect or not, how sure, and why.

use super::super::trend::{Course, Times, Trend};
use super::clock::Clock;
use super::result::{Acquittal, Confidence, Reason};

/// The test of Mann and Kendall calls a rise no accident from here on: one case of twenty on one side. Four dumps that rise
/// without exception are the fewest that reach it.
const SURE: f64 = 1.645;
/// A share of members that may go without telling anything: a reused address can hide one, or invent one.
const NEGLIGIBLE: f64 = 0.02;

/// What is known of something that may accumulate.
pub(super) struct Evidence<'e> {
    /// How many there are in each dump; none where it was not found.
    pub(super) counts: &'e [Option<u64>],
    /// Of the members in the first dump where it had any, how many were there, and how many still are.
    pub(super) first_members: Option<FirstMembers>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FirstMembers {
    pub(super) were: u64,
    pub(super) are: u64,
}

impl FirstMembers {
    /// Whether there were some, and all still are there.
    pub(super) fn stayed(self) -> bool {
        let gone = self.were.saturating_sub(self.are);
        self.were > 0 && gone as f64 <= NEGLIGIBLE * self.were as f64
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Judgement {
    Suspect {
        confidence: Confidence,
        trend: Trend,
        reasons: Vec<Reason>,
    },
    Cleared(Acquittal),
    /// It did not grow.
    Nothing,
}

/// Judges a number that was counted in the dumps of a series.
///
/// What counts are the dumps of one process, the longest run of them; intervals in which nothing came and the process hardly
/// worked tell nothing and are left out.
pub(super) fn judge(clock: &Clock, evidence: &Evidence<'_>) -> Judgement {
    let run = longest_run(clock, evidence.counts);
    let crosses = run
        .windows(2)
        .any(|pair| !clock.is_same_process(pair[0].0, pair[1].0));
    let (run, quiet) = without_quiet(clock, &run);
    let (Some(&(first, before)), Some(&(last, after))) = (run.first(), run.last()) else {
        return Judgement::Nothing;
    };
    if after <= before {
        return Judgement::Nothing;
    }
    let values: Vec<u64> = run.iter().map(|&(_, count)| count).collect();
    let minutes = clock.minutes.as_ref().map(|minutes| {
        let times = run.iter().map(|&(dump, _)| minutes[dump] - minutes[first]);
        times.collect::<Vec<f64>>()
    });
    let course = most_accusing(values, minutes);
    let deltas = || run.windows(2).map(|pair| (pair[0].1, pair[1].1));
    let just_now = course.trend == Trend::OneStep && {
        let largest = deltas().map(|(a, b)| b.saturating_sub(a)).max();
        deltas().next_back().map(|(a, b)| b.saturating_sub(a)) == largest
    };
    let mut reasons = Vec::new();
    let mut confidence = match course.trend {
        Trend::Steady | Trend::Quickening if course.certainty.is_some_and(|z| z >= SURE) => {
            Confidence::Certain
        }
        Trend::Steady | Trend::Quickening => Confidence::Likely,
        Trend::Slowing | Trend::Uneven | Trend::Unknown => Confidence::Unclear,
        Trend::OneStep if just_now => Confidence::Unclear,
        Trend::OneStep => return Judgement::Cleared(Acquittal::OneStep),
        Trend::Stopped | Trend::Unchanged => return Judgement::Cleared(Acquittal::Stopped),
        Trend::UpAndDown | Trend::Shrinking => return Judgement::Cleared(Acquittal::UpAndDown),
    };
    match course.trend {
        Trend::Unknown => reasons.push(Reason::SteadinessUnknown),
        _ => reasons.push(Reason::Grew {
            grew: deltas().filter(|(a, b)| b > a).count(),
            intervals: run.len() - 1,
        }),
    }
    match course.trend {
        Trend::Slowing => reasons.push(Reason::Slowing),
        Trend::Uneven => reasons.push(Reason::Uneven),
        Trend::OneStep => reasons.push(Reason::JustNow),
        _ => {}
    }
    if let Some(members) = evidence.first_members.filter(|m| m.were > 0) {
        if !members.stayed() {
            confidence = confidence.min(Confidence::Likely);
            reasons.push(Reason::SomeWent {
                of: members.were,
                kept: members.are,
            });
        } else {
            reasons.push(Reason::AllStayed { kept: members.were });
        }
    }
    if crosses {
        confidence = Confidence::Unclear;
        reasons.push(Reason::DifferentProcesses);
    }
    if quiet > 0 {
        reasons.push(Reason::Quiet { intervals: quiet });
    }
    debug_assert!(first < last);
    Judgement::Suspect {
        confidence,
        trend: course.trend,
        reasons,
    }
}

/// The dumps of one process in which it was found, the most of them, the latest if there are several; if no process has two,
/// all of them.
fn longest_run(clock: &Clock, counts: &[Option<u64>]) -> Vec<(usize, u64)> {
    let found: Vec<(usize, u64)> = (0..)
        .zip(counts)
        .filter_map(|(dump, count)| Some((dump, (*count)?)))
        .collect();
    let longest = found
        .chunk_by(|a, b| clock.is_same_process(a.0, b.0))
        .max_by_key(|run| run.len())
        .unwrap_or(&[]);
    if longest.len() < 2 {
        return found;
    }
    longest.to_vec()
}

/// Leaves out dumps that ended a quiet interval in which the number stayed the same.
fn without_quiet(clock: &Clock, run: &[(usize, u64)]) -> (Vec<(usize, u64)>, usize) {
    let mut kept: Vec<(usize, u64)> = Vec::with_capacity(run.len());
    for &(dump, count) in run {
        match kept.last() {
            Some(&(_, before)) if clock.quiet[dump] && before == count => {}
            _ => kept.push((dump, count)),
        }
    }
    let left_out = run.len() - kept.len();
    (kept, left_out)
}

/// The number against the time, or against the number of the dump, whichever is worse. Work does not always go with time:
/// dumps may be an hour apart at night and a minute at noon, and a leak goes with requests.
fn most_accusing(values: Vec<u64>, minutes: Option<Vec<f64>>) -> Course {
    let by_number = Course::new(values.clone(), Times::Sequence);
    let Some(minutes) = minutes else {
        return by_number;
    };
    let by_time = Course::new(values, Times::Minutes(&minutes));
    if gravity(by_number.trend) > gravity(by_time.trend) {
        by_number
    } else {
        by_time
    }
}

fn gravity(trend: Trend) -> u8 {
    match trend {
        Trend::Steady | Trend::Quickening => 2,
        Trend::Slowing | Trend::Uneven | Trend::Unknown => 1,
        Trend::OneStep
        | Trend::Stopped
        | Trend::Unchanged
        | Trend::UpAndDown
        | Trend::Shrinking => 0,
    }
}
