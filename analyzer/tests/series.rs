//! Series of dumps: how types went, what stayed, how old it is. Exact rows, and agreement with sets on random series.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use memdump_analyzer::analysis::AnalysisError;
use memdump_analyzer::analysis::chain::{ChainQuestion, explain_new_that_stay};
use memdump_analyzer::analysis::identity::Identity;
use memdump_analyzer::analysis::new_objects::{NewObjects, new_objects_that_stay};
use memdump_analyzer::analysis::series::{Series, SeriesOrder, series};
use memdump_analyzer::analysis::survivors::{SurvivorOrder, Survivors, survivors};
use memdump_analyzer::analysis::trend::Trend;
use memdump_analyzer::graph::RootFilter;
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_analyzer::view::{self, Width, series::Unit};
use proptest::prelude::*;
use support::{Heap, busy_service};

type Loaded = Result<Snapshot, AnalysisError>;

fn load(heaps: &[Heap]) -> impl Iterator<Item = Loaded> + '_ {
    heaps
        .iter()
        .map(|heap| Ok(Snapshot::load(heap.dump(), &Silent)?))
}

fn gone_through(heaps: &[Heap]) -> Series {
    series(load(heaps), SeriesOrder::Count).expect("an answer")
}

fn old(heaps: &[Heap], order: SurvivorOrder) -> Survivors {
    survivors(load(heaps), None, order, &Silent).expect("an answer")
}

fn stayed(heaps: &[Heap]) -> NewObjects {
    new_objects_that_stay(load(heaps), None, None, &Silent).expect("an answer")
}

/// `count` objects of 10 bytes each at addresses from `base`.
fn objects(heap: Heap, type_name: &str, base: u64, count: u64) -> Heap {
    (0..count).fold(heap, |heap, n| heap.object(base + n * 16, type_name, 10))
}

/// Each type as `type: values growth per minute trend`.
fn counts(series: &Series) -> Vec<String> {
    series
        .types
        .iter()
        .map(|row| {
            let course = &row.totals.count;
            format!(
                "{}: {:?} {:+} {:?} {:?}",
                row.type_name, course.values, course.growth, course.per_minute, course.trend
            )
        })
        .collect()
}

#[test]
fn each_type_goes_its_way() {
    let heaps: Vec<Heap> = (0..5)
        .map(|n| {
            let heap = Heap::of_process(2 * n + 1);
            let heap = objects(heap, "Leak", 0x1_0000, 10 + 4 * n);
            let heap = objects(heap, "Pool", 0x2_0000, [2, 6, 8, 8, 8][n as usize]);
            let heap = objects(heap, "Traffic", 0x3_0000, [7, 3, 9, 2, 8][n as usize]);
            let heap = objects(heap, "Burst", 0x4_0000, [0, 0, 0, 12, 12][n as usize]);
            let heap = objects(heap, "Late", 0x5_0000, [0, 0, 5, 0, 0][n as usize]);
            objects(heap, "Still", 0x6_0000, 3)
        })
        .collect();
    let result = gone_through(&heaps);
    assert_eq!(
        counts(&result),
        [
            "Leak: [10, 14, 18, 22, 26] +16 Some(2.0) Steady",
            "Burst: [0, 0, 0, 12, 12] +12 Some(1.75) OneStep",
            "Pool: [2, 6, 8, 8, 8] +6 Some(0.625) Stopped",
            "Traffic: [7, 3, 9, 2, 8] +1 Some(-0.0625) UpAndDown",
            "Late: [0, 0, 5, 0, 0] +0 Some(0.0) UpAndDown",
            "Still: [3, 3, 3, 3, 3] +0 Some(0.0) Unchanged",
        ]
    );
    let leak = &result.types[0].totals;
    assert_eq!(leak.bytes.values, [100, 140, 180, 220, 260]);
    assert_eq!(
        (leak.bytes.growth, leak.bytes.per_minute),
        (160, Some(20.0))
    );
    assert_eq!((leak.count.steadiness, leak.count.since), (Some(1.0), 0));
    assert_eq!(result.total.count.values, [22, 26, 43, 47, 57]);
    let minutes: Vec<_> = result.moments.iter().map(|m| m.minutes).collect();
    assert_eq!(minutes, [0.0, 2.0, 4.0, 6.0, 8.0].map(Some));
    assert_eq!(result.moments[4].sequence, Some(9));
}

