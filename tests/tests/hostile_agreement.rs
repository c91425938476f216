//! Thousands of files that are wrong in some way nobody thought of, with checksums that match: the real reader and the slow one must
//! agree on whether each is sound, and on what it says.

mod format_support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use format_support::{read, told};
use memdump_tests::field::{block, entry, header, trailer};
use memdump_tests::{
    Block, Contents, File, Packing, Part, Plan, Rng, Storage, random, slow_reader,
};

/// Numbers at which readers break.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    15,
    127,
    128,
    255,
    65_535,
    65_536,
    65_537,
    1 << 22,
    (1 << 32) - 1,
    1 << 32,
    u64::MAX,
];

fn right(rng: &mut Rng) -> File {
    let plan = Plan {
        address_shift: rng.below(13) as u8,
        records_per_block: *rng.one_of(&[2, 5, 20]),
        blocks_per_index: *rng.one_of(&[3, 1_000]),
        packing: *rng.one_of(&[Packing::Plain, Packing::Alternating]),
        shuffle: None,
    };
    random::contents(rng.number(), 12, &plan).file(&plan)
}

/// Changes one thing or a few.
fn spoil(file: &mut File, rng: &mut Rng) {
    for _ in 0..1 + rng.below(2) {
        let place = rng.below(file.parts.len() as u64) as usize;
        match (rng.below(24), &mut file.parts[place]) {
            (0, _) => {
                let field = *rng.one_of(&[
                    header::MAJOR,
                    header::MINOR,
                    header::ADDRESS_SHIFT,
                    header::RESERVED,
                ]);
                file.header.set(field, *rng.one_of(&EDGES));
            }
            (1, _) => {
                let field =
                    *rng.one_of(&[trailer::LAST_INDEX, trailer::FILE_LENGTH, trailer::BLOCKS]);
                file.trailer.set(field, *rng.one_of(&EDGES));
            }
            (2, _) => drop(file.parts.remove(place)),
            (3, part) => {
                let again = part.clone();
                file.parts.insert(place, again);
            }
            (4, _) => {
                let other = rng.below(file.parts.len() as u64) as usize;
                file.parts.swap(place, other);
            }
            (_, Part::Block(block)) => spoil_block(block, rng),
            (_, Part::Index(index)) => {
                let field =
                    *rng.one_of(&[block::FIRST, block::RECORDS, block::NUMBER, block::COLUMNS]);
                index.fields.set(field, *rng.one_of(&EDGES));
            }
            (_, Part::Bytes(_)) => (),
        }
        if file.parts.is_empty() {
            return;
        }
    }
}

fn spoil_block(block: &mut Block, rng: &mut Rng) {
    if block.columns.is_empty() {
        return;
    }
    let place = rng.below(block.columns.len() as u64) as usize;
    match rng.below(20) {
        0 => block.records = rng.below(block.records + 2),
        1 => block.kind = *rng.one_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 200]),
        2 => block.tail.push(0),
        3 => drop(block.columns.remove(place)),
        4 => block.columns[place].number = rng.below(12) as u8,
        5 => {
            let other = rng.below(block.columns.len() as u64) as usize;
            block.columns.swap(place, other);
        }
        6 => {
            let field = *rng.one_of(&[entry::STORAGE, entry::STORED_LENGTH, entry::PLAIN_LENGTH]);
            block.columns[place].fields.set(field, *rng.one_of(&EDGES));
        }
        7 => {
            let field = *rng.one_of(&[block::FIRST, block::NUMBER, block::RESERVED]);
            block.fields.set(field, *rng.one_of(&EDGES));
        }
        8 => block.columns[place].storage = Storage::Zstd,
        _ => spoil_bytes(&mut block.columns[place].plain, rng),
    }
}

fn spoil_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let place = rng.below(bytes.len() as u64 + 1) as usize;
    match rng.below(6) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, rng.number() as u8),
        2 => {
            let mut varint = Vec::new();
            memdump_tests::encode::varint(&mut varint, *rng.one_of(&EDGES));
            bytes.splice(place..(place + 1).min(bytes.len()), varint);
        }
        _ if place < bytes.len() => {
            bytes[place] = *rng.one_of(&[
                0,
                1,
                2,
                0x7f,
                0x80,
                0xff,
                bytes[place] ^ 1,
                bytes[place] ^ 0x80,
            ])
        }
        _ => bytes.push(0xff),
    }
}

#[test]
fn both_readers_agree() {
    let (mut sound, mut unsound, mut failures) = (0, 0, Vec::new());
    for seed in 0..20_000 {
        let mut rng = Rng::new(seed);
        let mut file = right(&mut rng);
        spoil(&mut file, &mut rng);
        let bytes = file.build().bytes;
        let slow = slow_reader::read(&bytes);
        let real = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let difference = match (slow, real) {
            (_, Err(_)) => Some("the reader panics".to_owned()),
            (Ok(_), Ok(Err(error))) => {
                Some(format!("the text allows it, the reader says: {error}"))
            }
            (Err(error), Ok(Ok(_))) => {
                Some(format!("the reader allows it, the text says: {error}"))
            }
            (Ok(slow), Ok(Ok(real))) => {
                sound += 1;
                (real != told(slow)).then(|| "the readers read different things".to_owned())
            }
            (Err(_), Ok(Err(_))) => {
                unsound += 1;
                None
            }
        };
        failures.extend(difference.map(|difference| format!("seed {seed}: {difference}")));
    }
    assert!(
        failures.is_empty(),
        "{} of 20,000:\n{}",
        failures.len(),
        failures[..failures.len().min(40)].join("\n")
    );
    // The changes must be neither all harmless nor all deadly, or this test tests nothing.
    assert!(
        sound > 1_000 && unsound > 1_000,
        "{sound} sound, {unsound} unsound"
    );
}

/// What the test above relies on.
#[test]
fn what_is_not_spoilt_is_sound() {
    for seed in 0..50 {
        let bytes = right(&mut Rng::new(seed)).build().bytes;
        let contents: Contents = slow_reader::read(&bytes).unwrap();
        assert_eq!(read(&bytes).unwrap(), told(contents), "seed {seed}");
    }
}
