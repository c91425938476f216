//! How old objects are, as a table with a column for each dump that they were first seen in.

use std::ops::RangeInclusive;

use super::Width;
use super::number::{count, identity, plural};
use super::series::{Unit, shown, span};
use super::style::faint;
use super::table::{Column, Emphasis, table, wanted_width};
use super::time_columns::{time_columns, told};
use crate::analysis::survivors::{Ages, Cohort, Survivors};

/// Types that are not listed.
pub struct LeftOut {
    /// Because there are too many.
    pub more: usize,
    /// Because they accumulated nothing.
    pub without: usize,
}

/// The table.
pub fn text(result: &Survivors, unit: Unit, left_out: LeftOut, width: Width) -> String {
    let moments = &result.moments;
    let dumps = moments.len();
    let number = |cohort: Cohort| match unit {
        Unit::Objects => cohort.count,
        Unit::Bytes => cohort.bytes,
    };
    let rows: Vec<(Emphasis, &Ages, String)> = result
        .types
        .iter()
        .map(|row| (Emphasis::None, &row.ages, row.type_name.to_string()))
        .chain([(Emphasis::Strong, &result.total, "total".to_owned())])
        .collect();
    // Between two dumps there is none.
    let accumulates = dumps > 2;
    let mut headings = Vec::new();
    if accumulates {
        headings.extend([Column::Number("accumulated"), Column::Number("generations")]);
    }
    headings.push(Column::Text("type"));
    let told_beside = |ages: &Ages, name: &str| {
        let mut cells = Vec::new();
        if accumulates {
            cells.push(unit.text(number(ages.accumulated)));
            cells.push(format!("{} of {dumps}", count(ages.generations as u64)));
        }
        cells.push(name.to_owned());
        cells
    };
    let beside: Vec<Vec<String>> = rows
        .iter()
        .map(|(_, ages, name)| told_beside(ages, name))
        .collect();
    // What is merged is longer by a digit at most.
    let cell_width = |dump: usize| {
        let cells = rows
            .iter()
            .map(|(_, ages, _)| unit.text(number(ages.cohorts[dump])));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let heading = |dumps: &RangeInclusive<usize>| match (dumps.start(), dumps.end()) {
        (first, last) if first == last => told(moments, *last),
        (&first, &last) => format!("{}…{}", told(moments, first), told(moments, last)),
    };
    let columns = time_columns(
        moments,
        cell_width,
        wanted_width(&headings, &beside),
        width,
        heading,
    );
    let mut all: Vec<Column<'_>> = columns
        .iter()
        .map(|column| Column::Number(&column.heading))
        .collect();
    all.extend(headings);
    let cells = rows.iter().zip(beside).map(|((emphasis, ages, _), rest)| {
        let values = columns
            .iter()
            .map(|column| unit.text(number(Cohort::sum(&ages.cohorts[column.dumps.clone()]))));
        (*emphasis, values.chain(rest).collect())
    });
    let mut text = faint("first seen at\n") + &table(&all, cells, width);
    for (types, one, many) in [
        (left_out.more, "more type", "more types"),
        (
            left_out.without,
            "type that accumulated nothing",
            "types that accumulated nothing",
        ),
    ] {
        if types > 0 {
            text += &faint(&format!("… and {}\n", plural(types as u64, one, many)));
        }
    }
    text + &faint(&format!(
        "({}, {}{})\n",
        span(&result.identity, moments),
        identity(&result.identity),
        shown(columns.len(), dumps)
    ))
}
