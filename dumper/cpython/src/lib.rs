//! memdump inside of CPython: the extension module `memdump._native`.
//!
//! The way of the data: [`target`] holds the interpreter still and starts the walk in the snapshot process; [`walk`] visits the objects
//! of the [`collector`]'s rings and what they reach; [`edges`] names an object's references, [`sizes`] its bytes, [`roots`]
//! what is alive without them; [`tally`] counts them by type; [`births`] marks when objects are born, if that is asked for; [`labels`],
//! [`text`] and [`literal`] turn names and keys into strings of the file; [`values`] tells what texts and numbers hold, if that is asked
//! for. [`layout`] is the one place that differs between versions.

mod api;
mod births;
mod class;
mod collector;
mod edges;
mod gil;
mod known;
mod labels;
mod layout;
mod literal;
mod memory;
mod python;
mod roots;
mod seen;
mod self_check;
mod sizes;
mod tally;
mod target;
mod text;
mod values;
mod walk;

use memdump_dumper::SwitchAllocator;

/// The snapshot process must not use libc's allocator, which another thread may have held when it was cloned.
#[global_allocator]
static ALLOCATOR: SwitchAllocator = SwitchAllocator::new();
