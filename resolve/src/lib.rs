//! Native dump + debug information → typed dump: which types the heap blocks of a compiled program have, and which of their fields refer
//! to each other.
//!
//! The way of the data: [`Symbols`] finds the debug information of a module by its build id; a [`Program`] answers for an address which
//! functions stand there, inlined ones included; the container functions among them (`Vec::push`, `Arc::new`, …) tell the type of the block
//! that was allocated; the layout of that type tells the field at an offset. Debug information is input from outside: what is
//! damaged in it costs the types that it describes, never the dump.

mod block_type;
mod blocks;
mod cache;
mod debug_info;
mod edges;
mod elf;
mod erased;
mod error;
mod family;
mod fields;
mod function;
mod kinds;
mod leads;
mod names;
mod places;
mod program;
mod roots;
mod site;
mod split;
mod spread;
mod statics;
mod symbols;
mod table;
mod type_name;
mod typed;
mod types;
mod variants;
mod written;

pub use block_type::BlockType;
pub use cache::{Kept, Outcome, is_native, open_typed};
pub use error::ResolveError;
pub use fields::{Field, Pointee, Pointer};
pub use program::{LoadedModule, Program, Source, loaded_modules};
pub use site::SiteTypes;
pub use symbols::{BuildId, SymbolFile, Symbols, SymbolsError};
pub use typed::{Summary, write_typed};
pub use types::TypeKey;
