//! What only dumps of native heaps have, on its way to a block.

use super::block::Columns;
use super::output::Batch;
use super::records::{CAPACITY, Modules, Vtables};
use crate::layout::{BlockKind, MAX_ALIGNMENT, MAX_FRAMES, column::sites as column};
use crate::model::Site;
use crate::varint::zigzag;

/// Frames of a block's sites, at most.
const FRAMES: usize = 8 * CAPACITY;

/// The memory for it.
pub(super) struct Native {
    pub(super) sites: Sites,
    pub(super) modules: Modules,
    pub(super) vtables: Vtables,
}

impl Native {
    pub(super) fn new(limit: usize) -> Native {
        Native {
            sites: Sites {
                alignments: Vec::with_capacity(CAPACITY),
                counts: Vec::with_capacity(CAPACITY),
                frames: Vec::with_capacity(FRAMES),
                limit: limit.clamp(1, CAPACITY),
                written: 0,
            },
            modules: Modules::new(limit),
            vtables: Vtables::new(limit),
        }
    }
}

/// Sites, all frames of a block in one array.
pub(super) struct Sites {
    alignments: Vec<u8>,
    counts: Vec<u8>,
    frames: Vec<u64>,
    limit: usize,
    written: u64,
}

impl Sites {
    /// Whether a site can be taken without an array growing.
    pub(super) fn has_room(&self, site: &Site<'_>) -> bool {
        self.counts.len() < self.limit && self.frames.len() + told(site).len() <= FRAMES
    }

    /// Takes a site; there must be room. An alignment that no file can have is cut to the greatest one.
    pub(super) fn push(&mut self, site: &Site<'_>) {
        let frames = told(site);
        self.alignments.push(site.log2_alignment.min(MAX_ALIGNMENT));
        self.counts.push(frames.len() as u8);
        self.frames.extend_from_slice(frames);
    }
}

/// The frames that a file has room for: the outermost ones tell least.
fn told<'a>(site: &Site<'a>) -> &'a [u64] {
    &site.frames[..site.frames.len().min(MAX_FRAMES)]
}

impl Batch for Sites {
    const KIND: BlockKind = BlockKind::Sites;

    fn records(&self) -> usize {
        self.counts.len()
    }

    fn taken(&self) -> u64 {
        self.written + self.counts.len() as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        columns.bytes(column::ALIGNMENT, &self.alignments);
        columns.varints(column::COUNT, |out| {
            self.counts
                .iter()
                .for_each(|&count| out.push(u64::from(count)))
        });
        columns.varints(column::FRAMES, |out| {
            let mut last = 0u64;
            for &frame in &self.frames {
                out.push_wide(zigzag(frame.wrapping_sub(last)));
                last = frame;
            }
        });
    }

    fn clear(&mut self) {
        self.written = self.taken();
        self.alignments.clear();
        self.counts.clear();
        self.frames.clear();
    }
}
