//! Progress on stderr, for what takes longer than half a second: a bar on a terminal, else plain lines.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::memory;
use crate::progress::Progress;

const PATIENCE: Duration = Duration::from_millis(500);
/// Less memory than this, in bytes, any machine has to spare.
const WORTH_TELLING: u64 = 2 << 30;

/// Progress for people.
pub(super) struct Shown {
    begun: Instant,
    /// Everything is told, however little and quick it is.
    verbose: bool,
    /// The most memory that was told, in bytes.
    told: AtomicU64,
    terminal: bool,
    bar: ProgressBar,
    /// The stage, until it has been told.
    untold: Mutex<Option<&'static str>>,
    /// The last line: what is done several times in a row is told once.
    last: Mutex<&'static str>,
}

impl Shown {
    pub(super) fn new(verbose: bool) -> Shown {
        Shown {
            begun: Instant::now(),
            verbose,
            told: AtomicU64::new(0),
            terminal: std::io::stderr().is_terminal(),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            untold: Mutex::new(None),
            last: Mutex::new(""),
        }
    }

    /// Takes the bar away, so that it does not stand between the lines of a result.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// The work is done.
    pub(super) fn end(&self) {
        self.clear();
        if self.verbose
            && let Some(bytes) = memory::peak()
        {
            anstream::eprintln!("memdump: took {} of memory", BinaryBytes(bytes));
        }
    }

    fn tell_if_late(&self) {
        if !self.verbose && self.begun.elapsed() < PATIENCE {
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
            let mut last = self.last.lock().unwrap_or_else(|held| held.into_inner());
            if *last != stage {
                anstream::eprintln!("memdump: {stage} …");
                *last = stage;
            }
        }
    }
}

impl Progress for Shown {
    fn memory(&self, bytes: u64) {
        // Of several analyses in a row the greatest need counts.
        if self.told.fetch_max(bytes, Relaxed) >= bytes {
            return;
        }
        let short_of = memory::available().filter(|&available| available < bytes);
        if !self.verbose && bytes < WORTH_TELLING && short_of.is_none() {
            return;
        }
        let but = short_of.map_or_else(String::new, |available| {
            let available = BinaryBytes(available);
            format!(
                ", but only {available} are free here; dumps can be copied to where there is more"
            )
        });
        let bytes = BinaryBytes(bytes);
        self.bar.suspend(|| {
            anstream::eprintln!("memdump: this takes about {bytes} of memory beside the files{but}")
        });
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
