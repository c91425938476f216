//! The tables over open dumps.

mod dumps;
mod objects;
mod records;
mod references;
mod types;
mod values;

use std::sync::Arc;

pub(super) use records::root_kind;

use super::relation::Relation;
use super::sources::Sources;

/// Every table, in the order of the catalogue.
pub(super) fn all(sources: &Arc<Sources>) -> Vec<Arc<dyn Relation>> {
    vec![
        Arc::new(dumps::Dumps(sources.clone())),
        Arc::new(records::MetadataRecords(sources.clone())),
        Arc::new(types::Types(sources.clone())),
        Arc::new(objects::Objects(sources.clone())),
        Arc::new(references::References(sources.clone())),
        Arc::new(records::RootRecords(sources.clone())),
        Arc::new(records::FaultRecords(sources.clone())),
        Arc::new(values::Values(sources.clone())),
    ]
}
