//! References on their way to a block.

use super::block::Columns;
use super::objects::boxed;
use super::output::Batch;
use crate::ids::ObjectId;
use crate::label::LabelKind;
use crate::layout::{BlockKind, column::references as column};
use crate::model::Reference;
use crate::predict::{Slots, reference_slot};
use crate::varint::{MAX_VARINT, zigzag};

/// References in a block, at most. More would need more memory and gain nothing.
pub(super) const CAPACITY: usize = 32_768;
/// Bytes of the longest column before compression.
pub(super) const GREATEST_COLUMN: usize = CAPACITY * MAX_VARINT;
/// Bytes of all columns before compression: a source has at most 5 bytes, a count 3, a label kind 1.
pub(super) const ALL_COLUMNS: usize = 3 * GREATEST_COLUMN + CAPACITY * (5 + 3 + 1);

/// One array per field; see [`super::objects::Objects`].
pub(super) struct References {
    targets: Box<[u64; CAPACITY]>,
    kinds: Box<[u8; CAPACITY]>,
    values: Box<[u64; CAPACITY]>,
    /// Only of a native heap.
    offsets: Option<Box<[u64; CAPACITY]>>,
    length: usize,
    limit: usize,
    sources: Box<[u32; CAPACITY]>,
    /// Where each group starts. It ends where the next one starts, so that a further reference costs its group nothing.
    starts: Box<[u32; CAPACITY]>,
    groups: usize,
    /// The last source, also of earlier blocks.
    last: u32,
    written: u64,
}

impl References {
    pub(super) fn new(limit: usize) -> References {
        References {
            targets: boxed(),
            kinds: boxed(),
            values: boxed(),
            offsets: None,
            length: 0,
            limit: limit.clamp(1, CAPACITY),
            sources: boxed(),
            starts: boxed(),
            groups: 0,
            last: 0,
            written: 0,
        }
    }

    /// From now on references have offsets.
    pub(super) fn tell_offsets(&mut self) {
        self.offsets = Some(boxed());
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.limit
    }

    /// Takes a reference, for which there must be room; says whether its source comes at the right time.
    #[inline(always)]
    pub(super) fn push(&mut self, source: ObjectId, reference: &Reference) -> bool {
        let (at, group) = (self.length, self.groups);
        // There are never more groups than references; both are compared so that no access needs a check of its own.
        if at >= CAPACITY || group >= CAPACITY {
            return false;
        }
        if source.0 != self.last || group == 0 {
            if source.0 < self.last {
                return false;
            }
            self.sources[group] = source.0;
            self.starts[group] = at as u32;
            self.groups = group + 1;
            self.last = source.0;
        }
        let (kind, value) = LabelKind::encode(reference.label, reference.strength);
        self.targets[at] = reference.target.0;
        self.kinds[at] = kind.0;
        self.values[at] = value;
        if let Some(offsets) = &mut self.offsets {
            offsets[at] = reference.offset;
        }
        self.length = at + 1;
        true
    }

    /// Leaves no room for ever.
    pub(super) fn close(&mut self) {
        self.limit = 0;
    }

    /// The last source, which is the greatest one.
    pub(super) fn last_source(&self) -> Option<ObjectId> {
        (self.taken() > 0).then_some(ObjectId(self.last))
    }
}

impl Batch for References {
    const KIND: BlockKind = BlockKind::References;

    fn records(&self) -> usize {
        self.length
    }

    fn taken(&self) -> u64 {
        self.written + self.length as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        let shift = columns.address_shift;
        let starts = &self.starts[..self.groups];
        let targets = &self.targets[..self.length];
        let ends = starts.iter().skip(1).copied().chain([self.length as u32]);
        let counts = starts.iter().zip(ends).map(|(&start, end)| end - start);

        columns.varints(column::SOURCE, |out| {
            let mut last = 0;
            for &source in &self.sources[..starts.len()] {
                out.push(u64::from(source - last));
                last = source;
            }
        });
        columns.varints(column::COUNT, |out| {
            counts.clone().for_each(|count| out.push(u64::from(count)))
        });
        columns.varints(column::TARGET, |out| {
            let mut slots = Slots::new();
            let mut rest = targets.iter();
            for count in counts {
                for (place, &target) in (0..count).zip(&mut rest) {
                    out.push_wide(slots.encode(reference_slot(place, count), target >> shift));
                }
            }
        });
        let kinds = &self.kinds[..targets.len()];
        columns.bytes(column::LABEL_KIND, kinds);
        columns.varints(column::LABEL_VALUE, |out| {
            let mut last = [0u64; 128];
            for (&kind, &value) in kinds.iter().zip(&self.values[..]) {
                let last = &mut last[usize::from(kind & 0x7f)];
                out.push(zigzag(value.wrapping_sub(std::mem::replace(last, value))));
            }
        });
        if let Some(offsets) = &self.offsets {
            columns.varints(column::OFFSET, |out| {
                offsets[..targets.len()]
                    .iter()
                    .for_each(|&offset| out.push(offset))
            });
        }
    }

    fn clear(&mut self) {
        self.written += self.length as u64;
        self.length = 0;
        self.groups = 0;
    }
}
