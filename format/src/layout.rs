//! Placeholder while the room is being built.
/// Kinds of blocks.
pub enum BlockKind {}
