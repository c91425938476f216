//! Names the references on paths. Only the blocks that hold one of them are decoded.

use memdump_format::{Label, ObjectId, ReadError, ReferenceBatch, ReferenceColumns};
use rayon::prelude::*;

use super::build::Graph;
use super::forward::NO_TARGET;
use super::paths::{PathStep, Paths};
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// How many blocks are read at a time: enough for all threads to be busy with.
const SHARE: usize = 64;

/// Gives each reference on the paths its label. Where an object refers to another more than once, the first reference
/// that has a name is the one that is told.
pub fn label_paths(
    snapshot: &Snapshot,
    graph: &Graph,
    paths: &mut Paths,
    progress: &dyn Progress,
) -> Result<(), ReadError> {
    let blocks: Vec<_> = snapshot.dump().reference_blocks().collect();
    progress.stage("reading labels", blocks.len() as u64);
    // What is known of a share of the blocks is written down before the next, as all of it could be more than the paths.
    for (blocks, spans) in blocks.chunks(SHARE).zip(graph.blocks().chunks(SHARE)) {
        let named: Vec<Vec<(u32, Label)>> = blocks
            .par_iter()
            .zip(spans)
            .map_init(ReferenceBatch::default, |batch, (block, span)| {
                progress.advance(1);
                let wanted = wanted(graph, paths, span.clone());
                if !wanted.is_empty() {
                    block.decode(ReferenceColumns::LABELS, batch)?;
                }
                Ok(wanted
                    .into_iter()
                    .map(|(node, reference)| (node, batch.label(reference - span.start)))
                    .collect())
            })
            .collect::<Result<_, ReadError>>()?;
        for (node, label) in named.into_iter().flatten() {
            paths.name(node, label);
        }
    }
    Ok(())
}

/// The references of a block that paths may take, and the nodes they lead to.
fn wanted(graph: &Graph, paths: &Paths, span: std::ops::Range<usize>) -> Vec<(u32, usize)> {
    let mut wanted = Vec::new();
    for source in graph.forward.sources(&span).map(ObjectId) {
        let Some(parent) = paths.node_of(source) else {
            continue;
        };
        let row = graph.forward.row(source);
        for reference in row.start.max(span.start)..row.end.min(span.end) {
            let target = graph.forward.all_targets()[reference];
            if target == NO_TARGET {
                continue;
            }
            if let Some(node) = paths.node_of(target) {
                let from = paths.nodes()[node as usize].from;
                if matches!(from, PathStep::From { node, .. } if node == parent) {
                    wanted.push((node, reference));
                }
            }
        }
    }
    wanted
}

/// What an object refers to strongly, with the names of the references, in their order. Decodes only what holds them.
pub fn named_references(
    snapshot: &Snapshot,
    graph: &Graph,
    source: ObjectId,
) -> Result<Vec<(Label, ObjectId)>, ReadError> {
    let row = graph.forward.row(source);
    let mut batch = ReferenceBatch::default();
    let mut named = Vec::new();
    let first = graph.blocks().partition_point(|span| span.end <= row.start);
    let blocks = snapshot.dump().reference_blocks().zip(graph.blocks());
    for (block, span) in blocks.skip(first) {
        if span.start >= row.end {
            break;
        }
        block.decode(ReferenceColumns::LABELS, &mut batch)?;
        for reference in row.start.max(span.start)..row.end.min(span.end) {
            let target = graph.forward.all_targets()[reference];
            if target != NO_TARGET {
                named.push((batch.label(reference - span.start), target));
            }
        }
    }
    Ok(named)
}
