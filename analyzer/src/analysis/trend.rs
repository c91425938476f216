//! How a number moved over a series of dumps: what tells a leak from a pool that warms up, a cache, a burst, and noise.
//!
//! A series has few dumps, 3 to 20, taken while requests are under way: any one of them may stand out. So nothing here fits a
//! curve or takes a mean; what is used are ranks and medians, which one odd dump cannot turn:
//!
//! - *Does it rise at all?* The test of Mann (1945) and Kendall (1975): of all pairs of dumps, how many rise and how many fall.
//!   It is the usual one for the ageing of software, together with the next (Garg, van Moorsel, Vaidyanathan, Trivedi: A
//!   methodology for detection and estimation of software aging, ISSRE 1998). It rises where order by chance would look so
//!   in less than one case of twenty, and where it never falls: three dumps cannot be that sure.
//! - *How fast?* The slope of Theil (1950) and Sen (1968): the median of the slopes between all pairs of dumps.
//! - *Does it go on?* That slope in the later half of the series against the earlier half.
//! - *In proportion to time?* [`Course::steadiness`].
//!
//! Values before a step or a warm-up do not hide what is steady since: [`Course::since`].
//!
//! How often that errs, of made-up series (a test keeps it so): of mere noise, 1 to 3 % are called steady or quickening, and of three
//! dumps 8 %; of fillings that level out, 2 % are called steady of late, and 10 % where they are slow and noisy.

use schemars::JsonSchema;
use serde::Serialize;

/// How a number moved, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Two dumps tell how much it grew, not how; nor do dumps of different processes.
    Unknown,
    /// It is the same in every dump.
    Unchanged,
    /// It grows about in proportion to time: so does a leak.
    Steady,
    /// It grows, in the later half at least twice as fast as in the earlier.
    Quickening,
    /// It grows, in the later half at most half as fast as in the earlier: so does a cache that fills, or a pool that warms up.
    Slowing,
    /// It grew, and hardly does any longer, not in every interval: a pool that is warm, a cache that is full.
    Stopped,
    /// All that happened lies between two dumps, up or down; before and after, it stays within a quarter of that: a burst, a late
    /// import, a cache that was cleared.
    OneStep,
    /// It rises on the whole, but fell back between by more than half of its growth, or was that far from the straight line.
    Uneven,
    /// It rises and falls without direction: traffic, a cache that is cleared now and then.
    UpAndDown,
    /// It falls.
    Shrinking,
}

impl Trend {
    /// Whether it grew to the end of the series, as what leaks does.
    pub fn goes_on(self) -> bool {
        matches!(self, Trend::Steady | Trend::Quickening)
    }
}

/// What is known of when the dumps of a series were taken.
#[derive(Clone, Copy, Debug)]
pub enum Times<'t> {
    /// In minutes since the first; they rise.
    Minutes(&'t [f64]),
    /// One after the other, but not when: as if at equal intervals. There are no rates.
    Sequence,
    /// They are of different processes: nothing goes on from one to the next, and there is no trend.
    Unrelated,
}

/// How a number moved over a series of dumps.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Course {
    /// The number in each dump.
    pub values: Vec<u64>,
    /// The last minus the first.
    pub growth: i64,
    /// The median of the slopes between all pairs of dumps from [`since`](Self::since) on, per minute: what it typically gains. None
    /// where the dumps do not tell their times, or were not taken one after the other by one process.
    pub per_minute: Option<f64>,
    /// How it moved, in a word.
    pub trend: Trend,
    /// The dump (0 for the first) from which on `trend`, `per_minute`, `steadiness` and `certainty` describe it. Not 0 where a step or
    /// a warm-up came first and it grew in every interval since.
    pub since: usize,
    /// How near its growth kept to the straight line from its first value to its last, from 0 to 1.
    ///
    /// It is 1 minus the greatest distance, over all dumps, between the share of the growth that had come by then and the share of
    /// the time that had passed. 1 is growth in exact proportion to time; all growth in the first half of the time gives
    /// 0.5; all at once, at the very beginning or end, or swings as great as the growth, come near 0. None without growth, and with
    /// fewer than three dumps.
    pub steadiness: Option<f64>,
    /// The statistic Z of Mann and Kendall, corrected for ties and continuity: above 1.64, order by chance would rise so in less than one
    /// case of twenty; above 2.33, of a hundred. Below 0 it falls. None with fewer than three dumps.
    pub certainty: Option<f64>,
}

