use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::biggest::biggest;
use crate::analysis::select::retain_matching;
use crate::analysis::top::{TopOrder, top, top_retained};
use crate::pattern::TypePattern;
use crate::view;

/// Types by count, by shallow bytes and by what they retain; or the objects that retain most
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump top                          the newest dump here
  memdump top b.dump --sort count --limit 50
  memdump top b.dump --type 'app.*'    how many there are of these
  memdump top b.dump --sort retained   what would be freed without each type
  memdump top b.dump --objects         the objects that keep most alive
  memdump top b.dump --objects --type 'app.*'")]
pub(super) struct Top {
    /// The dump [default: the newest in the current directory]
    #[arg(value_name = "DUMP", num_args = 0..=1)]
    dumps: Vec<PathBuf>,
    /// What types are sorted by, greatest first
    #[arg(long, value_enum, default_value_t = Sort::Bytes)]
    sort: Sort,
    /// Tell the retained bytes of each type: what would be freed if all its objects were; implied by --sort retained
    #[arg(long)]
    retained: bool,
    /// List objects instead of types: those that retain most, each with its dominator
    #[arg(long, conflicts_with_all = ["sort", "retained"])]
    objects: bool,
    /// Only types like this, or objects of these: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<TypePattern>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Shallow bytes
    Bytes,
    /// Objects
    Count,
    /// Retained bytes
    Retained,
}

impl Top {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let [dump] = given_or_newest(&self.dumps)?;
        if self.objects {
            return self.objects(session, &dump);
        }
        let order = match self.sort {
            Sort::Bytes => TopOrder::Bytes,
            Sort::Count => TopOrder::Count,
            Sort::Retained => TopOrder::Retained,
        };
        let snapshot = session.load(&dump)?;
        let mut result = if self.retained || order == TopOrder::Retained {
            top_retained(&snapshot, order, session.progress())?
        } else {
            top(&snapshot, order)
        };
        if let Some(pattern) = &self.pattern {
            retain_matching(pattern, &mut result.types, |row| &row.type_name, &[&dump])?;
        }
        let all = result.types.len();
        result
            .types
            .truncate(self.limit.entries(session.json).unwrap_or(all));
        let more = all - result.types.len();
        session.give(&[&dump], &result, |result, width| {
            view::top::text(result, more, width)
        })
    }

    fn objects(self, session: &Session, dump: &Path) -> anyhow::Result<()> {
        let snapshot = session.load(dump)?;
        let limit = self.limit.entries(session.json);
        let result = biggest(&snapshot, self.pattern.as_ref(), limit, session.progress())?;
        session.give(&[dump], &result, view::biggest::text)
    }
}
