//! Removes what a killed snapshot process left: the one thing that the target itself does to a file of a dump's directory.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::failpoint::{self, Failpoint};
use crate::sys;

const STACK: usize = 64 << 10;
/// Removing a file takes far less, unless its disk hangs.
const PATIENCE: Duration = Duration::from_millis(200);

/// Removes the file on a thread that nobody has to wait for: a disk that hangs (NFS) must hang neither the agent nor, through it, a
/// fork of the application. Such a thread ends with the process at the latest.
pub(crate) fn remove(path: PathBuf) {
    let begun = Instant::now();
    let mask = sys::signal_mask(libc::SIG_SETMASK, &sys::all_signals());
    let sweeper = thread::Builder::new()
        .name("memdump-sweep".into())
        .stack_size(STACK)
        .spawn(move || {
            while failpoint::is_on(Failpoint::RemoveHangs) {
                sys::nap(Duration::from_millis(10));
            }
            let _ = std::fs::remove_file(path);
        });
    sys::signal_mask(libc::SIG_SETMASK, &mask);
    // Without a thread the file stays, and says by its name what it is.
    let Ok(sweeper) = sweeper else {
        return;
    };
    while !sweeper.is_finished() {
        if begun.elapsed() > PATIENCE {
            return;
        }
        sys::nap(Duration::from_micros(100));
    }
    let _ = sweeper.join();
}
