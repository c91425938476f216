//! Since which dump each object has been there.

use std::collections::HashMap;
use std::sync::Arc;

use memdump_format::{ObjectId, ReadError};
use rayon::prelude::*;

use crate::analysis::identity::{Process, born_after};
use crate::snapshot::{AddressIndex, Near, Snapshot, TypeKey, TypeName};

/// The objects of an earlier dump, as far as they are needed to know them again.
pub(in crate::sql) enum Earlier<'d> {
    Open {
        process: &'d Process,
        snapshot: &'d Snapshot,
        births: Arc<[u32]>,
    },
    Loaded(&'d LoadedObjects),
}

/// The objects of a dump that was loaded into a file.
pub(in crate::sql) struct LoadedObjects {
    /// What the dump said of its process.
    pub(in crate::sql) process: Process,
    pub(in crate::sql) index: AddressIndex,
    pub(in crate::sql) births: Vec<u32>,
    /// By object: the number of its type in `names`.
    pub(in crate::sql) types: Vec<u32>,
    pub(in crate::sql) names: Vec<TypeName>,
}

impl Earlier<'_> {
    fn process(&self) -> &Process {
        match self {
            Earlier::Open { process, .. } => process,
            Earlier::Loaded(loaded) => &loaded.process,
        }
    }

    fn index(&self) -> &AddressIndex {
        match self {
            Earlier::Open { snapshot, .. } => snapshot.index(),
            Earlier::Loaded(loaded) => &loaded.index,
        }
    }

    fn names(&self) -> &[TypeName] {
        match self {
            Earlier::Open { snapshot, .. } => snapshot.types().names(),
            Earlier::Loaded(loaded) => &loaded.names,
        }
    }

    fn type_of(&self, id: ObjectId) -> usize {
        match self {
            Earlier::Open { snapshot, .. } => snapshot.type_of(id).index(),
            Earlier::Loaded(loaded) => loaded
                .types
                .get(id.index())
                .map_or(usize::MAX, |&key| key as usize),
        }
    }

    fn born(&self, id: ObjectId) -> Option<u32> {
        match self {
            Earlier::Open { births, .. } => births.get(id.index()).copied(),
            Earlier::Loaded(loaded) => loaded.births.get(id.index()).copied(),
        }
    }
}

/// By object of `after`, which is dump `number`: the earliest dump that has it. An object is the same if address and type
/// are, and it was not born since.
pub(super) fn births(
    after: &Snapshot,
    number: u32,
    earlier: Option<&Earlier<'_>>,
) -> Result<Arc<[u32]>, ReadError> {
    let ids = 0..after.id_limit() as u32;
    let Some(earlier) = earlier else {
        return Ok(ids.map(|_| number).collect());
    };
    let born_since = born_after(earlier.process(), after)?;
    let keys: HashMap<&TypeName, TypeKey> = after
        .types()
        .iter()
        .map(|(key, name)| (name, key))
        .collect();
    let same: Vec<TypeKey> = earlier
        .names()
        .iter()
        .map(|name| keys.get(name).copied().unwrap_or(TypeKey::NONE))
        .collect();
    let parts: Vec<Vec<(ObjectId, u32)>> = earlier
        .index()
        .parts()
        .map(|part| {
            let mut near = Near::default();
            let mut kept = Vec::new();
            earlier.index().walk(part, |address, old| {
                let Some(new) = after.index().find_near(address, &mut near) else {
                    return;
                };
                let key = same.get(earlier.type_of(old)).copied();
                if key == Some(after.type_of(new))
                    && !born_since.as_ref().is_some_and(|born| born.contains(new))
                    && let Some(born) = earlier.born(old)
                {
                    kept.push((new, born));
                }
            });
            kept
        })
        .collect();
    let mut births = vec![number; after.id_limit()];
    for (id, born) in parts.into_iter().flatten() {
        births[id.index()] = born;
    }
    Ok(births.into())
}
