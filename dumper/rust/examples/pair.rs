//! What a block costs: nanoseconds for each allocation with its free, bare and under [`memdump::Heap`] without stacks and with eight frames, in one
//! thread and in four; and resident bytes for each live block. The ways take turns, and the least of all rounds counts.
//!
//! `cargo run --release -p memdump-rust --example pair`; for stacks of more than one frame with `RUSTFLAGS=-Cforce-frame-pointers=yes`.
#![allow(unsafe_code, clippy::print_stdout, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Duration;

/// For the benchmark itself, too, because stacks are switched on by an installation, which wants it.
#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

const PAIRS: u32 = 400_000;
const ROUNDS: usize = 15;
/// Blocks that are alive at once, so that not every free gives back what was just taken.
const LIVE: usize = 64;

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    allocator: &'static (dyn GlobalAlloc + Sync),
    stacks: u8,
}

static BARE: System = System;

fn main() {
    let way = |name, allocator, stacks| Way {
        name,
        allocator,
        stacks,
    };
    let ways: [Way; 3] = [
        way("bare", &BARE, 0),
        way("stacks off", &HEAP, 0),
        way("8 frames", &HEAP, 8),
    ];
    println!("ns per allocation and free, least of {ROUNDS} rounds");
    for threads in [1, 4] {
        let mut least = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            for (way, least) in ways.iter().zip(&mut least) {
                set_stacks(way.stacks);
                *least = (*least).min(round(*way, threads));
            }
        }
        for (way, least) in ways.iter().zip(least) {
            let each = least.as_secs_f64() * 1e9 / f64::from(PAIRS);
            println!("{threads} threads  {:<10}  {each:6.1}", way.name);
        }
    }
    println!("resident bytes for each live block of 24 bytes");
    for way in ways {
        set_stacks(way.stacks);
        println!("{:<10}  {:6.1}", way.name, bytes_per_block(way));
    }
}

fn set_stacks(frames: u8) {
    // The agent of an installation sleeps; it costs the pairs nothing.
    let settings = memdump::SettingsBuilder::new().directory(std::env::temp_dir());
    memdump::Builder::new()
        .settings(settings)
        .stacks(frames)
        .install()
        .unwrap();
}

/// CPU time of a thread for its pairs, the mean of all threads.
fn round(way: Way, threads: u32) -> Duration {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| scope.spawn(move || pairs(way.allocator)))
            .collect();
        all.into_iter()
            .map(|one| one.join().unwrap())
            .sum::<Duration>()
            / threads
    })
}

#[inline(never)]
fn pairs(allocator: &dyn GlobalAlloc) -> Duration {
    let mut live = [(std::ptr::null_mut::<u8>(), Layout::new::<u64>()); LIVE];
    let begun = cpu();
    for number in 0..PAIRS as usize {
        let (block, layout) = &mut live[number.wrapping_mul(7) % LIVE];
        // SAFETY: a block is freed once, with the layout that it was taken with.
        unsafe {
            if !block.is_null() {
                allocator.dealloc(*block, *layout);
            }
            *layout = Layout::from_size_align_unchecked(16 + number % 13 * 16, 8);
            *block = black_box(nested(allocator, *layout, 8));
        }
    }
    let taken = cpu() - begun;
    for (block, layout) in live {
        // SAFETY: as above.
        unsafe { allocator.dealloc(block, layout) };
    }
    taken
}

/// Allocates some calls deeper, so that there are frames to walk.
///
/// # Safety
///
/// As of `GlobalAlloc::alloc`.
#[inline(never)]
unsafe fn nested(allocator: &dyn GlobalAlloc, layout: Layout, depth: u32) -> *mut u8 {
    if depth == 0 {
        // SAFETY: of the caller.
        return unsafe { allocator.alloc(layout) };
    }
    // SAFETY: of the caller.
    black_box(unsafe { nested(allocator, layout, black_box(depth - 1)) })
}

fn bytes_per_block(way: Way) -> f64 {
    const BLOCKS: usize = 2_000_000;
    let mut blocks: Vec<*mut u8> = vec![std::ptr::null_mut(); BLOCKS];
    blocks
        .iter_mut()
        .for_each(|block| *block = black_box(std::ptr::dangling_mut()));
    let before = resident();
    let layout = Layout::new::<[u64; 3]>();
    for block in &mut blocks {
        // SAFETY: the layout is not empty; the block is written in its bounds.
        unsafe {
            *block = way.allocator.alloc(layout);
            block.write_bytes(1, layout.size());
        }
    }
    let taken = resident() - before;
    for block in blocks {
        // SAFETY: taken above.
        unsafe { way.allocator.dealloc(block, layout) };
    }
    // SAFETY: no arguments of memory.
    unsafe { libc::malloc_trim(0) };
    taken as f64 / BLOCKS as f64
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes a timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
