//! Where the thread-local memory of threads lies. The first thread tells where its own is; that of the others is found above their stacks, where libc keeps it.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::images::Image;
use crate::memory::Bytes;

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

/// The thread pointer of the thread whose stack this is, on x86-64: there libc keeps the address itself, and once more two words on.
pub(crate) fn above(stack: Range<usize>) -> Option<usize> {
    const ALIGNMENT: usize = 64;
    if cfg!(not(target_arch = "x86_64")) {
        return None;
    }
    let places = (stack.start.next_multiple_of(ALIGNMENT)..stack.end).step_by(ALIGNMENT);
    places.into_iter().find(|&place| {
        let own = Some(place as u64);
        Bytes::read::<24>(place)
            .is_some_and(|words| words.number::<8>(0) == own && words.number::<8>(16) == own)
    })
}

/// The file of the program itself, whose thread-local memory lies beside the thread pointer, before that of libraries.
pub(crate) fn program(images: &[Image]) -> Option<&Image> {
    // SAFETY: no pointers.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
    crate::images::of_address(images, headers)
}

/// The thread-local memory of the program, in the thread with this thread pointer. The places are the linker's, by the ABI for thread-local storage
/// (U. Drepper, ELF Handling For Thread-Local Storage, 2005).
pub(crate) fn of_image(image: &Image, pointer: usize) -> Option<Range<usize>> {
    let locals = image.thread_locals?;
    let alignment = locals.alignment.max(1);
    if !alignment.is_power_of_two() || !locals.address.is_multiple_of(alignment) {
        return None;
    }
    let start = if cfg!(target_arch = "x86_64") {
        pointer.checked_sub(locals.size.checked_next_multiple_of(alignment)?)?
    } else {
        // Behind two words of libc's.
        pointer.checked_add(16usize.checked_next_multiple_of(alignment)?)?
    };
    Some(start..start.checked_add(locals.size)?)
}
