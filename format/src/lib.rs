//! The dump file: a streaming [`Writer`] for the process that walks a heap, a parallel reader ([`Dump`]) that trusts nothing.
//!
//! `FORMAT.md` is the normative text. This crate knows no Python, no graph and no SQL.

#![forbid(unsafe_op_in_unsafe_fn)]

mod ids;
mod layout;
mod model;
mod varint;

pub use ids::{Address, ObjectId, StringId, TypeId};
pub use layout::BlockKind;
pub use model::{
    Fault, Label, Object, ObjectFlags, Reference, Root, RootKind, Strength, Type, TypeFlags,
};
