use std::path::PathBuf;

use memdump_format::{Dump, ReadError};

use super::session::{Damaged, Session};
use super::sources::given_or_newest;
use crate::analysis::verify::{Verified, verify};
use crate::view;

/// Whether dumps are whole: decodes all of them, and checks that their records fit together
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump verify *.dump && rsync *.dump archive:")]
pub(super) struct Verify {
    /// The dumps [default: the newest in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
}

#[derive(schemars::JsonSchema, serde::Serialize)]
pub(super) struct Verdicts {
    verdicts: Vec<Verified>,
}

impl Verify {
    pub(super) fn run(mut self, session: &Session) -> anyhow::Result<()> {
        if self.dumps.is_empty() {
            self.dumps = given_or_newest::<1>(&[])?.to_vec();
        }
        let mut verdicts = Vec::new();
        for path in &self.dumps {
            verdicts.push(verdict(path, session)?);
        }
        let paths: Vec<_> = self.dumps.iter().map(PathBuf::as_path).collect();
        let verdicts = Verdicts { verdicts };
        session.give(&paths, &verdicts, |result, _| {
            result.verdicts.iter().map(view::verify::text).collect()
        })?;
        match verdicts
            .verdicts
            .iter()
            .find(|verified| !verified.is_whole())
        {
            Some(damaged) => Err(Damaged(damaged.file.clone()).into()),
            None => Ok(()),
        }
    }
}

/// What cannot be opened at all is damaged, too: of that, everything that is missing is told.
fn verdict(path: &std::path::Path, session: &Session) -> Result<Verified, ReadError> {
    let error = match Dump::open(path) {
        Ok(dump) => return verify(dump, session.progress()),
        Err(error @ (ReadError::CutOff { .. } | ReadError::Block { .. })) => error,
        Err(other) => return Err(other),
    };
    let (dump, damage) = Dump::recover(path)?;
    let mut verified = verify(dump, session.progress())?;
    let missing = damage.missing.iter().map(|part| {
        let number = part
            .number
            .map_or("?".to_owned(), |number| number.to_string());
        format!(
            "block {number} at offset {} ({} bytes): {}",
            part.offset, part.length, part.why
        )
    });
    verified.problems = std::iter::once(error.to_string())
        .chain(missing)
        .chain(verified.problems)
        .collect();
    Ok(verified)
}
