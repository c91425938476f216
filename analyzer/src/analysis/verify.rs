//! Whether a dump is whole, and whether what its records say of one another fits.

use std::path::PathBuf;

use memdump_format::{Dump, Label, ReadError, ReferenceBatch, ReferenceColumns, StringId};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{Graph, GraphError};
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// What was found in a dump.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Verified {
    /// The file.
    pub file: PathBuf,
    /// How many blocks were decoded.
    pub blocks: u64,
    /// Objects.
    pub objects: u64,
    /// References.
    pub references: u64,
    /// References to an address that no object of the dump has. Legal: the target was not in the heap, or not read.
    pub dangling: u64,
    /// References that do not keep their target alive.
    pub weak: u64,
    /// Objects whose address an earlier object has.
    pub duplicates: u64,
    /// What is wrong, in the order of the file; empty if the dump is whole.
    pub problems: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Decodes every block, and then checks what records say of one another.
pub fn verify(dump: Dump, progress: &dyn Progress) -> Result<Verified, ReadError> {
    let counts = dump.counts();
    let mut verified = Verified {
        file: dump.path().to_owned(),
        blocks: dump.blocks().len() as u64,
        objects: counts.objects,
        references: counts.references,
        dangling: 0,
        weak: 0,
        duplicates: 0,
        problems: damaged_blocks(&dump, progress),
    };
    if !verified.is_whole() {
        // What records say of one another can be checked only when all can be read.
        return Ok(verified);
    }
    verified.problems.extend(lost_strings(&dump, progress)?);
    let snapshot = Snapshot::load(dump, progress)?;
    let duplicates = snapshot.index().duplicates();
    verified.duplicates = duplicates.len() as u64;
    if let Some(first) = duplicates.first() {
        verified.problems.push(format!(
            "{} objects have the address of an earlier one; the first is object {}",
            duplicates.len(),
            first.0
        ));
    }
    match Graph::build(&snapshot, progress) {
        Ok(graph) => {
            verified.dangling = graph.dangling;
            verified.weak = graph.weak;
        }
        Err(GraphError::Read(error)) => return Err(error),
        Err(other) => verified.problems.push(other.to_string()),
    }
    Ok(verified)
}

fn damaged_blocks(dump: &Dump, progress: &dyn Progress) -> Vec<String> {
    progress.stage("decoding blocks", dump.blocks().len() as u64);
    dump.blocks()
        .par_iter()
        .filter_map(|block| {
            progress.advance(1);
            dump.verify_block(block.number)
                .err()
                .map(|error| error.to_string())
        })
        .collect()
}

/// Names of strings that the dump does not have.
fn lost_strings(dump: &Dump, progress: &dyn Progress) -> Result<Vec<String>, ReadError> {
    let count = dump.counts().strings;
    let is_lost = |id: StringId| u64::from(id.0) >= count;
    let mut problems = Vec::new();
    let mut tell = |what: &str, lost: usize| {
        if lost > 0 {
            problems.push(format!(
                "{lost} {what} name strings that the dump does not have"
            ));
        }
    };
    let types = dump.types()?;
    tell(
        "types",
        types
            .iter()
            .filter(|t| is_lost(t.module) || is_lost(t.name))
            .count(),
    );
    let roots = dump.roots()?;
    let root_strings = |r: &memdump_format::Root| [r.name, r.thread, string_of(r.label)];
    tell(
        "roots",
        roots
            .iter()
            .filter(|r| root_strings(r).into_iter().flatten().any(is_lost))
            .count(),
    );
    tell(
        "faults",
        dump.faults()?
            .iter()
            .filter(|fault| is_lost(fault.message))
            .count(),
    );

    let blocks: Vec<_> = dump.reference_blocks().collect();
    progress.stage("checking labels", blocks.len() as u64);
    let lost = blocks
        .par_iter()
        .map_init(ReferenceBatch::default, |batch, block| {
            progress.advance(1);
            block.decode(ReferenceColumns::LABELS, batch)?;
            let labels = (0..batch.kinds.len()).map(|number| batch.label(number));
            Ok(labels
                .filter(|&label| string_of(label).is_some_and(is_lost))
                .count())
        })
        .try_reduce(|| 0, |a, b| Ok::<usize, ReadError>(a + b))?;
    tell("references", lost);
    Ok(problems)
}

/// The string that a label names.
fn string_of(label: Label) -> Option<StringId> {
    match label {
        Label::Attribute(id)
        | Label::Key(id)
        | Label::KeyObject(id)
        | Label::Closure(id)
        | Label::Local(id)
        | Label::Internal(id) => Some(id),
        Label::None
        | Label::Index(_)
        | Label::IntegerKey(_)
        | Label::Stack(_)
        | Label::Type
        | Label::Element
        | Label::Offset(_) => None,
    }
}
