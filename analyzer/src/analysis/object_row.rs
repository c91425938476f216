//! One object, as lists of objects tell it.

use memdump_format::{Address, ObjectId, ReadError};
use schemars::JsonSchema;
use serde::Serialize;

use super::json_form;
use crate::snapshot::{Snapshot, TypeName};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ObjectRow {
    /// Where it lay.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
    pub address: Address,
    /// What it is.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Shallow size in bytes.
    pub size: u64,
    /// References that the runtime counts; none where it does not count.
    pub refcount: Option<u64>,
    /// What it held, as the dump tells it; left out where that tells nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl ObjectRow {
    /// Reads the rows of objects, in the order of `ids`.
    pub fn read(snapshot: &Snapshot, ids: &[ObjectId]) -> Result<Vec<ObjectRow>, ReadError> {
        let objects = snapshot.objects(ids)?;
        let values = snapshot.values(ids)?;
        Ok(objects
            .into_iter()
            .zip(ids)
            .map(|(object, id)| ObjectRow {
                address: object.address,
                type_name: snapshot
                    .types()
                    .name(snapshot.types().key(object.type_id))
                    .clone(),
                size: object.size,
                refcount: object.refcount,
                value: values.get(id).cloned(),
            })
            .collect())
    }
}