#[test]
fn types_are_sorted_as_asked_for() {
    let heaps = [1, 2, 3].map(|n| {
        Heap::of_process(n)
            .object(0x10, "Bulky", 1000 * n)
            .object(0x20 * n, "Few", 1)
    });
    let heaps = heaps.map(|heap| objects(heap, "Still", 0x1000, 2));
    let mut heaps = heaps.to_vec();
    heaps[2] = objects(heaps[2].clone(), "Many", 0x2000, 3);
    let names = |order| -> Vec<String> {
        let result = series(load(&heaps), order).expect("an answer");
        result
            .types
            .iter()
            .map(|row| row.type_name.to_string())
            .collect()
    };
    assert_eq!(names(SeriesOrder::Count), ["Many", "Bulky", "Few", "Still"]);
    assert_eq!(names(SeriesOrder::Bytes), ["Bulky", "Many", "Few", "Still"]);
    assert_eq!(names(SeriesOrder::Name), ["Bulky", "Few", "Many", "Still"]);
}

#[test]
fn objects_that_stay_were_born_between_the_first_two_and_kept_place_and_type() {
    let heaps = [
        Heap::of_process(1)
            .object(0x10, "T", 1)
            .object(0x20, "U", 1),
        // 0x20 is another object now; 0x30 to 0x60 are new.
        Heap::of_process(2)
            .object(0x60, "T", 1)
            .object(0x10, "T", 1)
            .object(0x20, "T", 2)
            .object(0x30, "T", 1)
            .object(0x40, "T", 1)
            .object(0x50, "U", 1),
        // 0x30 went; in 0x40's place lies something else; 0x70 is too young.
        Heap::of_process(3)
            .object(0x10, "T", 1)
            .object(0x20, "T", 3)
            .object(0x40, "U", 1)
            .object(0x50, "U", 1)
            .object(0x60, "T", 1)
            .object(0x70, "T", 1),
        // 0x40 is a T again, but not the same.
        Heap::of_process(4)
            .object(0x40, "T", 1)
            .object(0x20, "T", 4)
            .object(0x50, "U", 1),
    ];
    let rows = |result: NewObjects| -> (Option<u64>, Vec<String>) {
        assert_eq!(result.total as usize, result.objects.len());
        let row = |o: &memdump_analyzer::analysis::ObjectRow| {
            format!("{} {} {}", o.address, o.type_name, o.size)
        };
        (result.born, result.objects.iter().map(row).collect())
    };
    let text = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        rows(stayed(&heaps[..3])),
        (Some(5), text(&["0x20 T 3", "0x50 U 1", "0x60 T 1"]))
    );
    assert_eq!(
        rows(stayed(&heaps)),
        (Some(5), text(&["0x20 T 4", "0x50 U 1"]))
    );
    let only = |pattern: &str, heaps: &[Heap]| {
        let pattern = pattern.parse().expect("a pattern");
        new_objects_that_stay(load(heaps), Some(&pattern), None, &Silent)
    };
    let of_type = only("T", &heaps[..3]).expect("an answer");
    assert_eq!(rows(of_type), (Some(4), text(&["0x20 T 3", "0x60 T 1"])));
    // All that ever was of a type is gone: that is no mistake in its name.
    let gone = [&heaps[..2], &[Heap::of_process(3).object(0x10, "V", 1)]].concat();
    assert_eq!(
        rows(only("T", &gone).expect("an answer")),
        (Some(4), vec![])
    );
    assert!(matches!(
        only("Nothing", &heaps),
        Err(AnalysisError::NoSuchType { .. })
    ));
}

