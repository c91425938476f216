//! The map of retained memory and the threads: by hand, and that no byte is in two places.

#![allow(missing_docs)]

mod support;

use memdump_analyzer::analysis::retained_map::{MapBounds, Region, retained_map};
use memdump_analyzer::analysis::threads::{ThreadBounds, threads};
use memdump_analyzer::graph::{DominatorTree, Graph};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_format::RootKind;
use proptest::prelude::*;
use support::{Heap, service};

const ALL: MapBounds = MapBounds {
    regions: 1_000,
    depth: 100,
    children: 1_000,
};

fn tree_of(heap: &Heap) -> (Snapshot, DominatorTree) {
    let snapshot = Snapshot::load(heap.dump(), &Silent).expect("a snapshot");
    let graph = Graph::build(&snapshot, &Silent).expect("a graph");
    let tree = DominatorTree::new(&snapshot, &graph, &Silent).expect("a tree");
    (snapshot, tree)
}

fn map(heap: &Heap, bounds: MapBounds) -> Region {
    let (snapshot, tree) = tree_of(heap);
    let map = retained_map(&snapshot, &tree, bounds, &Silent).expect("a map");
    map.root
}

/// A line for each region, set in as deep as it lies.
fn told(region: &Region, depth: usize) -> String {
    let name = match &region.type_name {
        Some(name) => name.to_string(),
        None => "everything".to_owned(),
    };
    let named = region
        .name
        .as_ref()
        .map_or(String::new(), |name| format!(" {name}"));
    let rest = region.rest.map_or(String::new(), |rest| {
        format!(", {} more of {} B", rest.objects, rest.retained)
    });
    let mut text = format!(
        "{}{} × {name}{named}: {} B{rest}\n",
        "  ".repeat(depth),
        region.objects,
        region.retained
    );
    for child in &region.children {
        text += &told(child, depth + 1);
    }
    text
}

/// A thousand small rows below one list, and one that is large.
fn rows() -> Heap {
    let mut heap = service(3)
        .module(0x9000, "app.store")
        .object(0x9100, "list", 800)
        .refers(0x9000, 0x9100, ".rows");
    for number in 0..1_000 {
        let address = 0x10_0000 + number * 0x100;
        let size = if number == 7 { 9_000 } else { 50 };
        heap = heap
            .object(address, "app.Row", size)
            .object(address + 0x80, "dict", 10)
            .refers(0x9100, address, &format!("[{number}]"))
            .refers(address, address + 0x80, ".__dict__");
    }
    heap
}

#[test]
fn what_is_kept_alive_lies_in_what_keeps_it() {
    insta::assert_snapshot!(told(&map(&rows(), ALL), 0));
}

#[test]
fn what_has_no_room_is_counted() {
    let bounds = MapBounds {
        regions: 4,
        depth: 2,
        children: 1,
    };
    insta::assert_snapshot!(told(&map(&rows(), bounds), 0));
}

#[test]
fn an_empty_heap_has_a_map() {
    let root = map(&Heap::of_process(1), ALL);
    assert_eq!((root.objects, root.retained), (0, 0));
    assert!(root.children.is_empty() && root.rest.is_none());
}

#[test]
fn threads_tell_their_calls_and_variables() {
    let heap = service(3)
        .frame(
            "MainThread",
            "handle (app/views.py)",
            42,
            "<local again>",
            0x1400,
        )
        .frame("worker", "work (app/jobs.py)", 7, "<local found>", 0x1200);
    let (snapshot, tree) = tree_of(&heap);
    let bounds = ThreadBounds {
        threads: 10,
        frames: 10,
        variables: 1,
    };
    let told = threads(&snapshot, &tree, bounds).expect("an answer");
    assert_eq!(told.total, 2);
    // The worker's is held by a module's dict, too, and keeps the list and what is in it.
    let [worker, main] = &told.threads[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (&*worker.name, worker.retained),
        ("worker", 184 + 1200 + 3 * 48)
    );
    assert_eq!((&*main.name, main.retained), ("MainThread", 64));
    let [frame] = &main.frames[..] else {
        panic!("{main:?}");
    };
    assert_eq!(
        (&*frame.function, frame.line),
        ("handle (app/views.py)", Some(42))
    );
    assert_eq!((frame.variables.len(), frame.more_variables), (1, 1));
    assert_eq!(frame.variables[0].label, "<local req>");
}

const OBJECTS: u64 = 24;
const ADDRESS: u64 = 0x1000;

/// Every region's parts and their rest retain no more than it, and with its own objects' bytes exactly as much.
fn assert_sound(region: &Region, bounds: MapBounds, depth: usize) {
    let rest = region.rest.unwrap_or_default();
    let inner: u64 = region.children.iter().map(|child| child.retained).sum();
    assert!(inner + rest.retained <= region.retained, "{region:?}");
    assert!(region.children.len() <= bounds.children && depth <= bounds.depth);
    assert!(
        region
            .children
            .is_sorted_by(|a, b| a.retained >= b.retained)
    );
    for child in &region.children {
        assert_eq!(child.address.is_some(), child.objects == 1);
        assert_sound(child, bounds, depth + 1);
    }
}

fn regions(region: &Region) -> usize {
    region.children.iter().map(|child| 1 + regions(child)).sum()
}

/// Objects in the map, and their own bytes, where nothing was left out.
fn own(region: &Region) -> (u64, u64) {
    let parts = region.children.iter().map(own);
    let (objects, bytes) = parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let inner: u64 = region.children.iter().map(|child| child.retained).sum();
    match region.type_name {
        Some(_) => (objects + region.objects, bytes + region.retained - inner),
        None => (objects, bytes),
    }
}

proptest! {
    #[test]
    fn no_byte_is_in_two_regions_and_none_is_lost(
        references in prop::collection::vec((0..OBJECTS, 0..OBJECTS), 0..60),
        held in prop::collection::btree_set(0..OBJECTS, 0..6),
        types in prop::collection::vec(0..3_u64, OBJECTS as usize),
        regions_told in 0..30_usize,
        depth in 1..5_usize,
        children in 1..5_usize,
    ) {
        let mut heap = Heap::of_process(1);
        for id in 0..OBJECTS {
            heap = heap.object(ADDRESS + id * 16, &format!("T{}", types[id as usize]), 1 << id);
        }
        for &(source, target) in &references {
            heap = heap.refers(ADDRESS + source * 16, ADDRESS + target * 16, "[0]");
        }
        for id in &held {
            heap = heap.root(RootKind::Module, "m", "", ADDRESS + id * 16);
        }
        let whole = map(&heap, ALL);
        assert_sound(&whole, ALL, 0);
        // Each object is somewhere, garbage included.
        prop_assert_eq!(own(&whole), (OBJECTS, (1 << OBJECTS) - 1));
        let bounds = MapBounds { regions: regions_told, depth, children };
        let part = map(&heap, bounds);
        assert_sound(&part, bounds, 0);
        prop_assert!(regions(&part) <= regions_told);
        prop_assert_eq!(part.retained, whole.retained);
        // What is at the top is told or counted.
        let rest = part.rest.unwrap_or_default();
        let objects: u64 = part.children.iter().map(|child| child.objects).sum();
        prop_assert_eq!(objects + rest.objects, part.objects);
    }
}
