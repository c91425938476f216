//! One dump in memory: of its columns those that nearly every analysis needs, the others on demand.

mod address_index;
mod object_set;
mod printable;
mod type_name;
mod type_table;
mod values;

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memdump_format::{
    Address, Dump, Object, ObjectBatch, ObjectBlock, ObjectColumns, ObjectId, ReadError, StringId,
};
use rayon::prelude::*;

pub use address_index::{AddressIndex, Near};
pub use object_set::ObjectSet;
pub use printable::printable;
pub use type_name::TypeName;
pub use type_table::{TypeKey, TypeTable};
pub use values::ValuesByObject;

use crate::progress::Progress;

/// A dump whose objects have types and can be found by address.
pub struct Snapshot {
    dump: Arc<Dump>,
    types: TypeTable,
    /// The type of every object, by id; `TypeKey::NONE` for what is none.
    type_of: Vec<TypeKey>,
    index: AddressIndex,
    census: Census,
}

/// Objects and bytes of each type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Objects, by type key.
    pub counts: Vec<u64>,
    /// Shallow bytes, by type key.
    pub bytes: Vec<u64>,
}

impl Census {
    fn new(types: usize) -> Census {
        Census {
            counts: vec![0; types],
            bytes: vec![0; types],
        }
    }

    fn add(mut self, other: &Census) -> Census {
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        for (sum, more) in self.bytes.iter_mut().zip(&other.bytes) {
            // Sizes are the file's claim, and may be absurd.
            *sum = sum.saturating_add(*more);
        }
        self
    }
}

impl Snapshot {
    /// Bytes of memory that a snapshot of a dump takes: types and addresses, 9 per object.
    pub fn memory(dump: &Dump) -> u64 {
        dump.counts().objects.saturating_mul(9)
    }

    /// Bytes of memory that it takes to load a dump, of which [`memory`](Self::memory) stay: the addresses take 8 more per
    /// object until they are indexed.
    pub fn memory_to_load(dump: &Dump) -> u64 {
        dump.counts().objects.saturating_mul(17)
    }

    /// Decodes types and addresses, in parallel by block, and indexes the addresses.
    pub fn load(
        dump: impl Into<Arc<Dump>>,
        progress: &dyn Progress,
    ) -> Result<Snapshot, ReadError> {
        let dump = dump.into();
        let types = TypeTable::read(&dump)?;
        let objects = dump.counts().objects as usize;
        progress.stage("reading objects", objects as u64);
        let mut type_of = vec![TypeKey::NONE; objects];
        let mut addresses = vec![Address(0); objects];
        let blocks: Vec<_> = dump.object_blocks().collect();
        let census = blocks
            .par_iter()
            .zip(split(&mut type_of, blocks.iter().map(span)))
            .zip(split(&mut addresses, blocks.iter().map(span)))
            // A census for each share of the blocks, not for each block: a file may have a million of both blocks and types.
            .try_fold(
                || (ObjectBatch::default(), Census::new(types.len())),
                |(mut batch, mut census), ((block, type_of), addresses)| {
                    let columns =
                        ObjectColumns::TYPE | ObjectColumns::ADDRESS | ObjectColumns::SIZE;
                    block.decode(columns, &mut batch)?;
                    for ((slot, &id), &size) in
                        type_of.iter_mut().zip(&batch.types).zip(&batch.sizes)
                    {
                        let key = types.key(id);
                        *slot = key;
                        census.counts[key.index()] += 1;
                        census.bytes[key.index()] = census.bytes[key.index()].saturating_add(size);
                    }
                    addresses.copy_from_slice(&batch.addresses);
                    progress.advance(batch.types.len() as u64);
                    Ok::<_, ReadError>((batch, census))
                },
            )
            .map(|share| Ok(share?.1))
            .try_reduce_with(|a, b| Ok(a.add(&b)))
            .unwrap_or_else(|| Ok(Census::new(types.len())))?;
        progress.stage("indexing addresses", 0);
        let index = AddressIndex::new(&addresses);
        drop(addresses);
        let mut snapshot = Snapshot {
            dump,
            types,
            type_of,
            index,
            census,
        };
        snapshot.forget_duplicates()?;
        Ok(snapshot)
    }

    /// Of objects with one address only the first counts.
    fn forget_duplicates(&mut self) -> Result<(), ReadError> {
        let duplicates = self.index.duplicates().to_vec();
        for object in self.objects(&duplicates)? {
            let key = self.types.key(object.type_id).index();
            self.census.counts[key] -= 1;
            self.census.bytes[key] = self.census.bytes[key].saturating_sub(object.size);
        }
        for id in duplicates {
            self.type_of[id.index()] = TypeKey::NONE;
        }
        Ok(())
    }

    /// The file.
    pub fn dump(&self) -> &Dump {
        &self.dump
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        self.dump.path()
    }

    /// The distinct types.
    pub fn types(&self) -> &TypeTable {
        &self.types
    }

    /// Object ids are below this.
    pub fn id_limit(&self) -> usize {
        self.type_of.len()
    }

    /// The type of an object; `TypeKey::NONE` if the id is no object's.
    pub fn type_of(&self, id: ObjectId) -> TypeKey {
        self.type_of[id.index()]
    }

