//! `memdump sql`.

mod complete;
mod explain;
mod parameters;
mod run;
mod shell;

pub(crate) use explain::explained;
pub use explain::{NoSuchName, WrongStatement};

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::progress::Shown;
use super::session::{Session, width};
use super::sources::{CannotStart, all_of_newest};
use crate::sql::{Database, Sources};
use crate::view;
use crate::view::rows::RowFormat;
use crate::view::schema::Schema;
pub(super) use parameters::Parameters;
pub(super) use run::Runner;

/// Ask dumps in SQL: tables, views and functions over open dumps; without a query an interactive shell
#[derive(clap::Args, Debug)]
#[command(override_usage = "memdump sql [OPTIONS] [DUMP]... [QUERY]")]
#[command(after_help = "Examples:
  memdump sql                                              a shell over the dumps here
  memdump sql a.dump b.dump 'SELECT * FROM growth ORDER BY count_growth DESC LIMIT 10'
  memdump sql a.dump b.dump -f leak.sql --db seen.db       a script, whose tables last
  memdump sql heap.db 'SELECT * FROM suspects'             a file that `memdump load` made
  memdump sql --schema                                     every table, view, function and column")]
pub(super) struct Sql {
    /// Dumps, or one file that `memdump load` made, and then the query [default: the dumps of the newest process in the
    /// current directory]
    #[arg(value_name = "DUMP… [QUERY]")]
    dumps_and_query: Vec<PathBuf>,
    /// Run the statements of a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Keep the tables that statements make in this database
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// How rows look [default: table, or json with --json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Values for `:name` in statements, as a JSON object, or for `?`, as an array
    #[arg(long, value_name = "JSON")]
    parameters: Option<Parameters>,
    /// Describe every table, view, function and column; or the one that is named
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    schema: Option<Option<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Aligned, fitted to the terminal
    Table,
    /// With a heading; NULL is empty
    Csv,
    /// An object per row and line
    Jsonl,
    /// An array of objects for each statement
    Json,
    /// For each statement an object that describes the columns, then an array per row and line
    Arrays,
}

/// How rows look, as the options say.
pub(super) fn row_format(format: Option<Format>, session: &Session) -> RowFormat {
    match format {
        Some(Format::Csv) => RowFormat::Csv,
        Some(Format::Jsonl) => RowFormat::JsonLines,
        Some(Format::Json) => RowFormat::Json,
        Some(Format::Arrays) => RowFormat::JsonArrays,
        None if session.json => RowFormat::Json,
        Some(Format::Table) | None => RowFormat::Table(width()),
    }
}

impl Sql {
    pub(super) fn run(mut self, session: &Session) -> anyhow::Result<()> {
        if let Some(name) = &self.schema {
            return schema(session, name.as_deref());
        }
        let query = self.take_query()?;
        let shown = Arc::new(session.new_progress());
        let (database, sources) = self.open(session, &shown)?;
        let format = row_format(self.format, session);
        let parameters = self.parameters.unwrap_or_default();
        let runner = Runner {
            database: &database,
            sources: sources.as_deref(),
            progress: &shown,
            format,
            parameters: &parameters,
        };
        if let Some(query) = query {
            return runner.script(&query);
        }
        if std::io::stdin().is_terminal() {
            return shell::run(&runner);
        }
        let mut script = String::new();
        std::io::stdin().read_to_string(&mut script)?;
        runner.script(&script)
    }

    /// The statements to run: of the file, or the last argument if it is no file.
    fn take_query(&mut self) -> anyhow::Result<Option<String>> {
        if let Some(file) = &self.file {
            let script = std::fs::read_to_string(file).map_err(|why| CannotStart::Unreadable {
                path: file.clone(),
                why,
            })?;
            return Ok(Some(script));
        }
        let is_query = |text: &str| text.contains(|c: char| c.is_whitespace() || c == ';');
        let last = self.dumps_and_query.last();
        let query = last
            .filter(|last| !last.exists())
            .map(|last| last.to_string_lossy().into_owned())
            .filter(|last| is_query(last));
        if query.is_some() {
            self.dumps_and_query.pop();
        }
        Ok(query)
    }

    fn open(
        &self,
        session: &Session,
        shown: &Arc<Shown>,
    ) -> anyhow::Result<(Database, Option<Arc<Sources>>)> {
        let mut paths = self.dumps_and_query.clone();
        if let [file] = &paths[..]
            && is_database(file)
            && self.db.is_none()
        {
            return Ok((Database::loaded(file, false)?, None));
        }
        match &self.db {
            // The file itself may be what is asked, with tables of the user's own beside.
            Some(file) if paths.is_empty() && is_loaded(file) => {
                return Ok((Database::loaded(file, true)?, None));
            }
            _ if paths.is_empty() => paths = all_of_newest()?,
            _ => {}
        }
        let dumps = paths
            .iter()
            .map(|path| session.open(path))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let sources = Arc::new(Sources::new(dumps, shown.clone())?);
        let database = match &self.db {
            Some(file) => Database::over_with(sources.clone(), file)?,
            None => Database::over(sources.clone())?,
        };
        Ok((database, Some(sources)))
    }
}

/// Whether a file is a database of SQLite.
pub(super) fn is_database(path: &Path) -> bool {
    let mut start = [0; 16];
    let mut read = || std::fs::File::open(path)?.read_exact(&mut start);
    // A pipe would be waited for.
    path.is_file() && read().is_ok() && &start == b"SQLite format 3\0"
}

/// Whether dumps were loaded into a file.
fn is_loaded(path: &Path) -> bool {
    is_database(path) && Database::loaded(path, false).is_ok()
}

fn schema(session: &Session, name: Option<&str>) -> anyhow::Result<()> {
    let schema = Schema::new();
    if let Some(name) = name
        && view::schema::text(&schema, Some(name)).is_empty()
    {
        return Err(explain::NoSuchName::new(&schema, name).into());
    }
    session.give(&[], &schema, |schema, _| view::schema::text(schema, name))
}
