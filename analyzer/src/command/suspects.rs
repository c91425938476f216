use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::forbidden::Forbidden;
use super::limit::Limit;
use super::session::Session;
use super::sources::{CannotStart, Newest};
use crate::analysis::suspects::{Confidence, Suspect, suspects};
use crate::view;

/// The verdict: what leaks, who holds it, how fast, how sure
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump suspects                     all dumps of the newest process here
  memdump suspects shop.*.dump         a series; three dumps or more tell what grows steadily
  memdump suspects e.dump              what one dump tells: cycles, tracebacks, native code
  memdump suspects *.dump --fail-on likely     ends with code 6 on a leak")]
pub(super) struct Suspects {
    /// The dumps [default: all of the newest process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// End with code 6 if there is a suspect that is so sure, or surer
    #[arg(long, value_name = "CONFIDENCE", value_enum)]
    fail_on: Option<Level>,
    #[command(flatten)]
    limit: Limit,
}

/// How sure a suspect must be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// Any suspect
    Unclear,
    /// Steady growth, of three dumps or more
    Likely,
    /// Steady growth of which nothing goes again, of four dumps or more
    Certain,
}

impl Level {
    fn confidence(self) -> Confidence {
        match self {
            Level::Unclear => Confidence::Unclear,
            Level::Likely => Confidence::Likely,
            Level::Certain => Confidence::Certain,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Unclear => "unclear",
            Level::Likely => "likely",
            Level::Certain => "certain",
        }
    }

    /// Of fewer dumps no suspect can be so sure: what never fails must not pass for a test.
    fn dumps(self) -> usize {
        match self {
            Level::Unclear => 2,
            Level::Likely => 3,
            Level::Certain => 4,
        }
    }
}

impl Suspects {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let paths = self.newest.or_any_given(&self.dumps)?;
        if let Some(level) = self.fail_on.filter(|level| paths.len() < level.dumps()) {
            return Err(CannotStart::TooFewToFail {
                level: level.name(),
                wanted: level.dumps(),
                given: paths.len(),
            }
            .into());
        }
        let mut dumps = session.open_series(&paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(|dump| dump.path().to_owned()).collect();
        let Some(last) = dumps.pop() else {
            unreachable!("at least one dump was given or found");
        };
        let mut result = suspects(last, dumps, session.progress())?;
        let forbidden = self.fail_on.and_then(|level| {
            let sure = |suspect: &&Suspect| suspect.confidence >= level.confidence();
            match result.suspects.iter().filter(sure).count() {
                0 => None,
                suspects => Some(Forbidden::Suspects {
                    level: level.name(),
                    suspects,
                }),
            }
        });
        let all = result.suspects.len();
        let entries = self.limit.entries(session.json).unwrap_or(all);
        result.suspects.truncate(entries);
        let more = all - result.suspects.len();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let given = session.give(&paths, &result, |result, width| {
            view::suspects::text(result, more, width)
        });
        Forbidden::judge(forbidden, given)
    }
}
