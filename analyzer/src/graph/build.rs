//! Decodes the references of a snapshot and resolves their targets, block by block: no array of addresses ever exists.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use memdump_format::{
    ObjectId, ReadError, ReferenceBatch, ReferenceBlock, ReferenceColumns, Strength,
};
use rayon::prelude::*;

use super::forward::{Forward, NO_TARGET};
use super::roots::Roots;
use super::search::MAX_OBJECTS;
use crate::progress::Progress;
use crate::snapshot::{Near, Snapshot};

/// A snapshot's strong references and roots.
pub struct Graph {
    /// What each object refers to.
    pub forward: Forward,
    /// What holds objects from outside of the heap.
    pub roots: Roots,
    /// Numbers of the references in each block of references.
    blocks: Vec<Range<usize>>,
    /// References whose target is no object of the dump.
    pub dangling: u64,
    /// References that do not keep their target alive.
    pub weak: u64,
}

/// Why a snapshot has no graph.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// A block cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The sources of references are not in order.
    #[error(
        "{file}: the references in block {block} do not continue those before it, so the file is damaged; \
         take another dump, or read what is sound with --recover"
    )]
    Order {
        /// The file.
        file: String,
        /// The number of the block, among the blocks of references.
        block: usize,
    },
    /// More than ids can number.
    #[error("{file}: {count} {what} are more than the {limit} that this version can analyse")]
    TooMany {
        /// The file.
        file: String,
        /// Objects, or references.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u32,
    },
}

impl Graph {
    /// Bytes of memory that snapshot and graph take: 9 per object for types and addresses, 4 per object and per reference.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        let counts = snapshot.dump().counts();
        let objects = counts.objects.saturating_mul(13);
        objects.saturating_add(counts.references.saturating_mul(4))
    }

    /// About how many objects have references, from a sample of the blocks; at most all.
    pub(super) fn sources(snapshot: &Snapshot) -> u64 {
        const SAMPLE: usize = 16;
        let counts = snapshot.dump().counts();
        let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
        let mut batch = ReferenceBatch::default();
        let (mut groups, mut references) = (0, 0);
        for block in blocks.iter().step_by(blocks.len().div_ceil(SAMPLE).max(1)) {
            // A block that cannot be read is told of when all are.
            if block
                .decode(ReferenceColumns::default(), &mut batch)
                .is_ok()
            {
                groups += batch.groups.len() as u128;
                references += batch.len() as u128;
            }
        }
        let sources = (groups * u128::from(counts.references)).checked_div(references);
        sources.map_or(0, |sources| sources.min(u128::from(counts.objects)) as u64)
    }

    /// Decodes all references, in parallel by block.
    pub fn build(snapshot: &Snapshot, progress: &dyn Progress) -> Result<Graph, GraphError> {
        let file = || snapshot.path().display().to_string();
        let limit = |what, count, limit| {
            if count > u64::from(limit) {
                return Err(GraphError::TooMany {
                    file: file(),
                    what,
                    count,
                    limit,
                });
            }
            Ok(())
        };
        let counts = snapshot.dump().counts();
        limit("objects", snapshot.id_limit() as u64, MAX_OBJECTS)?;
        limit("references", counts.references, u32::MAX)?;

        let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
        let spans = spans(&lengths(snapshot, &blocks)?);
        let end = spans.last().map_or(0, |span| span.end);
        progress.stage("reading references", end as u64);
        let mut targets = vec![NO_TARGET; end];
        let mut row_lengths: Vec<AtomicU32> = Vec::new();
        row_lengths.resize_with(snapshot.id_limit() + 1, AtomicU32::default);
        let (dangling, weak) = (AtomicU64::new(0), AtomicU64::new(0));
        let sources: Vec<Option<(ObjectId, ObjectId)>> = blocks
            .par_iter()
            .zip(crate::snapshot::split(&mut targets, spans.iter().cloned()))
            .map_init(ReferenceBatch::default, |batch, (block, targets)| {
                block.decode(
                    ReferenceColumns::TARGETS | ReferenceColumns::STRENGTHS,
                    batch,
                )?;
                for group in &batch.groups {
                    row_lengths[group.source.index()].fetch_add(group.count, Relaxed);
                }
                let lost = resolve(snapshot, batch, targets);
                dangling.fetch_add(lost.dangling, Relaxed);
                weak.fetch_add(lost.weak, Relaxed);
                progress.advance(targets.len() as u64);
                let ends = (batch.groups.first(), batch.groups.last());
                Ok(ends
                    .0
                    .zip(ends.1)
                    .map(|(first, last)| (first.source, last.source)))
            })
            .collect::<Result<_, ReadError>>()?;
        // A block without references has no sources, and continues whatever came before it.
        let filled = || {
            sources
                .iter()
                .enumerate()
                .filter_map(|(block, ends)| Some((block, (*ends)?)))
        };
        if let Some((_, (block, _))) = filled()
            .zip(filled().skip(1))
            .find(|((_, before), (_, after))| before.1 > after.0)
        {
            return Err(GraphError::Order {
                file: file(),
                block,
            });
        }
        let offsets = offsets(row_lengths);
        for id in snapshot.index().duplicates() {
            let row = offsets[id.index()] as usize..offsets[id.index() + 1] as usize;
            targets[row].fill(NO_TARGET);
        }
        Ok(Graph {
            forward: Forward::new(offsets, targets),
            roots: Roots::read(snapshot)?,
            blocks: spans,
            dangling: dangling.into_inner(),
            weak: weak.into_inner(),
        })
    }

    /// Numbers of the references in each block of references, in file order.
    pub(crate) fn blocks(&self) -> &[Range<usize>] {
        &self.blocks
    }
}

/// How many references each block gives.
fn lengths(snapshot: &Snapshot, blocks: &[ReferenceBlock<'_>]) -> Result<Vec<usize>, ReadError> {
    if !snapshot.dump().is_recovered() {
        return Ok(blocks.iter().map(ReferenceBlock::len).collect());
    }
    // Decoding drops the references of lost objects.
    blocks
        .par_iter()
        .map_init(ReferenceBatch::default, |batch, block| {
            block.decode(ReferenceColumns::STRENGTHS, batch)?;
            Ok(batch.len())
        })
        .collect()
}

fn spans(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let span = |&length: &usize| {
        let start = end;
        end += length;
        start..end
    };
    lengths.iter().map(span).collect()
}

struct Lost {
    dangling: u64,
    weak: u64,
}

fn resolve(snapshot: &Snapshot, batch: &ReferenceBatch, targets: &mut [ObjectId]) -> Lost {
    let mut near = Near::default();
    let mut lost = Lost {
        dangling: 0,
        weak: 0,
    };
    let index = snapshot.index();
    index.find_each(&batch.targets, &mut near, |number, found| {
        lost.dangling += u64::from(found.is_none());
        if batch.strength(number) == Strength::Weak {
            lost.weak += 1;
        } else if let Some(id) = found {
            targets[number] = id;
        }
    });
    lost
}

/// From the length of each row (and a 0 at the end) to where it begins.
fn offsets(lengths: Vec<AtomicU32>) -> Vec<u32> {
    let mut next = 0;
    lengths
        .into_iter()
        .map(|length| {
            let begin = next;
            next += length.into_inner();
            begin
        })
        .collect()
}
