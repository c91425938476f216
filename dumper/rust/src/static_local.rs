//! Thread-local memory that is there when a thread begins and is reached without a call.
//!
//! The compiler's own, in a library, is reached through `__tls_get_addr`, which calls malloc when libraries were loaded since: malloc
//! cannot be made of it. (The compiler has a switch for it, `tls-model`, which is not stable.) It takes part of the room that libc
//! leaves for libraries that are loaded when the program starts, so it is only for those.
#![allow(unsafe_code)]

use std::arch::{asm, global_asm};

use crate::local::Local;

global_asm!(
    ".pushsection .tbss, \"awT\", %nobits",
    ".balign 16",
    ".hidden memdump_static_local",
    ".globl memdump_static_local",
    ".type memdump_static_local, %object",
    ".size memdump_static_local, {size}",
    "memdump_static_local:",
    ".zero {size}",
    ".popsection",
    size = const size_of::<Local>(),
);

/// What this thread has: zero at first.
#[inline(always)]
pub(crate) fn of_this_thread() -> &'static Local {
    const { assert!(align_of::<Local>() <= 16) };
    let local: *const Local;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the sequence of the ABI (initial exec); nothing is written.
    unsafe {
        asm!(
            "mov {0}, qword ptr fs:[0]",
            "add {0}, qword ptr [rip + memdump_static_local@GOTTPOFF]",
            out(reg) local,
            options(pure, readonly, nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "mrs {0}, tpidr_el0",
            "adrp {1}, :gottprel:memdump_static_local",
            "ldr {1}, [{1}, :gottprel_lo12:memdump_static_local]",
            "add {0}, {0}, {1}",
            out(reg) local,
            out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    // SAFETY: lives as long as the thread, which alone reaches it (`Local` is not Sync); zeroed memory is a valid one.
    unsafe { &*local }
}
