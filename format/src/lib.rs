//! The dump file: a streaming [`Writer`] for the process that walks a heap, a parallel reader ([`Dump`]) that trusts nothing.
//!
//! `FORMAT.md` is the normative text. This crate knows no Python, no graph and no SQL.

#![forbid(unsafe_op_in_unsafe_fn)]

mod compressor;
mod counts;
mod ids;
mod label;
mod layout;
mod model;
mod predict;
mod reader;
pub mod status_page;
mod unsound;
mod varint;
mod writer;

pub use counts::Counts;
pub use ids::{Address, ObjectId, StringId, TypeId};
pub use label::LabelKind;
pub use layout::BlockKind;
pub use model::{
    Fault, Label, Module, Object, ObjectFlags, Reference, Root, RootKind, Site, Strength, Type,
    TypeFlags, Vtable,
};
pub use reader::{
    BlockInfo, Damage, Dump, Group, Metadata, Missing, ObjectBatch, ObjectBlock, ObjectColumns,
    ReadError, ReferenceBatch, ReferenceBlock, ReferenceColumns, Sites, Strings, ValueBatch,
    ValueBlock,
};
pub use unsound::Unsound;
pub use writer::{Limits, WriteError, Writer};
