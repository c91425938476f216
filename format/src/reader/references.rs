//! References, block by block, column by column.

use std::ops::BitOr;

use super::block::{Block, BlockInfo};
use super::columns::{Scratch, resize};
use super::error::ReadError;
use super::{Dump, Ids};
use crate::ids::{Address, ObjectId};
use crate::label::LabelKind;
use crate::layout::column::references as column;
use crate::model::{Label, Reference, Strength};
use crate::predict::{Slots, reference_slot};
use crate::unsound::Unsound;
use crate::varint::unzigzag;

/// Columns of references.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReferenceColumns(u8);

impl ReferenceColumns {
    /// Addresses of the targets.
    pub const TARGETS: ReferenceColumns = ReferenceColumns(1);
    /// Strong or weak.
    pub const STRENGTHS: ReferenceColumns = ReferenceColumns(2);
    /// Labels; strengths come with them.
    pub const LABELS: ReferenceColumns = ReferenceColumns(4);
    /// Offsets into the targets, which only dumps of native heaps have.
    pub const OFFSETS: ReferenceColumns = ReferenceColumns(8);
    /// All of them.
    pub const ALL: ReferenceColumns = ReferenceColumns(15);

    /// Whether any of `other` is among them.
    pub fn has(self, other: ReferenceColumns) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for ReferenceColumns {
    type Output = ReferenceColumns;

    fn bitor(self, other: ReferenceColumns) -> ReferenceColumns {
        ReferenceColumns(self.0 | other.0)
    }
}

/// References of one source that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// The object whose references they are.
    pub source: ObjectId,
    /// How many there are in this block, at least 1; the next block may go on with the same source.
    pub count: u32,
}

/// The references of one block. Groups are always there, columns that were not asked for are empty. Reuse it: it keeps its memory.
#[derive(Default)]
pub struct ReferenceBatch {
    /// Sources; their counts add up to the number of references.
    pub groups: Vec<Group>,
    /// Where the targets lay.
    pub targets: Vec<Address>,
    /// Strengths and kinds of labels.
    pub kinds: Vec<LabelKind>,
    /// What the labels' kinds need to be labels.
    pub values: Vec<u64>,
    /// How many bytes behind their targets' addresses they point; empty, too, where all are 0.
    pub offsets: Vec<u64>,
    scratch: Scratch,
}

impl ReferenceBatch {
    /// How many references it has.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.count as usize).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The label of the reference at a place in the batch; [`Label::None`] if labels were not decoded.
    #[inline]
    pub fn label(&self, place: usize) -> Label {
        match (self.kinds.get(place), self.values.get(place)) {
            (Some(kind), Some(&value)) => kind.label(value),
            _ => Label::None,
        }
    }

    /// The strength of the reference at a place in the batch; strong if strengths were not decoded.
    #[inline]
    pub fn strength(&self, place: usize) -> Strength {
        self.kinds
            .get(place)
            .map_or(Strength::Strong, |kind| kind.strength())
    }

    /// How many bytes behind its target's address the reference at a place in the batch points; 0 if offsets were not decoded.
    #[inline]
    pub fn offset(&self, place: usize) -> u64 {
        self.offsets.get(place).copied().unwrap_or(0)
    }

    /// The reference at a place in the batch, if there is one and targets were decoded.
    pub fn reference(&self, place: usize) -> Option<Reference> {
        let target = *self.targets.get(place)?;
        Some(Reference {
            target,
            label: self.label(place),
            strength: self.strength(place),
            offset: self.offset(place),
        })
    }

    fn clear(&mut self) {
        self.groups.clear();
        self.targets.clear();
        self.kinds.clear();
        self.values.clear();
        self.offsets.clear();
    }
}

/// A block of references.
#[derive(Clone, Copy)]
pub struct ReferenceBlock<'a> {
    dump: &'a Dump,
    info: &'a BlockInfo,
}

impl<'a> ReferenceBlock<'a> {
    pub(super) fn new(dump: &'a Dump, info: &'a BlockInfo) -> ReferenceBlock<'a> {
        ReferenceBlock { dump, info }
    }

    /// The number of its first reference among all of the file.
    pub fn first(&self) -> u64 {
        self.info.first
    }

    /// How many references it has.
    pub fn len(&self) -> usize {
        self.info.records as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its number and place in the file.
    pub fn info(&self) -> &'a BlockInfo {
        self.info
    }

    /// Decodes the groups and the columns that are wanted. After an error the batch is empty.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn decode(
        &self,
        want: ReferenceColumns,
        into: &mut ReferenceBatch,
    ) -> Result<(), ReadError> {
        let block = Block::open(&self.dump.bytes, self.info);
        block
            .and_then(|block| self.columns(&block, want, into))
            .map_err(|why| {
                into.clear();
                self.dump.damaged(self.info, why)
            })
    }

    fn columns(
        &self,
        block: &Block<'_>,
        want: ReferenceColumns,
        into: &mut ReferenceBatch,
    ) -> Result<(), Unsound> {
        let ReferenceBatch {
            groups,
            targets,
            kinds,
            values,
            offsets,
            scratch,
        } = into;
        decode_groups(block, self.dump.ids.objects, groups, scratch)?;
        if want.has(ReferenceColumns::TARGETS) {
            decode_targets(
                block,
                self.dump.header.address_shift,
                groups,
                targets,
                scratch,
            )?;
        } else {
            targets.clear();
        }
        if want.has(ReferenceColumns::STRENGTHS | ReferenceColumns::LABELS) {
            let records = block.header.records as usize;
            let bytes = scratch.bytes(block, column::LABEL_KIND, records)?;
            resize(kinds, records)?;
            kinds
                .iter_mut()
                .zip(bytes)
                .for_each(|(kind, &byte)| *kind = LabelKind(byte));
        } else {
            kinds.clear();
        }
        if want.has(ReferenceColumns::LABELS) {
            decode_values(block, self.dump.ids.strings, kinds, values, scratch)?;
        } else {
            values.clear();
        }
        if want.has(ReferenceColumns::OFFSETS) && block.get(column::OFFSET).is_some() {
            scratch.records(block, column::OFFSET, offsets, |_, offset| offset)?;
        } else {
            offsets.clear();
        }
        if let Some(survivors) = &self.dump.survivors {
            let kept = |source| survivors.object_of(source);
            drop_lost(into, kept);
        }
        Ok(())
    }
}

