//! One line per event on stderr, greppable, and never at the target's expense.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

const STDERR: c_int = 2;

/// Device and inode of stderr at the time of the installation; 0 = not seen yet.
static DEVICE: AtomicU64 = AtomicU64::new(0);
static INODE: AtomicU64 = AtomicU64::new(0);

/// Remembers what stderr is.
pub(crate) fn remember_stderr() {
    if let Some(stat) = stat_of_stderr() {
        DEVICE.store(stat.st_dev, Ordering::Relaxed);
        INODE.store(stat.st_ino, Ordering::Relaxed);
    }
}

/// Writes `memdump[PID]: event` and a line feed. The line is lost where writing could block or hit a file of the application.
/// Only on a thread that has SIGPIPE blocked: the agent's.
pub(crate) fn line(event: &dyn Display) {
    // One write, so that lines of several processes do not mix.
    let line = format!("memdump[{}]: {event}\n", sys::process_id());
    if let Some(stat) = stat_of_stderr().filter(is_log) {
        write(line.as_bytes(), &stat);
    }
}

/// Writes a line of the target's own, on any thread. The same promises as for memdump's other lines hold. Before an installation, which
/// remembers what stderr is, the first one does.
pub fn notice(what: &dyn Display) {
    if INODE.load(Ordering::Relaxed) == 0 {
        remember_stderr();
    }
    let pipe = sys::signal_set([libc::SIGPIPE]);
    let pending = || {
        // SAFETY: a set of signals is plain bits.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigpending(&raw mut set);
            libc::sigismember(&raw const set, libc::SIGPIPE) == 1
        }
    };
    let mask = sys::signal_mask(libc::SIG_BLOCK, &pipe);
    let before = pending();
    line(what);
    if !before && pending() {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: takes the one that this thread has just caused off; does not wait.
        unsafe { libc::sigtimedwait(&raw const pipe, std::ptr::null_mut(), &raw const now) };
    }
    sys::signal_mask(libc::SIG_SETMASK, &mask);
}

/// Whether descriptor 2 is (still) meant for messages. A program that turned itself into a daemon may have closed it and got the
/// number again for a file of its own.
fn is_log(stat: &libc::stat) -> bool {
    let as_at_installation = stat.st_dev == DEVICE.load(Ordering::Relaxed)
        && stat.st_ino == INODE.load(Ordering::Relaxed);
    let kind = stat.st_mode & libc::S_IFMT;
    // SAFETY: asks for the descriptor's flags.
    let flags = unsafe { libc::fcntl(STDERR, libc::F_GETFL) };
    let appends = flags != -1 && flags & libc::O_APPEND != 0;
    as_at_installation || kind == libc::S_IFCHR || (kind == libc::S_IFREG && appends)
}

fn stat_of_stderr() -> Option<libc::stat> {
    // SAFETY: a stat is plain data.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(STDERR, &raw mut stat) == 0).then_some(stat)
    }
}

fn write(line: &[u8], to: &libc::stat) {
    let part = libc::iovec {
        iov_base: line.as_ptr().cast_mut().cast(),
        iov_len: line.len(),
    };
    // SAFETY: one part, borrowed for the call; −1: at the file's own position.
    let written = unsafe { libc::pwritev2(STDERR, &raw const part, 1, -1, libc::RWF_NOWAIT) };
    if written != -1 {
        return;
    }
    let is_file = to.st_mode & libc::S_IFMT == libc::S_IFREG;
    match sys::errno() {
        // Only a full pipe is left alone: files answer so when they have to be extended.
        libc::EAGAIN if !is_file => return,
        libc::EAGAIN => {}
        // Not everything can be asked not to wait, so it is asked whether it would.
        libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS if takes_a_line() => {}
        _ => return,
    }
    // SAFETY: the line is borrowed for the call.
    unsafe { libc::write(STDERR, line.as_ptr().cast(), line.len()) };
}

fn takes_a_line() -> bool {
    let mut poll = libc::pollfd {
        fd: STDERR,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one pollfd; does not wait.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready == 1 && poll.revents & libc::POLLOUT != 0
}