/// One case of twenty, on one side.
const SURE: f64 = 1.645;
/// What stays within this share of a step is level beside it.
const LEVEL_BESIDE_STEP: f64 = 0.25;
/// The later half has stopped when it grows by no more than this share of the earlier half's slope, or stays within this share
/// of the whole range.
const STOPPED: f64 = 0.2;
const SLOWING: f64 = 0.5;
const QUICKENING: f64 = 2.0;
/// Fewer dumps than this in an unbroken rise may be chance.
const SURE_RISE: usize = 4;
/// What levels out goes on rising for a while, but not as straight as this.
const STRAIGHT: f64 = 0.9;
const STRAIGHT_OF_FEW: f64 = 0.95;

impl Course {
    /// Describes `values`, of which there is one for each dump, in order of time.
    pub fn new(values: Vec<u64>, times: Times<'_>) -> Course {
        let counted: Vec<f64> = (0..values.len()).map(|number| number as f64).collect();
        let times_of_points = match times {
            Times::Minutes(minutes) => minutes,
            Times::Sequence | Times::Unrelated => &counted,
        };
        debug_assert_eq!(times_of_points.len(), values.len());
        let points: Vec<Point> = times_of_points
            .iter()
            .zip(&values)
            .map(|(&at, &value)| Point {
                at,
                value: value as f64,
            })
            .collect();
        let related = !matches!(times, Times::Unrelated);
        let (trend, since) = match related {
            true => trend_of(&points),
            false => (Trend::Unknown, 0),
        };
        let described = &points[since..];
        let has_trend = related && described.len() >= 3;
        let has_rate = matches!(times, Times::Minutes(_));
        let growth = match (values.first(), values.last()) {
            (Some(&first), Some(&last)) => {
                let wide = i128::from(last) - i128::from(first);
                wide.clamp(i64::MIN.into(), i64::MAX.into()) as i64
            }
            _ => 0,
        };
        Course {
            growth,
            per_minute: slope(described).filter(|_| has_rate),
            trend,
            since,
            steadiness: steadiness(described).filter(|_| has_trend),
            certainty: has_trend.then(|| certainty(described)),
            values,
        }
    }
}

#[derive(Clone, Copy)]
struct Point {
    at: f64,
    value: f64,
}

/// The trend, and the first dump that it describes.
fn trend_of(points: &[Point]) -> (Trend, usize) {
    let trend = whole_trend(points);
    if matches!(trend, Trend::OneStep | Trend::Slowing | Trend::Stopped) {
        // What it was at first may hide what it is for at least half of the time since.
        let shortest = points.len().div_ceil(2).max(SURE_RISE);
        let latest = points.len().saturating_sub(shortest);
        let steady_since = (1..=latest).find(|&begin| is_straight_rise(&points[begin..]));
        if let Some(begin) = steady_since {
            return (Trend::Steady, begin);
        }
    }
    (trend, 0)
}

/// Whether it rises in every interval, in proportion to time, so that it can hardly be what levels out.
fn is_straight_rise(points: &[Point]) -> bool {
    let straight = match points.len() {
        SURE_RISE => STRAIGHT_OF_FEW,
        _ => STRAIGHT,
    };
    rises_always(points)
        && steadiness(points).is_some_and(|share| share >= straight)
        && whole_trend(points) == Trend::Steady
}

fn rises_always(points: &[Point]) -> bool {
    points.windows(2).all(|pair| pair[1].value > pair[0].value)
}