fn decode_groups(
    block: &Block<'_>,
    objects: u64,
    groups: &mut Vec<Group>,
    scratch: &mut Scratch,
) -> Result<(), Unsound> {
    let records = block.header.records as usize;
    groups.clear();
    // Every group has a byte of this column and a record of the block at least.
    let most = records.min(block.column(column::SOURCE)?.entry.raw_length as usize);
    groups.try_reserve(most).map_err(|_| Unsound::OutOfMemory)?;
    let mut next = 0u64;
    let mut wrong = None;
    let read = scratch.varints(block, column::SOURCE, records, |varints| {
        while !varints.is_at_end() && wrong.is_none() {
            let difference = varints.next()?;
            next = next.saturating_add(difference);
            if groups.len() == records {
                wrong = Some(Unsound::Groups);
            } else if difference == 0 && !groups.is_empty() {
                wrong = Some(Unsound::SourceOrder);
            } else {
                match Ids::check(column::SOURCE, "object", next, objects) {
                    Ok(id) => groups.push(Group {
                        source: ObjectId(id),
                        count: 0,
                    }),
                    Err(why) => wrong = Some(why),
                }
            }
        }
        Ok(())
    });
    // What ended the loop early also left bytes over; it is the one to be told.
    wrong.map_or(read, Err)?;
    let mut sum = 0u64;
    let mut fits = true;
    let count = groups.len();
    scratch.varints(block, column::COUNT, count, |varints| {
        for group in groups.iter_mut() {
            let value = varints.next()?;
            fits &= value >= 1 && value <= records as u64;
            group.count = value as u32;
            sum = sum.saturating_add(value);
        }
        Ok(())
    })?;
    if fits && sum == records as u64 {
        Ok(())
    } else {
        Err(Unsound::Groups)
    }
}

fn decode_targets(
    block: &Block<'_>,
    shift: u8,
    groups: &[Group],
    targets: &mut Vec<Address>,
    scratch: &mut Scratch,
) -> Result<(), Unsound> {
    let records = block.header.records as usize;
    if (block.column(column::TARGET)?.entry.raw_length as usize) < records {
        return Err(Unsound::ColumnShort(column::TARGET));
    }
    resize(targets, records)?;
    let mut slots = Slots::new();
    let mut any = 0;
    scratch.varints(block, column::TARGET, records, |varints| {
        let mut rest = targets.iter_mut();
        for group in groups {
            for (place, target) in (0..group.count).zip(&mut rest) {
                let units = slots.decode(reference_slot(place, group.count), varints.next_wide()?);
                any |= units;
                *target = Address(units << shift);
            }
        }
        Ok(())
    })?;
    if any > u64::MAX >> shift {
        Err(Unsound::Address(column::TARGET))
    } else {
        Ok(())
    }
}

fn decode_values(
    block: &Block<'_>,
    strings: u64,
    kinds: &[LabelKind],
    values: &mut Vec<u64>,
    scratch: &mut Scratch,
) -> Result<(), Unsound> {
    let mut last = [0u64; 128];
    let mut greatest = None;
    scratch.records(block, column::LABEL_VALUE, values, |place, stored| {
        let kind = kinds.get(place).copied().unwrap_or_default();
        let last = &mut last[usize::from(kind.number())];
        *last = last.wrapping_add(unzigzag(stored));
        if kind.has_name() {
            greatest = greatest.max(Some(*last));
        }
        *last
    })?;
    match greatest {
        Some(id) => Ids::check(column::LABEL_VALUE, "string", id, strings).map(drop),
        None => Ok(()),
    }
}

/// Keeps the references whose source is not lost, under the source's new id.
fn drop_lost(batch: &mut ReferenceBatch, kept: impl Fn(ObjectId) -> Option<ObjectId>) {
    let mut keep = Vec::with_capacity(batch.len());
    batch.groups.retain_mut(|group| {
        let source = kept(group.source);
        keep.extend(std::iter::repeat_n(source.is_some(), group.count as usize));
        group.source = source.unwrap_or_default();
        source.is_some()
    });
    retain(&mut batch.targets, &keep);
    retain(&mut batch.kinds, &keep);
    retain(&mut batch.values, &keep);
    retain(&mut batch.offsets, &keep);
}

fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    column.retain(|_| keep.next().copied().unwrap_or(false));
}
