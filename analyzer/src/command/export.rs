use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;

use super::session::Session;
use crate::sql::catalogue::Table;
use crate::sql::export::{ExportError, Exports, export, tables};
use crate::unfinished::remove_when_ended;
use crate::view;

/// Write dumps as Parquet files, for DuckDB, DataFusion or Spark over many dumps
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump export *.dump -o heaps                        heaps/TABLE/host=HOST/pid=PID/NAME.parquet
  memdump export *.dump -o heaps --table dump --table type   only what is small")]
pub(super) struct Export {
    /// The dumps; dumps of one process are told against each other
    #[arg(value_name = "DUMP", required = true)]
    dumps: Vec<PathBuf>,
    /// Below this directory; what is there is never replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Only this table; may be repeated [default: all]
    #[arg(long = "table", value_name = "TABLE", value_parser = PossibleValuesParser::new(tables().map(|table| table.name)))]
    tables: Vec<String>,
}

impl Export {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let is_chosen = |table: &&Table| {
            self.tables.is_empty() || self.tables.iter().any(|name| name == table.name)
        };
        let chosen: Vec<&'static Table> = tables().filter(is_chosen).collect();
        let dumps: Vec<_> = self
            .dumps
            .iter()
            .map(|path| session.open(path))
            .collect::<Result<_, _>>()?;
        remove_when_ended()?;
        let mut exports = Exports::default();
        let done = export(
            dumps,
            &chosen,
            &self.output,
            Arc::new(session.new_progress()),
            |file| exports.files.push(file),
        );
        // What was written before an error is told as well.
        if done.is_ok() || !exports.files.is_empty() {
            let paths: Vec<_> = self.dumps.iter().map(PathBuf::as_path).collect();
            session.give(&paths, &exports, view::export::text)?;
        }
        match done {
            // The exit code is that of the rows' error.
            Err(ExportError::Rows(error)) => Err(error.into()),
            done => Ok(done?),
        }
    }
}
