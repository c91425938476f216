//! Files that are not yet what their names will promise. Whoever ends the program while it writes one is not left with a gigabyte that
//! nothing will ever read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

static FILES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file that is to go away if the program is ended, as long as this lives.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn new(file: &Path) -> Unfinished {
        files().insert(file.to_owned());
        Unfinished(file.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        files().remove(&self.0);
    }
}

/// From now on SIGINT and SIGTERM, which end the program as ever, take unfinished files with it.
///
/// # Errors
/// If signals cannot be handled.
pub(crate) fn remove_when_ended() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let end = move || {
        if let Some(signal) = signals.forever().next() {
            let _held = remove_all();
            let _ = emulate_default_handler(signal);
        }
    };
    let thread = thread::Builder::new().name("interrupt".to_owned());
    thread.spawn(end).map(drop)
}

/// Removes unfinished files. As long as what it gives lives, none is begun, and none gets its name.
pub(crate) fn remove_all() -> impl Drop {
    let files = files();
    for file in files.iter() {
        let _ = fs::remove_file(file);
    }
    files
}

fn files() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}
