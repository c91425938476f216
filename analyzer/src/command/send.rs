use super::session::Session;
use crate::send::{Sent, send};

/// Asks a live process for a dump, waits until it is complete, and prints its path
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump send 4711
  before=$(memdump send 4711); sleep 60; after=$(memdump send 4711); memdump diff $before $after")]
pub(super) struct Send {
    /// The process
    pid: u32,
    /// Wait no longer than this: 30s, 5m
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: humantime::Duration,
}

impl Send {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let sent = send(self.pid, self.timeout.into())?;
        session.give("send", &[], &sent, |sent: &Sent, _| {
            format!("{}\n", sent.path.display())
        })
    }
}