#[test]
fn survivors_are_as_old_as_they_have_been_without_a_gap() {
    let heaps = [
        Heap::of_process(1)
            .object(0x10, "T", 9)
            .object(0x20, "T", 9)
            .object(0x30, "T", 9),
        Heap::of_process(2)
            .object(0x10, "T", 9)
            .object(0x40, "T", 9),
        Heap::of_process(3)
            .object(0x10, "T", 9)
            .object(0x20, "T", 9)
            .object(0x30, "U", 9)
            .object(0x40, "T", 9),
        // Young: 0x50. 0x20 has been since the third dump; 0x30 is a T again, but a new one.
        Heap::of_process(4)
            .object(0x10, "T", 1)
            .object(0x20, "T", 2)
            .object(0x30, "T", 4)
            .object(0x40, "T", 8)
            .object(0x50, "U", 16),
    ];
    let result = old(&heaps, SurvivorOrder::Count);
    let rows: Vec<String> = result
        .types
        .iter()
        .map(|row| {
            let ages = &row.ages;
            let cohorts = |c: &memdump_analyzer::analysis::survivors::Cohort| (c.count, c.bytes);
            let each: Vec<_> = ages.cohorts.iter().map(cohorts).collect();
            let (all, accumulated) = (cohorts(&ages.all), cohorts(&ages.accumulated));
            let (name, generations) = (&row.type_name, ages.generations);
            format!("{name} {each:?} of {all:?} {accumulated:?} {generations}")
        })
        .collect();
    assert_eq!(
        rows,
        [
            "T [(1, 1), (1, 8), (1, 2), (1, 4)] of (4, 15) (2, 10) 4",
            "U [(0, 0), (0, 0), (0, 0), (1, 16)] of (1, 16) (0, 0) 1",
        ]
    );
    assert_eq!(result.total.all.bytes, 31);
    assert_eq!(result.total.accumulated.count, 2);
}

#[test]
fn survivors_are_sorted_as_asked_for() {
    // Few grows by one a dump, Many once by many, Bulky once by many bytes; Old and Young do neither.
    let heaps: Vec<Heap> = (1..=4)
        .map(|n| {
            let heap = Heap::of_process(n).object(0x10, "Old", 500);
            let heap = objects(heap, "Few", 0x1_0000, n);
            let heap = objects(heap, "Many", 0x2_0000, if n > 1 { 5 } else { 0 });
            let heap = objects(heap, "Young", n * 0x100_0000, 50);
            if n > 2 {
                heap.object(0x20, "Bulky", 999)
            } else {
                heap
            }
        })
        .collect();
    let names = |order| -> Vec<String> {
        let rows = old(&heaps, order).types;
        rows.iter().map(|row| row.type_name.to_string()).collect()
    };
    assert_eq!(
        names(SurvivorOrder::Count),
        ["Many", "Few", "Bulky", "Young", "Old"]
    );
    assert_eq!(
        names(SurvivorOrder::Bytes),
        ["Bulky", "Many", "Few", "Young", "Old"]
    );
    assert_eq!(
        names(SurvivorOrder::Generations),
        ["Few", "Many", "Bulky", "Young", "Old"]
    );
    assert_eq!(
        names(SurvivorOrder::Name),
        ["Bulky", "Few", "Many", "Old", "Young"]
    );
}

#[test]
fn what_stays_is_explained_in_the_last_dump() {
    let heaps = [1, 2, 3].map(busy_service);
    let question = ChainQuestion {
        pattern: "SomeRef".parse().expect("a pattern"),
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: None,
    };
    let answer = explain_new_that_stay(load(&heaps), &question, &Silent).expect("an answer");
    // Two were born between the first and the second; those of the third dump are younger.
    assert_eq!((answer.objects, answer.explained), (2, 2));
    assert_eq!(answer.identity, Some(Identity::ByAddress));
    assert_eq!(
        answer.groups[0].example.expression.as_deref(),
        Some("app.views.global_data['a'][2]")
    );
}

#[test]
fn the_same_dump_twice_has_no_rates() {
    let heaps = [busy_service(1), busy_service(2), busy_service(2)];
    let result = gone_through(&heaps);
    assert_eq!(result.identity, Identity::ByAddress);
    assert!(result.moments.iter().all(|moment| moment.minutes.is_none()));
    assert_eq!(result.total.count.per_minute, None);
    assert_eq!(stayed(&heaps).total, stayed(&heaps[..2]).total);
    let last = &old(&heaps, SurvivorOrder::Count).total.cohorts[2];
    assert_eq!(last.count, 0);
}

#[test]
fn dumps_without_times_are_taken_as_equally_far_apart() {
    let heaps = [1, 2, 3].map(|n| busy_service(n).metadata("time", "yesterday"));
    let result = gone_through(&heaps);
    let is_leak = |name: &str| name == "app.models.SomeRef";
    let mut rows = result.types.iter();
    let leak = rows.find(|row| is_leak(&row.type_name.to_string()));
    let leak = leak.expect("the type that leaks");
    assert_eq!(
        (leak.totals.count.trend, leak.totals.count.per_minute),
        (Trend::Steady, None)
    );
    assert_eq!(stayed(&heaps).born, Some(2 + 3 + 4));
}

