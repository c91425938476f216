//! What objects held, where a dump tells it. Only blocks that have one of the objects are decoded.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{ObjectId, ReadError};

use super::{Snapshot, printable};

/// What some objects held.
pub type ValuesByObject = HashMap<ObjectId, String, RandomState>;

impl Snapshot {
    /// What these objects held, safe to print; those that the dump does not tell are left out.
    pub fn values(&self, ids: &[ObjectId]) -> Result<ValuesByObject, ReadError> {
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        let mut found = ValuesByObject::default();
        for block in self.dump().value_blocks() {
            let objects = block.objects()?;
            let has = |object: &Option<ObjectId>| {
                object.is_some_and(|object| wanted.binary_search(&object).is_ok())
            };
            if !objects.iter().any(has) {
                continue;
            }
            let values = block.decode()?;
            let told = values.iter().filter(|(object, _)| has(&Some(*object)));
            found.extend(told.map(|(object, text)| (object, printable(text).into_owned())));
        }
        Ok(found)
    }
}
