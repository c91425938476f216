use std::path::PathBuf;

use clap::ValueEnum;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::AnalysisError;
use crate::analysis::growth::{GrowthOrder, growth, growth_retained};
use crate::view;

/// What grew: objects and bytes of each type, before and after, new and gone
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump diff                         the two newest dumps here
  memdump diff a.dump b.dump --sort bytes
  memdump diff a.dump b.dump --retained    and what the new objects keep alive
  memdump diff a.dump b.dump --min-growth 1 --json | jq '.types[].type'")]
pub(super) struct Diff {
    /// The earlier and the later dump [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP", num_args = 0..=2)]
    dumps: Vec<PathBuf>,
    /// What types are sorted by, greatest first
    #[arg(long, value_enum, default_value_t = Sort::Count)]
    sort: Sort,
    /// Leave out types whose count grew by less (by count or new) or whose bytes did (by bytes)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    min_growth: Option<i64>,
    /// Tell what the new objects of each type keep alive together; implied by --sort retained
    #[arg(long)]
    retained: bool,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Growth of the count
    Count,
    /// Growth of the bytes
    Bytes,
    /// New objects
    New,
    /// Bytes that are kept alive only through the new objects
    Retained,
    /// The type's name
    Name,
}

impl From<Sort> for GrowthOrder {
    fn from(sort: Sort) -> GrowthOrder {
        match sort {
            Sort::Count => GrowthOrder::Count,
            Sort::Bytes => GrowthOrder::Bytes,
            Sort::New => GrowthOrder::New,
            Sort::Retained => GrowthOrder::Retained,
            Sort::Name => GrowthOrder::Name,
        }
    }
}

impl Diff {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let [before, after] = given_or_newest(&self.dumps)?;
        let [old, new] = session.load_both(&before, &after)?;
        let order = GrowthOrder::from(self.sort);
        let mut result = if self.retained || order == GrowthOrder::Retained {
            growth_retained(&old, &new, order, session.progress())?
        } else {
            growth(&old, &new, order, session.progress()).map_err(AnalysisError::from)?
        };
        if let Some(least) = self.min_growth {
            let grew = |change: &crate::analysis::growth::Change| match order {
                GrowthOrder::Bytes => change.bytes_growth,
                _ => change.count_growth,
            };
            result.types.retain(|row| grew(&row.change) >= least);
        }
        let every = result.types.len();
        if !session.json {
            result.types.retain(|row| !row.change.is_none());
        }
        let all = result.types.len();
        let unchanged = every - all;
        result
            .types
            .truncate(self.limit.entries(session.json).unwrap_or(all));
        let more = all - result.types.len();
        session.give("diff", &[&before, &after], &result, |result, width| {
            view::growth::text(result, more, unchanged, width)
        })
    }
}
