//! Makes blocks of many types, and says on stdout which type each of them truly has, who allocated it and what it refers to.
//!
//! `memdump-types-target heap`: as the standard library makes them; `zoo`: as others do; `service` (a feature of the package): as a service does.

mod heap;
#[cfg(feature = "service")]
mod made;
mod names;
mod recorder;
mod report;
#[cfg(feature = "service")]
mod service;
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
        #[cfg(feature = "service")]
        Some("service") => {
            names::keep_once();
            service::build();
            report::print();
        }
        _ => {
            let kept = heap::build();
            report::print();
            drop(kept);
        }
    }
}
