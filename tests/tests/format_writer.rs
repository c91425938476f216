//! The real writer's files, read by the slow reader.

mod format_support;

use format_support::{read, told, write};
use memdump_format::Limits;
use memdump_tests::population::{Moment, Order, Population};
use memdump_tests::{Contents, Plan, Rng, random, slow_reader};
use proptest::prelude::*;

fn limits(seed: u64) -> Limits {
    let mut rng = Rng::new(seed);
    let defaults = Limits::default();
    let mut few = |most| *rng.one_of(&[1, 2, 3, 16, 100, most]);
    Limits {
        objects: few(defaults.objects),
        references: few(defaults.references),
        records: few(defaults.records),
        index: few(defaults.index),
    }
}

fn tellable(seed: u64, size: u64, shift: u8) -> Contents {
    let plan = Plan {
        address_shift: shift,
        ..Plan::default()
    };
    random::contents(seed, size, &plan)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seed: u64, size in 0u64..300, shift in 0u8..=12, limit_seed: u64) {
        let contents = tellable(seed, size, shift);
        let bytes = write(&contents, shift, limits(limit_seed), seed).unwrap();
        prop_assert_eq!(slow_reader::read(&bytes), Ok(contents.clone()));
        prop_assert_eq!(read(&bytes).unwrap(), told(contents));
    }
}

#[test]
fn a_big_heap_is_written_right() {
    let leak = ("app.models".to_owned(), "SomeRef".to_owned());
    let population = Population {
        objects: 200_000,
        order: Order::Birth,
        leak,
        leaked: 140_000,
        seed: 4,
    };
    let (bytes, _) = population.write(Moment::After, Vec::new()).unwrap();
    let contents = slow_reader::read(&bytes).unwrap();
    let again = write(&contents, 4, Limits::default(), 1).unwrap();
    assert!(slow_reader::read(&again).unwrap() == contents);
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let text = "ß".repeat(40_000);
    let contents = Contents {
        strings: vec![text],
        ..Contents::default()
    };
    let read = slow_reader::read(&write(&contents, 0, Limits::default(), 1).unwrap()).unwrap();
    assert_eq!(read.strings, ["ß".repeat(32_767)]);
}

#[test]
fn many_long_texts_do_not_make_a_column_too_long() {
    let contents = Contents {
        strings: (0..150)
            .map(|n| format!("{n}{}", "x".repeat(65_000)))
            .collect(),
        metadata: (0..150)
            .map(|n| (format!("{n:03}"), "y".repeat(65_000)))
            .collect(),
        ..Contents::default()
    };
    let bytes = write(&contents, 0, Limits::default(), 1).unwrap();
    assert!(slow_reader::read(&bytes).unwrap() == contents);
}
