//! Keeps a great map of what services keep, and dumps itself before and after some more of it: `large-heap ITEMS DIRECTORY` writes `a.dump` and `b.dump`,
//! and prints for each a line: milliseconds of a bare fork, of the pause, and of the whole dump.

#![allow(clippy::print_stdout, reason = "what a benchmark says")]
#![allow(dead_code, reason = "what is kept is read in the dump")]

use std::collections::HashMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use memdump::SettingsBuilder;

#[global_allocator]
static ALLOCATOR: memdump::Heap = memdump::Heap::system();

/// What `tests/bench/large_heap.py` asks for.
#[derive(Debug)]
struct Item {
    name: String,
    scores: Vec<u32>,
    state: Box<dyn Debug + Send>,
    note: Option<Box<Note>>,
}

#[derive(Debug)]
struct Note {
    text: String,
    at: u64,
}

#[derive(Debug)]
struct Open(u64);

#[derive(Debug)]
struct Closed {
    reason: String,
}

static ITEMS: Mutex<Option<HashMap<u64, Box<Item>>>> = Mutex::new(None);

fn main() {
    memdump::install().expect("an installation");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [items, directory] = arguments.as_slice() else {
        panic!("large-heap ITEMS DIRECTORY");
    };
    let items: u64 = items.parse().expect("a number of items");
    grow(0..items);
    dump(&Path::new(directory).join("a.dump"));
    grow(items..items + items / 20);
    dump(&Path::new(directory).join("b.dump"));
}

fn grow(numbers: std::ops::Range<u64>) {
    let mut items = ITEMS.lock().expect("one thread");
    let items = items.get_or_insert_default();
    items.extend(numbers.map(|number| (number, Box::new(item(number)))));
}

fn item(number: u64) -> Item {
    let state: Box<dyn Debug + Send> = match number % 3 {
        0 => Box::new(Closed {
            reason: format!("order {number} was paid"),
        }),
        _ => Box::new(Open(number)),
    };
    Item {
        name: format!("item number {number}"),
        scores: (0..number as u32 % 13 + 1).collect(),
        state,
        note: (number % 5 == 0).then(|| {
            let text = format!("remember {number}");
            Box::new(Note { text, at: number })
        }),
    }
}

fn dump(path: &Path) {
    let bare = bare_fork();
    let settings = SettingsBuilder::new().build().expect("settings");
    let done = memdump::dump(path, &settings).expect("a dump");
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:.3} {:.3} {:.3}",
        bare,
        millis(done.pause),
        millis(done.duration)
    );
}

/// Milliseconds.
fn bare_fork() -> f64 {
    let begun = Instant::now();
    // SAFETY: the child ends at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    let taken = begun.elapsed().as_secs_f64() * 1e3;
    // SAFETY: it is this process's child.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    taken
}
