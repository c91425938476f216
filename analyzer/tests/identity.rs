//! What is new and what stayed, against a process whose every birth is known: exact identity misses none, identity by address does.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use memdump_analyzer::analysis::AnalysisError;
use memdump_analyzer::analysis::growth::{GrowthOrder, growth};
use memdump_analyzer::analysis::identity::Identity;
use memdump_analyzer::analysis::new_objects::{new_objects, new_objects_that_stay};
use memdump_analyzer::analysis::series::{SeriesOrder, series};
use memdump_analyzer::analysis::survivors::{SurvivorOrder, survivors};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_analyzer::sql::{Database, Sources};
use proptest::prelude::*;
use support::Heap;

/// An object, as nobody but the model can know it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Birth(u64);

#[derive(Clone, Copy, Debug)]
struct Alive {
    kind: u8,
    birth: Birth,
    serial: u64,
}

type Moment = BTreeMap<u64, Alive>;

/// What a program does between two dumps: each step frees what lies in a place, if there is something, and may put a new object there.
fn any_work() -> impl Strategy<Value = Vec<(u64, Option<u8>)>> {
    prop::collection::vec((0..24_u64, prop::option::weighted(0.7, 0..3_u8)), 0..40)
}

/// The heap at each dump.
fn lives(works: &[Vec<(u64, Option<u8>)>]) -> Vec<Moment> {
    let (mut now, mut births) = (Moment::new(), 0);
    (1..)
        .zip(works)
        .map(|(serial, work)| {
            for &(place, kind) in work {
                let address = 0x1000 + place * 0x30;
                now.remove(&address);
                if let Some(kind) = kind {
                    births += 1;
                    let birth = Birth(births);
                    now.insert(
                        address,
                        Alive {
                            kind,
                            birth,
                            serial,
                        },
                    );
                }
            }
            now.clone()
        })
        .collect()
}

fn dump_of(sequence: u64, moment: &Moment, exact: bool) -> Heap {
    let heap = Heap::of_process(sequence);
    let heap = match exact {
        true => heap.exact(sequence, 1),
        false => heap,
    };
    moment.iter().fold(heap, |heap, (&address, alive)| {
        let heap = heap.object(address, &format!("T{}", alive.kind), 16);
        match exact {
            true => heap.born(alive.serial),
            false => heap,
        }
    })
}

fn dumps_of(moments: &[Moment], exact: bool) -> Vec<Heap> {
    (1..)
        .zip(moments)
        .map(|(sequence, moment)| dump_of(sequence, moment, exact))
        .collect()
}

fn snapshot(heap: &Heap) -> Snapshot {
    Snapshot::load(heap.dump(), &Silent).expect("a snapshot")
}

fn load(heaps: &[Heap]) -> impl Iterator<Item = Result<Snapshot, AnalysisError>> + '_ {
    heaps.iter().map(|heap| Ok(snapshot(heap)))
}

fn births(moment: &Moment) -> BTreeSet<Birth> {
    moment.values().map(|alive| alive.birth).collect()
}

/// Addresses of what the earlier moment does not have.
fn truly_new(before: &Moment, after: &Moment) -> BTreeSet<u64> {
    let known = births(before);
    let is_new = |(_, alive): &(&u64, &Alive)| !known.contains(&alive.birth);
    after
        .iter()
        .filter(is_new)
        .map(|(&address, _)| address)
        .collect()
}

fn told_new(before: &Heap, after: &Heap) -> (Identity, BTreeSet<u64>) {
    let told =
        new_objects(&snapshot(before), &snapshot(after), None, None, &Silent).expect("an answer");
    let addresses = told.objects.iter().map(|row| row.address.0).collect();
    (told.identity, addresses)
}

/// `born` and whether it is new, of each object of each dump, by address.
fn by_sql(heaps: &[Heap]) -> Vec<(u64, u64, u32, bool)> {
    let dumps = heaps.iter().map(Heap::dump);
    let sources = Sources::new(dumps, Arc::new(Silent)).expect("open");
    let database = Database::over(Arc::new(sources)).expect("a database");
    let mut rows = Vec::new();
    database
        .connection()
        .prepare("SELECT dump, address, born, is_new FROM object ORDER BY dump, address")
        .and_then(|mut statement| {
            let found = statement.query_map([], |row| {
                let is_new: Option<bool> = row.get(3)?;
                Ok((
                    row.get::<_, i64>(0)? as u64,
                    row.get::<_, i64>(1)? as u64,
                    row.get(2)?,
                    is_new,
                ))
            })?;
            for row in found {
                let (dump, address, born, is_new) = row?;
                rows.push((dump, address, born, is_new.unwrap_or(dump == 1)));
            }
            Ok(())
        })
        .expect("rows");
    rows
}

