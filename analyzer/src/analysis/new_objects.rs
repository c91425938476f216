//! The objects that are in the later of two dumps only.

use memdump_format::ObjectId;
use serde::Serialize;

use super::identity::{self, Identity};
use super::select::SelectedTypes;
use super::{AnalysisError, ObjectRow};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// The new objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewObjects {
    /// How objects were known to be the same.
    pub identity: Identity,
    /// How many there are.
    pub total: u64,
    /// They themselves, in the order of the dump; fewer than `total` if a limit was given.
    pub objects: Vec<ObjectRow>,
}

/// Lists the new objects of the types that `pattern` means, or of all types.
pub fn new_objects(
    before: &Snapshot,
    after: &Snapshot,
    pattern: Option<&TypePattern>,
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<NewObjects, AnalysisError> {
    const CURE: &str = "`memdump diff` compares the counts";
    let identity = require_identity(before, after, CURE)?;
    let types = match pattern {
        Some(pattern) => SelectedTypes::matching(pattern, after, Some(before))?,
        None => SelectedTypes::all(),
    };
    let ids = new_of_types(before, after, &types, progress);
    let shown = &ids[..limit.unwrap_or(ids.len()).min(ids.len())];
    Ok(NewObjects {
        identity,
        total: ids.len() as u64,
        objects: ObjectRow::read(after, shown)?,
    })
}

/// The new objects of some types, in rising order.
pub(super) fn new_of_types(
    before: &Snapshot,
    after: &Snapshot,
    types: &SelectedTypes,
    progress: &dyn Progress,
) -> Vec<ObjectId> {
    progress.stage("comparing", 0);
    let new = identity::new_objects(before, after);
    new.iter()
        .filter(|&id| types.contains(after.type_of(id)))
        .collect()
}

/// The identity of two dumps, which must be available.
pub(super) fn require_identity(
    before: &Snapshot,
    after: &Snapshot,
    cure: &'static str,
) -> Result<Identity, AnalysisError> {
    match Identity::between(before.dump(), after.dump())? {
        Identity::Unavailable { reason } => Err(AnalysisError::NoIdentity { reason, cure }),
        identity => Ok(identity),
    }
}