#[test]
fn no_dumps_and_empty_heaps_are_borne() {
    let none = gone_through(&[]);
    assert!(none.types.is_empty() && none.moments.is_empty());
    assert_eq!(old(&[], SurvivorOrder::Count).total.all.count, 0);
    let few = |heaps| new_objects_that_stay(load(heaps), None, None, &Silent);
    for heaps in [&[][..], &[Heap::of_process(1)]] {
        assert!(matches!(few(heaps), Err(AnalysisError::NoIdentity { .. })));
    }
    let empty = [1, 2, 3].map(Heap::of_process);
    assert!(gone_through(&empty).types.is_empty());
    assert!(old(&empty, SurvivorOrder::Count).types.is_empty());
    assert_eq!(stayed(&empty).total, 0);
    let emptied = [busy_service(1), busy_service(2), Heap::of_process(3)];
    assert_eq!(stayed(&emptied).total, 0);
    assert_eq!(gone_through(&emptied).total.count.values[2], 0);
    assert!(old(&emptied, SurvivorOrder::Count).types.is_empty());
}

#[test]
fn one_dump_of_another_process_breaks_the_series() {
    // The first tells nothing of itself: the others differ from one another.
    let heaps = [
        Heap::default().object(0x10, "T", 1),
        Heap::of_process(2).object(0x10, "T", 1),
        Heap::of_process(3)
            .metadata("pid", "8")
            .object(0x10, "T", 1),
    ];
    assert!(!gone_through(&heaps).identity.is_available());
    let said = |error: AnalysisError| assert!(error.to_string().contains("7 and 8"), "{error}");
    said(survivors(load(&heaps), None, SurvivorOrder::Count, &Silent).expect_err("refused"));
    said(new_objects_that_stay(load(&heaps), None, None, &Silent).expect_err("refused"));
}

/// A type that grows with an odd name, over twenty dumps.
fn twenty() -> Vec<Heap> {
    (1..=20)
        .map(|n| {
            let heap = Heap::of_process(n);
            let heap = objects(
                heap,
                "app.models.with.a.long.name.SomeRef",
                0x10_0000,
                100 * n,
            );
            objects(heap, "app.cache.Entry", 0x20_0000, (30 * n).min(300))
        })
        .collect()
}

fn plain(text: String) -> String {
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn twenty_dumps_fit_a_narrow_terminal() {
    let heaps = twenty();
    let went = gone_through(&heaps);
    let old = old(&heaps, SurvivorOrder::Count);
    let left_out = || view::survivors::LeftOut {
        more: 0,
        without: 0,
    };
    for columns in [80, 100, 150, 250] {
        let width = Width::Columns(columns);
        for unit in [Unit::Objects, Unit::Bytes] {
            for text in [
                view::series::text(&went, unit, 0, 0, width),
                view::survivors::text(&old, unit, left_out(), width),
            ] {
                let text = plain(text);
                let table = text.lines().filter(|line| !line.starts_with('('));
                for line in table {
                    assert!(line.chars().count() <= columns.into(), "{columns}:\n{text}");
                }
            }
        }
    }
    let width = Width::Columns(80);
    insta::assert_snapshot!(plain(view::series::text(&went, Unit::Objects, 0, 0, width)));
    insta::assert_snapshot!(plain(view::survivors::text(
        &old,
        Unit::Objects,
        left_out(),
        width
    )));
    let all = plain(view::series::text(
        &went,
        Unit::Objects,
        0,
        0,
        Width::Unlimited,
    ));
    assert_eq!(
        all.lines().next().map(|line| line.matches("+").count()),
        Some(19)
    );
}

#[test]
fn answers_do_not_depend_on_the_number_of_threads() {
    let heaps: Vec<Heap> = (1..=3)
        .map(|n| {
            let heap = objects(Heap::of_process(n), "A", 0x10_0000, 30_000 + 5_000 * n);
            objects(heap, "B", 0x1000_0000 + n * 0x1000, 20_000)
        })
        .collect();
    let asked = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            (
                gone_through(&heaps),
                stayed(&heaps),
                old(&heaps, SurvivorOrder::Count),
            )
        })
    };
    let alone = asked(1);
    assert_eq!(alone, asked(4));
    assert_eq!(alone.1.born, Some(5_000 + 256));
    assert_eq!(alone.1.total, 5_000 + 256);
}

