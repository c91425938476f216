//! What the allocator keeps for each thread.

use std::cell::Cell;

use crate::births::Run;
use crate::frames::Bounds;
use crate::sites::Cache;

/// Constant and without a destructor: it is there before a thread's first allocation and after its last one, and reaching it allocates nothing.
/// All zero is a new one.
pub(crate) struct Local {
    pub(crate) births: Run,
    pub(crate) bounds: Bounds,
    pub(crate) sites: Cache,
    /// Whether this thread is at work for memdump itself, whose blocks are in no dump.
    pub(crate) is_own: Cell<bool>,
    /// Whether this thread is memdump's for good.
    pub(crate) is_agent: Cell<bool>,
}

#[cfg(not(feature = "preload"))]
thread_local! {
    static LOCAL: Local = const {
        Local {
            births: Run::new(),
            bounds: Bounds::new(),
            sites: Cache::new(),
            is_own: Cell::new(false),
            is_agent: Cell::new(false),
        }
    };
}

/// Runs with what this thread has.
#[cfg(not(feature = "preload"))]
#[inline(always)]
pub(crate) fn with<R>(run: impl FnOnce(&Local) -> R) -> R {
    LOCAL.with(run)
}

/// Runs with what this thread has.
#[cfg(feature = "preload")]
#[inline(always)]
pub(crate) fn with<R>(run: impl FnOnce(&Local) -> R) -> R {
    run(crate::static_local::of_this_thread())
}

/// Runs something whose blocks are memdump's own.
pub(crate) fn own<R>(run: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            with(|local| local.is_own.set(self.0));
        }
    }
    let _restore = Restore(with(|local| local.is_own.replace(true)));
    run()
}

/// This thread is memdump's for good.
pub(crate) fn enter_agent() {
    with(|local| {
        local.is_own.set(true);
        local.is_agent.set(true);
    });
}
