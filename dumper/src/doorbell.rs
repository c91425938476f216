//! How a signal handler wakes the agent: counters and a futex in ordinary private memory.
//!
//! No descriptor is involved: a program that turns itself into a daemon closes all of them and reuses their numbers, and a
//! wake-up by write(2) would then land in a file of the application. After a fork each process has a doorbell of its own.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use crate::sys;

/// The one doorbell of this process: a handler has no other way to find it.
pub(crate) static DOORBELL: Doorbell = Doorbell::new();

const TOKENS: usize = 16;

#[derive(Debug)]
pub(crate) struct Doorbell {
    /// Counts everything that may be of interest to the agent; the word it sleeps on.
    rings: AtomicU32,
    /// Requests by the signal of the settings.
    signals: AtomicU32,
    /// Requests by the second signal.
    sends: AtomicU32,
    /// What `memdump send` gave with its requests, so that it recognises the answer; 0 = free.
    tokens: [AtomicU32; TOKENS],
    /// The process that was last asked: a fork copies what its parent was asked for.
    asked: AtomicI32,
}

/// Requests that nobody has taken on yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) signals: u32,
    pub(crate) sends: u32,
    pub(crate) tokens: Vec<u32>,
}

impl Requests {
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.signals) + u64::from(self.sends)
    }

    /// These and the others together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.signals = self.signals.saturating_add(other.signals);
        self.sends = self.sends.saturating_add(other.sends);
        self.tokens.extend(other.tokens);
        self
    }
}

impl Doorbell {
    const fn new() -> Self {
        Self {
            rings: AtomicU32::new(0),
            signals: AtomicU32::new(0),
            sends: AtomicU32::new(0),
            tokens: [const { AtomicU32::new(0) }; TOKENS],
            asked: AtomicI32::new(0),
        }
    }

    /// A request by the signal of the settings. Async-signal-safe.
    pub(crate) fn ring_signal(&self) {
        self.signals.fetch_add(1, Ordering::Relaxed);
        self.asked.store(sys::process_id(), Ordering::Relaxed);
        self.wake();
    }

    /// A request by the second signal, with the sender's token (0 = none). Async-signal-safe.
    pub(crate) fn ring_send(&self, token: u32) {
        if token != 0 {
            // With all slots taken the sender gets its dump, but has to find it without its token.
            let _ = self.tokens.iter().find(|slot| {
                slot.compare_exchange(0, token, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
            });
        }
        self.sends.fetch_add(1, Ordering::Relaxed);
        self.asked.store(sys::process_id(), Ordering::Relaxed);
        self.wake();
    }

    /// Wakes the agent without a request. Async-signal-safe.
    pub(crate) fn wake(&self) {
        self.rings.fetch_add(1, Ordering::Release);
        // SAFETY: the futex word lives for ever; FUTEX_WAKE touches no memory.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.rings.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                i32::MAX,
            );
        }
    }

    /// To be read before looking for work, and given to [`wait`](Self::wait).
    pub(crate) fn rings(&self) -> u32 {
        self.rings.load(Ordering::Acquire)
    }

    /// Sleeps until it rings after `rings` was read, for `limit` at most; may return for nothing.
    pub(crate) fn wait(&self, rings: u32, limit: Option<Duration>) {
        let limit = limit.map(sys::timespec);
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the futex word lives for ever, the time for the call.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.rings.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                rings,
                limit,
            );
        }
    }

    /// In a forked process: forgets what the parent was asked for. If this process was asked already, it answers.
    pub(crate) fn leave_parent(&self) {
        // A request that came between the look and the taking would be forgotten with those of the parent.
        let mask = sys::signal_mask(libc::SIG_SETMASK, &sys::all_signals());
        if self.asked.load(Ordering::Relaxed) != sys::process_id() {
            self.take();
        }
        sys::signal_mask(libc::SIG_SETMASK, &mask);
    }

    /// Takes the requests that came since the last time.
    pub(crate) fn take(&self) -> Requests {
        Requests {
            signals: self.signals.swap(0, Ordering::Relaxed),
            sends: self.sends.swap(0, Ordering::Relaxed),
            tokens: self
                .tokens
                .iter()
                .map(|slot| slot.swap(0, Ordering::Relaxed))
                .filter(|&token| token != 0)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once() {
        let bell = Doorbell::new();
        bell.ring_signal();
        bell.ring_send(7);
        bell.ring_send(0);
        bell.ring_send(9);
        let expected = Requests {
            signals: 1,
            sends: 3,
            tokens: vec![7, 9],
        };
        assert_eq!(bell.take(), expected);
        assert_eq!(bell.take(), Requests::default());
    }

    #[test]
    fn more_tokens_than_slots_lose_tokens_but_no_requests() {
        let bell = Doorbell::new();
        for token in 1..=20 {
            bell.ring_send(token);
        }
        let requests = bell.take();
        assert_eq!((requests.sends, requests.tokens.len()), (20, TOKENS));
    }

    #[test]
    fn a_forked_process_answers_only_what_it_was_asked_itself() {
        let bell = Doorbell::new();
        bell.ring_signal();
        bell.asked.store(1, Ordering::Relaxed);
        bell.leave_parent();
        assert_eq!(bell.take(), Requests::default());
        bell.ring_signal();
        bell.leave_parent();
        assert_eq!(bell.take().signals, 1);
    }

    #[test]
    fn a_ring_between_looking_and_sleeping_is_not_lost() {
        let bell = Doorbell::new();
        let rings = bell.rings();
        bell.ring_signal();
        // Would sleep for ever if the ring were lost.
        bell.wait(rings, None);
        assert_eq!(bell.take().signals, 1);
    }

    #[test]
    fn a_sleeper_is_woken() {
        static BELL: Doorbell = Doorbell::new();
        let sleeper = std::thread::spawn(|| {
            loop {
                let rings = BELL.rings();
                if BELL.take().signals > 0 {
                    return;
                }
                BELL.wait(rings, None);
            }
        });
        BELL.ring_signal();
        sleeper.join().unwrap();
    }
}
