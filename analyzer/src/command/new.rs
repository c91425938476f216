use std::path::PathBuf;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::new_objects::new_objects;
use crate::pattern::TypePattern;
use crate::view;

/// The new objects themselves: those that only the later dump has
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump new --type SomeRef           between the two newest dumps here
  memdump new a.dump b.dump --type 'app.*' --limit 0")]
pub(super) struct New {
    /// The earlier and the later dump [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP", num_args = 0..=2)]
    dumps: Vec<PathBuf>,
    /// Only of types like this: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<TypePattern>,
    #[command(flatten)]
    limit: Limit,
}

impl New {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let [before, after] = given_or_newest(&self.dumps)?;
        let [old, new] = session.load_both(&before, &after)?;
        let limit = self.limit.entries(session.json);
        let result = new_objects(&old, &new, self.pattern.as_ref(), limit, session.progress())?;
        session.give("new", &[&before, &after], &result, view::new_objects::text)
    }
}
