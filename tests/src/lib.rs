//! Dump files from FORMAT.md alone: right ones easily, wrong ones on purpose.
//!
//! Nothing here knows the crate `memdump-format`; the two check each other and the text that both follow.
//!
//! - [`Heap`] describes a small heap readably; [`random`] makes random ones; [`population`] streams big ones of any size.
//! - [`Contents`] is what a dump says, record by record; [`Contents::file`] lays it out by a [`Plan`].
//! - [`File`] is a file as parts, of which every field can be overridden; [`wrong`] lists files that are not sound, [`odd`] files that only look so.
//! - [`slow_reader`] reads a file into [`Contents`], word for word as the text says.

#![forbid(unsafe_code)]

mod block;
pub mod columns;
pub mod encode;
pub mod field;
mod file;
mod heap;
pub mod kind;
mod label;
pub mod odd;
mod plan;
pub mod population;
pub mod random;
pub mod record;
mod rng;
pub mod slow_reader;
mod stream;
pub mod wrong;

pub use block::{Block, Column, Number, Overrides, Places, Storage};
pub use file::{Built, File, Index, Part, Place};
pub use heap::Heap;
pub use label::{Label, NoLabel};
pub use plan::{BLOCK_RECORDS, COLUMN_BYTES, Packing, Plan};
pub use record::{Contents, Fault, Object, RawLabel, Reference, Root, Type};
pub use rng::Rng;
pub use stream::Stream;