fn whole_trend(points: &[Point]) -> Trend {
    if points.len() < 3 {
        return Trend::Unknown;
    }
    if spread(points) == 0.0 {
        return Trend::Unchanged;
    }
    if step(points).is_some() {
        return Trend::OneStep;
    }
    if falls(points) {
        return Trend::Shrinking;
    }
    let still_rises = rises_always(halves(points).1);
    if has_filled(points) && !still_rises {
        return Trend::Stopped;
    }
    if !rises(points) {
        return Trend::UpAndDown;
    }
    if 2.0 * deepest_fall(points) > growth(points) {
        return Trend::Uneven;
    }
    let (earlier, later) = halves(points);
    let (before, after) = (slope(earlier).unwrap_or(0.0), slope(later).unwrap_or(0.0));
    if after <= STOPPED * before && !still_rises {
        Trend::Stopped
    } else if after <= SLOWING * before {
        Trend::Slowing
    } else if after >= QUICKENING * before {
        Trend::Quickening
    } else if steadiness(points).is_none_or(|share| share < 0.5) {
        Trend::Uneven
    } else {
        Trend::Steady
    }
}

/// Both halves of a series have its middle dump; neither has its middle interval.
fn halves(points: &[Point]) -> (&[Point], &[Point]) {
    let length = points.len().div_ceil(2);
    (&points[..length], &points[points.len() - length..])
}

fn spread(points: &[Point]) -> f64 {
    let values = || points.iter().map(|point| point.value);
    values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
}

/// The last dump before the one step that is all that happened.
fn step(points: &[Point]) -> Option<usize> {
    let height = |before: usize| (points[before + 1].value - points[before].value).abs();
    let highest = (0..points.len() - 1).max_by(|&a, &b| height(a).total_cmp(&height(b)))?;
    let (before, after) = points.split_at(highest + 1);
    let level = LEVEL_BESIDE_STEP * height(highest);
    (height(highest) > 0.0 && spread(before) <= level && spread(after) <= level).then_some(highest)
}

/// Whether the later half is level, and far above the beginning.
fn has_filled(points: &[Point]) -> bool {
    let (_, later) = halves(points);
    let range = spread(points);
    let least = later
        .iter()
        .map(|point| point.value)
        .fold(f64::MAX, f64::min);
    later.len() >= 3 && spread(later) <= STOPPED * range && least - points[0].value >= range / 2.0
}

fn growth(points: &[Point]) -> f64 {
    points[points.len() - 1].value - points[0].value
}

/// The furthest that a value lies below an earlier one.
fn deepest_fall(points: &[Point]) -> f64 {
    pairs(points)
        .map(|(a, b)| a.value - b.value)
        .fold(0.0, f64::max)
}

fn rises(points: &[Point]) -> bool {
    let never_falls = points.windows(2).all(|pair| pair[1].value >= pair[0].value);
    never_falls || certainty(points) >= SURE
}

fn falls(points: &[Point]) -> bool {
    let never_rises = points.windows(2).all(|pair| pair[1].value <= pair[0].value);
    never_rises || certainty(points) <= -SURE
}

/// Every pair of dumps, the earlier first.
fn pairs(points: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    let from = points.iter().enumerate();
    from.flat_map(|(number, &a)| points[number + 1..].iter().map(move |&b| (a, b)))
}

/// Kendall's S: the pairs that rise less those that fall.
fn concordance(points: &[Point]) -> f64 {
    pairs(points)
        .map(|(a, b)| match b.value.total_cmp(&a.value) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Less => -1.0,
        })
        .sum()
}

/// Z of Mann and Kendall. It decides as the exact distribution does for 4 to 10 dumps, too.
fn certainty(points: &[Point]) -> f64 {
    let weight = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    let tied: f64 = values
        .chunk_by(|a, b| a == b)
        .map(|equal| weight(equal.len() as f64))
        .sum();
    let s = concordance(points);
    let variance = weight(points.len() as f64) - tied;
    if s == 0.0 || variance <= 0.0 {
        return 0.0;
    }
    (s - s.signum()) / variance.sqrt()
}

/// The slope of Theil and Sen.
fn slope(points: &[Point]) -> Option<f64> {
    let mut slopes: Vec<f64> = pairs(points)
        .map(|(a, b)| (b.value - a.value) / (b.at - a.at))
        .collect();
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    match slopes.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(slopes[middle]),
        _ => Some((slopes[middle - 1] + slopes[middle]) / 2.0),
    }
}

