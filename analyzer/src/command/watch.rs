use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rusqlite::InterruptHandle;

use super::session::{Damaged, Session};
use super::sources::CannotStart;
use super::sql::{Format, Parameters, Runner, row_format};
use crate::exit_code::{self, is_closed_pipe};
use crate::sql::{Database, Loaded, forget_all_but, load};
use crate::view::number::count;
use crate::watch::{Arrival, Arrivals, Waiting};

/// A file that cannot be read is looked at again until it has not changed for so long: it may be on its way here.
const SETTLED: Duration = Duration::from_secs(5);

/// Load every new dump of a directory into a SQLite file, and run a script of yours on it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump watch /var/dumps --db heap.db -f leak.sql
  memdump watch /var/dumps --db heap.db -f leak.sql --once    what is there, and no more: for cron")]
pub(super) struct Watch {
    /// Where dumps are written
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The file that dumps are loaded into, as by `memdump load`; made if it does not exist. Tables of your own in it last
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Statements to run after each dump; read anew each time
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    script: Option<PathBuf>,
    /// Keep only the last N dumps in the file; of those that are there at the start, only the last N are taken
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroU32>,
    /// How rows look [default: table, or json with --json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Take what is there, and end
    #[arg(long)]
    once: bool,
    /// Look at least so often, also where nothing tells of new files, as on network disks
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    every: humantime::Duration,
}

