//! What of a report is shown: as much as fits, and how much that leaves out. The forms are those of the commands' JSON.

use serde::Serialize;
use serde_json::Value;

use super::Report;
use crate::analysis::biggest::Biggest;
use crate::analysis::chain::Explained;
use crate::analysis::growth::{Growth, TypeGrowth};
use crate::analysis::info::Info;
use crate::analysis::retained_map::RetainedMap;
use crate::analysis::series::{Series, TypeSeries};
use crate::analysis::threads::Threads;
use crate::analysis::top::Top;
use crate::picture::layout::Placed;
use crate::picture::{Bounds, fitted, of_chains, svg};
use crate::view::Width;
use crate::view::suspects::{Words, words};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// No list has more rows.
    pub(super) rows: usize,
    /// No text has more characters; of longer ones the middle is left out.
    pub(super) text: u16,
}

/// More suspects than this nobody follows up.
const SUSPECTS: usize = 30;
/// Of so many dumps all facts are told, the first and the last among them.
const FACTS: usize = 12;
/// A dump says less than this of itself, unless it is made to.
const METADATA: usize = 60;
const FAULTS: usize = 20;
/// Of a longer chain the beginning and the end are told.
const STEPS: usize = 60;
/// A picture of a page is no wider than the page.
const PICTURE: Bounds = Bounds {
    nodes: 40,
    pixels: 1240,
};

/// A report, cut to its limits.
pub(super) struct Shown {
    /// For the page's script.
    pub(super) data: Value,
    /// Its pictures, as they were laid out.
    pub(super) pictures: Vec<Placed>,
}

#[derive(Serialize)]
struct Data<'r> {
    schema: &'static str,
    /// The version of memdump.
    version: &'static str,
    dumps: Vec<&'r str>,
    /// How many there are, if not all were looked at.
    of_dumps: Option<usize>,
    left_out: LeftOut,
    infos: Vec<ShownInfo>,
    verdict: Words,
    series: Option<Series>,
    diff: Option<Growth>,
    map: &'r RetainedMap,
    chains: Vec<ShownChains>,
    top: Top,
    objects: Biggest,
    threads: &'r Threads,
}

/// By section.
#[derive(Serialize)]
struct SectionCommands {
    verdict: Vec<String>,
    growth: Vec<String>,
    map: Vec<String>,
    types: Vec<String>,
    objects: Vec<String>,
    threads: Vec<String>,
    facts: Vec<String>,
}

/// Rows that are not shown.
#[derive(Default, Serialize)]
struct LeftOut {
    infos: usize,
    series: usize,
    diff: usize,
    top: usize,
    objects: u64,
}

#[derive(Serialize)]
struct ShownInfo {
    #[serde(flatten)]
    info: Info,
    more_faults: usize,
}

/// Its command and its picture, an element without styles, are added later.
#[derive(Serialize)]
struct ShownChains {
    explained: Explained,
}

impl Shown {
    /// What is shown of a report within limits.
    pub(super) fn of(report: &Report, limits: Limits) -> Shown {
        let mut left_out = LeftOut::default();
        let top = Top {
            types: first(&report.top.types, limits.rows, &mut left_out.top),
            ..report.top
        };
        let mut of_objects = 0;
        let objects = Biggest {
            objects: first(&report.objects.objects, limits.rows, &mut of_objects),
            ..report.objects
        };
        left_out.objects = report.objects.total - objects.objects.len() as u64;
        // What never moved would hide what did.
        let moved = |row: &TypeSeries| row.totals.moved();
        let series = report.series.as_ref().map(|series| Series {
            types: first_that(&series.types, moved, limits.rows, &mut left_out.series),
            identity: series.identity.clone(),
            moments: series.moments.clone(),
            total: series.total.clone(),
        });
        let changed = |row: &TypeGrowth| !row.change.is_none();
        let diff = report.diff.as_ref().map(|diff| Growth {
            types: first_that(&diff.types, changed, limits.rows, &mut left_out.diff),
            identity: diff.identity.clone(),
            total: diff.total,
        });
        let infos = ends(&report.infos, FACTS, &mut left_out.infos);
        let width = Width::Columns(limits.text);
        let explained = report.chains.iter();
        let chains: Vec<ShownChains> = explained
            .map(|explained| ShownChains {
                explained: shortened(explained, limits.rows),
            })
            .collect();
        let drawn = chains.iter().enumerate().map(|(number, shown)| {
            let (mut picture, placed) =
                fitted(PICTURE, |nodes| of_chains::picture(&shown.explained, nodes));
            picture.shorten(width);
            let name = number.to_string();
            let element = svg::element(&picture, &placed, PICTURE.pixels, &name);
            let command = report
                .commands
                .chain(&width.fit(&shown.explained.pattern, 0));
            (placed, [command, element])
        });
        let (pictures, of_chains): (Vec<Placed>, Vec<[String; 2]>) = drawn.unzip();
        let data = Data {
            schema: "memdump.report/1",
            version: env!("CARGO_PKG_VERSION"),
            dumps: report.commands.files().iter().map(String::as_str).collect(),
            of_dumps: Some(report.of_dumps).filter(|&of| of > report.infos.len()),
            infos: infos.into_iter().map(ShownInfo::of).collect(),
            verdict: words(&report.verdict, SUSPECTS.min(limits.rows)),
            series,
            diff,
            map: &report.map,
            chains,
            top,
            objects,
            threads: &report.threads,
            left_out,
        };
        let mut data = told(&data);
        cut_texts(&mut data, width);
        // Half a command, or half a picture, is none.
        data["commands"] = told(&SectionCommands::of(report));
        for (number, [command, picture]) in of_chains.into_iter().enumerate() {
            data["chains"][number]["command"] = command.into();
            data["chains"][number]["picture"] = picture.into();
        }
        Shown { data, pictures }
    }
}

