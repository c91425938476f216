//! What keeps the objects of a type alive.

use std::path::Path;

use serde::Deserialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::page;
use crate::analysis::chain::{ChainQuestion, Explained, New, explain_searched};
use crate::graph::RootFilter;
use crate::pattern::TypePattern;
use crate::picture::{Bounds, fitted, of_chains, svg};

#[derive(Deserialize)]
pub(super) struct Chain {
    dump: Option<usize>,
    /// Only of objects that this dump does not have.
    before: Option<usize>,
    #[serde(rename = "type")]
    pattern: String,
    #[serde(default)]
    from: From,
    /// Patterns with commas between.
    avoid: Option<String>,
    max_depth: Option<u32>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    Module,
    Frame,
    #[default]
    Any,
}

pub(super) fn chain(explorer: &Explorer, question: Chain) -> Result<Answer, Refusal> {
    let (paths, result) = explained(explorer, question)?;
    Answer::document("chain", &paths, &result)
}

/// The same as a picture.
pub(super) fn picture(explorer: &Explorer, question: Chain) -> Result<Answer, Refusal> {
    const BOUNDS: Bounds = Bounds {
        nodes: 40,
        pixels: 1200,
    };
    let (_, result) = explained(explorer, question)?;
    let (picture, placed) = fitted(BOUNDS, |nodes| of_chains::picture(&result, nodes));
    Ok(Answer::picture(svg::svg(&picture, &placed, BOUNDS.pixels)))
}

/// The answer, and which dumps it is of.
fn explained(explorer: &Explorer, question: Chain) -> Result<(Vec<&Path>, Explained), Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let avoid = question.avoid.as_deref().unwrap_or_default().split(',');
    let avoid: Result<Vec<TypePattern>, _> = avoid
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
        .map(str::parse)
        .collect();
    let chains = ChainQuestion {
        pattern: question.pattern.parse()?,
        from: match question.from {
            From::Module => RootFilter::Module,
            From::Frame => RootFilter::Frame,
            From::Any => RootFilter::Any,
        },
        avoid: avoid?,
        max_depth: question.max_depth,
        limit: Some(page(None, question.limit).limit),
    };
    let known = explorer.new_since(question.before, number)?;
    let mut paths = vec![explorer.path(number)];
    let mut new = None;
    if let Some(known) = &known {
        paths.insert(0, explorer.path(known.before));
        new = Some(New {
            before: explorer.snapshot(known.before)?,
            identity: known.identity.clone(),
            objects: known.objects(),
        });
    }
    let result = explain_searched(
        explorer.searched(number)?,
        &chains,
        new,
        explorer.progress(),
    )?;
    Ok((paths, result))
}
