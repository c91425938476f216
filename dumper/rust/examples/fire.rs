//! A program that allocates and frees at full speed in many threads, to be dumped meanwhile: `fire THREADS`.
//!
//! It keeps some blocks for good and prints their addresses, then `ready`. With each line on its standard input it prints how many rounds its
//! threads have made; it ends with its standard input.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

static KEPT: Mutex<Vec<Box<[u64; 3]>>> = Mutex::new(Vec::new());
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() {
    memdump::install().unwrap();
    let threads = std::env::args()
        .nth(1)
        .map_or(8, |text| text.parse().unwrap());
    {
        let mut kept = KEPT.lock().unwrap();
        kept.extend((0..1000).map(|number| Box::new([number; 3])));
        for block in kept.iter() {
            println!("{:p}", block.as_ptr());
        }
    }
    for seed in 0..threads {
        let thread = std::thread::Builder::new().name(format!("fire {seed}"));
        thread.spawn(move || burn(seed)).unwrap();
    }
    println!("ready");
    for line in std::io::stdin().lines() {
        line.unwrap();
        println!("{}", ROUNDS.load(Ordering::Relaxed));
    }
}

/// Blocks of all sizes, grown, shrunk and freed, in collections of all kinds.
fn burn(seed: u64) -> ! {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut texts: Vec<String> = vec![String::new(); 64];
    let mut map = HashMap::new();
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
