//! The real reader on right files of the synthesiser: every record is read back exactly.

mod format_support;

use format_support::{read, told};
use memdump_format::{
    Dump, ObjectBatch, ObjectColumns, ReferenceBatch, ReferenceColumns, StringId,
};
use memdump_tests::population::{Moment, Order, Population};
use memdump_tests::{Plan, odd, random, slow_reader};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_record_is_read_back(seed: u64, plan_seed: u64, size in 0u64..300) {
        let plan = random::plan(plan_seed);
        let contents = random::contents(seed, size, &plan);
        prop_assert_eq!(read(&contents.bytes(&plan)).unwrap(), told(contents));
    }

    #[test]
    fn columns_are_the_same_alone_as_together(seed: u64, size in 1u64..100) {
        let plan = Plan { records_per_block: 37, ..Plan::default() };
        let dump = Dump::from_bytes("test.dump".as_ref(), random::contents(seed, size, &plan).bytes(&plan)).unwrap();
        let (mut all, mut some) = (ObjectBatch::default(), ObjectBatch::default());
        for block in dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut all).unwrap();
            block.decode(ObjectColumns::SIZE, &mut some).unwrap();
            prop_assert_eq!(&all.sizes, &some.sizes);
            block.decode(ObjectColumns::ADDRESS | ObjectColumns::FLAGS, &mut some).unwrap();
            prop_assert_eq!((&all.addresses, &all.flags), (&some.addresses, &some.flags));
            block.decode(ObjectColumns::REFCOUNT, &mut some).unwrap();
            prop_assert_eq!(&all.refcounts, &some.refcounts);
            prop_assert!(some.sizes.is_empty() && some.addresses.is_empty() && some.flags.is_empty());
            block.decode(ObjectColumns::TYPE, &mut some).unwrap();
            prop_assert_eq!(&all.types, &some.types);
        }
        let (mut all, mut some) = (ReferenceBatch::default(), ReferenceBatch::default());
        for block in dump.reference_blocks() {
            block.decode(ReferenceColumns::ALL, &mut all).unwrap();
            block.decode(ReferenceColumns::TARGETS, &mut some).unwrap();
            prop_assert_eq!((&all.groups, &all.targets), (&some.groups, &some.targets));
            block.decode(ReferenceColumns::STRENGTHS, &mut some).unwrap();
            for place in 0..block.len() {
                prop_assert_eq!(all.strength(place), some.strength(place));
            }
            block.decode(ReferenceColumns::LABELS, &mut some).unwrap();
            for place in 0..block.len() {
                prop_assert_eq!(all.label(place), some.label(place));
            }
        }
    }
}

#[test]
fn odd_files_are_read() {
    for file in odd::files() {
        let read = read(&file.bytes).unwrap_or_else(|error| panic!("{}: {error}", file.name));
        assert_eq!(read, told(file.contents), "{}", file.name);
    }
}

#[test]
fn a_string_id_without_a_string_is_an_error_of_its_own() {
    let bytes = memdump_tests::Heap::new().object(0x10, "dict", 64).bytes();
    let dump = Dump::from_bytes("test.dump".as_ref(), bytes).unwrap();
    assert_eq!(dump.strings().get(StringId(1)).unwrap(), "dict");
    let error = dump.strings().get(StringId(2)).unwrap_err().to_string();
    assert!(
        error.contains("test.dump") && error.contains("no string 2"),
        "{error}"
    );
}

#[test]
fn a_big_file_is_read_as_the_slow_reader_reads_it() {
    let leak = ("app.models".to_owned(), "SomeRef".to_owned());
    // A leak above a block's records makes a group of references that spans three blocks.
    let population = Population {
        objects: 200_000,
        order: Order::Shuffled,
        leak,
        leaked: 140_000,
        seed: 3,
    };
    let (bytes, _) = population.write(Moment::After, Vec::new()).unwrap();
    // Compared without printing half a million records.
    assert!(read(&bytes).unwrap() == told(slow_reader::read(&bytes).unwrap()));
}
