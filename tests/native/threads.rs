//! What threads of a program in Rust hold: in variables of their own, and in frames of functions; of one that waits and of one that runs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

thread_local! {
    static EAGER: RefCell<Vec<Eager>> = const { RefCell::new(Vec::new()) };
    static LAZY: RefCell<HashMap<u32, Box<Lazy>>> = RefCell::new(HashMap::new());
}

pub struct Eager(pub [u64; 5]);
pub struct Lazy(pub [u64; 6]);
pub struct OfTheWaiting(pub [u64; 7]);
pub struct OfTheBusy(pub [u64; 8]);
pub struct OfTheFirst(pub [u64; 9]);

fn fill() {
    EAGER.with_borrow_mut(|kept| kept.push(Eager([1; 5])));
    LAZY.with_borrow_mut(|kept| kept.insert(1, Box::new(Lazy([2; 6]))));
}

#[inline(never)]
fn waits_with_a_block(ready: &mpsc::Sender<()>, end: &mpsc::Receiver<()>) {
    let block = black_box(Box::new(OfTheWaiting([3; 7])));
    fill();
    ready.send(()).unwrap();
    let _ = end.recv();
    black_box(&block);
}

#[inline(never)]
fn runs_with_a_block(ready: &mpsc::Sender<()>, end: &AtomicBool) {
    let block = black_box(Box::new(OfTheBusy([4; 8])));
    ready.send(()).unwrap();
    while !end.load(Ordering::Relaxed) {
        black_box(&block);
    }
}

#[inline(never)]
fn reads_with_a_block() {
    let block = black_box(Box::new(OfTheFirst([5; 9])));
    fill();
    println!("listening");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    black_box(&block);
}

fn main() {
    let ended = Arc::new(AtomicBool::new(false));
    let (ready, is_ready) = mpsc::channel();
    let (end, is_ended) = mpsc::channel();
    let named = |name: &str| thread::Builder::new().name(name.into());
    let threads = [
        {
            let ready = ready.clone();
            named("waiting").spawn(move || waits_with_a_block(&ready, &is_ended))
        },
        {
            let ended = Arc::clone(&ended);
            named("busy").spawn(move || runs_with_a_block(&ready, &ended))
        },
    ];
    for _ in &threads {
        is_ready.recv().unwrap();
    }
    reads_with_a_block();
    ended.store(true, Ordering::Relaxed);
    drop(end);
    for thread in threads {
        thread.unwrap().join().unwrap();
    }
}
