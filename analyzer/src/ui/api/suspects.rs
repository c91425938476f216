//! The verdict.

use serde::Serialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::info::Nothing;
use crate::analysis::suspects::Suspects;
use crate::view::suspects::{Words, words};

#[derive(Serialize)]
struct Verdict<'e> {
    #[serde(flatten)]
    suspects: &'e Suspects,
    /// The same in words.
    words: Words,
}

pub(super) fn suspects(explorer: &Explorer, _: Nothing) -> Result<Answer, Refusal> {
    let suspects = explorer.suspects()?;
    let words = words(suspects, usize::MAX);
    Answer::document("suspects", &explorer.paths(), &Verdict { suspects, words })
}
