//! What ends a wait: something happened in the directory, it is time to look anyway, or the user wants to end.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Waits for a directory. Events only say when to look, so lost or doubled ones do no harm.
pub struct Waiting {
    wakes: Receiver<()>,
    every: Duration,
    stopped: Arc<AtomicBool>,
    // Watches as long as it lives.
    _watcher: Option<RecommendedWatcher>,
}

impl Waiting {
    /// For a directory, which is looked at after `every` in any case: network disks tell no events of other machines, and where the
    /// system cannot watch (too much is watched already), only time counts. On SIGINT and SIGTERM, `on_stop` is called, in another thread.
    ///
    /// # Errors
    /// If signals cannot be handled.
    pub fn for_directory(
        directory: &Path,
        every: Duration,
        on_stop: impl Fn() + Send + 'static,
    ) -> io::Result<Waiting> {
        let (wake, wakes) = mpsc::channel();
        let stopped = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one ends at once. Loading is one transaction, so nothing is left half done.
            flag::register_conditional_default(signal, Arc::clone(&stopped))?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::spawn({
            let (stopped, wake) = (Arc::clone(&stopped), wake.clone());
            move || {
                for _ in signals.forever() {
                    stopped.store(true, Ordering::SeqCst);
                    on_stop();
                    // Nobody waits any more when the program ends.
                    let _ = wake.send(());
                }
            }
        });
        Ok(Waiting {
            wakes,
            every,
            stopped,
            _watcher: watcher(directory, wake).ok(),
        })
    }

    /// Waits until it is time to look, `true`, or to end.
    pub fn until_look(&self) -> bool {
        // Whatever ended the wait, looking answers it, and all events so far.
        let _ = self.wakes.recv_timeout(self.every);
        while self.wakes.try_recv().is_ok() {}
        !self.is_stopped()
    }

    /// Whether the user wants to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

fn watcher(directory: &Path, wake: Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_read(event.kind)) {
            return;
        }
        let _ = wake.send(());
    })?;
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Whether a file was only read: as we do ourselves, and must not be woken by.
fn is_read(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access != AccessKind::Close(AccessMode::Write),
        _ => false,
    }
}
