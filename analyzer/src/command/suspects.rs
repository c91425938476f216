use std::path::{Path, PathBuf};

use super::limit::Limit;
use super::session::Session;
use super::sources::{given_or_newest, tell_if_reversed};
use crate::analysis::suspects::suspects;
use crate::view;

/// The verdict: what leaks, who holds it, how fast, how sure
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump suspects                     the two newest dumps here
  memdump suspects shop.*.dump         a series; three dumps or more tell what grows steadily
  memdump suspects e.dump              what one dump tells: cycles, tracebacks, native code
  memdump suspects *.dump --json | jq -e '.suspects == []'")]
pub(super) struct Suspects {
    /// The dumps, the earliest first [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    limit: Limit,
}

impl Suspects {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let paths = if self.dumps.is_empty() {
            given_or_newest::<2>(&[])?.to_vec()
        } else {
            self.dumps
        };
        let mut dumps = Vec::new();
        for path in &paths {
            dumps.push(session.open(path)?);
        }
        for pair in dumps.windows(2) {
            tell_if_reversed(&pair[0], &pair[1])?;
        }
        let Some(last) = dumps.pop() else {
            unreachable!("at least one dump was given or found");
        };
        let mut result = suspects(last, dumps, session.progress())?;
        let all = result.suspects.len();
        let entries = self.limit.entries(session.json).unwrap_or(all);
        result.suspects.truncate(entries);
        let more = all - result.suspects.len();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        session.give("suspects", &paths, &result, |result, width| {
            view::suspects::text(result, more, width)
        })
    }
}
