//! One object, and what is around it.

use serde::Deserialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::{address, page};
use crate::analysis::biggest::page_of_biggest;
use crate::analysis::show::{Side, neighbours_in, object_at, show_in};

#[derive(Deserialize)]
pub(super) struct Show {
    dump: Option<usize>,
    address: String,
    limit: Option<usize>,
}

pub(super) fn show(explorer: &Explorer, question: Show) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let shown = show_in(
        explorer.surroundings(number)?,
        address(&question.address)?,
        page(None, question.limit),
        explorer.progress(),
    )?;
    Answer::document("show", &[explorer.path(number)], &shown)
}

#[derive(Deserialize)]
pub(super) struct Neighbours {
    dump: Option<usize>,
    address: String,
    side: OfSide,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OfSide {
    References,
    Referrers,
}

pub(super) fn neighbours(explorer: &Explorer, question: Neighbours) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let side = match question.side {
        OfSide::References => Side::References,
        OfSide::Referrers => Side::Referrers,
    };
    let neighbours = neighbours_in(
        explorer.surroundings(number)?,
        address(&question.address)?,
        side,
        page(question.offset, question.limit),
    )?;
    Answer::document("neighbours", &[explorer.path(number)], &neighbours)
}

#[derive(Deserialize)]
pub(super) struct Dominated {
    dump: Option<usize>,
    /// Without one, what no single object keeps alive.
    address: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// What an object alone keeps alive, as far as nothing in between does.
pub(super) fn dominated(explorer: &Explorer, question: Dominated) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let snapshot = explorer.snapshot(number)?;
    let id = match question.address {
        Some(text) => Some(object_at(snapshot, address(&text)?)?),
        None => None,
    };
    let below = explorer.dump(number).dominated(explorer.progress())?;
    let ids = below.by(id).to_vec();
    let page = page(question.offset, question.limit);
    let result = page_of_biggest(snapshot, explorer.tree(number)?, ids, page)?;
    Answer::document("top_objects", &[explorer.path(number)], &result)
}
