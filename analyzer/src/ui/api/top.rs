//! Types, by what there is of them.

use serde::Deserialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::{Paged, filter, page};
use crate::analysis::top::{TopOrder, top_with};

#[derive(Deserialize)]
pub(super) struct Top {
    dump: Option<usize>,
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
    Bytes,
    Count,
    Retained,
}

/// Without retained bytes where types are too entangled to tell them.
pub(super) fn top(explorer: &Explorer, question: Top) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let snapshot = explorer.snapshot(number)?;
    let retained = explorer
        .dump(number)
        .retained_by_type(explorer.progress())?;
    let order = match question.sort {
        Sort::Bytes => TopOrder::Bytes,
        Sort::Count => TopOrder::Count,
        Sort::Retained => TopOrder::Retained,
    };
    let mut result = top_with(snapshot, order, retained);
    filter(&mut result.types, question.filter.as_deref(), |row| {
        &row.type_name
    });
    let matching = result.types.len() as u64;
    result.types = page(question.offset, question.limit)
        .of(&result.types)
        .to_vec();
    let paths = [explorer.path(number)];
    Answer::document("top", &paths, &Paged { result, matching })
}
