//! What a dump is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memdump_format::{Address, Dump, ObjectBatch, ObjectColumns, ObjectFlags, ReadError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::json_form;
use crate::progress::Progress;
use crate::snapshot::printable;

/// What a dump is.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Info {
    /// The file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub file_bytes: u64,
    /// The version of its format.
    pub format: String,
    /// What it says of itself.
    pub metadata: BTreeMap<String, String>,
    /// Objects.
    pub objects: u64,
    /// References.
    pub references: u64,
    /// Type records.
    pub types: u64,
    /// Strings.
    pub strings: u64,
    /// Roots.
    pub roots: u64,
    /// Shallow bytes of all objects.
    pub object_bytes: u64,
    /// Of these, bytes in static memory, which are part of the program and not of its heap.
    pub static_bytes: u64,
    /// What could not be read when the dump was made.
    pub faults: Vec<FaultRow>,
}

/// Something that could not be read when the dump was made.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct FaultRow {
    /// The object that was being read; 0 where there is none.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
    pub address: Address,
    /// What happened.
    pub message: String,
}

impl Info {
    /// Bytes of the file for each object.
    pub fn file_bytes_per_object(&self) -> Option<f64> {
        (self.objects > 0).then(|| self.file_bytes as f64 / self.objects as f64)
    }

    /// The part of the process's resident memory that the heap's objects explain, from 0.
    pub fn explained_share(&self) -> Option<f64> {
        let resident: u64 = self.metadata.get("rss_bytes")?.parse().ok()?;
        let heap = self.object_bytes.saturating_sub(self.static_bytes);
        (resident > 0).then(|| heap as f64 / resident as f64)
    }
}

/// Describes a dump.
pub fn info(dump: &Dump, progress: &dyn Progress) -> Result<Info, ReadError> {
    let counts = dump.counts();
    let (major, minor) = dump.version();
    let strings = dump.strings();
    let faults = dump.faults()?;
    let (object_bytes, static_bytes) = bytes(dump, progress)?;
    Ok(Info {
        file: dump.path().to_owned(),
        file_bytes: dump.file_len(),
        format: format!("{major}.{minor}"),
        metadata: dump
            .metadata()?
            .iter()
            .map(|(key, value)| (printable(key).into_owned(), printable(value).into_owned()))
            .collect(),
        objects: counts.objects,
        references: counts.references,
        types: counts.types,
        strings: counts.strings,
        roots: counts.roots,
        object_bytes,
        static_bytes,
        faults: faults
            .iter()
            .map(|fault| {
                Ok(FaultRow {
                    address: fault.address,
                    message: printable(strings.get(fault.message)?).into_owned(),
                })
            })
            .collect::<Result<_, ReadError>>()?,
    })
}

/// Shallow bytes of all objects, and of those in static memory.
fn bytes(dump: &Dump, progress: &dyn Progress) -> Result<(u64, u64), ReadError> {
    let blocks: Vec<_> = dump.object_blocks().collect();
    progress.stage("reading objects", dump.counts().objects);
    blocks
        .par_iter()
        .map_init(ObjectBatch::default, |batch, block| {
            block.decode(ObjectColumns::SIZE | ObjectColumns::FLAGS, batch)?;
            progress.advance(batch.sizes.len() as u64);
            let mut sums = (0_u64, 0_u64);
            for (&size, flags) in batch.sizes.iter().zip(&batch.flags) {
                sums.0 = sums.0.saturating_add(size);
                if flags.contains(ObjectFlags::STATIC) {
                    sums.1 = sums.1.saturating_add(size);
                }
            }
            Ok(sums)
        })
        .try_reduce(
            || (0, 0),
            |a, b| Ok((a.0.saturating_add(b.0), a.1.saturating_add(b.1))),
        )
}