    /// Whether the id is an object's.
    pub fn is_object(&self, id: ObjectId) -> bool {
        self.type_of(id) != TypeKey::NONE
    }

    /// The ids that are objects, in rising order.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        (0..)
            .map(ObjectId)
            .zip(&self.type_of)
            .filter(|(_, key)| **key != TypeKey::NONE)
            .map(|(id, _)| id)
    }

    /// From addresses to ids.
    pub fn index(&self) -> &AddressIndex {
        &self.index
    }

    /// Objects and bytes of each type.
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The text of a string, safe to print; a stand-in where a damaged dump has lost it.
    pub fn text(&self, id: StringId) -> Result<Cow<'_, str>, ReadError> {
        self.dump.strings().get(id).map(printable)
    }

    /// Reads whole records, in the order of `ids`. Only blocks that hold one of them are decoded.
    pub fn objects(&self, ids: &[ObjectId]) -> Result<Vec<Object>, ReadError> {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|&at| ids[at]);
        let blocks: Vec<_> = self.dump.object_blocks().collect();
        let wanted: Vec<(usize, &[usize])> = order
            .chunk_by(|&a, &b| block_of(&blocks, ids[a]) == block_of(&blocks, ids[b]))
            .map(|part| (block_of(&blocks, ids[part[0]]), part))
            .collect();
        let found: Vec<Vec<(usize, Object)>> = wanted
            .par_iter()
            .map_init(ObjectBatch::default, |batch, &(block, part)| {
                blocks[block].decode(ObjectColumns::ALL, batch)?;
                Ok(part
                    .iter()
                    .map(|&at| {
                        (
                            at,
                            batch
                                .object(ids[at].index() - batch.first.index())
                                .expect("the block has the object"),
                        )
                    })
                    .collect())
            })
            .collect::<Result<_, ReadError>>()?;
        let mut placed: Vec<(usize, Object)> = found.into_iter().flatten().collect();
        placed.sort_unstable_by_key(|&(at, _)| at);
        Ok(placed.into_iter().map(|(_, object)| object).collect())
    }

    /// References that the runtime counted for every object, at most `u32::MAX`; 0 where it does not count.
    pub fn refcounts(&self) -> Result<Vec<u32>, ReadError> {
        self.column(ObjectColumns::REFCOUNT, |batch, slots: &mut [u32]| {
            for (slot, &count) in slots.iter_mut().zip(&batch.refcounts) {
                *slot = u32::try_from(count).unwrap_or(u32::MAX);
            }
        })
    }

    /// Shallow bytes of every object, as the file claims them.
    pub fn sizes(&self) -> Result<Vec<u64>, ReadError> {
        self.column(ObjectColumns::SIZE, |batch, slots: &mut [u64]| {
            slots.copy_from_slice(&batch.sizes);
        })
    }

    /// Objects with a birth serial above this one; none of a dump without births.
    pub fn born_after(&self, watermark: u64) -> Result<ObjectSet, ReadError> {
        let born = ObjectSet::new(self.id_limit());
        let blocks: Vec<_> = self.dump.object_blocks().collect();
        blocks
            .par_iter()
            .try_for_each_init(ObjectBatch::default, |batch, block| {
                block.decode(ObjectColumns::SERIAL, batch)?;
                for (id, &serial) in (batch.first.0..).zip(&batch.serials) {
                    if serial > watermark {
                        born.insert(ObjectId(id));
                    }
                }
                Ok(())
            })?;
        Ok(born)
    }

    /// Decodes a column, in parallel by block; `take` copies what a block has of it.
    fn column<T: Clone + Default + Send>(
        &self,
        column: ObjectColumns,
        take: impl Fn(&ObjectBatch, &mut [T]) + Sync,
    ) -> Result<Vec<T>, ReadError> {
        let mut slots = vec![T::default(); self.id_limit()];
        let blocks: Vec<_> = self.dump.object_blocks().collect();
        blocks
            .par_iter()
            .zip(split(&mut slots, blocks.iter().map(span)))
            .try_for_each_init(ObjectBatch::default, |batch, (block, slots)| {
                block.decode(column, batch)?;
                take(batch, slots);
                Ok(())
            })?;
        Ok(slots)
    }
}

/// The number of the block that holds an object.
fn block_of(blocks: &[ObjectBlock<'_>], id: ObjectId) -> usize {
    blocks.partition_point(|block| block.first() <= id) - 1
}

/// The ids of a block's objects.
fn span(block: &ObjectBlock<'_>) -> Range<usize> {
    let first = block.first().index();
    first..first + block.len()
}

/// Parts of a column, for threads to fill: rising spans that do not overlap.
pub(crate) fn split<T>(
    column: &mut [T],
    spans: impl Iterator<Item = Range<usize>>,
) -> Vec<&mut [T]> {
    let mut rest = column;
    let mut begin = 0;
    spans
        .map(|span| {
            let (_, from_start) = std::mem::take(&mut rest).split_at_mut(span.start - begin);
            let (part, behind) = from_start.split_at_mut(span.end - span.start);
            rest = behind;
            begin = span.end;
            part
        })
        .collect()
}
