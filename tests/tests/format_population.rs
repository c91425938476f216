//! What the generator of big heaps promises: sizes, exact reference counts, no dangling reference, nothing unreachable, and two
//! moments of one heap.

use std::collections::{HashMap, HashSet};

use memdump_tests::population::{Moment, Order, Population};
use memdump_tests::{Contents, slow_reader};

fn population(order: Order) -> Population {
    let leak = ("app.models".to_owned(), "SomeRef".to_owned());
    Population {
        objects: 35_000,
        order,
        leak,
        leaked: 123,
        seed: 7,
    }
}

fn dump(order: Order, moment: Moment) -> Contents {
    let (bytes, written) = population(order).write(moment, Vec::new()).unwrap();
    let contents = slow_reader::read(&bytes).unwrap();
    assert_eq!(written.objects, contents.objects.len() as u64);
    assert_eq!(written.references, contents.references.len() as u64);
    contents
}

fn instances(contents: &Contents, name: &str) -> usize {
    let is_it =
        |type_id: u64| contents.strings[contents.types[type_id as usize].name as usize] == name;
    contents
        .objects
        .iter()
        .filter(|object| is_it(object.type_id))
        .count()
}

/// Address and type name of every object.
fn identities(contents: &Contents) -> HashSet<(u64, u64)> {
    contents
        .objects
        .iter()
        .map(|object| (object.address, object.type_id))
        .collect()
}

fn check_graph(contents: &Contents) {
    let ids: HashMap<u64, usize> = contents
        .objects
        .iter()
        .zip(0..)
        .map(|(object, id)| (object.address, id))
        .collect();
    assert_eq!(ids.len(), contents.objects.len(), "an address comes twice");
    let mut counts = vec![0; ids.len()];
    let mut targets = vec![Vec::new(); ids.len()];
    for reference in &contents.references {
        let target = ids[&reference.target];
        counts[target] += 1;
        targets[reference.source as usize].push(target);
    }
    let mut todo: Vec<usize> = contents
        .roots
        .iter()
        .map(|root| ids[&root.target])
        .collect();
    todo.iter().for_each(|&id| counts[id] += 1);
    let mut reached = vec![false; ids.len()];
    while let Some(id) = todo.pop() {
        if !std::mem::replace(&mut reached[id], true) {
            todo.extend(&targets[id]);
        }
    }
    for ((object, count), reached) in contents.objects.iter().zip(counts).zip(reached) {
        assert!(reached || object.refcount == 0, "unreachable: {object:x?}");
        assert!(
            object.refcount == count || object.refcount == 0,
            "{count} references to {object:x?}"
        );
    }
}

#[test]
fn every_dump_is_a_sound_graph() {
    for order in [Order::Birth, Order::Shuffled] {
        for moment in [Moment::Before, Moment::After] {
            check_graph(&dump(order, moment));
        }
    }
}

#[test]
fn it_has_the_size_that_was_asked_for() {
    for objects in [1_000, 10_200, 10_500, 100_000, 250_000] {
        let population = Population {
            objects,
            ..population(Order::Birth)
        };
        let (_, written) = population.write(Moment::Before, std::io::sink()).unwrap();
        assert!(
            written.objects.abs_diff(objects) <= 10,
            "{objects} asked for: {written:?}"
        );
    }
    let contents = dump(Order::Birth, Moment::Before);
    let ratio = contents.references.len() as f64 / contents.objects.len() as f64;
    assert!((2.65..2.75).contains(&ratio), "{ratio} references each");
}

#[test]
fn addresses_rise_or_are_scattered() {
    let jumps = |order| {
        let contents = dump(order, Moment::Before);
        // Dicts of this size are made one per cluster; in a fresh heap the next one lies in the next place of its pool.
        let dicts = contents
            .objects
            .iter()
            .filter(|object| object.size == 232)
            .collect::<Vec<_>>();
        dicts
            .windows(2)
            .filter(|pair| pair[1].address.abs_diff(pair[0].address) != 240)
            .count()
            * 100
            / dicts.len()
    };
    assert!(jumps(Order::Birth) < 2);
    assert!(jumps(Order::Shuffled) > 98);
}

#[test]
fn later_some_are_gone_some_are_new_and_the_leak_has_grown() {
    for order in [Order::Birth, Order::Shuffled] {
        let (before, after) = (dump(order, Moment::Before), dump(order, Moment::After));
        assert_eq!(before.types, after.types);
        let (old, new) = (identities(&before), identities(&after));
        let gone = old.difference(&new).count() as f64 / old.len() as f64;
        let born = new.difference(&old).count() as f64 / old.len() as f64;
        assert!((0.03..0.08).contains(&gone), "{gone} gone");
        assert!((0.03..0.08).contains(&born), "{born} born");

        let grown = instances(&after, "SomeRef") as i64 - instances(&before, "SomeRef") as i64;
        assert!(
            (grown - 123).abs() < 20,
            "{grown} instances more, of which 123 leaked"
        );
        assert_eq!((held(&before), held(&after)), (18, 18 + 123));
    }
}

/// How many instances have leaked: only they have a payload.
fn held(contents: &Contents) -> usize {
    let payload = contents
        .strings
        .iter()
        .position(|text| text == "payload")
        .unwrap() as u64;
    contents
        .references
        .iter()
        .filter(|one| one.label.kind == 1 && one.label.value == payload)
        .count()
}
