use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use memdump_format::Dump;

use super::session::Session;
use super::sources::all_of_newest;
use crate::analysis::timeline::{MOST_DUMPS, evenly};
use crate::ui::{Explorer, Server, Stages};

/// Explore dumps in your browser: growth, types, every object with what it refers to and what keeps it alive, SQL
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump ui                           all dumps of the newest process here
  memdump ui a.dump b.dump             prints an address to open; Ctrl-C ends it
  memdump ui a.dump b.dump --open      opens it
  ssh -L 8000:localhost:8000 HOST memdump ui --port 8000 /var/tmp/dumps/b.dump
                                       dumps that lie on another machine")]
pub(super) struct Ui {
    /// The dumps, the earlier first [default: all of the newest process in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    /// Listen on this port of 127.0.0.1 [default: one that is free]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

impl Ui {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let paths = match &self.dumps[..] {
            [] => all_of_newest()?,
            given => given.to_vec(),
        };
        let dumps = session.open_series(&paths)?;
        let of_dumps = dumps.len();
        let dumps: Vec<Dump> = evenly(dumps, MOST_DUMPS).collect();
        if dumps.len() < of_dumps {
            anstream::eprintln!(
                "memdump: {} of {of_dumps} dumps are taken, spread evenly; name those that you want to see",
                dumps.len()
            );
        }
        let stages = Arc::new(Stages::new(Arc::new(session.new_progress())));
        let explorer = Arc::new(Explorer::new(dumps, stages)?);
        let server = Server::bind(self.port)
            .with_context(|| format!("cannot listen on port {} of 127.0.0.1", self.port))?;
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", server.url())?;
        out.flush()?;
        drop(out);
        anstream::eprintln!("memdump: open this address in a browser of this machine; Ctrl-C ends");
        let opening = explorer.clone();
        std::thread::Builder::new()
            .name("opening".to_owned())
            .spawn(move || opening.open())?;
        let _lead = match self.open.then(|| open::page(&server.url())) {
            Some(Ok(lead)) => Some(lead),
            Some(Err(error)) => {
                anstream::eprintln!("memdump: no browser can be opened: {error:#}");
                None
            }
            None => None,
        };
        Ok(server.run(explorer)?)
    }
}

/// Opens a browser.
mod open {
    use std::io::{self, Write};

    use tempfile::TempPath;

    use crate::unfinished::{Unfinished, remove_when_ended};

    /// A file that leads to the page, as long as it lives.
    pub(super) struct Lead {
        _unfinished: Unfinished,
        _path: TempPath,
    }

    /// Has the desktop open an address. Other users can read the arguments of every process, so these name only a file that nobody else
    /// can read; it goes away with this process.
    pub(super) fn page(url: &str) -> anyhow::Result<Lead> {
        remove_when_ended()?;
        let mut file = tempfile::Builder::new()
            .prefix("memdump-")
            .suffix(".html")
            .tempfile()?;
        writeln!(
            file,
            "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={url}\"><a href=\"{url}\">memdump</a>"
        )?;
        file.flush()?;
        let path = file.into_temp_path();
        let lead = Lead {
            _unfinished: Unfinished::new(&path),
            _path: path,
        };
        opener::open(&*lead._path).map_err(io::Error::other)?;
        Ok(lead)
    }
}
