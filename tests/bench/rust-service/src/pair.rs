//! Allocations and frees, and nothing else, at the end of eight calls.

use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;
use std::ptr;
use std::time::Duration;

const PAIRS: u32 = 400_000;
const ROUNDS: usize = 15;
/// Blocks that are alive at once, so that not every free gives back what was just taken.
const LIVE: usize = 64;

/// Of an allocation with its free, the least of all rounds.
pub fn nanoseconds() -> f64 {
    let least: Duration = (0..ROUNDS).map(|_| round()).min().unwrap_or_default();
    least.as_secs_f64() * 1e9 / f64::from(PAIRS)
}

fn round() -> Duration {
    let mut live = [(ptr::null_mut::<u8>(), Layout::new::<u64>()); LIVE];
    let begun = cpu();
    for number in 0..PAIRS as usize {
        let (block, layout) = &mut live[number.wrapping_mul(7) % LIVE];
        // SAFETY: a block is freed once, with the layout that it was taken with.
        unsafe {
            if !block.is_null() {
                dealloc(*block, *layout);
            }
            *layout = Layout::from_size_align_unchecked(16 + number % 13 * 16, 8);
            *block = black_box(nested(*layout, 8));
        }
    }
    let taken = cpu() - begun;
    for (block, layout) in live {
        // SAFETY: as above.
        unsafe { dealloc(block, layout) };
    }
    taken
}

/// Allocates some calls deeper, so that there are frames to walk.
#[inline(never)]
unsafe fn nested(layout: Layout, depth: u32) -> *mut u8 {
    if depth == 0 {
        // SAFETY: no layout here is empty.
        return unsafe { alloc(layout) };
    }
    // SAFETY: as above.
    black_box(unsafe { nested(layout, black_box(depth - 1)) })
}

/// What this thread has had of a processor.
fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time lives on this frame.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "Linux has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
