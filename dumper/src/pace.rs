//! How often dumps are taken that nobody asked for by hand: a process and all that are forked from it have one pace, so that a herd
//! of workers which reach a level together, or are replaced every minute, does not fill the disk.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys;

/// The time between two dumps doubles up to this.
const LONGEST: Duration = Duration::from_secs(86_400);

/// One series of dumps with growing times in between. Times are those of the monotonic clock, which all processes share.
#[repr(C)]
#[derive(Debug, Default)]
struct Turns {
    /// Nanoseconds of the clock before which there is no next one.
    not_before: AtomicU64,
    /// Nanoseconds from the next one to the one after it; 0 = as the settings say.
    interval: AtomicU64,
}

impl Turns {
    /// Whether there may be one now; if so, the next one has to wait.
    fn take(&self, now: Duration, first_interval: Duration) -> bool {
        let now = nanoseconds(now);
        let not_before = self.not_before.load(Ordering::Relaxed);
        if now < not_before {
            return false;
        }
        let interval = match self.interval.load(Ordering::Relaxed) {
            0 => nanoseconds(first_interval),
            known => known,
        };
        let next = now.saturating_add(interval).max(1);
        let order = Ordering::Relaxed;
        // Another process of the family was quicker: then it is its turn.
        let taken = self
            .not_before
            .compare_exchange(not_before, next, order, order);
        if taken.is_ok() {
            let longer = interval.saturating_mul(2).min(nanoseconds(LONGEST));
            self.interval.store(longer, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    fn left(&self, now: Duration) -> Duration {
        let not_before = Duration::from_nanos(self.not_before.load(Ordering::Relaxed));
        not_before.saturating_sub(now)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Each of these has turns of its own: a worker that ends must not keep the next one from telling of its memory, nor a level that was
/// reached hide the error that comes of it.
#[repr(C)]
#[derive(Debug, Default)]
struct Page {
    memory: Turns,
    error: Turns,
    exit: Turns,
}

/// The pace of a family of processes. Copies share it; it lives as long as one of the processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    page: NonNull<Page>,
    interval: Duration,
}

// SAFETY: the page is made of atomics and never unmapped.
unsafe impl Send for Pace {}
// SAFETY: as above.
unsafe impl Sync for Pace {}

impl Pace {
    /// A new pace, in memory that is shared with processes forked from now on.
    pub(crate) fn new(interval: Duration) -> std::io::Result<Self> {
        let page = sys::map_shared(size_of::<Page>())?.cast();
        Ok(Self { page, interval })
    }

    /// The same pace; where it has not begun yet, it begins with this interval.
    pub(crate) fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    fn page(&self) -> &Page {
        // SAFETY: a mapping of this size, zeroed by the kernel (which is a valid Page), never unmapped.
        unsafe { self.page.as_ref() }
    }

    /// Whether a dump for the memory's sake may be taken now; if so, it is this process's turn.
    pub(crate) fn take_for_memory(&self, now: Duration) -> bool {
        self.page().memory.take(now, self.interval)
    }

    /// Whether a dump may be taken now because the runtime has run out of memory; if so, it is this process's turn.
    pub(crate) fn take_for_error(&self, now: Duration) -> bool {
        self.page().error.take(now, self.interval)
    }

    /// How long dumps for the memory's sake have to wait.
    pub(crate) fn left_for_memory(&self, now: Duration) -> Duration {
        self.page().memory.left(now)
    }

    /// Whether a dump at exit may be taken now; if so, it is this process's turn.
    pub(crate) fn take_for_exit(&self, now: Duration) -> bool {
        self.page().exit.take(now, self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_time_in_between_doubles_up_to_a_day() {
        let turns = Turns::default();
        let taken: Vec<u64> = (0..3_000_000)
            .step_by(10)
            .filter(|&second| turns.take(at(1 + second), at(60)))
            .collect();
        let between: Vec<u64> = taken.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(between[..4], [60, 120, 240, 480]);
        assert_eq!(between.iter().max(), Some(&86_400));
        assert!(between.is_sorted());
        // Ten in the first day, and one a day later on.
        assert_eq!(taken.iter().filter(|&&second| second < 86_400).count(), 11);
    }

    #[test]
    fn what_is_left_is_told() {
        let turns = Turns::default();
        assert_eq!(turns.left(at(5)), at(0));
        assert!(turns.take(at(5), at(60)));
        assert!(!turns.take(at(64), at(60)));
        assert_eq!(turns.left(at(25)), at(40));
        assert_eq!(turns.left(at(500)), at(0));
    }

    #[test]
    fn all_of_a_family_have_one_pace_but_errors_and_exits_have_their_own() {
        let pace = Pace::new(at(60)).unwrap();
        let copy = pace;
        assert!(pace.take_for_memory(at(1)));
        assert!(!copy.take_for_memory(at(2)));
        assert!(copy.take_for_exit(at(3)));
        assert!(pace.take_for_error(at(3)));
        assert!(!copy.take_for_error(at(4)));
        assert!(!pace.take_for_exit(at(4)));
    }
}
