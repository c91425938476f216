use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::chain::{ChainQuestion, explain_all, explain_new, explain_new_that_stay};
use crate::graph::RootFilter;
use crate::pattern::TypePattern;
use crate::view;

/// What keeps objects alive: every new object's shortest chain, grouped by shape
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump chain --type SomeRef                    new ones, between the two newest dumps here
  memdump chain --type SomeRef a.dump b.dump      new ones, those that only b.dump has
  memdump chain --type SomeRef a.dump b.dump c.dump
                                                  born between a.dump and b.dump, and still in c.dump
  memdump chain --type SomeRef b.dump             all of them
  memdump chain --type SomeRef --avoid dict --from frame a.dump b.dump")]
pub(super) struct Chain {
    /// The types to explain: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: TypePattern,
    /// The earlier and the later dump, and further ones that objects must be in, too; or one dump, of which all objects
    /// are explained [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    /// Explain every object of the (last) dump, not only new ones
    #[arg(long)]
    all: bool,
    /// At which roots chains may begin
    #[arg(long, value_enum, default_value_t = From::Any)]
    from: From,
    /// Take no chain through objects of types like this; may be repeated
    #[arg(long, value_name = "PATTERN")]
    avoid: Vec<TypePattern>,
    /// Take no chain of more references than this
    #[arg(long, value_name = "N")]
    max_depth: Option<u32>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// Imported modules
    Module,
    /// Frames of threads
    Frame,
    /// Whatever holds objects
    Any,
}

impl Chain {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let question = ChainQuestion {
            pattern: self.pattern,
            from: match self.from {
                From::Module => RootFilter::Module,
                From::Frame => RootFilter::Frame,
                From::Any => RootFilter::Any,
            },
            avoid: self.avoid,
            max_depth: self.max_depth,
            limit: self.limit.entries(session.json),
        };
        let progress = session.progress();
        if let ([_, _, _, ..], false) = (&self.dumps[..], self.all) {
            let dumps = session.open_series(&self.dumps)?;
            let paths: Vec<PathBuf> = dumps.iter().map(|dump| dump.path().to_owned()).collect();
            let result = explain_new_that_stay(session.load_each(dumps), &question, progress)?;
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            return session.give("chain", &paths, &result, view::chain::text);
        }
        let [before, after] = match (&self.dumps[..], self.all) {
            ([.., only], true) | ([only], false) => [None, Some(only.clone())],
            ([], true) => [None, Some(given_or_newest::<1>(&[])?[0].clone())],
            (given, false) => given_or_newest::<2>(given)?.map(Some),
        };
        let after = after.expect("the later dump is always named");
        let (result, dumps) = match &before {
            Some(before) => {
                let [old, new] = session.load_both(before, &after)?;
                (
                    explain_new(old, &new, &question, progress)?,
                    vec![&**before, &*after],
                )
            }
            None => (
                explain_all(&session.load(&after)?, &question, progress)?,
                vec![&*after],
            ),
        };
        session.give("chain", &dumps, &result, view::chain::text)
    }
}
