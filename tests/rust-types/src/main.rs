//! Makes blocks of many types, and says on stdout which type each of them truly has, who allocated it and what it refers to.

mod heap;
mod recorder;
mod report;

use recorder::Recorder;

#[global_allocator]
static HEAP: Recorder = Recorder;

fn main() {
    let kept = heap::build();
    report::print();
    drop(kept);
}
