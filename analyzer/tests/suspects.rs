//! Verdicts on heaps of each shape, to the letter; and that nothing is accused where nothing grows.

#![allow(missing_docs)]

mod support;

use insta::assert_snapshot;
use memdump_analyzer::analysis::suspects::{
    Acquittal, Confidence, NoteKind, Reason, Suspect, SuspectKind, Suspects, suspects,
};
use memdump_analyzer::progress::Silent;
use memdump_format::RootKind;
use proptest::prelude::*;
use support::{Heap, memdump};

fn verdict(heaps: &[Heap]) -> Suspects {
    let mut dumps: Vec<_> = heaps.iter().map(Heap::dump).collect();
    let last = dumps.pop().expect("a dump");
    suspects(last, dumps, &Silent).expect("a verdict")
}

/// `app` with some hundred objects that nobody touches, so that small things are small.
fn process(sequence: u64) -> Heap {
    let heap = Heap::of_process(sequence)
        .module(0x1000, "app")
        .object(0x1100, "dict", 232)
        .refers(0x1000, 0x1100, ".__dict__")
        .object(0x1200, "tuple", 400_000)
        .refers(0x1100, 0x1200, "['constants']");
    (0..200).fold(heap, |heap, n| {
        let address = 0x10_0000 + n * 0x40;
        heap.object(address, "app.Constant", 60)
            .refers(0x1200, address, &format!("[{n}]"))
    })
}

/// A global container and its members, each of which has a dict of its own.
fn holding(heap: Heap, container: u64, name: &str, members: impl Iterator<Item = u64>) -> Heap {
    let heap =
        heap.object(container, "list", 900)
            .refers(0x1100, container, &format!("['{name}']"));
    members.enumerate().fold(heap, |heap, (position, n)| {
        let member = container * 0x1000 + n * 0x80;
        heap.object(member, "app.Item", 48)
            .object(member + 0x40, "dict", 100)
            .refers(container, member, &format!("[{position}]"))
            .refers(member, member + 0x40, ".__dict__")
    })
}

/// One dump for each number of members of `app.leak`.
fn series(sizes: &[u64]) -> Vec<Heap> {
    let dump = |(sequence, &size)| holding(process(sequence), 0x2000, "leak", 0..size);
    (1..).zip(sizes).map(dump).collect()
}

/// What is said of a suspect, in short.
fn told(suspect: &Suspect) -> (Confidence, SuspectKind, String, Option<&str>, u64, u64) {
    (
        suspect.confidence,
        suspect.kind,
        suspect.type_name.to_string(),
        suspect.holder.chain.expression.as_deref(),
        suspect.growth,
        suspect.retained,
    )
}

#[test]
fn a_container_that_grows_in_every_dump_is_certain() {
    let verdict = verdict(&series(&[10, 30, 50, 70]));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(
        told(suspect),
        (
            Confidence::Certain,
            SuspectKind::Container,
            "app.Item".to_owned(),
            Some("app.leak"),
            60,
            // The items, and the dicts that only they hold.
            60 * 148,
        )
    );
    assert_eq!(suspect.counts, [10, 30, 50, 70].map(Some));
    // The heaps are a minute apart.
    assert_eq!(suspect.per_minute, Some(20.0));
    assert_eq!(suspect.bytes_per_minute, Some(20.0 * 148.0));
    assert_eq!(
        suspect.reasons,
        [
            Reason::Grew {
                grew: 3,
                intervals: 3
            },
            Reason::AllStayed { kept: 10 },
        ]
    );
    assert_eq!(
        suspect.commands,
        [
            "memdump chain --type app.Item test.dump test.dump",
            "memdump show test.dump 0x2000",
        ]
    );
}

#[test]
fn three_dumps_make_it_likely_and_two_unclear() {
    let confidence = |sizes: &[u64]| {
        let verdict = verdict(&series(sizes));
        verdict
            .suspects
            .iter()
            .map(|s| s.confidence)
            .collect::<Vec<_>>()
    };
    assert_eq!(confidence(&[10, 30, 50]), [Confidence::Likely]);
    assert_eq!(confidence(&[10, 50]), [Confidence::Unclear]);
    assert_eq!(confidence(&[50]), []);
    let two = verdict(&series(&[10, 50]));
    assert!(two.suspects[0].reasons.contains(&Reason::SteadinessUnknown));
}

