//! The objects that are in the later of two dumps only; of more dumps, those that came with the second and stayed.

use memdump_format::{ObjectId, ReadError};
use schemars::JsonSchema;
use serde::Serialize;

use super::identity::{self, Identity, Kept};
use super::select::SelectedTypes;
use super::timeline::Timeline;
use super::{AnalysisError, ObjectRow};
use crate::pattern::TypePattern;
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// The new objects.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NewObjects {
    /// How objects were known to be the same.
    pub identity: Identity,
    /// Of more than two dumps: how many objects were new in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub born: Option<u64>,
    /// How many there are in the last dump.
    pub total: u64,
    /// They themselves, in the order of the dump; fewer than `total` if a limit was given.
    pub objects: Vec<ObjectRow>,
}

const CURE: &str = "`memdump diff` compares the counts";

/// Lists the new objects of the types that `pattern` means, or of all types.
pub fn new_objects(
    before: &Snapshot,
    after: &Snapshot,
    pattern: Option<&TypePattern>,
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<NewObjects, AnalysisError> {
    let timeline = Timeline::of([before.dump(), after.dump()])?;
    let identity = require_one_process(&timeline, CURE)?;
    let types = match pattern {
        Some(pattern) => SelectedTypes::matching(pattern, after, Some(before))?,
        None => SelectedTypes::all(),
    };
    let ids = new_of_types(before, after, &types, progress)?;
    Ok(NewObjects {
        identity,
        born: None,
        total: ids.len() as u64,
        objects: ObjectRow::read(after, shown(&ids, limit))?,
    })
}

/// Lists the objects that were born between the first two of `dumps` and have been in all since: what is only passing through
/// when the second dump is taken is gone by the third.
///
/// # Errors
/// Those of the iterator; there are fewer than two dumps, or not of one process; a dump cannot be read; no type matches.
pub fn new_objects_that_stay<E: From<AnalysisError>>(
    dumps: impl IntoIterator<Item = Result<Snapshot, E>>,
    pattern: Option<&TypePattern>,
    limit: Option<usize>,
    progress: &dyn Progress,
) -> Result<NewObjects, E> {
    let stayed = follow(dumps, pattern, CURE, progress)?;
    let row = |ids| ObjectRow::read(&stayed.last, ids).map_err(AnalysisError::from);
    Ok(NewObjects {
        identity: stayed.identity,
        born: Some(stayed.born),
        total: stayed.ids.len() as u64,
        objects: row(shown(&stayed.ids, limit))?,
    })
}

fn shown(ids: &[ObjectId], limit: Option<usize>) -> &[ObjectId] {
    &ids[..limit.unwrap_or(ids.len()).min(ids.len())]
}

/// Objects that were born between the first two of some dumps and have been in all since.
pub(super) struct Stayed {
    pub(super) identity: Identity,
    /// How many were born.
    pub(super) born: u64,
    /// The last dump.
    pub(super) last: Snapshot,
    /// Those of them that it has, in rising order.
    pub(super) ids: Vec<ObjectId>,
}

/// Follows the objects that are born between the first two dumps through all later ones. Dumps come in order of time; two are
/// in memory at a time, if the iterator loads each when it is asked for it.
///
/// # Errors
/// Those of the iterator; there are fewer than two dumps, or not of one process; a dump cannot be read; the pattern
/// matches no type of the first two nor of the last.
pub(super) fn follow<E: From<AnalysisError>>(
    dumps: impl IntoIterator<Item = Result<Snapshot, E>>,
    pattern: Option<&TypePattern>,
    cure: &'static str,
    progress: &dyn Progress,
) -> Result<Stayed, E> {
    let mut dumps = dumps.into_iter();
    let mut next = || dumps.next().transpose();
    let (Some(before), Some(mut last)) = (next()?, next()?) else {
        let reason = "that takes an earlier and a later dump".to_owned();
        return Err(AnalysisError::NoIdentity { reason, cure }.into());
    };
    let both = [before.dump(), last.dump()];
    let mut timeline = Timeline::of(both).map_err(AnalysisError::from)?;
    require_one_process(&timeline, cure)?;
    let types = pattern.map(|pattern| SelectedTypes::matching(pattern, &last, Some(&before)));
    progress.stage("comparing", 0);
    let mut set = identity::new_objects(&before, &last).map_err(AnalysisError::from)?;
    drop(before);
    let is_born = |types: &SelectedTypes| {
        let of_types = |&id: &ObjectId| types.contains(last.type_of(id));
        set.iter().filter(of_types).count() as u64
    };
    let born = match &types {
        None => is_born(&SelectedTypes::all()),
        Some(Ok(types)) => is_born(types),
        Some(Err(_)) => 0,
    };
    while let Some(later) = next()? {
        timeline.add(later.dump()).map_err(AnalysisError::from)?;
        require_one_process(&timeline, cure)?;
        progress.stage("comparing", 0);
        let kept = Kept::new(&last, &later).map_err(AnalysisError::from)?;
        set = kept.of(&set);
        drop(kept);
        last = later;
    }
    let types = match (pattern, types) {
        // Its last object may be gone: that is an answer. A name that no dump knows is none.
        (Some(pattern), Some(Ok(_))) => SelectedTypes::any_of(std::slice::from_ref(pattern), &last),
        (Some(pattern), _) => SelectedTypes::matching(pattern, &last, None)?,
        (None, _) => SelectedTypes::all(),
    };
    let of_types = |&id: &ObjectId| types.contains(last.type_of(id));
    Ok(Stayed {
        identity: timeline.identity(),
        born,
        ids: set.iter().filter(of_types).collect(),
        last,
    })
}

/// The new objects of some types, in rising order.
pub(super) fn new_of_types(
    before: &Snapshot,
    after: &Snapshot,
    types: &SelectedTypes,
    progress: &dyn Progress,
) -> Result<Vec<ObjectId>, ReadError> {
    progress.stage("comparing", 0);
    let new = identity::new_objects(before, after)?;
    let of_types = |id: &ObjectId| types.contains(after.type_of(*id));
    Ok(new.iter().filter(of_types).collect())
}

/// The identity of dumps, which must be available.
pub(super) fn require_one_process(
    timeline: &Timeline,
    cure: &'static str,
) -> Result<Identity, AnalysisError> {
    match timeline.identity() {
        Identity::Unavailable { reason } => Err(AnalysisError::NoIdentity { reason, cure }),
        identity => Ok(identity),
    }
}