proptest! {
    #[test]
    fn with_births_every_new_object_is_found(works in prop::collection::vec(any_work(), 2..6)) {
        let moments = lives(&works);
        let exact = dumps_of(&moments, true);
        let plain = dumps_of(&moments, false);
        for after in 1..moments.len() {
            for before in 0..after {
                let truth = truly_new(&moments[before], &moments[after]);
                prop_assert_eq!(
                    told_new(&exact[before], &exact[after]),
                    (Identity::Exact, truth.clone())
                );
                let (identity, found) = told_new(&plain[before], &plain[after]);
                prop_assert_eq!(identity, Identity::ByAddress);
                prop_assert!(found.is_subset(&truth));
                // In whichever order they are compared: what is gone is what the earlier one alone has.
                let gone = truly_new(&moments[after], &moments[before]);
                prop_assert_eq!(told_new(&exact[after], &exact[before]), (Identity::Exact, gone.clone()));
                let change = growth(&snapshot(&exact[before]), &snapshot(&exact[after]), GrowthOrder::Count, &Silent)
                    .expect("an answer")
                    .total;
                prop_assert_eq!((change.new, change.gone), (Some(truth.len() as u64), Some(gone.len() as u64)));
            }
        }
        // Since which dump each object of the last one has been there.
        let last = &moments[moments.len() - 1];
        let mut cohorts = vec![0; moments.len()];
        for alive in last.values() {
            cohorts[alive.serial as usize - 1] += 1;
        }
        let old = survivors(load(&exact), None, SurvivorOrder::Count, &Silent).expect("an answer");
        prop_assert_eq!(&old.identity, &Identity::Exact);
        let counts: Vec<u64> = old.total.cohorts.iter().map(|cohort| cohort.count).collect();
        prop_assert_eq!(counts, cohorts);
        let course = series(load(&exact), SeriesOrder::Count).expect("an answer");
        prop_assert_eq!(course.identity, Identity::Exact);
        // Born between the first two, and still there.
        let stayed = new_objects_that_stay(load(&exact), None, None, &Silent).expect("an answer");
        let addresses: BTreeSet<u64> = stayed.objects.iter().map(|row| row.address.0).collect();
        let is_second = |(_, alive): &(&u64, &Alive)| alive.serial == 2;
        let second: BTreeSet<u64> = last.iter().filter(is_second).map(|(&address, _)| address).collect();
        prop_assert_eq!((stayed.identity, addresses), (Identity::Exact, second));
        // And by SQL.
        let rows: Vec<_> = (1..)
            .zip(&moments)
            .flat_map(|(dump, moment)| {
                moment.iter().map(move |(&address, alive)| (dump, address, alive.serial as u32, alive.serial == dump))
            })
            .collect();
        prop_assert_eq!(by_sql(&exact), rows);
    }
}

/// What makes the option worth having: on a busy heap identity by address takes many new objects for old ones.
#[test]
fn by_address_misses_what_lies_where_an_equal_one_lay() {
    let before: Vec<_> = (0..24).map(|place| (place, Some(0))).collect();
    let after: Vec<_> = (0..12).map(|place| (place, Some(0))).collect();
    let moments = lives(&[before, after]);
    let (exact, plain) = (dumps_of(&moments, true), dumps_of(&moments, false));
    assert_eq!(told_new(&exact[0], &exact[1]).1.len(), 12);
    assert_eq!(
        told_new(&plain[0], &plain[1]),
        (Identity::ByAddress, BTreeSet::new())
    );
}

#[test]
fn it_is_by_address_where_births_between_the_dumps_are_not_known() {
    let one = |sequence| {
        Heap::of_process(sequence)
            .object(0x1000, "T", 16)
            .born(sequence)
    };
    let identity = |before: &Heap, after: &Heap| told_new(before, after);
    let by_address = (Identity::ByAddress, BTreeSet::new());
    let exact = (Identity::Exact, BTreeSet::from([0x1000]));
    assert_eq!(identity(&one(1).exact(1, 1), &one(2).exact(2, 1)), exact);
    // Marks began anew after the earlier dump, or with it.
    assert_eq!(
        identity(&one(1).exact(1, 1), &one(2).exact(2, 2)),
        by_address
    );
    assert_eq!(identity(&one(1).exact(7, 1), &one(8).exact(8, 7)), exact);
    // Only one of them tells births; or says that it does, and not which.
    assert_eq!(identity(&one(1), &one(2).exact(2, 1)), by_address);
    assert_eq!(identity(&one(1).exact(1, 1), &one(2)), by_address);
    let said = one(2).metadata("identity", "exact");
    assert_eq!(identity(&one(1).exact(1, 1), &said), by_address);
    let nonsense = one(2).exact(2, 1).metadata("watermark", "-1");
    assert_eq!(identity(&one(1).exact(1, 1), &nonsense), by_address);
    // A series is as good as its worst step.
    let dumps = [one(1).exact(1, 1), one(2).exact(2, 1), one(3).exact(3, 3)];
    let of = |dumps: &[Heap]| {
        series(load(dumps), SeriesOrder::Count)
            .expect("an answer")
            .identity
    };
    assert_eq!(
        (of(&dumps[..2]), of(&dumps)),
        (Identity::Exact, Identity::ByAddress)
    );
}