impl Watch {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        self.check()?;
        self.forget()?;
        let query = Query::default();
        let interrupt = query.clone();
        // From here on Ctrl-C ends after the dump that is being loaded, and nothing that comes from now on is missed.
        let waiting =
            Waiting::for_directory(&self.directory, self.every.into(), move || interrupt.stop())?;
        let settled = if self.once { Duration::ZERO } else { SETTLED };
        let mut arrivals = Arrivals::of(&self.directory, settled);
        let mut damaged = None;
        loop {
            let arrived = match arrivals.look() {
                Ok(arrived) => arrived,
                Err(why) if self.once => return Err(unreadable(&self.directory, why).into()),
                // A network disk comes back.
                Err(why) => {
                    tell(&unreadable(&self.directory, why).into());
                    Vec::new()
                }
            };
            for arrival in self.worth_taking(arrived) {
                if waiting.is_stopped() {
                    return Ok(());
                }
                if let Taken::Damaged(path) = self.take(session, arrival, &mut arrivals, &query)? {
                    damaged.get_or_insert(path);
                }
            }
            if self.once {
                return damaged.map_or(Ok(()), |path| Err(Damaged(path).into()));
            }
            if !waiting.until_look() {
                return Ok(());
            }
        }
    }

    /// What would fail on every dump fails at once.
    fn check(&self) -> anyhow::Result<()> {
        std::fs::read_dir(&self.directory).map_err(|why| unreadable(&self.directory, why))?;
        if self.db.exists() {
            Database::loaded(&self.db, true)?;
        }
        if let Some(file) = &self.script {
            std::fs::read_to_string(file).map_err(|why| unreadable(file, why))?;
        }
        Ok(())
    }

    /// All, or the last, which come last; those before them would be taken out again.
    fn worth_taking(&self, mut arrived: Vec<Arrival>) -> Vec<Arrival> {
        let keep = self.keep.map_or(usize::MAX, |keep| keep.get() as usize);
        let dumps = arrived
            .iter()
            .filter(|arrival| matches!(arrival, Arrival::Dump(_)));
        let mut too_many = dumps.count().saturating_sub(keep);
        arrived.retain(|arrival| {
            let leave = too_many > 0 && matches!(arrival, Arrival::Dump(_));
            too_many -= usize::from(leave);
            !leave
        });
        arrived
    }

    /// Loads a dump and runs the script. What is wrong with the dump or the script is told, and is no reason to end.
    fn take(
        &self,
        session: &Session,
        arrival: Arrival,
        arrivals: &mut Arrivals,
        query: &Query,
    ) -> anyhow::Result<Taken> {
        let path = match arrival {
            Arrival::Dump(path) => path,
            Arrival::Unreadable { path, .. } if session.recovers() => path,
            Arrival::Unreadable { path, why } => {
                tell(&why.into());
                return Ok(Taken::Damaged(path));
            }
        };
        let loaded = match self.load(session, &path) {
            Ok(loaded) => loaded,
            // The dumper keeps only so many.
            Err(_) if !path.exists() => {
                anstream::eprintln!("memdump: {} is gone before it was loaded", path.display());
                return Ok(Taken::Whole);
            }
            Err(error) if exit_code::of(&error) == exit_code::DUMP => {
                tell(&error);
                return Ok(Taken::Damaged(path));
            }
            Err(error) if self.once => return Err(error),
            Err(error) => {
                // Not the dump's fault: a full disk, a database that is in use.
                tell(&error);
                arrivals.look_again_at(&path);
                return Ok(Taken::Whole);
            }
        };
        if loaded.was_there {
            return Ok(Taken::Whole);
        }
        if let Some(script) = &self.script {
            self.run_script(session, script, query)?;
        }
        self.forget().unwrap_or_else(|error| tell(&error));
        Ok(Taken::Whole)
    }

    fn forget(&self) -> anyhow::Result<()> {
        match self.keep {
            Some(keep) if self.db.exists() => Ok(forget_all_but(keep, &self.db)?),
            _ => Ok(()),
        }
    }

    fn load(&self, session: &Session, path: &Path) -> anyhow::Result<Loaded> {
        let shown = Arc::new(session.new_progress());
        let loaded = load(vec![session.open(path)?], &self.db, shown.clone())?;
        shown.clear();
        for dump in loaded.iter().filter(|dump| !dump.was_there) {
            let (path, number) = (dump.dump.display(), dump.number);
            anstream::eprintln!(
                "memdump: {path} is dump {number}, {} rows",
                count(dump.rows)
            );
        }
        loaded.into_iter().next().context("nothing was loaded")
    }

    fn run_script(&self, session: &Session, file: &Path, query: &Query) -> anyhow::Result<()> {
        let run = || {
            let script = std::fs::read_to_string(file).map_err(|why| unreadable(file, why))?;
            let database = Database::loaded(&self.db, true)?;
            let shown = session.new_progress();
            let runner = Runner {
                database: &database,
                sources: None,
                progress: &shown,
                format: row_format(self.format, session),
                parameters: &Parameters::default(),
            };
            query.during(&database, || runner.script(&script))
        };
        match run() {
            Err(error) if is_closed_pipe(&error) => Err(error),
            // Interrupted, which is no news to who did it.
            Err(_) if query.is_stopped() => Ok(()),
            Err(error) => {
                tell(&error.context(file.display().to_string()));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// What became of a file.
enum Taken {
    Whole,
    Damaged(PathBuf),
}

/// The query that runs, so that another thread can stop it.
#[derive(Clone, Default)]
struct Query(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running: Option<InterruptHandle>,
    is_stopped: bool,
}

impl Query {
    /// Stops the query that runs, and all that would begin.
    fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        if let Some(running) = &state.running {
            running.interrupt();
        }
    }

    fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    /// Runs queries of a database until they end or are stopped.
    fn during(
        &self,
        database: &Database,
        queries: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        {
            let mut state = self.state();
            if state.is_stopped {
                return Ok(());
            }
            state.running = Some(database.connection().get_interrupt_handle());
        }
        let done = queries();
        self.state().running = None;
        done
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(error: &anyhow::Error) {
    anstream::eprintln!("memdump: {error:#}");
}

fn unreadable(path: &Path, why: std::io::Error) -> CannotStart {
    CannotStart::Unreadable {
        path: path.to_owned(),
        why,
    }
}
