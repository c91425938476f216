//! `libmemdump_preload.so`: heap dumps of programs that cannot be recompiled, and of programs in C.
//!
//! `LD_PRELOAD=libmemdump_preload.so ./service`: [`exports`] takes the place of libc's malloc, [`operators`] that of C++'s `new`, and passes everything on to the [`next`] one;
//! until that is known [`early`] serves. [`start`] installs, as the environment says; [`interface`] is for programs in C that want to say
//! themselves. [`threads`] notes where each thread's stack lies, [`fork`] gives forked processes an agent.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod early;
mod exports;
mod fork;
mod interface;
mod next;
mod operators;
mod start;
mod threads;

use memdump_dumper::SwitchAllocator;

use memdump::malloc::Malloc;
use next::Next;

/// What the program allocates.
static HEAP: Malloc<Next> = Malloc::over(Next);

/// What memdump itself allocates: by malloc as well, but in the snapshot process from memory of its own.
#[global_allocator]
static OWN: SwitchAllocator = SwitchAllocator::new();
