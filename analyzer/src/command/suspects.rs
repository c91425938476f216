use std::path::{Path, PathBuf};

use super::limit::Limit;
use super::session::Session;
use super::sources::Newest;
use crate::analysis::suspects::suspects;
use crate::view;

/// The verdict: what leaks, who holds it, how fast, how sure
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump suspects                     all dumps of the newest process here
  memdump suspects shop.*.dump         a series; three dumps or more tell what grows steadily
  memdump suspects e.dump              what one dump tells: cycles, tracebacks, native code
  memdump suspects *.dump --json | jq -e '.suspects == []'")]
pub(super) struct Suspects {
    /// The dumps [default: all of the newest process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    #[command(flatten)]
    limit: Limit,
}

impl Suspects {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        const ALL: usize = 0;
        let paths = match &self.dumps[..] {
            // One dump, too, has something to tell.
            [_] => self.dumps,
            given => self.newest.or_given(given, ALL)?,
        };
        let mut dumps = session.open_series(&paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(|dump| dump.path().to_owned()).collect();
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
