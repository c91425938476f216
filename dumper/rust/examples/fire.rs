//! A program that allocates and frees at full speed in many threads, to be dumped meanwhile:
//! `fire THREADS KEPT`.
//!
//! It keeps some blocks for good and prints their addresses, that of one that its first thread's thread-local memory holds, then `ready`. With each line on its standard input it prints how many rounds its
//! threads have made; it ends with its standard input.
// Boxes in a vector are what it wants to have: many small blocks.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::vec_box)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

static KEPT: Mutex<Vec<Box<[u64; 3]>>> = Mutex::new(Vec::new());
thread_local! {
    static MINE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() {
    memdump::install().unwrap();
    let argument = |place, default| {
        let given = std::env::args().nth(place);
        given.map_or(default, |text| text.parse().unwrap())
    };
    let (threads, blocks) = (argument(1, 8), argument(2, 1000));
    {
        let mut kept = KEPT.lock().unwrap();
        kept.extend((0..blocks).map(|number| Box::new([number; 3])));
        for block in kept.iter() {
            println!("{:p}", block.as_ptr());
        }
    }
    MINE.with_borrow_mut(|mine| mine.extend(0..99));
    println!("local {:p}", MINE.with_borrow(|mine| mine.as_ptr()));
    let begun = Arc::new(Barrier::new(threads as usize + 1));
    for seed in 0..threads {
        let thread = std::thread::Builder::new().name(format!("fire {seed}"));
        let begun = Arc::clone(&begun);
        thread.spawn(move || burn(seed, &begun)).unwrap();
    }
    begun.wait();
    println!("ready");
    for line in std::io::stdin().lines() {
        line.unwrap();
        println!("{}", ROUNDS.load(Ordering::Relaxed));
    }
}

/// Blocks of all sizes, grown, shrunk and freed, in collections of all kinds. Has hundreds of them when it passes `begun`.
fn burn(seed: u64, begun: &Barrier) -> ! {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut texts: Vec<String> = vec![String::new(); 64];
    let mut map: HashMap<_, _> = (0..1000).map(|key| (key, vec![key])).collect();
    begun.wait();
    loop {
        let text = &mut texts[random(64) as usize];
        let longest = 1 << random(18);
        match random(4) {
            0 => *text = String::with_capacity(random(longest) as usize),
            1 => text.push_str("some more text"),
            2 => text.shrink_to_fit(),
            _ => *text = String::new(),
        }
        let (key, length) = (random(1000), random(40) as usize);
        map.insert(key, vec![key; length]);
        if random(2000) == 0 {
            map = HashMap::new();
        }
        ROUNDS.fetch_add(1, Ordering::Relaxed);
    }
}
