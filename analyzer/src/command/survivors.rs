use std::path::{Path, PathBuf};

use clap::ValueEnum;
use memdump_format::Dump;

use super::limit::Limit;
use super::session::Session;
use super::sources::Newest;
use crate::analysis::survivors::{SurvivorOrder, survivors};
use crate::pattern::TypePattern;
use crate::view;

/// How old objects are: those of the last dump, by the dump that they were first seen in
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump survivors                    all dumps of the newest process here
  memdump survivors a.dump b.dump c.dump d.dump --type 'app.*'
  memdump survivors *.dump --sort generations")]
pub(super) struct Survivors {
    /// The dumps, two or more [default: all of the newest process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// Only of types like this: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<TypePattern>,
    /// What types are sorted by, greatest first
    #[arg(long, value_enum, default_value_t = Sort::Count)]
    sort: Sort,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Accumulated objects: first seen neither in the first dump nor in the last
    Count,
    /// Their bytes
    Bytes,
    /// In how many of the dumps objects were first seen
    Generations,
    /// The type's name
    Name,
}

impl Survivors {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        const ALL: usize = 0;
        let paths = self.newest.or_given(&self.dumps, ALL)?;
        let dumps = session.open_series(&paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(Dump::path).map(Path::to_owned).collect();
        let order = match self.sort {
            Sort::Count => SurvivorOrder::Count,
            Sort::Bytes => SurvivorOrder::Bytes,
            Sort::Generations => SurvivorOrder::Generations,
            Sort::Name => SurvivorOrder::Name,
        };
        let pattern = self.pattern.as_ref();
        let mut result = survivors(session.load_each(dumps), pattern, order, session.progress())?;
        let every = result.types.len();
        // Whoever names types wants to see them.
        if !session.json && pattern.is_none() && paths.len() > 2 {
            result.types.retain(|row| row.ages.accumulated.count > 0);
        }
        let accumulating = result.types.len();
        result
            .types
            .truncate(self.limit.entries(session.json).unwrap_or(accumulating));
        let left_out = view::survivors::LeftOut {
            more: accumulating - result.types.len(),
            without: every - accumulating,
        };
        let unit = match order {
            SurvivorOrder::Bytes => view::series::Unit::Bytes,
            _ => view::series::Unit::Objects,
        };
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        session.give(&paths, &result, |result, width| {
            view::survivors::text(result, unit, left_out, width)
        })
    }
}