#[test]
fn growth_of_a_few_small_objects_is_not_worth_a_word() {
    assert_eq!(verdict(&series(&[10, 13, 16, 19])).suspects, []);
    // Unless they are large.
    let large = |sequence: u64| {
        let heap = process(sequence)
            .object(0x2000, "list", 100)
            .refers(0x1100, 0x2000, "['kept']");
        (0..sequence).fold(heap, |heap, n| {
            let address = 0x20_0000 + n * 0x100_000;
            heap.object(address, "numpy.ndarray", 80_000)
                .refers(0x2000, address, &format!("[{n}]"))
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(large));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!((suspect.growth, suspect.retained), (3, 240_000));
}

#[test]
fn a_pool_that_is_warm_and_a_burst_are_cleared() {
    for (sizes, because) in [
        (&[10, 40, 60, 60, 60][..], Acquittal::Stopped),
        (&[10, 90, 90, 90], Acquittal::OneStep),
        (&[10, 80, 20, 70, 15, 60], Acquittal::UpAndDown),
    ] {
        let verdict = verdict(&series(sizes));
        assert_eq!(verdict.suspects, [], "{sizes:?}");
        let cleared: Vec<_> = verdict
            .cleared
            .iter()
            .map(|c| (c.holder.chain.expression.as_deref(), c.because))
            .collect();
        assert_eq!(cleared, [(Some("app.leak"), because)], "{sizes:?}");
    }
}

#[test]
fn a_bounded_cache_whose_members_are_replaced_is_cleared() {
    let dump = |sequence: u64| {
        let first = sequence * 30;
        holding(process(sequence), 0x2000, "cache", first..first + 50)
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    assert_eq!(verdict.suspects, []);
    let [cleared] = &verdict.cleared[..] else {
        panic!("{:#?}", verdict.cleared);
    };
    assert_eq!(cleared.because, Acquittal::Replaced { new: 50 });
    assert_eq!(
        cleared.holder.chain.expression.as_deref(),
        Some("app.cache")
    );
    assert_eq!(cleared.type_name.to_string(), "app.Item");
}

#[test]
fn a_backlog_that_grows_while_it_is_worked_off_is_likely() {
    let dump = |sequence: u64| {
        holding(
            process(sequence),
            0x2000,
            "queue",
            sequence * 20..sequence * 60,
        )
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(suspect.confidence, Confidence::Likely);
    assert!(
        suspect
            .reasons
            .contains(&Reason::SomeWent { of: 40, kept: 0 })
    );
}

#[test]
fn growth_while_the_process_hardly_works_is_not_expected() {
    // It leaks with the requests, and at night there are none.
    let sizes = [10, 30, 50, 50, 70, 90];
    let cpu = [0_u64, 1000, 2000, 2001, 3001, 4001];
    let heaps: Vec<Heap> = series(&sizes)
        .into_iter()
        .zip(cpu)
        .map(|(heap, cpu)| heap.metadata("target_cpu_ms", &cpu.to_string()))
        .collect();
    let verdict = verdict(&heaps);
    assert_eq!(verdict.suspects[0].confidence, Confidence::Certain);
    assert!(
        verdict.suspects[0]
            .reasons
            .contains(&Reason::Quiet { intervals: 1 })
    );
    let quiet: Vec<bool> = verdict.series.iter().map(|taken| taken.quiet).collect();
    assert_eq!(quiet, [false, false, false, true, false, false]);
}

#[test]
fn lists_of_a_cache_at_addresses_that_are_used_again_are_not_accused() {
    // Beside a true leak of the same type, whose growth must not be counted twice.
    let dump = |sequence: u64| {
        let heap = holding(process(sequence), 0x2000, "leak", 0..sequence * 40)
            .object(0x3000, "dict", 2000)
            .refers(0x1100, 0x3000, "['recent']");
        (0..12).fold(heap, |heap, cart| {
            // Of each cart the list lies where that of another was; more and more of them happen to be filled.
            let list = 0x3100 + cart * 0x40;
            let heap = heap.object(list, "list", 100).refers(
                0x3000,
                list,
                &format!("[key {}]", sequence * 100 + cart),
            );
            let filled = if cart < sequence * 3 { 8 } else { 0 };
            (0..filled).fold(heap, |heap, n| {
                let address = 0x700_0000 + sequence * 0x10_0000 + cart * 0x1000 + n * 0x80;
                heap.object(address, "app.Item", 48)
                    .refers(list, address, &format!("[{n}]"))
            })
        })
    };
    // Elsewhere as many are forgotten.
    let dump = |sequence: u64| {
        let heap = dump(sequence)
            .object(0x4000, "list", 900)
            .refers(0x1100, 0x4000, "['others']");
        (0..(4 - sequence) * 24).fold(heap, |heap, n| {
            let address = 0x900_0000 + n * 0x80;
            heap.object(address, "app.Item", 48)
                .refers(0x4000, address, &format!("[{n}]"))
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let places: Vec<_> = verdict
        .suspects
        .iter()
        .map(|suspect| {
            (
                suspect.confidence,
                suspect.holder.chain.expression.as_deref(),
            )
        })
        .collect();
    assert_eq!(places, [(Confidence::Certain, Some("app.leak"))]);
}

#[test]
fn two_tables_of_the_same_objects_are_one_suspect() {
    let dump = |sequence: u64| {
        let size = sequence * 20;
        let heap = holding(process(sequence), 0x2000, "leak", 0..size)
            .object(0x3000, "app.Registry", 48)
            .object(0x3100, "dict", 900)
            .refers(0x1100, 0x3000, "['registry']")
            .refers(0x3000, 0x3100, ".by_name");
        (0..size).fold(heap, |heap, n| {
            heap.refers(0x3100, 0x200_0000 + n * 0x80, &format!("['k{n}']"))
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(suspect.holder.chain.expression.as_deref(), Some("app.leak"));
    let also: Vec<_> = suspect
        .also_held_by
        .iter()
        .map(|p| p.chain.expression.as_deref())
        .collect();
    assert_eq!(also, [Some("app.registry.by_name")]);
    // Neither dominates them, but together they go.
    assert_eq!(suspect.retained, 60 * 148);
}

#[test]
fn many_small_containers_of_one_kind_are_one_suspect() {
    let dump = |sequence: u64| {
        let heap =
            process(sequence)
                .object(0x2000, "dict", 2000)
                .refers(0x1100, 0x2000, "['by_user']");
        (0..12).fold(heap, |heap, user| {
            let list = 0x3000 + user * 0x100;
            let heap =
                heap.object(list, "list", 100)
                    .refers(0x2000, list, &format!("['user {user}']"));
            (0..sequence * 2).fold(heap, |heap, n| {
                let address = list * 0x1000 + n * 0x40;
                heap.object(address, "app.Event", 48)
                    .refers(list, address, &format!("[{n}]"))
            })
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!((suspect.holders, suspect.growth), (12, 72));
    let shape = suspect.holder.shape.as_ref().expect("a shape");
    let labels: Vec<_> = shape.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["", ".by_user", "[*]"]);
}

#[test]
fn a_linked_list_that_grows_at_its_head_is_found() {
    let dump = |sequence: u64| {
        let nodes = sequence * 20;
        let at = |n: u64| 0x20_0000 + n * 0x40;
        let heap = process(sequence);
        let heap = (0..nodes).fold(heap, |heap, n| heap.object(at(n), "app.Node", 48));
        let heap = heap.refers(0x1100, at(nodes - 1), "['head']");
        (1..nodes).fold(heap, |heap, n| heap.refers(at(n), at(n - 1), ".next"))
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(
        told(suspect),
        (
            Confidence::Certain,
            SuspectKind::Linked,
            "app.Node".to_owned(),
            Some("app.head"),
            60,
            60 * 48,
        )
    );
}

/// Pairs of objects that refer to one another and that nothing else does.
fn cycles(heap: Heap, numbers: std::ops::Range<u64>) -> Heap {
    let heap = heap
        .object(0x5000, "type", 1000)
        .object(0x5100, "tuple", 64)
        .object(0x5200, "dict", 200)
        .object(0x5300, "function", 100)
        .refers(0x1100, 0x5000, "['Session']")
        .refers(0x5000, 0x5100, ".__mro__")
        .refers(0x5000, 0x5200, ".__dict__")
        .refers(0x5100, 0x5000, "[0]")
        .refers(0x5200, 0x5300, "['__del__']");
    numbers.fold(heap, |heap, n| {
        let (a, b) = (0x50_0000 + n * 0x100, 0x50_0040 + n * 0x100);
        heap.object(a, "app.Session", 48)
            .counted(1)
            .object(b, "app.Session", 48)
            .counted(1)
            .object(a + 0x80, "bytearray", 104)
            .counted(1)
            .refers(a, b, ".peer")
            .refers(b, a, ".peer")
            .refers(a, 0x5000, ".__class__")
            .refers(a, a + 0x80, ".data")
    })
}

#[test]
fn cycles_that_no_collector_frees_are_told_with_their_finaliser() {
    let verdict = verdict(&[1, 2, 3, 4].map(|n| cycles(process(n), 0..n * 20)));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(
        (suspect.kind, suspect.confidence),
        (SuspectKind::Cycles, Confidence::Certain)
    );
    assert_eq!(suspect.counts, [40, 80, 120, 160].map(Some));
    assert_eq!(suspect.retained, 60 * 200);
    assert!(
        suspect
            .reasons
            .contains(&Reason::NotCollected { objects: 120 })
    );
    let finaliser = |r: &Reason| matches!(r, Reason::Finaliser { type_name } if type_name.to_string() == "app.Session");
    assert!(
        suspect.reasons.iter().any(finaliser),
        "{:#?}",
        suspect.reasons
    );
}

#[test]
fn garbage_that_the_collector_comes_for_is_no_suspect() {
    let verdict = verdict(&[1, 2, 3, 4].map(|n| cycles(process(n), n * 100..n * 100 + n * 20)));
    assert_eq!(verdict.suspects, []);
}

#[test]
fn a_thread_that_stands_still_is_told_as_the_holder() {
    let dump = |sequence: u64| {
        let heap = process(sequence).object(0x2000, "list", 900).frame(
            "audit",
            "collect (app.py)",
            42,
            "<local rows>",
            0x2000,
        );
        (0..sequence * 20).fold(heap, |heap, n| {
            let address = 0x200_0000 + n * 0x80;
            heap.object(address, "app.Row", 48)
                .refers(0x2000, address, &format!("[{n}]"))
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(suspect.type_name.to_string(), "app.Row");
    assert!(suspect.reasons.contains(&Reason::StandsStill {
        thread: "audit".to_owned(),
        place: "collect (app.py:42)".to_owned(),
        dumps: 4,
    }));
}

#[test]
fn ever_more_threads_at_one_place_are_one_suspect() {
    let dump = |sequence: u64| {
        (0..sequence * 4).fold(process(sequence), |heap, n| {
            let address = 0x300_0000 + n * 0x100;
            heap.object(address, "list", 500).frame(
                &format!("Thread-{n}"),
                "wait (app.py)",
                7,
                "<local mine>",
                address,
            )
        })
    };
    let verdict = verdict(&[1, 2, 3, 4].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(suspect.kind, SuspectKind::StuckThreads);
    assert_eq!(suspect.counts, [4, 8, 12, 16].map(Some));
    assert_eq!(suspect.retained, 12 * 500);
}

#[test]
fn across_restarts_a_container_is_found_by_its_name() {
    let dump = |(pid, size): (u64, u64)| {
        // Everything lies elsewhere after a restart.
        let moved = 0x40_0000 * pid;
        let heap = Heap::of_process(pid)
            .metadata("pid", &pid.to_string())
            .module(moved + 0x1000, "app")
            .object(moved + 0x1100, "dict", 232)
            .object(moved + 0x1200, "app.Registry", 48)
            .object(moved + 0x1300, "list", 900)
            .refers(moved + 0x1000, moved + 0x1100, ".__dict__")
            .refers(moved + 0x1100, moved + 0x1200, "['registry']")
            .refers(moved + 0x1200, moved + 0x1300, ".items");
        (0..size).fold(heap, |heap, n| {
            let address = moved + 0x10_000 + n * 0x40;
            heap.object(address, "app.Item", 48)
                .refers(moved + 0x1300, address, &format!("[{n}]"))
        })
    };
    let verdict = verdict(&[(1, 20), (2, 50), (3, 90)].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(
        suspect.holder.chain.expression.as_deref(),
        Some("app.registry.items")
    );
    assert_eq!(suspect.counts, [20, 50, 90].map(Some));
    assert_eq!(suspect.confidence, Confidence::Unclear);
    assert!(suspect.reasons.contains(&Reason::DifferentProcesses));
}

#[test]
fn a_table_that_moves_when_it_grows_is_the_same_one() {
    let dump = |(sequence, size): (u64, u64)| {
        let table = 0x100_0000 * sequence;
        let heap = Heap::of_process(sequence)
            .metadata("native", "typed")
            .object(table, "RawTable<(u64, Item)>", 4_000)
            .root(RootKind::Static, "app::CACHE", "", table);
        (0..size).fold(heap, |heap, n| {
            let address = 0x10_000 + n * 0x40;
            heap.object(address, "app.Item", 48)
                .refers(table, address, ".1")
        })
    };
    let verdict = verdict(&[(1, 20), (2, 50), (3, 80), (4, 110)].map(dump));
    let [suspect] = &verdict.suspects[..] else {
        panic!("{:#?}", verdict.suspects);
    };
    assert_eq!(suspect.counts, [20, 50, 80, 110].map(Some));
    assert_eq!(
        suspect.holder.chain.holder.name.as_deref(),
        Some("app::CACHE")
    );
    assert!(suspect.reasons.contains(&Reason::AllStayed { kept: 20 }));
    assert_eq!(suspect.confidence, Confidence::Certain);
}

#[test]
fn one_dump_tells_what_needs_no_growth() {
    const MUCH: u64 = 2 << 20;
    let heap = process(1)
        // An exception in a global, whose traceback holds a frame.
        .object(0x2000, "ValueError", 100)
        .object(0x2100, "traceback", 64)
        .object(0x2200, "frame", MUCH)
        .refers(0x1100, 0x2000, "['last_error']")
        .refers(0x2000, 0x2100, ".__traceback__")
        .refers(0x2100, 0x2200, ".tb_frame")
        // Held by native code: counted once, and nothing refers to it.
        .object(0x2300, "bytes", MUCH)
        .counted(1)
        // Garbage.
        .object(0x2400, "app.Loop", MUCH)
        .counted(1)
        .refers(0x2400, 0x2400, ".me")
        // A list that was long once.
        .object(0x2500, "list", MUCH)
        .refers(0x1100, 0x2500, "['emptied']")
        .frame("MainThread", "main (app.py)", 3, "<local big>", 0x2600)
        .object(0x2600, "bytearray", MUCH);
    let verdict = verdict(&[heap]);
    let notes: Vec<(NoteKind, u64, &str)> = verdict
        .notes
        .iter()
        .map(|note| (note.kind, note.objects, note.parts[0].what.as_str()))
        .collect();
    assert_eq!(
        notes,
        [
            (NoteKind::Unreachable, 1, "app.Loop in cycles"),
            (
                NoteKind::OnlyFrames,
                1,
                "thread MainThread at main (app.py:3)"
            ),
            (NoteKind::OnlyTracebacks, 1, "frame"),
            (NoteKind::OnlyNative, 1, "bytes"),
            (NoteKind::HalfEmpty, 1, "app.emptied"),
        ]
    );
    assert_eq!(verdict.suspects, []);
}

/// Objects in a global tuple: type, size, and what each one holds.
fn held(heap: Heap, objects: &[(&str, u64, Option<&str>)]) -> Heap {
    let heap = heap
        .metadata("values", "shortened")
        .object(0x6000, "tuple", 100)
        .refers(0x1100, 0x6000, "['texts']");
    (0..)
        .zip(objects)
        .fold(heap, |heap, (n, &(name, size, value))| {
            let address = 0x60_0000 + n * 0x40;
            let heap = heap.object(address, name, size);
            let heap = match value {
                Some(value) => heap.holding(value),
                None => heap,
            };
            heap.refers(0x6000, address, &format!("[{n}]"))
        })
}

const TEXTS: [(&str, u64, Option<&str>); 12] = [
    ("bytes", 400_000, Some("b'x'")),
    ("str", 600_000, Some("'SELECT …' ~0000000000000001")),
    ("str", 600_000, Some("'SELECT …' ~0000000000000001")),
    ("str", 600_000, Some("'SELECT …' ~0000000000000001")),
    // Their beginning is the same, and they are not.
    ("str", 600_000, Some("'SELECT …' ~0000000000000002")),
    // A type of its own.
    ("app.Text", 500_000, Some("'SELECT …' ~0000000000000001")),
    ("bytes", 400_000, Some("b'x'")),
    // With room behind the text, or another representation beside it.
    ("app.Text", 100_000, Some("'SELECT …' ~0000000000000001")),
    ("int", 28, Some("7")),
    ("int", 28, Some("7")),
    // What is not told may be anything.
    ("str", 900_000, None),
    ("str", 900_000, None),
];

#[test]
fn values_that_are_held_many_times_are_told() {
    let verdict = verdict(&[held(process(1), &TEXTS)]);
    let [note] = &verdict.notes[..] else {
        panic!("{:#?}", verdict.notes);
    };
    assert_eq!(note.kind, NoteKind::Duplicates);
    // All but one of each; where sizes differ, the mean.
    assert_eq!(
        (note.objects, note.bytes),
        (5, 1_200_000 + 400_000 + 300_000 + 28)
    );
    let parts: Vec<_> = note
        .parts
        .iter()
        .map(|part| {
            let example = part.example.expect("an example").0;
            (part.what.as_str(), part.objects, part.bytes, example)
        })
        .collect();
    assert_eq!(
        parts,
        [
            (
                "3 × str 'SELECT …' ~0000000000000001",
                2,
                1_200_000,
                0x60_0040
            ),
            ("2 × bytes b'x'", 1, 400_000, 0x60_0000),
            (
                "2 × app.Text 'SELECT …' ~0000000000000001",
                1,
                300_000,
                0x60_0140
            ),
        ]
    );
    assert_eq!(
        note.commands,
        [
            "memdump show test.dump 0x600040",
            "memdump sql test.dump \"SELECT * FROM duplicates ORDER BY wasted DESC LIMIT 20\"",
        ]
    );
}

#[test]
fn few_bytes_of_duplicates_are_not_worth_a_word() {
    assert_eq!(verdict(&[held(process(1), &TEXTS[4..])]).notes, []);
}

#[test]
fn time_until_memory_is_full_is_told() {
    let dump = |sequence: u64| {
        holding(process(sequence), 0x2000, "leak", 0..sequence * 20)
            .metadata("rss_bytes", &(sequence * 1_000_000).to_string())
            .metadata("memory_limit_bytes", "10000000")
    };
    let memory = verdict(&[1, 2, 3, 4].map(dump)).memory;
    assert_eq!(memory.bytes_per_minute, Some(1_000_000.0));
    assert_eq!(memory.minutes_left, Some(6.0));
}

#[test]
fn what_people_see() {
    let directory = tempfile::tempdir().expect("a directory");
    let names = ["a.dump", "b.dump", "c.dump", "d.dump", "e.dump"];
    for ((sequence, name), pool) in (1..).zip(names).zip([10, 40, 60, 60, 60]) {
        let heap = holding(process(sequence), 0x2000, "leak", 0..sequence * 20);
        let heap = holding(heap, 0x3000, "pool", 0..pool);
        cycles(heap, 0..sequence * 10)
            .metadata("rss_bytes", &(sequence * 1_000_000).to_string())
            .metadata("memory_limit_bytes", "10000000")
            .write(&directory.path().join(name));
    }
    let told = |arguments: &[&str]| {
        let ran = memdump(directory.path(), &[&["suspects"], arguments].concat());
        assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
        ran.out
    };
    assert_snapshot!("suspects", told(&names));
    assert_snapshot!(
        "suspects_limited",
        told(&[&names[..], &["--limit", "1"]].concat())
    );
    assert_snapshot!(
        "suspects_json",
        told(&[&names[..], &["--limit", "1", "--json"]].concat())
    );
    assert_snapshot!("suspects_of_two", told(&["a.dump", "b.dump"]));
    assert_snapshot!("suspects_of_one", told(&["a.dump"]));
    assert_snapshot!("no_suspects", told(&["a.dump", "a.dump", "a.dump"]));
    held(process(6), &TEXTS).write(&directory.path().join("f.dump"));
    assert_snapshot!("suspects_of_duplicates", told(&["f.dump"]));
    assert_snapshot!("suspects_of_duplicates_json", told(&["f.dump", "--json"]));
    let with = |threads| told(&[&names[..], &["--json", "--threads", threads]].concat());
    assert_eq!(with("1"), with("3"));
}

/// A heap of any shape: addresses are few, so that types and references are mixed.
fn any_heap() -> impl Strategy<Value = Heap> {
    let objects = prop::collection::btree_map(1..60_u64, (0..5_usize, 1..500_u64, 0..4_u64), 1..50);
    let references = prop::collection::vec((1..60_u64, 1..60_u64, 0..4_usize), 0..150);
    let roots = prop::collection::vec((1..60_u64, 0..3_usize), 0..6);
    (objects, references, roots).prop_map(|(objects, references, roots)| {
        const TYPES: [&str; 5] = ["list", "dict", "traceback", "app.T", "type"];
        const LABELS: [&str; 4] = ["", ".x", "['k']", "[0]"];
        let mut heap = Heap::default();
        for (&n, &(type_number, size, refcount)) in &objects {
            heap = heap
                .object(n * 0x1000, TYPES[type_number], size)
                .counted(refcount);
        }
        for (source, target, label) in references {
            if objects.contains_key(&source) {
                heap = heap.refers(source * 0x1000, target * 0x1000, LABELS[label]);
            }
        }
        for (target, kind) in roots {
            heap = match kind {
                0 => heap.root(RootKind::Module, "m", "", target * 0x1000),
                1 => heap.frame("t", "f (x.py)", 3, "<local a>", target * 0x1000),
                _ => heap.root(RootKind::Native, "n", "", target * 0x1000),
            };
        }
        heap
    })
}

/// The same heap as process 7 at another time.
fn at(heap: &Heap, sequence: u64) -> Heap {
    heap.clone()
        .metadata("pid", "7")
        .metadata("time", &format!("2026-11-22T10:{sequence:02}:00Z"))
        .metadata("uptime_ms", &(sequence * 60_000).to_string())
}

proptest! {
    #[test]
    fn nothing_is_accused_in_a_heap_that_does_not_change(heap in any_heap(), dumps in 1..6_u64) {
        let heaps: Vec<Heap> = (0..dumps).map(|n| at(&heap, n)).collect();
        prop_assert_eq!(verdict(&heaps).suspects, []);
    }

    #[test]
    fn any_series_has_a_verdict(heaps in prop::collection::vec(any_heap(), 1..5), restarts in any::<bool>()) {
        let heaps: Vec<Heap> = (0..)
            .zip(&heaps)
            .map(|(n, heap)| at(heap, n).metadata("pid", if restarts && n % 2 == 0 { "8" } else { "7" }))
            .collect();
        let verdict = verdict(&heaps);
        prop_assert_eq!(verdict.series.len(), heaps.len());
        for suspect in &verdict.suspects {
            prop_assert_eq!(suspect.counts.len(), heaps.len());
            prop_assert!(suspect.growth > 0);
        }
    }
}
