//! The blocks of a native dump with their kinds: by what their stacks tell, and then by what typed blocks point to.

use std::collections::HashMap;

use memdump_format::{
    Address, Dump, Label, ObjectBatch, ObjectColumns, ObjectId, ReadError, ReferenceBatch,
    ReferenceColumns, TypeId,
};

use crate::fields::{Field, Pointee};
use crate::kinds::{KindId, Kinds};
use crate::program::Program;
use crate::roots::Roots;
use crate::site::BlockType;

/// Kind and size of every block, by object id.
pub(crate) struct Blocks {
    kinds: Vec<KindId>,
    sizes: Vec<u64>,
    /// How many have their type from their stack.
    pub(crate) by_stack: u64,
    /// How many have it from what points to them.
    pub(crate) by_reference: u64,
}

/// A block without type.
struct Untyped {
    address: Address,
    id: ObjectId,
    site: TypeId,
}

/// A reference to a block without type.
struct Hint {
    source: ObjectId,
    /// Where in the source it lies.
    place: u64,
    target: u32,
    /// Where in the target it points to.
    offset: u64,
}

impl Blocks {
    /// Reads all blocks and gives kinds to them.
    ///
    /// # Errors
    /// If the dump is damaged.
    pub(crate) fn read(
        dump: &Dump,
        program: &Program<'_>,
        kinds: &mut Kinds<'_, '_>,
        roots: &Roots,
    ) -> Result<Blocks, ReadError> {
        let mut blocks = Blocks {
            kinds: Vec::new(),
            sizes: Vec::new(),
            by_stack: 0,
            by_reference: 0,
        };
        let mut untyped = Vec::new();
        let mut batch = ObjectBatch::default();
        for block in dump.object_blocks() {
            let columns = ObjectColumns::TYPE | ObjectColumns::ADDRESS | ObjectColumns::SIZE;
            block.decode(columns, &mut batch)?;
            let rows = batch.types.iter().zip(&batch.addresses).zip(&batch.sizes);
            for ((&site, &address), &size) in rows {
                let id = ObjectId(blocks.kinds.len() as u32);
                let kind = kinds.of(site, size);
                if kinds.get(kind).block.is_some() {
                    blocks.by_stack += 1;
                } else {
                    untyped.push(Untyped { address, id, site });
                }
                blocks.kinds.push(kind);
                blocks.sizes.push(size);
            }
        }
        if !untyped.is_empty() {
            untyped.sort_unstable_by_key(|block| block.address);
            for (root, pointee) in roots.pointers() {
                if let Ok(target) =
                    untyped.binary_search_by_key(&root.target, |block| block.address)
                {
                    blocks.give(program, kinds, &untyped[target], pointee, root.offset);
                }
            }
            blocks.spread(dump, program, kinds, &untyped)?;
        }
        Ok(blocks)
    }

    /// The kind of a block; `None` if there is no such object.
    pub(crate) fn kind(&self, id: ObjectId) -> Option<KindId> {
        self.kinds.get(id.index()).copied()
    }

    /// The size of a block.
    pub(crate) fn size(&self, id: ObjectId) -> u64 {
        self.sizes.get(id.index()).copied().unwrap_or(0)
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> u64 {
        self.kinds.len() as u64
    }

    /// Gives types along the pointers of typed blocks, and of those that get one by that.
    fn spread(
        &mut self,
        dump: &Dump,
        program: &Program<'_>,
        kinds: &mut Kinds<'_, '_>,
        untyped: &[Untyped],
    ) -> Result<(), ReadError> {
        let hints = read_hints(dump, untyped)?;
        // Hints come by source, so those of one lie together.
        let mut first: HashMap<ObjectId, usize> = HashMap::new();
        for (place, hint) in hints.iter().enumerate() {
            first.entry(hint.source).or_insert(place);
        }
        let typed = |blocks: &Blocks, kinds: &Kinds<'_, '_>, id: ObjectId| {
            let kind = blocks.kind(id)?;
            kinds.get(kind).block.clone()
        };
        // What holds no pointers leads no further and fits nearly every block, which makes it the weakest of hints.
        let mut late = Vec::new();
        let mut waiting: Vec<ObjectId> = first.keys().copied().collect();
        // From the last to the first, so that the first is taken first: the same order in every run.
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        while let Some(source) = waiting.pop() {
            let (Some(block), Some(&start)) = (typed(self, kinds, source), first.get(&source))
            else {
                continue;
            };
            let size = self.size(source);
            for hint in hints[start..]
                .iter()
                .take_while(|hint| hint.source == source)
            {
                let target = &untyped[hint.target as usize];
                let Field::Pointer {
                    target: Pointee::Type(pointee),
                    ..
                } = program.field(&block, size, hint.place)
                else {
                    continue;
                };
                if program.is_scalars(&pointee) {
                    late.push((hint, pointee));
                    continue;
                }
                if !self.give(program, kinds, target, &pointee, hint.offset) {
                    continue;
                }
                if first.contains_key(&target.id) {
                    waiting.push(target.id);
                }
            }
        }
        for (hint, pointee) in late {
            let target = &untyped[hint.target as usize];
            self.give(program, kinds, target, &pointee, hint.offset);
        }
        Ok(())
    }

    /// Gives a block the type of a pointer to it, if it has none and can be of it.
    fn give(
        &mut self,
        program: &Program<'_>,
        kinds: &mut Kinds<'_, '_>,
        target: &Untyped,
        pointee: &BlockType,
        offset: u64,
    ) -> bool {
        let Some(kind) = self.kind(target.id) else {
            return false;
        };
        let size = self.size(target.id);
        let pointee = &program.actual(pointee, size);
        let possible = kinds.get(kind).block.is_none()
            && begins(program, pointee, size, offset)
            && program.fits(pointee, size, kinds.alignment(target.site));
        if possible {
            self.kinds[target.id.index()] = kinds.of_type(pointee);
            self.by_reference += 1;
        }
        possible
    }
}

/// Whether a pointer of the type leads to where it leads in a whole block of it, and not into the middle of something else.
fn begins(program: &Program<'_>, pointee: &BlockType, size: u64, offset: u64) -> bool {
    match pointee {
        BlockType::Table(_) => program.table_control(pointee, size) == Some(offset),
        _ => offset == 0,
    }
}

/// All references to blocks without type.
fn read_hints(dump: &Dump, untyped: &[Untyped]) -> Result<Vec<Hint>, ReadError> {
    let mut hints = Vec::new();
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
                if let Ok(target) = untyped.binary_search_by_key(&address, |block| block.address) {
                    hints.push(Hint {
                        source: group.source,
                        place: offset,
                        target: target as u32,
                        offset: batch.offset(at),
                    });
                }
            }
            place += group.count as usize;
        }
    }
    // A group that did not fit its block goes on in the next one, so equal sources already follow one another.
    hints.sort_by_key(|hint| hint.source);
    Ok(hints)
}
