//! What a dump tells that types can be spread along: references from and to blocks without a settled type, and the vtables beside pointers.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use foldhash::fast::RandomState;
use memdump_format::{Dump, Label, ObjectId, ReadError, ReferenceBatch, ReferenceColumns, Vtable};

use crate::blocks::Blocks;
use crate::erased::{Begun, Fitting};
use crate::kinds::Kinds;
use crate::program::Program;
use crate::types::TypeKey;

/// A reference that matters: from, or to, a block whose stack does not settle its type.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) source: ObjectId,
    /// Where in the source it lies.
    pub(crate) place: u64,
    pub(crate) target: ObjectId,
    /// Where in the target it leads.
    pub(crate) offset: u64,
}

/// The references that types can be spread along.
pub(crate) struct Edges {
    /// By source, and by place in it.
    all: Vec<Edge>,
    /// Where in `all` the edges of each source begin, and one more.
    starts: Vec<u32>,
    /// Numbers of edges, by target.
    incoming: Vec<u32>,
    /// Where in `incoming` the edges to each target begin, and one more.
    incoming_starts: Vec<u32>,
}

/// What the addresses in constant memory tell that blocks have.
#[derive(Default)]
pub(crate) struct Vtables {
    /// The types that the vtables beside pointers tell, by block and place of the pointer in it.
    beside: HashMap<(ObjectId, u64), Rc<[TypeKey]>, RandomState>,
    /// The types that the tables tell which blocks begin with; of each type, how many of a table's functions.
    within: HashMap<ObjectId, Fitting, RandomState>,
}

impl Vtables {
    /// Reads all of them; of tables only those of blocks without a settled type.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read(
        dump: &Dump,
        blocks: &Blocks,
        program: &Program<'_>,
        kinds: &Kinds<'_, '_>,
    ) -> Result<Vtables, ReadError> {
        let mut known: HashMap<u64, Rc<[TypeKey]>> = HashMap::new();
        let mut found = Vtables::default();
        for Vtable { place, vtable } in dump.vtables()? {
            let values = known
                .entry(vtable)
                .or_insert_with(|| program.behind_vtable(vtable).into());
            if let Some(at) = blocks.holder(place)
                && !values.is_empty()
            {
                found.beside.insert(at, Rc::clone(values));
            } else if let Some((id, place)) = blocks.holder(place.wrapping_add(8))
                && let Some(block) = blocks.get(id)
                && kinds.is_open(block.kind, block.site)
            {
                let types = program.erased(Begun {
                    table: vtable,
                    place,
                    size: block.size,
                    alignment: kinds.alignment(block.site),
                });
                if !types.is_empty() {
                    found.within.entry(id).or_insert(types);
                }
            }
        }
        Ok(found)
    }

    /// The types that the vtable tells beside the pointer at a place; none if there is none.
    pub(crate) fn beside(&self, source: ObjectId, place: u64) -> Rc<[TypeKey]> {
        let values = self.beside.get(&(source, place));
        values.cloned().unwrap_or_default()
    }

    /// The types that a block's own table tells.
    pub(crate) fn within(&self, block: ObjectId) -> &[(TypeKey, u32)] {
        self.within.get(&block).map_or(&[], |types| &**types)
    }

    /// The blocks with a table that tells types.
    pub(crate) fn with_tables(&self) -> impl Iterator<Item = ObjectId> {
        self.within.keys().copied()
    }
}

impl Edges {
    /// Reads all references from and to blocks without a settled type.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read(
        dump: &Dump,
        blocks: &Blocks,
        kinds: &Kinds<'_, '_>,
    ) -> Result<Edges, ReadError> {
        let is_open = |id: ObjectId| {
            let block = blocks.get(id);
            block.is_some_and(|block| kinds.is_open(block.kind, block.site))
        };
        let mut all = Vec::new();
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
                        all.push(Edge {
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
        Ok(Edges::new(all, blocks.rows.len()))
    }

    /// Of blocks with ids below `blocks`.
    fn new(mut all: Vec<Edge>, blocks: usize) -> Edges {
        // By place as well, which is how the target writes them.
        all.sort_unstable_by_key(|edge| (edge.source, edge.place));
        let starts = count(blocks, all.iter().map(|edge| edge.source));
        let incoming_starts = count(blocks, all.iter().map(|edge| edge.target));
        let mut next = incoming_starts.clone();
        let mut incoming = vec![0; all.len()];
        for (number, edge) in all.iter().enumerate() {
            let place = &mut next[edge.target.index()];
            incoming[*place as usize] = number as u32;
            *place += 1;
        }
        Edges {
            all,
            starts,
            incoming,
            incoming_starts,
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Edge] {
        &self.all
    }

    /// Those of a block, by their places.
    pub(crate) fn from(&self, source: ObjectId) -> &[Edge] {
        &self.all[range(&self.starts, source)]
    }

    /// Those to a block.
    pub(crate) fn to(&self, target: ObjectId) -> impl Iterator<Item = &Edge> {
        let numbers = &self.incoming[range(&self.incoming_starts, target)];
        numbers.iter().map(|&number| &self.all[number as usize])
    }
}

/// For each block where its edges begin among those of all blocks, by how often it is one's end.
fn count(blocks: usize, ends: impl Iterator<Item = ObjectId>) -> Vec<u32> {
    let mut starts = vec![0; blocks + 1];
    for end in ends {
        starts[end.index() + 1] += 1;
    }
    for place in 0..blocks {
        starts[place + 1] += starts[place];
    }
    starts
}

fn range(starts: &[u32], id: ObjectId) -> Range<usize> {
    let at = id.index();
    starts[at] as usize..starts[at + 1] as usize
}
