//! `diff(before, after)` and `chains_of(dump, pattern)`: the analyses of the commands, as rows.

use std::sync::Arc;

use memdump_format::Address;

use super::Arguments;
use crate::analysis::AnalysisError;
use crate::analysis::chain::{ChainQuestion, HolderKind, HolderShape, ShapeGroup, explain_all};
use crate::analysis::growth::{GrowthOrder, TypeGrowth, growth};
use crate::graph::RootFilter;
use crate::pattern::TypePattern;
use crate::sql::catalogue::{CHAINS, ChainsColumn, DiffColumn};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, Listed, NoRows, Row, Rows};
use crate::sql::sources::Sources;

pub(super) fn diff(
    sources: Arc<Sources>,
    arguments: &Arguments<'_>,
) -> Result<Box<dyn Rows>, SqlError> {
    let place = |number| arguments.integer(number).and_then(|n| sources.place(n));
    let (Some(before), Some(after)) = (place(0), place(1)) else {
        return Ok(Box::new(NoRows));
    };
    let progress = sources.progress();
    let before = sources.at(before).snapshot(progress)?;
    let after = sources.at(after).snapshot(progress)?;
    let growth = growth(before, after, GrowthOrder::Count, progress)?;
    let rows: Vec<Grown> = growth
        .types
        .into_iter()
        .map(|row| Grown {
            name: row.type_name.to_string(),
            row,
        })
        .collect();
    Ok(Listed::boxed(rows))
}

struct Grown {
    name: String,
    row: TypeGrowth,
}

impl Row for Grown {
    fn value(&self, column: usize) -> Cell<'_> {
        use DiffColumn as Column;
        let change = &self.row.change;
        match Column::of(column) {
            Some(Column::TypeName) => self.name.as_str().into(),
            Some(Column::CountBefore) => Cell::count(change.count_before),
            Some(Column::CountAfter) => Cell::count(change.count_after),
            Some(Column::CountGrowth) => change.count_growth.into(),
            Some(Column::BytesBefore) => Cell::count(change.bytes_before),
            Some(Column::BytesAfter) => Cell::count(change.bytes_after),
            Some(Column::BytesGrowth) => change.bytes_growth.into(),
            Some(Column::NewCount) => change.new.map_or(Cell::Null, Cell::count),
            Some(Column::GoneCount) => change.gone.map_or(Cell::Null, Cell::count),
            Some(Column::Before | Column::After) | None => Cell::Null,
        }
    }
}

pub(super) fn chains(
    sources: Arc<Sources>,
    arguments: &Arguments<'_>,
) -> Result<Box<dyn Rows>, SqlError> {
    let place = arguments.integer(0).and_then(|n| sources.place(n));
    let (Some(place), Some(pattern)) = (place, arguments.text(1)) else {
        return Ok(Box::new(NoRows));
    };
    let pattern: TypePattern = pattern.parse().map_err(|error| SqlError::Argument {
        function: CHAINS.usage(),
        why: format!("{error}"),
    })?;
    let question = ChainQuestion {
        pattern,
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: None,
    };
    let progress = sources.progress();
    let snapshot = sources.at(place).snapshot(progress)?;
    let explained = match explain_all(snapshot, &question, progress) {
        Err(AnalysisError::NoSuchType { .. }) => return Ok(Box::new(NoRows)),
        explained => explained?,
    };
    Ok(Listed::boxed(
        explained.groups.iter().map(Group::of).collect(),
    ))
}

struct Group {
    count: u64,
    type_name: String,
    chain: String,
    example: Address,
}

impl Group {
    fn of(group: &ShapeGroup) -> Group {
        let last = group.example.steps.last();
        let type_name = group.steps.last().map(|step| step.type_name.to_string());
        Group {
            count: group.count,
            type_name: type_name.unwrap_or_default(),
            chain: chain_text(group),
            example: last.map_or(Address(0), |step| step.address),
        }
    }
}

impl Row for Group {
    fn value(&self, column: usize) -> Cell<'_> {
        use ChainsColumn as Column;
        match Column::of(column) {
            Some(Column::Count) => Cell::count(self.count),
            Some(Column::TypeName) => self.type_name.as_str().into(),
            Some(Column::Chain) => self.chain.as_str().into(),
            Some(Column::Example) => Cell::address(self.example),
            Some(Column::Dump | Column::Pattern) | None => Cell::Null,
        }
    }
}

/// `module app.views .global_data ['a'] [*]`; what recurs in brackets, with a `+`.
fn chain_text(group: &ShapeGroup) -> String {
    let mut parts = vec![holder_text(&group.holder)];
    for step in group.steps.iter().skip(1) {
        parts.push(match step.label.as_str() {
            "" => format!("→ {}", step.type_name),
            label => label.to_owned(),
        });
        let recurring = usize::from(step.recurring).min(parts.len() - 1);
        if recurring > 0 {
            let repeated = parts.split_off(parts.len() - recurring);
            parts.push(format!("({})+", repeated.join(" ")));
        }
    }
    parts.join(" ")
}

fn holder_text(holder: &HolderShape) -> String {
    let kind = match holder.kind {
        HolderKind::Module => "module",
        HolderKind::Frame => "frame",
        HolderKind::Thread => "thread",
        HolderKind::Interpreter => "interpreter",
        HolderKind::Static => "static",
        HolderKind::Native => "native code",
        HolderKind::Unreachable => "nothing",
    };
    let mut text = kind.to_owned();
    if let Some(name) = &holder.name {
        text += &format!(" {name}");
    }
    if !holder.label.is_empty() {
        text += &format!(" {}", holder.label);
    }
    text
}
