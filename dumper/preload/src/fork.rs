//! Gives a process that was forked, and goes on without `exec`, an agent of its own.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use memdump::malloc;

static IS_PREPARED: AtomicBool = AtomicBool::new(false);

/// From now on forked processes can be dumped. Called again it does nothing.
///
/// # Errors
///
/// There is no memory to remember it.
pub(crate) fn prepare() -> io::Result<()> {
    if IS_PREPARED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // Nothing before the fork and nothing in the parent: its agent goes on. By `posix_spawn`, `vfork` and `system` none of this is called.
    // SAFETY: the function lives as long as the process, because the library is never unloaded.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// libc's own malloc is whole again when it calls this.
unsafe extern "C" fn in_child() {
    malloc::own(memdump_dumper::after_fork_in_child);
}
