//! Birth serials: greater the later. Threads get them in runs, so that they do not meet at one counter; a dump ends all runs, so that
//! what is born after it has a greater serial than all that it has.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::header::GREATEST_SERIAL;

/// Serials of a run. More would be wasted by threads that allocate little.
const RUN: u64 = 1024;

static NEXT: AtomicU64 = AtomicU64::new(1);
static EPOCH: AtomicU32 = AtomicU32::new(0);
static WATERMARK: AtomicU64 = AtomicU64::new(0);

/// What is left of a thread's run.
pub(crate) struct Run {
    next: Cell<u64>,
    end: Cell<u64>,
    epoch: Cell<u32>,
}

impl Run {
    #[cfg_attr(all(feature = "preload", not(test)), expect(dead_code))]
    pub(crate) const fn new() -> Run {
        Run {
            next: Cell::new(0),
            end: Cell::new(0),
            epoch: Cell::new(0),
        }
    }

    /// The serial of a birth in this thread; 0 when all have been used.
    #[inline(always)]
    pub(crate) fn take(&self) -> u64 {
        self.next().unwrap_or_else(|| self.begin())
    }

    /// The next serial of the run; `None` where another run must begin.
    #[inline(always)]
    pub(crate) fn next(&self) -> Option<u64> {
        let serial = self.next.get();
        if serial == self.end.get() || self.epoch.get() != EPOCH.load(Ordering::Relaxed) {
            return None;
        }
        self.next.set(serial + 1);
        Some(serial)
    }

    #[cold]
    #[inline(never)]
    fn begin(&self) -> u64 {
        crate::thread_locals::take_down();
        // First: a run that is begun while a dump ends all of them must be seen as ended, not as new.
        self.epoch.set(EPOCH.load(Ordering::Acquire));
        if is_used_up() {
            self.end.set(self.next.get());
            return 0;
        }
        let first = NEXT.fetch_add(RUN, Ordering::AcqRel);
        self.next.set(first + 1);
        self.end.set(first + RUN);
        first
    }
}

/// Whether there are no serials any more, after hundreds of billions of runs.
pub(crate) fn is_used_up() -> bool {
    NEXT.load(Ordering::Relaxed) > GREATEST_SERIAL - RUN
}

/// Ends all runs; what is born from now on has a greater serial than [`watermark`].
pub(crate) fn end_runs() {
    EPOCH.fetch_add(1, Ordering::AcqRel);
    WATERMARK.fetch_max(NEXT.load(Ordering::Acquire) - 1, Ordering::AcqRel);
}

/// The greatest serial that was given out when runs were last ended.
pub(crate) fn watermark() -> u64 {
    WATERMARK.load(Ordering::Acquire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_rise_and_pass_every_watermark() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let run = Run::new();
                    let mut last = 0;
                    for round in 0..100_000 {
                        let serial = run.take();
                        assert!(serial > last);
                        last = serial;
                        if round % 1000 == 0 {
                            end_runs();
                            let watermark = watermark();
                            assert!(watermark >= last);
                            last = run.take();
                            assert!(last > watermark);
                        }
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }
}