/// Address to type and size; addresses are few, so that many are kept or reused.
type Model = BTreeMap<u64, (u8, u64)>;

fn any_series() -> impl Strategy<Value = Vec<Model>> {
    let address = (1..40_u64).prop_map(|n| n * 0x1008);
    let heap = prop::collection::btree_map(address, (0..3_u8, 1..100_u64), 0..38);
    prop::collection::vec(heap, 2..7)
}

fn heaps_of(series: &[Model]) -> Vec<Heap> {
    let heap = |(sequence, objects): (usize, &Model)| {
        // In an order that is not that of the addresses.
        let mut order: Vec<_> = objects.iter().collect();
        let mixed = |address: u64| address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> sequence;
        order.sort_by_key(|(address, _)| mixed(**address));
        let heap = Heap::of_process(sequence as u64);
        order
            .into_iter()
            .fold(heap, |heap, (&address, &(kind, size))| {
                heap.object(address, &format!("T{kind}"), size)
            })
    };
    (1..).zip(series).map(heap).collect()
}

/// Since which dump the object at `address` in the last has been there.
fn seen_since(series: &[Model], address: u64) -> usize {
    let kind = |model: &Model| model.get(&address).map(|object| object.0);
    let last = kind(&series[series.len() - 1]);
    let same = series.iter().rev().take_while(|model| kind(model) == last);
    series.len() - same.count()
}

proptest! {
    #[test]
    fn series_are_those_of_sets(models in any_series()) {
        let heaps = heaps_of(&models);
        let last = &models[models.len() - 1];

        let went = gone_through(&heaps);
        for row in &went.types {
            let of_type = |model: &Model| -> Vec<u64> {
                let same = |o: &&(u8, u64)| format!("T{}", o.0) == row.type_name.to_string();
                model.values().filter(same).map(|o| o.1).collect()
            };
            let counts: Vec<u64> = models.iter().map(|m| of_type(m).len() as u64).collect();
            let bytes: Vec<u64> = models.iter().map(|m| of_type(m).iter().sum()).collect();
            prop_assert_eq!(&row.totals.count.values, &counts);
            prop_assert_eq!(&row.totals.bytes.values, &bytes);
            prop_assert_eq!(row.totals.bytes.growth, bytes[bytes.len() - 1] as i64 - bytes[0] as i64);
        }
        let kinds: BTreeSet<u8> = models.iter().flat_map(|m| m.values().map(|o| o.0)).collect();
        prop_assert_eq!(went.types.len(), kinds.len());

        let listed = stayed(&heaps);
        let listed_rows: BTreeSet<(u64, String, u64)> = listed
            .objects
            .iter()
            .map(|row| (row.address.0, row.type_name.to_string(), row.size))
            .collect();
        let wanted: BTreeSet<_> = last
            .iter()
            .filter(|&(&address, _)| seen_since(&models, address) == 1)
            .map(|(&address, &(kind, size))| (address, format!("T{kind}"), size))
            .collect();
        prop_assert_eq!(listed_rows, wanted);
        let born = models[1].iter().filter(|&(a, o)| models[0].get(a).is_none_or(|old| old.0 != o.0));
        prop_assert_eq!(listed.born, Some(born.count() as u64));

        let mut cohorts: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        for (&address, &(kind, size)) in last {
            let ages = cohorts.entry(format!("T{kind}")).or_insert_with(|| vec![(0, 0); models.len()]);
            let cohort = &mut ages[seen_since(&models, address)];
            *cohort = (cohort.0 + 1, cohort.1 + size);
        }
        let found: BTreeMap<String, Vec<(u64, u64)>> = old(&heaps, SurvivorOrder::Count)
            .types
            .into_iter()
            .map(|row| {
                let ages = row.ages.cohorts.iter().map(|c| (c.count, c.bytes)).collect();
                (row.type_name.to_string(), ages)
            })
            .collect();
        prop_assert_eq!(found, cohorts);
    }
}
