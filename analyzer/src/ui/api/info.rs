//! What the dumps are, and how far they are opened.

use serde::{Deserialize, Serialize};

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use crate::analysis::info::Info;

#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Serialize)]
struct Infos<'e> {
    infos: &'e [Info],
}

pub(super) fn info(explorer: &Explorer, _: Nothing) -> Result<Answer, Refusal> {
    let infos = explorer.infos()?;
    Answer::document("info", &explorer.paths(), &Infos { infos })
}

pub(super) fn progress(explorer: &Explorer, _: Nothing) -> Result<Answer, Refusal> {
    Answer::document("progress", &[], &explorer.stages().told())
}
