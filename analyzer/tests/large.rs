//! Heaps of a million objects: long lists, hubs, and answers that do not depend on the number of threads.

#![allow(missing_docs)]

use std::path::Path;

use memdump_analyzer::analysis::biggest::biggest;
use memdump_analyzer::analysis::chain::{ChainQuestion, Explained, explain_all};
use memdump_analyzer::analysis::show::show;
use memdump_analyzer::analysis::top::{Top, TopOrder, top_retained};
use memdump_analyzer::graph::RootFilter;
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_analyzer::view::{Width, chain::text};
use memdump_format::{
    Address, Dump, Label, Object, ObjectFlags, ObjectId, Reference, Root, RootKind, Strength, Type,
    TypeFlags, Writer,
};

/// `count` objects of type `T`, of which a module root holds the first; `references` gives each one's targets.
fn heap(count: u32, references: impl Fn(u32, &mut Vec<(u32, Label)>)) -> Snapshot {
    let address = |number: u32| Address(0x10_0000 + u64::from(number) * 48);
    let mut writer = Writer::new(Vec::new(), 4).expect("a writer");
    let (empty, name) = (
        writer.string("").expect("written"),
        writer.string("T").expect("written"),
    );
    let record = Type {
        address: Address(0),
        module: empty,
        name,
        flags: TypeFlags::default(),
    };
    let type_id = writer.define_type(&record).expect("written");
    let mut row = Vec::new();
    for number in 0..count {
        let object = Object {
            address: address(number),
            type_id,
            size: 48,
            refcount: Some(1),
            flags: ObjectFlags::TRACKED,
            serial: None,
        };
        writer.object(&object).expect("written");
        row.clear();
        references(number, &mut row);
        for &(target, label) in &row {
            let reference = Reference {
                target: address(target),
                label,
                strength: Strength::Strong,
                offset: 0,
            };
            writer
                .reference(ObjectId(number), &reference)
                .expect("written");
        }
    }
    let root = Root {
        kind: RootKind::Module,
        name: Some(name),
        thread: None,
        line: 0,
        depth: 0,
        label: Label::None,
        target: address(0),
        offset: 0,
    };
    writer.root(&root).expect("written");
    let bytes = writer.finish().expect("finished").0;
    let dump = Dump::from_bytes(Path::new("large.dump"), bytes).expect("a whole dump");
    Snapshot::load(dump, &Silent).expect("a snapshot")
}

fn explained(snapshot: &Snapshot) -> Explained {
    let question = ChainQuestion {
        pattern: "T".parse().expect("a pattern"),
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: None,
    };
    explain_all(snapshot, &question, &Silent).expect("an answer")
}

fn retained(snapshot: &Snapshot) -> Top {
    top_retained(snapshot, TopOrder::Retained, &Silent).expect("an answer")
}

const MILLION: u32 = 1_000_000;

#[test]
fn a_list_a_million_long_has_one_shape_beside_its_head() {
    let next = |number, row: &mut Vec<_>| {
        if number + 1 < MILLION {
            row.push((number + 1, Label::Index(0)));
        }
    };
    let list = heap(MILLION, next);
    let answer = explained(&list);
    let counts: Vec<u64> = answer.groups.iter().map(|group| group.count).collect();
    assert_eq!(counts, [u64::from(MILLION) - 2, 1, 1]);
    assert_eq!(answer.groups[0].steps.len(), 2);
    assert!(
        text(&answer, Width::Columns(80))
            .lines()
            .all(|line| line.len() < 200)
    );

    let last = show(
        &list,
        Address(0x10_0000 + u64::from(MILLION - 1) * 48),
        Some(1),
        &Silent,
    );
    let last = last.expect("an object");
    assert_eq!(last.chain.steps.len(), MILLION as usize);
    assert_eq!(last.retained, 48);
    let before_last = Address(0x10_0000 + u64::from(MILLION - 2) * 48);
    assert_eq!(last.dominator.map(|row| row.address), Some(before_last));
    let first = show(&list, Address(0x10_0000), Some(1), &Silent).expect("an object");
    assert_eq!(first.retained, 48 * u64::from(MILLION));
    assert_eq!(retained(&list).types[0].retained, Some(first.retained));
}

#[test]
fn a_hub_with_a_million_referrers_is_shown_with_as_many_as_asked_for() {
    // 0 → all others → 1
    let star = |number, row: &mut Vec<_>| match number {
        0 => row.extend((2..MILLION).map(|other| (other, Label::Index(u64::from(other))))),
        1 => {}
        _ => row.push((1, Label::Element)),
    };
    let hub = heap(MILLION, star);
    let shown = show(&hub, Address(0x10_0000 + 48), Some(3), &Silent).expect("an object");
    assert_eq!(shown.referrers.total, u64::from(MILLION) - 2);
    let listed: Vec<u64> = shown
        .referrers
        .listed
        .iter()
        .map(|row| (row.address.0 - 0x10_0000) / 48)
        .collect();
    assert_eq!(listed, [2, 3, 4]);
    assert_eq!(shown.chain.steps.len(), 3);
    let dominator = shown.dominator.expect("all lies below the first");
    assert_eq!(dominator.address, Address(0x10_0000));
    assert_eq!(explained(&hub).explained, u64::from(MILLION));
}

#[test]
fn answers_do_not_depend_on_the_number_of_threads() {
    const OBJECTS: u32 = 50_000;
    let mix = |n: u64| {
        let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) >> 31
    };
    let random = |number: u32, row: &mut Vec<_>| {
        for reference in 0..3 {
            let hash = mix(u64::from(number) * 3 + reference + 1);
            let label = match hash >> 30 & 3 {
                0 => Label::None,
                1 => Label::Element,
                2 => Label::Type,
                _ => Label::Stack(hash >> 28),
            };
            row.push(((hash % u64::from(OBJECTS)) as u32, label));
        }
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool").install(|| {
            let heap = heap(OBJECTS, random);
            let one = Address(0x10_0000 + 48 * u64::from(OBJECTS / 2));
            let shown = show(&heap, one, Some(0), &Silent).expect("an object");
            let objects = biggest(&heap, None, None, &Silent).expect("an answer");
            (explained(&heap), retained(&heap), shown, objects)
        })
    };
    let alone = with(1);
    assert!(alone.0.shapes > 100);
    for threads in [2, 7] {
        assert!(with(threads) == alone, "with {threads} threads");
    }
}
