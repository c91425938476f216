use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::session::Session;
use super::sources::CannotStart;
use crate::sql::{Loaded, load};
use crate::unfinished::remove_when_ended;
use crate::view;

/// Load dumps into a SQLite file: the tables and views of `memdump sql`, for any tool
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump load a.dump b.dump -o heap.db
  memdump load c.dump -o heap.db          adds to it; dumps that are in it are left out
  sqlite3 heap.db 'SELECT * FROM growth ORDER BY count_growth DESC LIMIT 10'")]
pub(super) struct Load {
    /// The dumps, in any order
    #[arg(value_name = "DUMP", required = true)]
    dumps: Vec<PathBuf>,
    /// The file; made if it does not exist, else the dumps are added
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Answer {
    file: PathBuf,
    loaded: Vec<Entry>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Entry {
    dump: PathBuf,
    number: u32,
    was_there: bool,
    rows: u64,
}

impl Load {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut dumps = Vec::new();
        for path in &self.dumps {
            if super::sql::is_database(path) {
                return Err(CannotStart::NoDump(path.clone()).into());
            }
            dumps.push(session.open(path)?);
        }
        remove_when_ended()?;
        let shown = Arc::new(session.new_progress());
        let loaded = load(dumps, &self.output, shown.clone())?;
        shown.clear();
        let entry = |loaded: Loaded| Entry {
            dump: loaded.dump,
            number: loaded.number,
            was_there: loaded.was_there,
            rows: loaded.rows,
        };
        let answer = Answer {
            file: self.output,
            loaded: loaded.into_iter().map(entry).collect(),
        };
        let paths: Vec<_> = self.dumps.iter().map(PathBuf::as_path).collect();
        session.give(&paths, &answer, |answer, _| text(answer))
    }
}

fn text(answer: &Answer) -> String {
    let mut text = String::new();
    for entry in &answer.loaded {
        let dump = entry.dump.display();
        text += &if entry.was_there {
            format!("dump {}: {dump} is in it already\n", entry.number)
        } else {
            format!(
                "dump {}: {dump}, {} rows\n",
                entry.number,
                view::number::count(entry.rows)
            )
        };
    }
    text
}
