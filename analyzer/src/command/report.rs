use std::path::{Path, PathBuf};

use memdump_format::Dump;
use schemars::JsonSchema;
use serde::Serialize;

use super::output::OutputFile;
use super::session::Session;
use super::sources::Newest;
use crate::report::{gather, page};
use crate::view::number::bytes;

/// No page is larger: it can be sent by mail, and opens at once.
const MOST_BYTES: usize = 2_000_000;

/// One page of everything to look at, offline: the verdict, growth, a map of what keeps memory, chains, types, objects, threads
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump report                       all dumps of the newest process here, as report.html
  memdump report shop.*.dump -o shop.html
  memdump report e.dump                what one dump tells")]
pub(super) struct Report {
    /// The dumps [default: all of the newest process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    #[command(flatten)]
    newest: Newest,
    /// The page; it is readable for its owner only, as dumps are
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Replace the page if the file exists
    #[arg(long)]
    force: bool,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Written {
    file: PathBuf,
    bytes: usize,
}

impl Report {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let file = OutputFile::new(&self.output, self.force)?;
        let paths = self.newest.or_any_given(&self.dumps)?;
        let dumps = session.open_series(&paths)?;
        let paths: Vec<PathBuf> = dumps.iter().map(Dump::path).map(Path::to_owned).collect();
        let report = gather(dumps, session.progress())?;
        let page = page(&report, MOST_BYTES);
        file.write(page.as_bytes())?;
        let written = Written {
            file: self.output,
            bytes: page.len(),
        };
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        session.give(&paths, &written, |written, _| {
            let size = bytes(written.bytes as u64);
            format!("wrote {}, {size}\n", written.file.display())
        })
    }
}
