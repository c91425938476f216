//! What places are called.

use memdump_format::{ObjectId, ReadError};

use super::super::chain::{Chain, ChainShape, chains_of, shapes_of};
use super::result::Place;
use crate::graph::{Graph, Paths, RootFilter, Search, label_paths};
use crate::progress::Progress;
use crate::snapshot::Snapshot;

/// The chains to some objects: their names and shapes.
pub(super) struct Named<'s> {
    snapshot: &'s Snapshot,
    graph: &'s Graph,
    paths: Paths,
    shapes: Vec<ChainShape>,
    shape_of: Vec<u32>,
}

impl<'s> Named<'s> {
    /// Names the references on the chains to `objects`, as far as the search reached them.
    pub(super) fn new(
        snapshot: &'s Snapshot,
        graph: &'s Graph,
        search: &Search<'_>,
        objects: impl IntoIterator<Item = ObjectId>,
        progress: &dyn Progress,
    ) -> Result<Named<'s>, ReadError> {
        let mut paths = Paths::to(search, objects);
        label_paths(snapshot, graph, &mut paths, progress)?;
        let (shapes, shape_of) = shapes_of(snapshot, graph, &paths)?;
        Ok(Named {
            snapshot,
            graph,
            paths,
            shapes,
            shape_of,
        })
    }

    /// The number of the shape of the chain to an object.
    pub(super) fn shape(&self, object: ObjectId) -> Option<u32> {
        let node = self.paths.node_of(object)?;
        Some(self.shape_of[node as usize])
    }

    /// The place of one object.
    pub(super) fn place(&self, object: ObjectId) -> Result<Option<Place>, ReadError> {
        let Some(node) = self.paths.node_of(object) else {
            return Ok(None);
        };
        let [chain] = <[_; 1]>::try_from(self.chains(&[node])?).expect("as many chains as nodes");
        let last = chain.steps.last().expect("a chain has a step");
        let (type_name, address) = (last.type_name.clone(), last.address);
        Ok(Some(Place {
            type_name,
            address,
            chain,
            shape: None,
        }))
    }

    /// The place of several objects of one shape, that of the first and what they have in common; or that of one.
    pub(super) fn common_place(&self, objects: &[ObjectId]) -> Result<Option<Place>, ReadError> {
        let Some(&first) = objects.first() else {
            return Ok(None);
        };
        let mut place = self.place(first)?;
        if let (Some(place), Some(shape), 2..) = (&mut place, self.shape(first), objects.len()) {
            place.shape = Some(self.shapes[shape as usize].clone());
        }
        Ok(place)
    }

    fn chains(&self, nodes: &[u32]) -> Result<Vec<Chain>, ReadError> {
        chains_of(
            self.snapshot,
            self.graph,
            &self.paths,
            RootFilter::Any,
            nodes,
        )
    }
}
