//! Makes blocks of many types, and says on stdout which type each of them truly has, who allocated it and what it refers to.
//!
//! `memdump-types-target heap`: as the standard library makes them; `memdump-types-target zoo`: as others do.

mod heap;
mod names;
mod recorder;
mod report;
mod zoo;

use recorder::Recorder;

#[global_allocator]
static HEAP: Recorder = Recorder;

fn main() {
    recorder::begin();
    match std::env::args().nth(1).as_deref() {
        Some("zoo") => {
            zoo::build();
            report::print();
        }
        _ => {
            let kept = heap::build();
            report::print();
            drop(kept);
        }
    }
}
