//! Where memory is kept: as a map, and by threads.

use serde::Deserialize;

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use crate::analysis::threads::{self, ThreadBounds};

const THREADS: ThreadBounds = ThreadBounds {
    threads: 200,
    frames: 60,
    variables: 30,
};

#[derive(Deserialize)]
pub(super) struct OfDump {
    dump: Option<usize>,
}

pub(super) fn map(explorer: &Explorer, question: OfDump) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    Answer::document("map", &[explorer.path(number)], explorer.map(number)?)
}

pub(super) fn threads(explorer: &Explorer, question: OfDump) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let (snapshot, tree) = (explorer.snapshot(number)?, explorer.tree(number)?);
    let threads = threads::threads(snapshot, tree, THREADS)?;
    Answer::document("threads", &[explorer.path(number)], &threads)
}
