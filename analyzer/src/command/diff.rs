use std::path::{Path, PathBuf};

use clap::ValueEnum;
use memdump_format::Dump;

use super::forbidden::{Forbidden, Grown, GrowthLimit};
use super::limit::Limit;
use super::session::Session;
use super::sources::{CannotStart, Newest};
use crate::analysis::AnalysisError;
use crate::analysis::growth::{Change, GrowthOrder, growth, growth_retained};
use crate::analysis::select::retain_matching;
use crate::analysis::series::{SeriesOrder, Totals, series};
use crate::analysis::trend::Trend;
use crate::pattern::TypePattern;
use crate::snapshot::TypeName;
use crate::view::{self, series::Unit};

/// What grew: objects and bytes of each type; over several dumps a column for each, and how steadily
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump diff                         the two newest dumps here
  memdump diff a.dump b.dump --sort bytes
  memdump diff a.dump b.dump --retained    and what the new objects keep alive
  memdump diff -n 5                    the five newest dumps here: what grows steadily
  memdump diff a.dump b.dump --min-growth 1 --json | jq '.types[].type'
  memdump diff a.dump b.dump --type 'app.*' --fail-on-growth 1     ends with code 6 if one of them grew")]
pub(super) struct Diff {
    /// Two dumps, the earlier first, or more [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// Only types like this: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: Option<TypePattern>,
    /// What types are sorted by, greatest first
    #[arg(long, value_enum, default_value_t = Sort::Count)]
    sort: Sort,
    /// Leave out types whose count grew by less (by count or new) or whose bytes did (by bytes)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    min_growth: Option<i64>,
    /// Tell what the new objects of each type keep alive together, of two dumps; implied by --sort retained
    #[arg(long)]
    retained: bool,
    /// End with code 6 if one of the types, or all together, grew by so much or more: objects (100) or bytes (1MiB)
    #[arg(long, value_name = "GROWTH")]
    fail_on_growth: Vec<GrowthLimit>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Growth of the count
    Count,
    /// Growth of the bytes
    Bytes,
    /// New objects, of two dumps
    New,
    /// Bytes that are kept alive only through the new objects, of two dumps
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
        match &self.newest.or_given(&self.dumps, 2)?[..] {
            [before, after] => self.compare(before, after, session),
            more => self.follow(more, session),
        }
    }

    fn compare(&self, before: &Path, after: &Path, session: &Session) -> anyhow::Result<()> {
        let [old, new] = session.load_both(before, after)?;
        let order = GrowthOrder::from(self.sort);
        let mut result = if self.retained || order == GrowthOrder::Retained {
            growth_retained(&old, &new, order, session.progress())?
        } else {
            growth(&old, &new, order, session.progress()).map_err(AnalysisError::from)?
        };
        if let Some(pattern) = &self.pattern {
            retain_matching(
                pattern,
                &mut result.types,
                |row| &row.type_name,
                &[before, after],
            )?;
        }
        let grown = |change: &Change| Grown {
            objects: change.count_growth,
            bytes: change.bytes_growth,
        };
        let forbidden = self.forbidden(
            || (result.types.iter()).map(|row| (&row.type_name, grown(&row.change))),
            grown(&result.total),
        );
        let grew = |change: &Change| match order {
            GrowthOrder::Bytes => change.bytes_growth,
            _ => change.count_growth,
        };
        let left_out = self.shorten(
            session.json,
            &mut result.types,
            |row| grew(&row.change),
            |row| row.change.is_none(),
        );
        let given = session.give(&[before, after], &result, |result, width| {
            view::growth::text(result, left_out.more, left_out.unchanged, width)
        });
        Forbidden::judge(forbidden, given)
    }

    fn follow(&self, paths: &[PathBuf], session: &Session) -> anyhow::Result<()> {
        if self.retained {
            return Err(CannotStart::NewOfSeries.into());
        }
        let (order, unit) = match self.sort {
            Sort::Count => (SeriesOrder::Count, Unit::Objects),
            Sort::Bytes => (SeriesOrder::Bytes, Unit::Bytes),
            Sort::Name => (SeriesOrder::Name, Unit::Objects),
            Sort::New | Sort::Retained => return Err(CannotStart::NewOfSeries.into()),
        };
        let dumps = session.open_series(paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(Dump::path).map(Path::to_owned).collect();
        let mut result = series(session.load_each(dumps), order)?;
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        if let Some(pattern) = &self.pattern {
            retain_matching(pattern, &mut result.types, |row| &row.type_name, &paths)?;
        }
        let grown = |totals: &Totals| Grown {
            objects: totals.count.growth,
            bytes: totals.bytes.growth,
        };
        let forbidden = self.forbidden(
            || (result.types.iter()).map(|row| (&row.type_name, grown(&row.totals))),
            grown(&result.total),
        );
        let grew = |totals: &Totals| match unit {
            Unit::Objects => totals.count.growth,
            Unit::Bytes => totals.bytes.growth,
        };
        let is_unchanged = |totals: &Totals| {
            [&totals.count, &totals.bytes].map(|course| course.trend) == [Trend::Unchanged; 2]
        };
        let left_out = self.shorten(
            session.json,
            &mut result.types,
            |row| grew(&row.totals),
            |row| is_unchanged(&row.totals),
        );
        let given = session.give(&paths, &result, |result, width| {
            view::series::text(result, unit, left_out.more, left_out.unchanged, width)
        });
        Forbidden::judge(forbidden, given)
    }

    /// Whether something grew that must not: of the types that are asked about, listed or not.
    fn forbidden<'r, I: Iterator<Item = (&'r TypeName, Grown)>>(
        &self,
        types: impl Fn() -> I,
        total: Grown,
    ) -> Option<Forbidden> {
        // The total is that of all types.
        let total = self.pattern.is_none().then_some(total);
        let mut limits = self.fail_on_growth.iter();
        limits.find_map(|limit| limit.exceeded(types(), total))
    }

    /// Leaves out what is not asked for, and as text what is not worth telling.
    fn shorten<T>(
        &self,
        json: bool,
        types: &mut Vec<T>,
        grew: impl Fn(&T) -> i64,
        is_unchanged: impl Fn(&T) -> bool,
    ) -> LeftOut {
        if let Some(least) = self.min_growth {
            types.retain(|row| grew(row) >= least);
        }
        let every = types.len();
        if !json {
            types.retain(|row| !is_unchanged(row));
        }
        let changed = types.len();
        types.truncate(self.limit.entries(json).unwrap_or(changed));
        LeftOut {
            more: changed - types.len(),
            unchanged: every - changed,
        }
    }
}

/// Types that are not listed.
struct LeftOut {
    /// Because there are too many.
    more: usize,
    /// Because nothing happened.
    unchanged: usize,
}
