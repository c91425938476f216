//! The system calls that several modules share, as safe functions.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::io;
use std::ptr::NonNull;
use std::time::Duration;

/// A system call's result, with −1 as the error of `errno`.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// The current `errno`.
pub(crate) fn errno() -> i32 {
    // SAFETY: always points to this thread's errno.
    unsafe { *libc::__errno_location() }
}

/// Sets `errno`: a signal handler leaves it as it was.
pub(crate) fn set_errno(errno: i32) {
    // SAFETY: always points to this thread's errno.
    unsafe { *libc::__errno_location() = errno };
}

/// Maps `length` bytes of zeroes that only this process sees.
pub(crate) fn map_private(length: usize) -> io::Result<NonNull<libc::c_void>> {
    map(length, libc::MAP_PRIVATE)
}

/// Maps `length` bytes of zeroes that this process shares with those cloned from it later.
pub(crate) fn map_shared(length: usize) -> io::Result<NonNull<libc::c_void>> {
    map(length, libc::MAP_SHARED)
}

fn map(length: usize, sharing: c_int) -> io::Result<NonNull<libc::c_void>> {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

/// This thread's id. Asked from the kernel: what libc remembers is wrong in a raw clone.
pub(crate) fn thread_id() -> libc::pid_t {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as libc::pid_t }
}

/// Whether this process still has the thread.
pub(crate) fn thread_exists(thread: libc::pid_t) -> bool {
    // SAFETY: signal 0 is none.
    unsafe { libc::syscall(libc::SYS_tgkill, process_id(), thread, 0) == 0 }
}

/// This process's id, from the kernel.
pub(crate) fn process_id() -> libc::pid_t {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::syscall(libc::SYS_getpid) as libc::pid_t }
}

/// A set of all signals.
pub(crate) fn all_signals() -> libc::sigset_t {
    // SAFETY: a sigset_t is plain bits; sigfillset then sets them all (but those that libc keeps for itself).
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        set
    }
}

/// A set of these signals.
pub(crate) fn signal_set(signals: impl IntoIterator<Item = c_int>) -> libc::sigset_t {
    // SAFETY: a sigset_t is plain bits; sigaddset refuses numbers out of range.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// Changes this thread's signal mask and returns the one before. `how`: `SIG_BLOCK`, `SIG_UNBLOCK`, `SIG_SETMASK`.
pub(crate) fn signal_mask(how: c_int, set: &libc::sigset_t) -> libc::sigset_t {
    // SAFETY: both point to sets; cannot fail with a valid `how`.
    unsafe {
        let mut before = std::mem::zeroed();
        libc::pthread_sigmask(how, set, &raw mut before);
        before
    }
}

/// Sleeps; a signal may end it early.
pub(crate) fn nap(time: Duration) {
    let time = timespec(time);
    // SAFETY: points to a timespec; the rest is not asked for.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

/// As the kernel wants it.
pub(crate) fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().min(i64::MAX as u64) as libc::time_t,
        tv_nsec: time.subsec_nanos() as _,
    }
}

/// Ends this process at once: no destructors, no atexit handlers, no flushing of streams that the target owns.
pub(crate) fn exit_now(code: c_int) -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { libc::syscall(libc::SYS_exit_group, code) };
    }
}

/// Reads a file without libc's streams and without looking at its length first (those of /proc have none).
pub(crate) fn read_file(path: &CStr) -> io::Result<Vec<u8>> {
    // SAFETY: the path is a C string.
    let descriptor = check(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })?;
    let mut bytes = Vec::new();
    let mut part = [0_u8; 4096];
    let result = loop {
        // SAFETY: writes at most the part's length.
        let count = unsafe { libc::read(descriptor, part.as_mut_ptr().cast(), part.len()) };
        match usize::try_from(count) {
            Ok(0) => break Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(_) => break Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: opened above.
    unsafe { libc::close(descriptor) };
    result
}

/// Writes to an existing file.
pub(crate) fn write_file(path: &CStr, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the path is a C string, the bytes are borrowed for the call, the descriptor is this function's own.
    unsafe {
        let descriptor = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = libc::write(descriptor, bytes.as_ptr().cast(), bytes.len());
        let error = io::Error::last_os_error();
        libc::close(descriptor);
        if written < 0 { Err(error) } else { Ok(()) }
    }
}

/// Where a symbolic link leads.
pub(crate) fn read_link(path: &CStr) -> Option<Vec<u8>> {
    let mut to = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the path is a C string; writes at most the given length.
    let length = unsafe { libc::readlink(path.as_ptr(), to.as_mut_ptr().cast(), to.len()) };
    to.truncate(usize::try_from(length).ok()?);
    Some(to)
}

/// A value of sysconf(3).
pub(crate) fn system_value(name: libc::c_int) -> Option<u64> {
    // SAFETY: has no memory arguments.
    u64::try_from(unsafe { libc::sysconf(name) }).ok()
}

/// The time of a clock. The monotonic one is the same in all processes.
pub(crate) fn clock(id: libc::clockid_t) -> Duration {
    // SAFETY: a timespec is plain data; the clocks asked for exist on every Linux.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(id, &raw mut time);
        time
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Moves a descriptor away from the numbers of the standard streams: a stray print of some library would land in its file.
pub(crate) fn above_standard_streams(descriptor: i32) -> i32 {
    if descriptor > libc::STDERR_FILENO {
        return descriptor;
    }
    // SAFETY: the descriptor is the caller's own, and not used after it was moved.
    unsafe {
        match libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) {
            // The limit on descriptors is that low.
            -1 => descriptor,
            moved => {
                libc::close(descriptor);
                moved
            }
        }
    }
}
