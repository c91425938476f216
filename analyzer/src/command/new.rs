use std::path::{Path, PathBuf};

use memdump_format::Dump;

use super::limit::Limit;
use super::session::Session;
use super::sources::Newest;
use crate::analysis::new_objects::{new_objects, new_objects_that_stay};
use crate::pattern::TypePattern;
use crate::view;

/// The new objects themselves: those that only the later dump has; with more dumps, those that stay
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump new --type SomeRef           between the two newest dumps here
  memdump new a.dump b.dump --type 'app.*' --limit 0
  memdump new a.dump b.dump c.dump     born between a.dump and b.dump, and still in c.dump")]
pub(super) struct New {
    /// The earlier and the later dump; objects must be in all further ones, too [default: the newest two of one process in
    /// the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// Only of types like this: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<TypePattern>,
    #[command(flatten)]
    limit: Limit,
}

impl New {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let paths = self.newest.or_given(&self.dumps, 2)?;
        let (pattern, limit) = (self.pattern.as_ref(), self.limit.entries(session.json));
        let progress = session.progress();
        if let [before, after] = &paths[..] {
            let [old, new] = session.load_both(before, after)?;
            let result = new_objects(&old, &new, pattern, limit, progress)?;
            return session.give(&[before, after], &result, view::new_objects::text);
        }
        let dumps = session.open_series(&paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(Dump::path).map(Path::to_owned).collect();
        let result = new_objects_that_stay(session.load_each(dumps), pattern, limit, progress)?;
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        session.give(&paths, &result, view::new_objects::text)
    }
}
