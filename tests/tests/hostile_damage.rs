//! Right files that are cut off or have a bit flipped.

mod format_support;

use std::path::Path;

use format_support::{read, told};
use memdump_format::{Dump, ReadError};
use memdump_tests::population::{Moment, Order, Population};
use memdump_tests::{Contents, Packing, Plan, Rng, kind, random, slow_reader};

fn plan() -> Plan {
    Plan {
        address_shift: 3,
        records_per_block: 50,
        blocks_per_index: 6,
        packing: Packing::Zstd,
        shuffle: Some(1),
    }
}

fn contents() -> Contents {
    random::contents(11, 300, &plan())
}

#[test]
fn a_file_cut_at_a_block_border_gives_what_is_before_it() {
    let built = contents().file(&plan()).build();
    let whole = told(contents());
    assert!(built.places.len() > 20);
    for place in &built.places {
        let cut = &built.bytes[..place.start as usize];
        let error = read(cut).unwrap_err();
        assert!(matches!(error, ReadError::CutOff { .. }), "{error}");

        let (dump, damage) = Dump::recover_bytes(Path::new("test.dump"), cut.to_vec()).unwrap();
        assert!(damage.missing.is_empty(), "{damage}");
        assert!(
            damage.index.is_some(),
            "the damage does not tell that the index is missing"
        );
        let before: Vec<_> = built
            .places
            .iter()
            .filter(|other| other.end <= place.start)
            .filter_map(|other| other.block)
            .collect();
        let listed = before
            .iter()
            .filter(|(_, kind)| *kind != kind::INDEX)
            .count();
        let found = dump
            .blocks()
            .iter()
            .filter(|block| block.kind.to_string() != "index")
            .count();
        assert_eq!(found, listed);
        check_recovered(&dump, &whole);
    }
}

/// Objects, strings and types come in order, so that those of a cut-off file are the first ones of the whole file.
fn check_recovered(dump: &Dump, whole: &Contents) {
    let mut batch = memdump_format::ObjectBatch::default();
    let mut objects = Vec::new();
    for block in dump.object_blocks() {
        block
            .decode(memdump_format::ObjectColumns::ALL, &mut batch)
            .unwrap();
        objects.extend(
            batch
                .addresses
                .iter()
                .zip(&batch.sizes)
                .map(|(address, size)| (address.0, *size)),
        );
    }
    let expected: Vec<_> = whole
        .objects
        .iter()
        .map(|object| (object.address, object.size))
        .collect();
    assert_eq!(objects, expected[..objects.len()]);
    let roots = dump.roots().unwrap();
    for (root, expected) in roots.iter().zip(&whole.roots) {
        assert_eq!(
            (root.target.0, u64::from(root.line)),
            (expected.target, expected.line)
        );
    }
    assert!(roots.len() <= whole.roots.len());
}

#[test]
fn a_file_cut_anywhere_gives_an_error() {
    let bytes = contents().bytes(&plan());
    let mut rng = Rng::new(2);
    for _ in 0..200 {
        let cut = &bytes[..rng.below(bytes.len() as u64) as usize];
        let error = read(cut).unwrap_err();
        if cut.len() >= 32 {
            assert!(matches!(error, ReadError::CutOff { .. }), "{error}");
            let (dump, _) = Dump::recover_bytes(Path::new("test.dump"), cut.to_vec()).unwrap();
            check_recovered(&dump, &told(contents()));
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_that_names_the_block() {
    let built = contents().file(&plan()).build();
    let mut rng = Rng::new(3);
    for _ in 0..2_000 {
        let bit = rng.below(built.bytes.len() as u64 * 8);
        let (at, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        let mut bytes = built.bytes.clone();
        bytes[at] ^= mask;
        assert!(slow_reader::read(&bytes).is_err());
        let Err(error) = read(&bytes) else {
            panic!("bit {bit} is flipped, and nothing is told")
        };
        let hit = built
            .places
            .iter()
            .find(|place| (place.start..place.end).contains(&(at as u64)));
        let text = error.to_string();
        match hit.and_then(|place| place.block) {
            Some((number, kind)) => {
                let hit_at = hit.map_or(0, |place| place.start);
                let place = |number: &str| {
                    let (kind, offset) = (kind::name(kind), hit_at);
                    format!("block {number} ({kind}, at offset {offset})")
                };
                // An index block is found by its offset; if its header is damaged, its number is not known yet.
                let named = text.contains(&place(&number.to_string()))
                    || kind == kind::INDEX && text.contains(&place("?"));
                assert!(named, "bit {bit} in block {number}: {text}");
            }
            None if at < 32 => {
                let refused = matches!(
                    error,
                    ReadError::NotADump { .. } | ReadError::Header { .. } | ReadError::Newer { .. }
                );
                assert!(refused, "bit {bit} in the header: {text}");
            }
            None => assert!(
                matches!(error, ReadError::CutOff { .. }),
                "bit {bit} in the trailer: {text}"
            ),
        }
        // What is sound can be read on all the same.
        if let Ok((dump, damage)) = Dump::recover_bytes(Path::new("test.dump"), bytes) {
            assert!(
                !damage.is_none(),
                "bit {bit}: recovered as if nothing were missing"
            );
            assert!(
                damage.missing.len() <= 1,
                "bit {bit} cost more than its block: {damage}"
            );
            format_support::contents(&dump)
                .map(|_| ())
                .unwrap_or_else(|error| panic!("bit {bit}: {error}"));
        }
    }
}

#[test]
fn a_big_file_with_a_flipped_bit_gives_an_error() {
    let leak = ("app.models".to_owned(), "SomeRef".to_owned());
    let population = Population {
        objects: 100_000,
        order: Order::Birth,
        leak,
        leaked: 10,
        seed: 5,
    };
    let (bytes, _) = population.write(Moment::Before, Vec::new()).unwrap();
    let mut rng = Rng::new(6);
    for _ in 0..20 {
        let mut damaged = bytes.clone();
        damaged[rng.below(bytes.len() as u64) as usize] ^= 1 << rng.below(8);
        assert!(read(&damaged).is_err());
    }
}
