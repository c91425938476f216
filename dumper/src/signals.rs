//! Arms the two signals, lives with handlers that stood there before, and with those that take a signal away later.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use signal_hook::{SigId, low_level};

use crate::doorbell::DOORBELL;
use crate::sys;

/// Which of the two signals a handler serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The signal of the settings.
    Ask,
    /// The second signal: `memdump send`.
    Send,
}

/// A signal that rings the doorbell until it is disarmed or somebody else takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armed {
    signal: c_int,
    action: SigId,
}

const SIGNALS: usize = 65;
/// The handler that signal-hook put in place, by signal; 0 = none yet.
static REGISTERED: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];
/// The handler that signal-hook found and calls, by signal.
static FOUND: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];
/// The handler that had taken the signal away when it was armed again, by signal. Never freed: a handler may be running.
static TAKEN_BY: [AtomicPtr<libc::sigaction>; SIGNALS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; SIGNALS];

impl Armed {
    pub(crate) fn signal(&self) -> c_int {
        self.signal
    }

    /// Whether somebody replaced the handler since.
    pub(crate) fn taken_away(&self) -> bool {
        current(self.signal).is_ok_and(|action| !is_ours(self.signal, &action))
    }

    /// Takes the signal back if it was taken away; the handler that took it is called as well from then on.
    pub(crate) fn rearm(&self) -> io::Result<()> {
        let theirs = current(self.signal)?;
        if is_ours(self.signal, &theirs) {
            return Ok(());
        }
        let slot = &TAKEN_BY[self.signal as usize];
        slot.store(Box::into_raw(Box::new(theirs)), Ordering::Release);
        let mut ours = theirs;
        ours.sa_sigaction = on_rearmed as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | restart_of(&theirs);
        set(self.signal, &ours)
    }

    /// Stops ringing the doorbell. The handler stays, for the sake of those that it calls.
    pub(crate) fn disarm(self) {
        low_level::unregister(self.action);
    }
}

/// Arms `signal`; a handler that stood there is still called, before the doorbell rings.
pub(crate) fn arm(signal: c_int, role: Role) -> io::Result<Armed> {
    let slot = &REGISTERED[signal as usize];
    let before = current(signal)?;
    // SAFETY: the action is async-signal-safe: atomics and a futex wake.
    let action = unsafe {
        signal_hook_registry::register_sigaction(signal, move |info| match role {
            Role::Ask => DOORBELL.ring_signal(),
            Role::Send => DOORBELL.ring_send(token(info)),
        })
    }?;
    let armed = Armed { signal, action };
    if slot.load(Ordering::Acquire) == 0 {
        let mut ours = current(signal)?;
        FOUND[signal as usize].store(before.sa_sigaction, Ordering::Relaxed);
        slot.store(ours.sa_sigaction, Ordering::Release);
        // The handler that stood there counted on its own mask and on whether it interrupts system calls
        // (Python's does, or else a signal would not be served before a blocking call returns).
        if is_handler(&before) {
            ours.sa_mask = before.sa_mask;
            ours.sa_flags = libc::SA_SIGINFO | restart_of(&before);
        }
        // Without effect unless the thread has an alternate stack; threads with tiny stacks (Go's) need it.
        ours.sa_flags |= libc::SA_ONSTACK;
        set(signal, &ours)?;
    } else {
        // signal-hook knows the signal already and has not touched the handler.
        armed.rearm()?;
    }
    Ok(armed)
}

/// The first real-time signal from SIGRTMIN+9 on that nobody handles.
pub(crate) fn free_real_time_signal() -> Option<c_int> {
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let preferred = (first + 9).min(last);
    (preferred..=last)
        .chain(first..preferred)
        .find(|&signal| current(signal).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL))
}

/// What the sender gave with the signal: 31 bits, 0 for none (a plain kill).
fn token(info: &libc::siginfo_t) -> u32 {
    if info.si_code != libc::SI_QUEUE {
        return 0;
    }
    // SAFETY: SI_QUEUE means that the value was set; sigval is a union of a pointer and an int that is its first half.
    let value = unsafe { info.si_value() };
    (value.sival_ptr.addr() as u32) & 0x7fff_ffff
}

fn is_ours(signal: c_int, action: &libc::sigaction) -> bool {
    action.sa_sigaction == on_rearmed as *const () as usize
        || action.sa_sigaction == REGISTERED[signal as usize].load(Ordering::Acquire)
}

fn is_handler(action: &libc::sigaction) -> bool {
    action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN
}

/// Whether system calls are to go on after the signal: as the handler wanted it, and always where there was none.
fn restart_of(before: &libc::sigaction) -> c_int {
    if is_handler(before) {
        before.sa_flags & libc::SA_RESTART
    } else {
        libc::SA_RESTART
    }
}

fn current(signal: c_int) -> io::Result<libc::sigaction> {
    // SAFETY: a sigaction is plain data; the call only reads the disposition.
    unsafe {
        let mut action = std::mem::zeroed();
        sys::check(libc::sigaction(signal, std::ptr::null(), &raw mut action))?;
        Ok(action)
    }
}

fn set(signal: c_int, action: &libc::sigaction) -> io::Result<()> {
    // SAFETY: the handler is signal-hook's or `on_rearmed`, both made for SA_SIGINFO.
    sys::check(unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) })?;
    Ok(())
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// Stands where somebody had taken the signal away: calls their handler, then signal-hook's.
extern "C" fn on_rearmed(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let errno = sys::errno();
    let slot = signal as usize;
    let theirs = TAKEN_BY[slot].load(Ordering::Acquire);
    // SAFETY: null or leaked by `rearm`.
    if let Some(theirs) = unsafe { theirs.as_ref() } {
        // signal-hook calls the handler that it found, and must not be called twice for one signal.
        if theirs.sa_sigaction != FOUND[slot].load(Ordering::Relaxed) {
            once_per_thread(|| call(theirs, signal, info, context));
        }
    }
    let registered = REGISTERED[slot].load(Ordering::Acquire) as *const ();
    if !registered.is_null() {
        // SAFETY: signal-hook's handler, as sigaction showed it; it was set with SA_SIGINFO.
        let registered = unsafe { std::mem::transmute::<*const (), Handler>(registered) };
        registered(signal, info, context);
    }
    sys::set_errno(errno);
}

fn call(action: &libc::sigaction, signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !is_handler(action) {
        return;
    }
    let address = action.sa_sigaction as *const ();
    // SAFETY: the application set this handler with these flags.
    unsafe {
        if action.sa_flags & libc::SA_SIGINFO != 0 {
            std::mem::transmute::<*const (), Handler>(address)(signal, info, context);
        } else {
            std::mem::transmute::<*const (), extern "C" fn(c_int)>(address)(signal);
        }
    }
}

/// Threads that are inside a handler which had taken a signal away. That handler may call the one which it found, and that
/// may be ours: without this the two would call one another until the stack ends.
static VISITS: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];

/// Calls `body` unless this thread is inside such a call already. Async-signal-safe.
fn once_per_thread(body: impl FnOnce()) {
    let thread = sys::thread_id();
    if VISITS.iter().any(|v| v.load(Ordering::Relaxed) == thread) {
        return;
    }
    let free = VISITS.iter().find(|slot| {
        slot.compare_exchange(0, thread, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    });
    if let Some(slot) = free {
        body();
        slot.store(0, Ordering::Relaxed);
    }
}

/// In a forked process: the threads that were inside such a call do not exist there.
pub(crate) fn forget_visits() {
    for slot in &VISITS {
        slot.store(0, Ordering::Relaxed);
    }
}
