//! What a dump tells that types can be spread along: references from and to blocks without a settled type, and the vtables beside pointers.

use std::collections::HashMap;
use std::rc::Rc;

use memdump_format::{Dump, Label, ObjectId, ReadError, ReferenceBatch, ReferenceColumns, Vtable};

use crate::blocks::Blocks;
use crate::kinds::Kinds;
use crate::program::Program;
use crate::types::TypeKey;

/// A reference that matters: from, or to, a block whose stack does not settle its type.
pub(crate) struct Edge {
    pub(crate) source: ObjectId,
    /// Where in the source it lies.
    pub(crate) place: u64,
    pub(crate) target: ObjectId,
    /// Where in the target it leads.
    pub(crate) offset: u64,
}

/// The types that vtables tell, by block and place in it.
pub(crate) type Vtables = HashMap<(ObjectId, u64), Rc<[TypeKey]>>;

/// What the vtables beside pointers tell.
pub(crate) fn read_vtables(
    dump: &Dump,
    blocks: &Blocks,
    program: &Program<'_>,
) -> Result<Vtables, ReadError> {
    let mut known: HashMap<u64, Rc<[TypeKey]>> = HashMap::new();
    let mut found = HashMap::new();
    for Vtable { place, vtable } in dump.vtables()? {
        let values = known
            .entry(vtable)
            .or_insert_with(|| program.behind_vtable(vtable).into());
        if let Some(at) = blocks.holder(place)
            && !values.is_empty()
        {
            found.insert(at, Rc::clone(values));
        }
    }
    Ok(found)
}

/// All references from and to blocks without type, by source.
pub(crate) fn read_edges(
    dump: &Dump,
    blocks: &Blocks,
    kinds: &Kinds<'_, '_>,
) -> Result<Vec<Edge>, ReadError> {
    let is_open = |id: ObjectId| {
        let block = blocks.get(id);
        block.is_some_and(|block| kinds.is_open(block.kind, block.site))
    };
    let mut edges = Vec::new();
    let mut batch = ReferenceBatch::default();
    for block in dump.reference_blocks() {
        block.decode(ReferenceColumns::ALL, &mut batch)?;
        let mut place = 0;
        for group in &batch.groups {
            for at in place..place + group.count as usize {
                let (Some(&address), Label::Offset(offset)) =
                    (batch.targets.get(at), batch.label(at))
                else {
                    continue;
                };
                let Some(target) = blocks.find(address) else {
                    continue;
                };
                let source = group.source;
                if blocks.get(source).is_some() && (is_open(source) || is_open(target)) {
                    edges.push(Edge {
                        source,
                        place: offset,
                        target,
                        offset: batch.offset(at),
                    });
                }
            }
            place += group.count as usize;
        }
    }
    // By place as well, which is how the target writes them.
    edges.sort_by_key(|edge| (edge.source, edge.place));
    Ok(edges)
}
