//! Where the first thread's thread-local memory lies. That of other threads lies at the upper end of their stacks.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

static OF_FIRST_THREAD: AtomicUsize = AtomicUsize::new(0);

/// Takes down the calling thread's, if it is the process's first thread.
pub(crate) fn take_down() {
    if OF_FIRST_THREAD.load(Ordering::Relaxed) != 0 {
        return;
    }
    // SAFETY: no arguments.
    let is_first = unsafe { libc::syscall(libc::SYS_gettid) == libc::c_long::from(libc::getpid()) };
    if is_first {
        OF_FIRST_THREAD.store(thread_pointer(), Ordering::Relaxed);
    }
}

/// The thread pointer of the first thread; `None` if it never allocated.
pub(crate) fn of_first_thread() -> Option<usize> {
    Some(OF_FIRST_THREAD.load(Ordering::Relaxed)).filter(|&pointer| pointer != 0)
}

#[cfg(target_arch = "x86_64")]
fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: the first word at the thread pointer is the pointer itself, by the ABI.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly)) };
    pointer
}

#[cfg(target_arch = "aarch64")]
fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem)) };
    pointer
}
