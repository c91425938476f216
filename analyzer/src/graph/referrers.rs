//! From an object to the references that lead to it.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use memdump_format::{ObjectId, ReadError, ReferenceBatch, ReferenceColumns};
use rayon::prelude::*;

use super::build::Graph;
use super::forward::NO_TARGET;
use crate::progress::Progress;
use crate::snapshot::{Near, Snapshot, split};

/// References by target, weak ones too, by their numbers: 4 bytes per object and per reference.
pub struct Referrers {
    offsets: Vec<u32>,
    references: Vec<u32>,
}

impl Referrers {
    /// Bytes of memory that it takes to make it.
    pub fn memory(snapshot: &Snapshot) -> u64 {
        let counts = snapshot.dump().counts();
        let objects = counts.objects.saturating_mul(8);
        objects.saturating_add(counts.references.saturating_mul(8))
    }

    /// Makes it.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub fn index(
        snapshot: &Snapshot,
        graph: &Graph,
        progress: &dyn Progress,
    ) -> Result<Referrers, ReadError> {
        let targets = targets(snapshot, graph, progress)?;
        let objects = snapshot.id_limit();
        // Counts go two places further up, so that filling a row moves its begin to where the next one's belongs.
        let mut offsets = vec![0_u32; objects + 2];
        let found = || {
            (0_u32..)
                .zip(&targets)
                .filter(|(_, target)| **target != NO_TARGET)
        };
        for (_, target) in found() {
            if let Some(count) = offsets.get_mut(target.index() + 2) {
                *count += 1;
            }
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut references = vec![0; found().count()];
        for (number, target) in found() {
            let next = &mut offsets[target.index() + 1];
            references[*next as usize] = number;
            *next += 1;
        }
        Ok(Referrers {
            offsets,
            references,
        })
    }

    /// Numbers of the references that lead to an object, in rising order.
    pub fn of(&self, target: ObjectId) -> &[u32] {
        let at = target.index();
        match (self.offsets.get(at), self.offsets.get(at + 1)) {
            (Some(&begin), Some(&end)) => &self.references[begin as usize..end as usize],
            _ => &[],
        }
    }
}

/// The targets of all references, weak ones too.
fn targets(
    snapshot: &Snapshot,
    graph: &Graph,
    progress: &dyn Progress,
) -> Result<Vec<ObjectId>, ReadError> {
    let spans = graph.blocks();
    let end = spans.last().map_or(0, |span| span.end);
    progress.stage("indexing references", end as u64);
    let mut targets = vec![NO_TARGET; end];
    let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
    blocks
        .par_iter()
        .zip(split(&mut targets, spans.iter().cloned()))
        .try_for_each_init(ReferenceBatch::default, |batch, (block, targets)| {
            block.decode(ReferenceColumns::TARGETS, batch)?;
            let mut near = Near::default();
            for (slot, &address) in targets.iter_mut().zip(&batch.targets) {
                *slot = snapshot
                    .index()
                    .find_near(address, &mut near)
                    .unwrap_or(NO_TARGET);
            }
            progress.advance(targets.len() as u64);
            Ok(())
        })?;
    Ok(targets)
}

/// By object: strong references and roots that lead to it.
pub fn indegrees(graph: &Graph) -> Vec<u32> {
    let mut counts: Vec<AtomicU32> = Vec::new();
    counts.resize_with(graph.forward.objects(), AtomicU32::default);
    graph.forward.all_targets().par_iter().for_each(|&target| {
        if target != NO_TARGET {
            counts[target.index()].fetch_add(1, Relaxed);
        }
    });
    for object in graph.roots.objects(|_| true) {
        counts[object.index()].fetch_add(1, Relaxed);
    }
    counts.into_iter().map(AtomicU32::into_inner).collect()
}
