//! Sends a signal with a value to one thread. No safe library wraps `rt_tgsigqueueinfo`.

#![allow(unsafe_code)]

use std::io;

/// Queues `signal` for the thread `thread` of the process `pid`, with `value`.
pub(super) fn queue_signal(pid: u32, thread: u32, signal: u32, value: u32) -> io::Result<()> {
    // SAFETY: siginfo_t is plain data, for which zeros are a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    info.si_signo = signal as i32;
    info.si_code = libc::SI_QUEUE;
    let sender = Sender {
        pid: std::process::id() as i32,
        // SAFETY: getuid always succeeds and touches no memory.
        uid: unsafe { libc::getuid() },
        value: value as usize,
    };
    let fields = (&raw mut info).cast::<u8>();
    // SAFETY: in the kernel's layout the fields of a queued signal begin behind three ints, aligned as a pointer is;
    // `Sender` is that part, and both lie within the 128 bytes of a siginfo_t.
    unsafe { fields.add(FIELDS).cast::<Sender>().write(sender) };
    // SAFETY: the call reads `info`, which lives until it returns, and writes no memory of ours.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            pid,
            thread,
            signal,
            &raw const info,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The part of `siginfo_t` that tells of a queued signal's sender; libc gives access for reading only.
#[repr(C)]
struct Sender {
    pid: i32,
    uid: u32,
    value: usize,
}

const FIELDS: usize = (3 * size_of::<i32>()).next_multiple_of(align_of::<usize>());
const _: () = assert!(FIELDS + size_of::<Sender>() <= size_of::<libc::siginfo_t>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_arrives_where_the_handler_looks_for_it() {
        // SAFETY: plain data.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        let signal = libc::SIGRTMIN() + 3;
        // SAFETY: `set` and `received` are valid for the calls; the signal is blocked in this thread before it is sent to it,
        // and taken again, so that no handler runs.
        let received = unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, signal);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            let thread = libc::syscall(libc::SYS_gettid) as u32;
            queue_signal(std::process::id(), thread, signal as u32, 0x1234_5678).expect("sent");
            let mut received: libc::siginfo_t = std::mem::zeroed();
            assert_eq!(libc::sigwaitinfo(&raw const set, &raw mut received), signal);
            (
                received.si_code,
                received.si_pid(),
                received.si_value().sival_ptr as usize,
            )
        };
        let own = std::process::id() as i32;
        assert_eq!(received, (libc::SI_QUEUE, own, 0x1234_5678));
    }
}
