//! The columns of a table that has one for each dump of a series, and how they fit.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Width;
use crate::analysis::timeline::Moment;

/// A column for a dump, or for several: they are merged, or only the last is told.
pub(super) struct TimeColumn {
    /// The dumps, by number from 0.
    pub(super) dumps: RangeInclusive<usize>,
    /// When they were taken.
    pub(super) heading: String,
}

/// When a dump was taken: `first`, `+5m`; `#2` where times are not known.
pub(super) fn told(moments: &[Moment], dump: usize) -> String {
    let last = moments.last().and_then(|moment| moment.minutes);
    match (moments[dump].minutes, last) {
        _ if dump == 0 => "first".to_owned(),
        (Some(minutes), Some(all)) => format!("+{}", duration(minutes, all)),
        _ => format!("#{}", dump + 1),
    }
}

/// A time in a span of `all` minutes, no finer than is of use there.
pub(super) fn duration(minutes: f64, all: f64) -> String {
    let unit = match all {
        ..0.05 => Duration::from_millis(1),
        ..60.0 => Duration::from_secs(1),
        ..2880.0 => Duration::from_secs(60),
        _ => Duration::from_secs(3600),
    };
    let units = (minutes * 60.0 / unit.as_secs_f64()).round() as u64;
    let rounded = Duration::from_nanos((unit.as_nanos() as u64).saturating_mul(units));
    if rounded.is_zero() {
        return "0".to_owned();
    }
    humantime::format_duration(rounded)
        .to_string()
        .replace(' ', "")
}

/// A column for each dump, or fewer if `beside` (the width of all other columns) leaves no room: then neighbours share one, and the
/// first and the last dump have each their own. `widest` tells how wide the cells of a dump are.
pub(super) fn time_columns(
    moments: &[Moment],
    widest: impl Fn(usize) -> usize,
    beside: usize,
    width: Width,
    heading: impl Fn(&RangeInclusive<usize>) -> String,
) -> Vec<TimeColumn> {
    /// Between columns.
    const GAP: usize = 2;
    /// With fewer there would be nothing between the first and the last.
    const FEWEST: usize = 3;
    let laid_out = |columns: usize| -> Vec<TimeColumn> {
        ranges(moments.len(), columns)
            .map(|dumps| TimeColumn {
                heading: heading(&dumps),
                dumps,
            })
            .collect()
    };
    let all = moments.len();
    let Width::Columns(room) = width else {
        return laid_out(all);
    };
    let room = usize::from(room).saturating_sub(beside);
    let fits = |columns: &Vec<TimeColumn>| {
        let wide = columns.iter().map(|column| {
            let cells = column.dumps.clone().map(&widest).max().unwrap_or(0);
            cells.max(column.heading.chars().count()) + GAP
        });
        wide.sum::<usize>() <= room
    };
    (FEWEST..=all)
        .rev()
        .map(laid_out)
        .find(fits)
        .unwrap_or_else(|| laid_out(FEWEST.min(all)))
}

/// Cuts `all` dumps into `columns` ranges; the first and the last dump are alone in theirs.
fn ranges(all: usize, columns: usize) -> impl Iterator<Item = RangeInclusive<usize>> {
    // The last dump of a column: evenly spaced over all dumps.
    let end = move |column: usize| match columns {
        0 | 1 => all.saturating_sub(1),
        _ if column + 2 == columns => all - 2,
        _ => column * (all - 1) / (columns - 1),
    };
    (0..columns).map(move |column| {
        let begin = if column == 0 { 0 } else { end(column - 1) + 1 };
        begin..=end(column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(minutes: &[f64]) -> Vec<Moment> {
        let moment = |&minutes: &f64| Moment {
            time: None,
            sequence: None,
            minutes: Some(minutes),
        };
        minutes.iter().map(moment).collect()
    }

    #[test]
    fn times_are_no_finer_than_is_of_use() {
        for (minutes, all, text) in [
            (0.0, 5.0, "0"),
            (0.05, 0.1, "3s"),
            (0.001, 0.03, "60ms"),
            (5.5, 30.0, "5m30s"),
            (65.2, 120.0, "1h5m"),
            (1500.0, 9000.0, "1day1h"),
        ] {
            assert_eq!(duration(minutes, all), text);
        }
    }

    #[test]
    fn first_and_last_keep_a_column_of_their_own() {
        for all in 3..30 {
            for columns in 3..=all {
                let ranges: Vec<_> = ranges(all, columns).collect();
                assert_eq!(ranges.len(), columns);
                assert_eq!(ranges[0], 0..=0);
                assert_eq!(ranges[columns - 1], all - 1..=all - 1);
                let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
                assert_eq!(covered, (0..all).collect::<Vec<_>>(), "{all} in {columns}");
                assert!(ranges.iter().all(|range| !range.is_empty()));
            }
        }
    }

    #[test]
    fn columns_are_merged_until_they_fit() {
        let moments = moments(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let headings = |width| -> Vec<String> {
            let heading = |dumps: &RangeInclusive<usize>| told(&moments, *dumps.end());
            time_columns(&moments, |_| 4, 20, width, heading)
                .into_iter()
                .map(|column| column.heading)
                .collect()
        };
        assert_eq!(headings(Width::Unlimited).len(), 7);
        assert_eq!(headings(Width::Columns(63)).len(), 7);
        assert_eq!(headings(Width::Columns(46)), ["first", "+2m", "+5m", "+6m"]);
        assert_eq!(headings(Width::Columns(10)), ["first", "+5m", "+6m"]);
    }
}
