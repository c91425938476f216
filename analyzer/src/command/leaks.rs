use std::path::PathBuf;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::leaks::leaks;
use crate::view;

/// What nothing holds any more: blocks that were never freed, and cycles that wait for the collector
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump leaks                        in the newest dump here
  memdump leaks a.dump b.dump          in b.dump, and which of them a.dump does not have yet
  memdump show b.dump 0x7f3a1c0042d0   the example of a kind, and what it holds")]
pub(super) struct Leaks {
    /// The dump, or an earlier one of the process and it [default: the newest in the current directory]
    #[arg(value_name = "DUMP", num_args = 0..=2)]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    limit: Limit,
}

impl Leaks {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let progress = session.progress();
        let (mut result, dumps) = match &self.dumps[..] {
            [before, after] => {
                let [old, new] = session.load_both(before, after)?;
                let result = leaks(Some(&old), &new, progress)?;
                (result, vec![before.clone(), after.clone()])
            }
            given => {
                let [dump] = given_or_newest(given)?;
                let result = leaks(None, &session.load(&dump)?, progress)?;
                (result, vec![dump])
            }
        };
        let all = result.kinds.len();
        let limit = self.limit.entries(session.json).unwrap_or(all);
        result.kinds.truncate(limit);
        let more = all - result.kinds.len();
        let dumps: Vec<_> = dumps.iter().map(PathBuf::as_path).collect();
        session.give(&dumps, &result, |result, width| {
            view::leaks::text(result, more, width)
        })
    }
}