impl SectionCommands {
    fn of(report: &Report) -> SectionCommands {
        let commands = &report.commands;
        let growth = match report.series {
            Some(_) => vec![
                commands.of_all("diff"),
                commands.query_all("SELECT * FROM growth ORDER BY count_growth DESC LIMIT 50"),
            ],
            None => Vec::new(),
        };
        let biggest = "SELECT * FROM biggest_dominators LIMIT 50";
        SectionCommands {
            verdict: vec![commands.of_all("suspects")],
            growth,
            map: vec![commands.query_last(biggest)],
            types: vec![commands.of_last("top --retained --limit 0")],
            objects: vec![commands.of_last("top --objects --limit 500")],
            threads: vec![commands.query_last("SELECT * FROM threads")],
            facts: vec![commands.of_all("info")],
        }
    }
}

impl ShownInfo {
    fn of(mut info: Info) -> ShownInfo {
        let more_faults = info.faults.len().saturating_sub(FAULTS);
        info.faults.truncate(FAULTS);
        info.metadata = info.metadata.into_iter().take(METADATA).collect();
        ShownInfo { info, more_faults }
    }
}

fn told(result: &impl Serialize) -> Value {
    // Numbers and texts, with texts as keys: nothing that JSON does not have.
    serde_json::to_value(result).expect("results can be told")
}

/// The first of a list, and how many that leaves out.
fn first<T: Clone>(all: &[T], most: usize, left_out: &mut usize) -> Vec<T> {
    first_that(all, |_| true, most, left_out)
}

/// The first of a list that are worth it, and how many that leaves out.
fn first_that<T: Clone>(
    all: &[T],
    is_told: impl Fn(&T) -> bool,
    most: usize,
    left_out: &mut usize,
) -> Vec<T> {
    let told = all.iter().filter(|row| is_told(row)).take(most);
    let told: Vec<T> = told.cloned().collect();
    *left_out = all.len() - told.len();
    told
}

/// The beginning and the end of a list.
fn ends<T: Clone>(all: &[T], most: usize, left_out: &mut usize) -> Vec<T> {
    *left_out = all.len().saturating_sub(most);
    if *left_out == 0 {
        return all.to_vec();
    }
    let (begin, end) = (&all[..most / 2], &all[all.len() - (most - most / 2)..]);
    [begin, end].concat()
}

/// Chains without the middle of examples that are long: a list may have a million nodes.
fn shortened(explained: &Explained, groups: usize) -> Explained {
    let mut explained = explained.clone();
    explained.groups.truncate(groups);
    for group in &mut explained.groups {
        let steps = &mut group.example.steps;
        *steps = ends(steps, STEPS, &mut 0);
    }
    explained
}

/// Leaves out the middle of every text that is too long, and fields that are called by such.
fn cut_texts(value: &mut Value, width: Width) {
    match value {
        Value::String(text) => *text = width.fit(text, 0),
        Value::Array(values) => values.iter_mut().for_each(|value| cut_texts(value, width)),
        Value::Object(fields) => {
            fields.retain(|name, _| width.fit(name, 0) == *name);
            fields
                .values_mut()
                .for_each(|value| cut_texts(value, width));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_middle_of_long_texts_is_left_out_wherever_they_are() {
        let (long, cut) = ("ä".repeat(15) + &"b".repeat(15), "ääääääääääää…bbbbbbbbbbb");
        let mut value = json!({"a": [long, 5], "b": {(long.clone()): 1, "c": {"d": long}}});
        cut_texts(&mut value, Width::Columns(24));
        assert_eq!(value, json!({"a": [cut, 5], "b": {"c": {"d": cut}}}));
    }

    #[test]
    fn of_a_long_list_both_ends_are_told() {
        let mut left_out = 0;
        assert_eq!(ends(&[1, 2, 3, 4, 5, 6, 7], 4, &mut left_out), [1, 2, 6, 7]);
        assert_eq!(left_out, 3);
        assert_eq!(ends(&[1, 2, 3, 4], 4, &mut left_out), [1, 2, 3, 4]);
        assert_eq!(left_out, 0);
    }
}