/// As [`Course::steadiness`] says.
fn steadiness(points: &[Point]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let growth = last.value - first.value;
    if growth <= 0.0 {
        return None;
    }
    let furthest = points
        .iter()
        .map(|point| {
            let grown = (point.value - first.value) / growth;
            let passed = (point.at - first.at) / (last.at - first.at);
            (grown - passed).abs()
        })
        .fold(0.0, f64::max);
    Some((1.0 - furthest).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(values: &[u64]) -> Course {
        Course::new(values.to_vec(), Times::Sequence)
    }

    #[test]
    fn each_kind_of_growth_has_its_word() {
        use Trend::*;
        let cases: &[(&[u64], Trend, usize)] = &[
            (&[], Unknown, 0),
            (&[5], Unknown, 0),
            (&[5, 9], Unknown, 0),
            (&[5, 5, 5], Unchanged, 0),
            // Leaks: exact, with noise, in steps of a batch job, after a burst, after a warm-up.
            (&[10, 20, 30], Steady, 0),
            (&[0, 10, 18, 31, 40], Steady, 0),
            (&[100, 115, 118, 129, 137, 155, 158, 171], Steady, 0),
            (
                &[100, 90, 130, 125, 150, 140, 175, 170, 160, 190],
                Steady,
                0,
            ),
            (&[0, 0, 50, 50, 50, 100, 100], Steady, 0),
            (&[0, 1000, 1010, 1020, 1030, 1040], Steady, 1),
            (
                &[0, 600, 900, 1000, 1010, 1020, 1030, 1040, 1050],
                Steady,
                3,
            ),
            // A leak behind traffic that grows.
            (&[0, 1, 4, 9, 16, 25], Quickening, 0),
            // A pool that warms up; a cache that fills and then swings a little.
            (&[0, 50, 75, 87, 94, 97, 98], Slowing, 0),
            (&[0, 50, 75, 87, 94, 94, 94], Stopped, 0),
            (&[0, 40, 60, 75], Slowing, 0),
            (&[0, 10, 20, 20], Stopped, 0),
            (&[0, 10, 20, 20, 20], Stopped, 0),
            (&[0, 20, 30, 30, 30, 30, 30, 30], Stopped, 0),
            (&[0, 50, 90, 100, 97, 101, 99, 98, 100, 97], Stopped, 0),
            // A burst, first, in the middle, last.
            (&[7, 90, 90], OneStep, 0),
            (&[100, 103, 98, 201, 199, 202], OneStep, 0),
            (&[5, 5, 5, 5, 80], OneStep, 0),
            // Traffic.
            (&[10, 14, 9], UpAndDown, 0),
            (&[100, 140, 90, 130, 95, 138, 101], UpAndDown, 0),
            (&[0, 5, 3, 9, 40, 10, 14, 60, 18, 20], Uneven, 0),
            (&[50, 40, 33], Shrinking, 0),
            (&[90, 90, 90, 7, 7], OneStep, 0),
            (&[900, 20, 30, 40, 50, 60], Steady, 1),
        ];
        for (values, trend, since) in cases {
            let course = course(values);
            assert_eq!((course.trend, course.since), (*trend, *since), "{values:?}");
        }
    }

    #[test]
    fn steadiness_is_the_greatest_distance_from_the_straight_line() {
        assert_eq!(course(&[10, 20, 30]).steadiness, Some(1.0));
        assert_eq!(course(&[0, 20, 20]).steadiness, Some(0.5));
        assert_eq!(course(&[0, 10, 20, 20, 20]).steadiness, Some(0.5));
        assert_eq!(course(&[0, 0, 0, 0, 40]).steadiness, Some(0.25));
        assert_eq!(course(&[0, 30, 10]).steadiness, Some(0.0));
        assert_eq!(course(&[9, 9, 9]).steadiness, None);
        assert_eq!(course(&[1, 2]).steadiness, None);
    }

    #[test]
    fn growth_is_measured_against_time() {
        // Twice as much in twice the time.
        let course = Course::new(vec![100, 110, 130], Times::Minutes(&[0.0, 1.0, 3.0]));
        assert_eq!(course.per_minute, Some(10.0));
        assert_eq!(
            (course.trend, course.steadiness),
            (Trend::Steady, Some(1.0))
        );
        // As much in a hundredth of the time: a burst.
        let course = Course::new(vec![0, 50, 100], Times::Minutes(&[0.0, 1.0, 1.01]));
        assert_eq!(course.trend, Trend::Quickening);
        assert!(course.steadiness.is_some_and(|share| share < 0.52));
    }

    #[test]
    fn one_odd_dump_does_not_turn_the_rate() {
        let course = Course::new(
            vec![0, 10, 20, 900, 40, 50],
            Times::Minutes(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        );
        assert_eq!(course.per_minute, Some(10.0));
    }

    #[test]
    fn certainty_is_that_of_mann_and_kendall() {
        // S = 6, variance 4·3·13 / 18: the smallest series that can be sure.
        let four = course(&[1, 2, 3, 4]).certainty.expect("four dumps");
        assert!((four - 5.0 / (156.0_f64 / 18.0).sqrt()).abs() < 1e-12);
        assert!(four > SURE);
        assert!(course(&[1, 3, 2, 4]).certainty.is_some_and(|z| z < SURE));
        // A tie of three takes 3·2·11 / 18 off the variance: S = 7.
        let tied = course(&[0, 10, 20, 20, 20]).certainty.expect("five dumps");
        assert!((tied - 6.0 / 13.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(course(&[4, 4, 4, 4]).certainty, Some(0.0));
    }

    #[test]
    fn what_does_not_go_on_has_no_trend() {
        let course = Course::new(vec![10, 20, 30, 40], Times::Unrelated);
        assert_eq!((course.growth, course.trend), (30, Trend::Unknown));
        assert_eq!(
            (course.per_minute, course.steadiness, course.certainty),
            (None, None, None)
        );
    }

    /// How many of 1,000 made-up series a leak would be suspected in. `value` gets the dump's number, how many there are, and a
    /// random number from -1 to 1.
    fn suspected(dumps: usize, value: impl Fn(f64, f64, f64) -> f64) -> usize {
        let mut state = 0x0123_4567_89AB_CDEF_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        let mut series = |_| -> Vec<u64> {
            let values = (0..dumps).map(|n| value(n as f64, dumps as f64, random()));
            values.map(|value| value as u64).collect()
        };
        let courses = (0..1000).map(|number| course(&series(number)));
        courses.filter(|course| course.trend.goes_on()).count()
    }

    #[test]
    fn leaks_are_seen_and_little_else() {
        for dumps in [3, 4, 5, 6, 8, 9, 10, 15, 20] {
            let noise = suspected(dumps, |_, _, chance| 1000.0 + 100.0 * chance);
            assert!(
                noise < if dumps == 3 { 120 } else { 50 },
                "{dumps}: {noise}"
            );
            let leak = suspected(dumps, |at, _, chance| 1000.0 + 10.0 * at + 3.0 * chance);
            assert!(leak > if dumps < 5 { 900 } else { 990 }, "{dumps}: {leak}");
            let filling = |share: f64, noise: f64| {
                suspected(dumps, |at, all, chance| {
                    1000.0 * (1.0 - (-at / (all / share)).exp()) + noise * (chance + 1.0)
                })
            };
            assert_eq!(filling(4.0, 0.0), 0, "{dumps}");
            let (quick, slow) = (filling(5.0, 25.0), filling(3.0, 25.0));
            assert!(quick < 50 && slow < 150, "{dumps}: {quick}, {slow}");
        }
    }

    #[test]
    fn the_greatest_numbers_are_borne() {
        let greatest = course(&[0, u64::MAX, u64::MAX]);
        assert_eq!(
            (greatest.growth, greatest.trend),
            (i64::MAX, Trend::OneStep)
        );
        assert_eq!(course(&[u64::MAX, 0]).growth, i64::MIN);
    }
}
