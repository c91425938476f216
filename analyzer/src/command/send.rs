use std::time::{Duration, Instant};

use super::session::Session;
use crate::send::{SendError, Sent, find_all, find_one, send};

/// Asks live processes for dumps, waits until each is complete, and prints its path
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump send 4711
  memdump send --match 'manage.py runserver'
  memdump send --match gunicorn --all
  memdump send 4711 --every 60s -n 3
  before=$(memdump send 4711); sleep 60; after=$(memdump send 4711); memdump diff $before $after")]
pub(super) struct Send {
    /// The process
    #[arg(required_unless_present = "match", conflicts_with = "match")]
    pid: Option<u32>,
    /// The process with memdump in it whose full command line has this text in it
    #[arg(long = "match", id = "match", value_name = "TEXT")]
    text: Option<String>,
    /// All of the processes that match, one after the other, not just one
    #[arg(long, requires = "match")]
    all: bool,
    /// Ask again and again, at this interval: 60s, 5m
    #[arg(long, value_name = "DURATION")]
    every: Option<humantime::Duration>,
    /// Ask so many times [default: once; with --every until it is interrupted]
    #[arg(short = 'n', long, value_name = "N", requires = "every")]
    count: Option<std::num::NonZeroU64>,
    /// Wait for a dump no longer than this: 30s, 5m
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: humantime::Duration,
}

impl Send {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let Some(every) = self.every else {
            return self.once(session);
        };
        let last = self.count.map_or(u64::MAX, std::num::NonZeroU64::get);
        let mut next = Instant::now();
        for round in 1..=last {
            self.once(session)?;
            if round == last {
                break;
            }
            // A round that takes longer than the interval makes the next one late, and no two follow each other at once.
            next = (next + Duration::from(every)).max(Instant::now());
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn once(&self, session: &Session) -> anyhow::Result<()> {
        let pids = match (&self.text, self.pid) {
            // Workers come and go, so they are looked for each time.
            (Some(text), _) if self.all => find_all(text)?,
            (Some(text), _) => vec![find_one(text)?],
            (None, pid) => pid.into_iter().collect(),
        };
        if let [pid] = pids[..] {
            return give(session, &send(pid, self.timeout.into())?);
        }
        let mut failed = 0;
        for &pid in &pids {
            match send(pid, self.timeout.into()) {
                Ok(sent) => give(session, &sent)?,
                // The others are asked all the same.
                Err(error) => {
                    anstream::eprintln!("memdump: {error}");
                    failed += 1;
                }
            }
        }
        if failed > 0 {
            let of = pids.len();
            return Err(SendError::NotAll { failed, of }.into());
        }
        Ok(())
    }
}

/// Each as soon as it is there; as JSON a document for each.
fn give(session: &Session, sent: &Sent) -> anyhow::Result<()> {
    session.give(&[], sent, |sent: &Sent, _| {
        format!("{}\n", sent.path.display())
    })
}
