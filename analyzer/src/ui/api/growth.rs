//! What grew.

use serde::Deserialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::{Paged, filter, page};
use crate::analysis::growth::{self, GrowthOrder};
use crate::analysis::series::{self, SeriesOrder};

#[derive(Deserialize)]
pub(super) struct Diff {
    before: Option<usize>,
    after: Option<usize>,
    #[serde(default)]
    sort: Sort,
    filter: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Count,
    Bytes,
    New,
    Name,
}

pub(super) fn diff(explorer: &Explorer, question: Diff) -> Result<Answer, Refusal> {
    let before = explorer.chosen(question.before, explorer.first())?;
    let after = explorer.chosen(question.after, explorer.last())?;
    let mut result = explorer.compared(before, after)?.growth.clone();
    filter(&mut result.types, question.filter.as_deref(), |row| {
        &row.type_name
    });
    let order = match question.sort {
        Sort::Count => GrowthOrder::Count,
        Sort::Bytes => GrowthOrder::Bytes,
        Sort::New => GrowthOrder::New,
        Sort::Name => GrowthOrder::Name,
    };
    growth::sort(&mut result.types, order);
    let matching = result.types.len() as u64;
    result.types = page(question.offset, question.limit)
        .of(&result.types)
        .to_vec();
    let paths = [explorer.path(before), explorer.path(after)];
    Answer::document("diff", &paths, &Paged { result, matching })
}

#[derive(Deserialize)]
pub(super) struct Series {
    #[serde(default)]
    sort: SeriesSort,
    filter: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeriesSort {
    #[default]
    Count,
    Bytes,
    Name,
}

pub(super) fn series(explorer: &Explorer, question: Series) -> Result<Answer, Refusal> {
    let mut result = explorer.series()?.clone();
    filter(&mut result.types, question.filter.as_deref(), |row| {
        &row.type_name
    });
    let order = match question.sort {
        SeriesSort::Count => SeriesOrder::Count,
        SeriesSort::Bytes => SeriesOrder::Bytes,
        SeriesSort::Name => SeriesOrder::Name,
    };
    series::sort(&mut result.types, order);
    let matching = result.types.len() as u64;
    result.types = page(question.offset, question.limit)
        .of(&result.types)
        .to_vec();
    Answer::document("series", &explorer.paths(), &Paged { result, matching })
}
