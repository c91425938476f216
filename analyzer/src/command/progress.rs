//! Progress on stderr, for what takes longer than half a second: a bar on a terminal, else plain lines.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::Progress;

const PATIENCE: Duration = Duration::from_millis(500);
/// Less memory than this, in bytes, any machine has to spare.
const WORTH_TELLING: u64 = 2 << 30;

/// Progress for people.
pub(super) struct Shown {
    begun: Instant,
    terminal: bool,
    bar: ProgressBar,
    /// The stage, until it has been told.
    untold: Mutex<Option<&'static str>>,
}

impl Shown {
    pub(super) fn new() -> Shown {
        Shown {
            begun: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            untold: Mutex::new(None),
        }
    }

    /// Takes the bar away, so that it does not stand between the lines of a result.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn tell_if_late(&self) {
        if self.begun.elapsed() < PATIENCE {
            return;
        }
        let mut untold = self.untold.lock().unwrap_or_else(|held| held.into_inner());
        let Some(stage) = untold.take() else {
            return;
        };
        if self.terminal {
            if self.bar.is_hidden() {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        } else {
            anstream::eprintln!("memdump: {stage} …");
        }
    }
}

impl Progress for Shown {
    fn memory(&self, bytes: u64) {
        if bytes >= WORTH_TELLING {
            let bytes = indicatif::BinaryBytes(bytes);
            self.bar.suspend(|| {
                anstream::eprintln!("memdump: this takes up to {bytes} of memory beside the file")
            });
        }
    }

    fn stage(&self, what: &'static str, steps: u64) {
        *self.untold.lock().unwrap_or_else(|held| held.into_inner()) = Some(what);
        let template = if steps > 0 {
            "{msg} {wide_bar} {percent}%"
        } else {
            "{msg} {spinner}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_length(steps);
        self.bar.set_position(0);
        self.bar.set_message(what);
        self.tell_if_late();
    }

    fn advance(&self, steps: u64) {
        self.bar.inc(steps);
        self.tell_if_late();
    }
}
