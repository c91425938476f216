use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::limit::Limit;
use super::picture::Drawing;
use super::session::Session;
use super::sources::{Newest, given_or_newest};
use crate::analysis::chain::{
    ChainQuestion, Explained, explain_all, explain_new, explain_new_that_stay,
};
use crate::graph::RootFilter;
use crate::pattern::TypePattern;
use crate::picture::of_chains;
use crate::view;

/// What keeps objects alive: every new object's shortest chain, grouped by shape
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump chain --type SomeRef                    new ones, between the two newest dumps here
  memdump chain --type SomeRef a.dump b.dump      new ones, those that only b.dump has
  memdump chain --type SomeRef a.dump b.dump c.dump
                                                  born between a.dump and b.dump, and still in c.dump
  memdump chain --type SomeRef -n 3               the same of the three newest dumps here
  memdump chain --type SomeRef b.dump             all of them
  memdump chain --type SomeRef --avoid dict --from frame a.dump b.dump
  memdump chain --type SomeRef a.dump b.dump -o chain.svg
                                                  as a picture, too")]
pub(super) struct Chain {
    /// The types to explain: SomeRef, app.models.SomeRef, '*Ref'
    #[arg(long = "type", value_name = "PATTERN")]
    pattern: TypePattern,
    /// The earlier and the later dump, and further ones that objects must be in, too; or one dump, of which all objects
    /// are explained [default: the newest two of one process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// Explain every object of the (last) dump, not only new ones
    #[arg(long, conflicts_with = "newest")]
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
    /// Draw the chains as well, as the file's ending says: .svg, .png, or .dot for Graphviz
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    drawing: Drawing,
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
        let drawn = self.output.as_deref().map(|path| self.drawing.file(path));
        let drawn = drawn.transpose()?;
        let tell = |result: &Explained, dumps: &[&Path]| {
            // First, because who reads the text may hang up: `memdump chain … -o chain.svg | head`.
            let wrote = drawn
                .as_ref()
                .map(|file| file.write(|nodes| of_chains::picture(result, nodes)));
            session.give(dumps, result, view::chain::text)?;
            wrote.unwrap_or(Ok(()))
        };
        let progress = session.progress();
        let paths = match (&self.dumps[..], self.all) {
            ([], true) => given_or_newest::<1>(&[])?.to_vec(),
            ([.., only], true) | ([only], false) => vec![only.clone()],
            (given, false) => self.newest.or_given(given, 2)?,
        };
        match &paths[..] {
            [only] => {
                let result = explain_all(&session.load(only)?, &question, progress)?;
                tell(&result, &[only])
            }
            [before, after] => {
                let [old, new] = session.load_both(before, after)?;
                let result = explain_new(old, &new, &question, progress)?;
                tell(&result, &[before, after])
            }
            more => {
                let dumps = session.open_series(more)?;
                let paths: Vec<PathBuf> = dumps.iter().map(|dump| dump.path().to_owned()).collect();
                let result = explain_new_that_stay(session.load_each(dumps), &question, progress)?;
                let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
                tell(&result, &paths)
            }
        }
    }
}
