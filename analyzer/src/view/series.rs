//! How types went over a series of dumps, as a table with a column for each.

use super::Width;
use super::number::{bytes, bytes_growth, count, growth, per_minute, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table};
use super::time_columns::{duration, time_columns, told};
use crate::analysis::identity::Identity;
use crate::analysis::series::{Series, Totals};
use crate::analysis::timeline::Moment;
use crate::analysis::trend::{Course, Trend};

/// What the columns of the dumps hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Numbers of objects.
    Objects,
    /// Shallow bytes.
    Bytes,
}

impl Unit {
    pub(super) fn text(self, number: u64) -> String {
        match self {
            Unit::Objects => count(number),
            Unit::Bytes => bytes(number),
        }
    }

    fn growth(self, number: i64) -> String {
        match self {
            Unit::Objects => growth(number),
            Unit::Bytes => bytes_growth(number),
        }
    }

    fn per_minute(self, rate: f64) -> String {
        match self {
            Unit::Objects => per_minute(rate),
            // Less than a byte a minute is nothing.
            Unit::Bytes => bytes_growth(rate.round() as i64),
        }
    }

    fn course(self, totals: &Totals) -> &Course {
        match self {
            Unit::Objects => &totals.count,
            Unit::Bytes => &totals.bytes,
        }
    }
}

/// The table; `more` types that changed are not listed, and `unchanged` ones that did not.
pub fn text(result: &Series, unit: Unit, more: usize, unchanged: usize, width: Width) -> String {
    let moments = &result.moments;
    let rows: Vec<(Emphasis, &Course, String)> = result
        .types
        .iter()
        .map(|row| (Emphasis::None, &row.totals, row.type_name.to_string()))
        .chain([(Emphasis::Strong, &result.total, "total".to_owned())])
        .map(|(emphasis, totals, name)| (emphasis, unit.course(totals), name))
        .collect();
    let has_rates = result.total.count.per_minute.is_some();
    let mut headings = vec![Column::Number("growth")];
    headings.extend(has_rates.then_some(Column::Number("per min")));
    headings.extend([Column::Text("trend"), Column::Text("type")]);
    let told_beside = |course: &Course, name: &str| {
        let mut cells = vec![unit.growth(course.growth)];
        cells.extend(course.per_minute.map(|rate| unit.per_minute(rate)));
        cells.extend([trend(course, moments), name.to_owned()]);
        cells
    };
    let beside: Vec<Vec<String>> = rows
        .iter()
        .map(|(_, course, name)| told_beside(course, name))
        .collect();
    let cell_width = |dump: usize| {
        let cells = rows
            .iter()
            .map(|(_, course, _)| unit.text(course.values[dump]));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let columns = time_columns(
        moments,
        cell_width,
        super::table::wanted_width(&headings, &beside),
        width,
        |dumps| told(moments, *dumps.end()),
    );
    let mut all: Vec<Column<'_>> = columns
        .iter()
        .map(|column| Column::Number(&column.heading))
        .collect();
    all.extend(headings);
    let cells = rows
        .iter()
        .zip(beside)
        .map(|((emphasis, course, _), rest)| {
            let values = columns
                .iter()
                .map(|column| unit.text(course.values[*column.dumps.end()]));
            (*emphasis, values.chain(rest).collect())
        });
    let mut text = table(&all, cells, width);
    for (types, one, many) in [
        (more, "more type", "more types"),
        (unchanged, "unchanged type", "unchanged types"),
    ] {
        if types > 0 {
            text += &faint(&format!("… and {}\n", plural(types as u64, one, many)));
        }
    }
    text + &faint(&format!(
        "({}{})\n",
        span(&result.identity, moments),
        shown(columns.len(), moments.len())
    ))
}

/// A trend in words.
fn trend(course: &Course, moments: &[Moment]) -> String {
    let word = match course.trend {
        Trend::Unknown => "–",
        Trend::Unchanged => "unchanged",
        Trend::Steady => "steady",
        Trend::Quickening => "quickening",
        Trend::Slowing => "slowing",
        Trend::Stopped => "stopped",
        Trend::OneStep => "one step",
        Trend::Uneven => "uneven",
        Trend::UpAndDown => "up and down",
        Trend::Shrinking => "shrinking",
    };
    match course.since {
        0 => word.to_owned(),
        since => format!("{word} since {}", told(moments, since)),
    }
}

/// `5 dumps of one process over 30m`.
pub(super) fn span(identity: &Identity, moments: &[Moment]) -> String {
    let dumps = plural(moments.len() as u64, "dump", "dumps");
    let last = moments.last().and_then(|moment| moment.minutes);
    match (identity, last) {
        (Identity::Unavailable { reason }, _) => format!("{dumps}, no trend: {reason}"),
        (_, None) => format!("{dumps}, no rates: times are missing or not in order"),
        (_, Some(all)) => format!("{dumps} of one process over {}", duration(all, all)),
    }
}

/// Tells how many columns there are if not all dumps have one.
pub(super) fn shown(columns: usize, dumps: usize) -> String {
    if columns == dumps {
        String::new()
    } else {
        format!("; {columns} columns fit, a pipe shows all")
    }
}
