//! What objects held, a block at a time: the last block that was looked at is kept, as joins go through objects in their order.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use memdump_format::{Dump, ObjectId, ReadError, ValueBatch};

/// The values of a dump.
#[derive(Default)]
pub(in crate::sql) struct KeptValues {
    /// The last object of each block.
    ends: OnceLock<Vec<Option<ObjectId>>>,
    last: Mutex<Option<(usize, Arc<ValueBatch>)>>,
}

impl KeptValues {
    /// The block that tells what an object held, if one does.
    pub(in crate::sql) fn block_of(
        &self,
        dump: &Dump,
        object: ObjectId,
    ) -> Result<usize, ReadError> {
        let ends = match self.ends.get() {
            Some(ends) => ends,
            None => {
                // Of a block whose objects are all lost, the end of the one before.
                let mut end = None;
                let ends = dump.value_blocks().map(|block| {
                    let objects = block.objects()?;
                    end = end.max(objects.into_iter().flatten().next_back());
                    Ok(end)
                });
                let ends = ends.collect::<Result<Vec<_>, ReadError>>()?;
                self.ends.get_or_init(|| ends)
            }
        };
        Ok(ends.partition_point(|&end| end < Some(object)))
    }

    /// The values of a block; none if there is no such block.
    pub(in crate::sql) fn block(
        &self,
        dump: &Dump,
        number: usize,
    ) -> Result<Option<Arc<ValueBatch>>, ReadError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, batch)) = &*last
            && *known == number
        {
            return Ok(Some(batch.clone()));
        }
        let Some(block) = dump.value_blocks().nth(number) else {
            return Ok(None);
        };
        let batch = Arc::new(block.decode()?);
        *last = Some((number, batch.clone()));
        Ok(Some(batch))
    }
}
