//! Files whose checksums are right and whose contents are not: each is refused with the block's name, none costs more memory than what
//! its records could need.
#![allow(unsafe_code)] // For the counting allocator.

#[path = "support/forge.rs"]
#[allow(dead_code, unreachable_pub)]
mod forge;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use forge::*;
use memdump_format::*;

/// Counts what the current thread holds, and the most that it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn held(change: isize) {
    HELD.set(HELD.get() + change);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        held(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        held(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that a run held above what was held before.
fn peak<R>(run: impl FnOnce() -> R) -> (R, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = run();
    (result, (PEAK.get() - before) as usize)
}

fn open(bytes: Vec<u8>) -> Result<Dump, ReadError> {
    Dump::from_bytes(Path::new("test.dump"), bytes)
}

/// Opens and decodes everything, by `verify_block` and by the methods that users call; both must find the same.
fn read(bytes: Vec<u8>) -> Result<(), ReadError> {
    let dump = open(bytes)?;
    let mut errors = dump
        .blocks()
        .iter()
        .map(|block| dump.verify_block(block.number))
        .filter_map(Result::err);
    let verified = errors.next();
    let used = (|| {
        for id in 0..dump.counts().strings {
            dump.strings().get(StringId(id as u32))?;
        }
        dump.types()?;
        for block in dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut ObjectBatch::default())?;
        }
        for block in dump.reference_blocks() {
            block.decode(ReferenceColumns::ALL, &mut ReferenceBatch::default())?;
        }
        dump.roots()?;
        dump.faults()?;
        dump.metadata().map(drop)
    })();
    match (verified, used) {
        (Some(verified), Err(used)) => {
            assert_eq!(verified.to_string(), used.to_string());
            Err(verified)
        }
        (None, Ok(())) => Ok(()),
        (Some(verified), Ok(())) => Err(verified),
        (None, Err(used)) => panic!("verify_block missed: {used}"),
    }
}

/// The sound file with one column of one kind of block replaced.
fn with_column(kind: u8, column: Column) -> Vec<u8> {
    let mut blocks = sound();
    let block = blocks.iter_mut().find(|block| block.kind == kind).unwrap();
    let place = block
        .columns
        .iter()
        .position(|other| other.number == column.number);
    block.columns[place.unwrap()] = column;
    file(&blocks)
}

fn refused(bytes: Vec<u8>, wanted: &str) {
    let error = read(bytes).expect_err(wanted).to_string();
    assert!(error.contains(wanted), "{error}, should say: {wanted}");
}

#[test]
fn the_sound_file_is_sound() {
    read(file(&sound())).unwrap();
    let dump = open(file(&sound())).unwrap();
    let mut objects = ObjectBatch::default();
    dump.object_blocks()
        .next()
        .unwrap()
        .decode(ObjectColumns::ALL, &mut objects)
        .unwrap();
    assert_eq!(objects.addresses, [Address(0x1000), Address(0x2000)]);
    assert_eq!(objects.sizes, [16, 16]);
    let mut references = ReferenceBatch::default();
    dump.reference_blocks()
        .next()
        .unwrap()
        .decode(ReferenceColumns::ALL, &mut references)
        .unwrap();
    assert_eq!(references.targets, [Address(0x2000)]);
    assert_eq!(references.label(0), Label::Attribute(StringId(0)));
}

#[test]
fn ids_out_of_range() {
    refused(
        with_column(3, varints(2, &[1])),
        "block 1 (types, at offset 98) is damaged: column 2 names string 1, but the file has 1",
    );
    refused(
        with_column(3, varints(3, &[u64::MAX])),
        "column 3 names string 18446744073709551615",
    );
    refused(
        with_column(4, varints(1, &[0, 1])),
        "block 2 (objects, at offset 190) is damaged: column 1 names type 1, but the file has 1",
    );
    refused(
        with_column(4, varints(1, &[1 << 32, 0])),
        "column 1 names type 4294967296",
    );
    refused(
        with_column(5, varints(1, &[2])),
        "column 1 names object 2, but the file has 2",
    );
    refused(
        with_column(5, varints(5, &[2])),
        "column 5 names string 1, but the file has 1",
    );
    refused(
        with_column(5, varints(5, &[1])),
        "column 5 names string 18446744073709551615",
    );
    refused(with_column(6, varints(2, &[2])), "column 2 names string 1");
    refused(
        with_column(6, varints(3, &[u64::MAX])),
        "column 3 names string 18446744073709551614",
    );
    refused(
        with_column(6, varints(4, &[1 << 32])),
        "column 4 has the number 4294967296",
    );
    refused(with_column(7, varints(2, &[1])), "block 5 (faults");
}

#[test]
fn addresses_out_of_range() {
    // Units of 8 bytes: these would need 67 bits.
    refused(
        with_column(4, varints(2, &[u64::MAX, 0])),
        "column 2 has an address of more than 64 bits",
    );
    refused(
        with_column(5, varints(3, &[u64::MAX])),
        "column 3 has an address of more than 64 bits",
    );
    refused(
        with_column(3, varints(1, &[u64::MAX])),
        "column 1 has an address of more than 64 bits",
    );
    refused(
        with_column(6, varints(8, &[1 << 61])),
        "column 8 has an address of more than 64 bits",
    );
    refused(
        with_column(7, varints(1, &[u64::MAX])),
        "column 1 has an address of more than 64 bits",
    );
}

#[test]
fn columns_that_are_no_varints() {
    refused(
        with_column(4, plain(4, &[1])),
        "column 4 ends before the last record",
    );
    refused(
        with_column(4, plain(4, &[1, 0x80])),
        "column 4 ends before the last record",
    );
    refused(
        with_column(4, plain(4, &[1, 1, 1])),
        "column 4 goes on behind the last record",
    );
    let mut overflow = vec![0xff; 9];
    overflow.extend([2, 1]);
    refused(
        with_column(4, plain(4, &overflow)),
        "column 4 has a number of more than 64 bits",
    );
    refused(
        with_column(4, plain(4, &[0xff; 20])),
        "column 4 has a number of more than 64 bits",
    );
    refused(
        with_column(4, plain(4, &[1; 21])),
        "column 4 claims 21 bytes, which 2 records cannot have",
    );
    refused(
        with_column(4, plain(5, &[1])),
        "column 5 claims 1 bytes, which 2 records cannot have",
    );
}

#[test]
fn texts() {
    refused(
        with_column(2, plain(2, &[0xff])),
        "column 2 is not UTF-8 text",
    );
    refused(
        with_column(2, varints(1, &[2])),
        "column 2 claims 1 bytes, which 1 records cannot have",
    );
    refused(
        with_column(2, varints(1, &[u64::MAX])),
        "column 1 has the number 18446744073709551615, which is too great",
    );
    refused(with_column(1, plain(4, &[0xc3])), "(metadata, at offset");
    // "ä" in two strings of a byte each.
    let mut blocks = sound();
    blocks[0] = block(2, 2, vec![varints(1, &[1, 1]), plain(2, "ä".as_bytes())]);
    refused(
        file(&blocks),
        "block 0 (strings, at offset 32) is damaged: column 2 is not UTF-8 text",
    );
    // Lengths that together overflow.
    blocks[0] = block(2, 2, vec![varints(1, &[u64::MAX, 2]), plain(2, b"x")]);
    refused(file(&blocks), "which is too great");
}

#[test]
fn groups_that_do_not_add_up() {
    refused(
        with_column(5, varints(2, &[2])),
        "its groups of references do not add up",
    );
    refused(
        with_column(5, varints(2, &[0])),
        "its groups of references do not add up",
    );
    refused(
        with_column(5, varints(2, &[u64::MAX])),
        "its groups of references do not add up",
    );
    refused(
        with_column(5, varints(1, &[0, 1])),
        "its groups of references do not add up",
    );
    refused(
        with_column(5, varints(2, &[1, 1])),
        "column 2 goes on behind the last record",
    );
    let two = |sources: &[u64], counts: &[u64]| {
        let mut blocks = sound();
        blocks[3] = block(
            5,
            2,
            vec![
                varints(1, sources),
                varints(2, counts),
                varints(3, &[0, 0]),
                plain(4, &[0, 0]),
                varints(5, &[0, 0]),
            ],
        );
        file(&blocks)
    };
    read(two(&[0, 1], &[1, 1])).unwrap();
    refused(
        two(&[0, 0], &[1, 1]),
        "the sources of its references do not rise",
    );
    refused(
        two(&[1, u64::MAX], &[1, 1]),
        "column 1 names object 18446744073709551615",
    );
    refused(
        two(&[0, 1], &[1, u64::MAX]),
        "its groups of references do not add up",
    );
    refused(two(&[0], &[1]), "its groups of references do not add up");
}

#[test]
fn directories() {
    let replace = |change: &dyn Fn(&mut Vec<Column>)| {
        let mut blocks = sound();
        change(&mut blocks[2].columns);
        file(&blocks)
    };
    refused(
        replace(&|columns| drop(columns.pop())),
        "column 5 is missing",
    );
    refused(
        replace(&|columns| columns.push(columns[0].clone())),
        "column 1 occurs twice",
    );
    refused(
        replace(&|columns| columns[1].storage = 2),
        "column 2 is stored in an unknown way (2)",
    );
    refused(
        replace(&|columns| columns[1].claimed += 1),
        "column 2 claims",
    );
    refused(
        replace(&|columns| columns[1].claimed = u32::MAX),
        "column 2 claims 4294967295 bytes",
    );
    // Columns that are not known are skipped, also many of them, but no more than 16.
    read(replace(&|columns| {
        columns.extend((7..18).map(|number| plain(number, b"?")))
    }))
    .unwrap();
    refused(
        replace(&|columns| columns.extend((7..19).map(|number| plain(number, b"?")))),
        "it claims 17 columns",
    );
    // A birth serial is known, and checked.
    read(replace(&|columns| columns.push(varints(6, &[5, 2])))).unwrap();
    refused(
        replace(&|columns| columns.push(varints(6, &[5]))),
        "column 6 ends before the last record",
    );
    // A body that is longer than its columns.
    let mut blocks = sound();
    blocks[2].columns[4].stored.push(0);
    refused(file(&blocks), "column 5 claims");
}

#[test]
fn unknown_kinds_and_their_contents_are_skipped() {
    let mut blocks = sound();
    blocks.insert(1, block(99, 7, vec![plain(200, b"whatever it is")]));
    let dump = open(file(&blocks)).unwrap();
    assert_eq!(dump.blocks()[1].kind, BlockKind::Unknown(99));
    read(file(&blocks)).unwrap();
    assert_eq!(dump.types().unwrap().len(), 1);
}

#[test]
fn unknown_numbers_are_read_as_the_text_says() {
    let dump = open(with_column(6, plain(1, &[77]))).unwrap();
    assert_eq!(dump.roots().unwrap()[0].kind, RootKind::Native);
    let dump = open(with_column(5, plain(4, &[0x80 | 44]))).unwrap();
    let mut batch = ReferenceBatch::default();
    dump.reference_blocks()
        .next()
        .unwrap()
        .decode(ReferenceColumns::ALL, &mut batch)
        .unwrap();
    assert_eq!(
        (batch.label(0), batch.strength(0)),
        (Label::None, Strength::Weak)
    );
}

#[test]
fn zstd_bombs_and_bad_frames() {
    // A frame of 4 MiB of zeros has some 200 bytes.
    let zeros = vec![0; 4 << 20];
    let mut bomb = zstd(4, &zeros);
    assert!(bomb.stored.len() < 1_000);
    for claimed in [2u32, 20, 21, 4 << 20, u32::MAX] {
        bomb.claimed = claimed;
        let bytes = with_column(4, bomb.clone());
        let (result, peak) = peak(|| read(bytes));
        let error = result.expect_err("a bomb").to_string();
        assert!(
            error.contains("block 2 (objects") && error.contains("column 4"),
            "{error}"
        );
        assert!(peak < 64 << 10, "a claim of {claimed} cost {peak} bytes");
    }
    let mut two_frames = zstd(4, &[1]);
    two_frames.stored.extend(zstd(4, &[1]).stored);
    two_frames.claimed = 2;
    refused(with_column(4, two_frames), "column 4 does not decompress");
    let mut cut = zstd(4, &[1, 1]);
    cut.stored.pop();
    refused(with_column(4, cut), "column 4 does not decompress");
    let mut empty = zstd(4, &[1, 1]);
    empty.stored.clear();
    refused(with_column(4, empty), "column 4 does not decompress");
    read(with_column(4, zstd(4, &[1, 1]))).unwrap();
}

#[test]
fn claims_of_many_records_cost_nothing() {
    for kind in [1, 2, 3, 4, 5, 6, 7] {
        let mut blocks = sound();
        let block = blocks.iter_mut().find(|block| block.kind == kind).unwrap();
        block.records = 65_536;
        let bytes = file(&blocks);
        let (result, peak) = peak(|| read(bytes));
        let error = result.expect_err("too few bytes").to_string();
        let reasons = [
            "ends before the last record",
            "cannot have",
            "do not add up",
        ];
        assert!(
            reasons.iter().any(|reason| error.contains(reason)),
            "{error}"
        );
        assert!(peak < 64 << 10, "kind {kind}: {peak} bytes");
        let block = blocks.iter_mut().find(|block| block.kind == kind).unwrap();
        block.records = 65_537;
        refused(file(&blocks), "65537");
    }
}

/// What zstd can shrink most, and what must be decoded all the same: memory is bounded by the records, a block at a time.
#[test]
fn the_greatest_blocks_cost_what_their_records_need() {
    let mut blocks = sound();
    let zeros = vec![0u8; 65_536];
    blocks[2].records = 65_536;
    blocks[2].columns = (1..=5).map(|number| zstd(number, &zeros)).collect();
    let many = vec![blocks[2].clone(); 50];
    blocks.splice(2..3, many);
    let bytes = file(&blocks);
    let length = bytes.len();
    let (result, peak) = peak(|| read(bytes));
    result.unwrap();
    // Five columns of at most 8 bytes, and one column as it is stored.
    assert!(
        peak < length + 65_536 * (5 * 8 + 10),
        "{peak} bytes for a file of {length}"
    );
}

#[test]
fn too_many_ids() {
    let zeros = vec![0u8; 65_536];
    let mut blocks = sound();
    let types = block(
        3,
        65_536,
        (1..=4).map(|number| zstd(number, &zeros)).collect(),
    );
    blocks.splice(1..2, vec![types; 65_536]);
    let error = open(file(&blocks)).expect_err("2^32 types").to_string();
    assert!(
        error.contains("(types, at offset") && error.contains("32-bit ids"),
        "{error}"
    );
}

#[test]
fn versions_and_shifts() {
    let sound = file(&sound());
    let with_header = |header: Vec<u8>| [&header[..], &sound[32..]].concat();
    let error = open(with_header(header(2, 3)))
        .expect_err("newer")
        .to_string();
    assert!(
        error.contains("version 2.0") && error.contains("up to version 1"),
        "{error}"
    );
    assert!(open(with_header(header(0, 3))).is_err());
    let error = open(with_header(header(1, 13)))
        .expect_err("shift")
        .to_string();
    assert!(
        error.contains("header") && error.contains("address shift of 13"),
        "{error}"
    );
    // A later minor version is readable.
    let mut newer = header(1, 3);
    newer[10] = 9;
    let crc = crc32fast::hash(&newer[..28]);
    newer[28..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(open(with_header(newer)).unwrap().version(), (1, 9));
}

/// Puts an index and a trailer behind some bytes; `make` gets the index's offset.
fn indexed(mut bytes: Vec<u8>, blocks: u32, make: impl FnOnce(u64) -> Block) -> Vec<u8> {
    let at = bytes.len() as u64;
    bytes.extend(make(at).bytes());
    bytes.extend(trailer(at, bytes.len(), blocks));
    bytes
}

#[test]
fn indexes() {
    let one = block(99, 0, vec![]).bytes();
    assert_eq!(one.len(), 40);
    let body = [header(1, 3), one.clone()].concat();
    read(indexed(body.clone(), 2, |_| {
        index(1, 0, &[(32, 40, 99, 0)])
    }))
    .unwrap();

    let refuse = |wanted: &str, blocks: u32, index: &dyn Fn(u64) -> Block| {
        refused(indexed(body.clone(), blocks, index), wanted);
    };
    let back_to_back = "do not lie back to back";
    // A chain that goes round, forward, nowhere.
    refuse(
        "(index, at offset 72) is damaged: the index block before it cannot be at offset 72",
        2,
        &|at| index(1, at, &[(32, 40, 99, 0)]),
    );
    refuse("cannot be at offset 1000", 2, &|_| {
        index(1, 1000, &[(32, 40, 99, 0)])
    });
    refuse("cannot be at offset 8", 2, &|_| {
        index(1, 8, &[(32, 40, 99, 0)])
    });
    refuse("cannot be at offset 32", 2, &|_| {
        index(1, 32, &[(32, 40, 99, 0)])
    });
    // Gaps, overlaps, wrap-arounds.
    refuse(back_to_back, 2, &|_| index(1, 0, &[(33, 39, 99, 0)]));
    refuse(back_to_back, 2, &|_| index(1, 0, &[(32, 39, 99, 0)]));
    refuse(back_to_back, 2, &|_| index(1, 0, &[(32, 41, 99, 0)]));
    refuse(back_to_back, 2, &|_| index(1, 0, &[]));
    refuse(back_to_back, 3, &|_| {
        index(2, 0, &[(32, 40, 99, 0), (32, 40, 99, 0)])
    });
    refuse(back_to_back, 2, &|_| index(1, 0, &[(32, u64::MAX, 99, 0)]));
    refuse(back_to_back, 3, &|_| {
        index(2, 0, &[(32, u64::MAX, 99, 0), (31, 41, 99, 0)])
    });
    // An index that lists itself, or one that lists what is no index as such.
    refuse(back_to_back, 2, &|at| {
        index(1, 0, &[(32, 40, 99, 0), (at, 100, 15, 1)])
    });
    refuse(back_to_back, 2, &|_| index(1, 0, &[(32, 40, 15, 0)]));
    // Numbers.
    refuse("it calls itself block 7", 2, &|_| {
        index(7, 0, &[(32, 40, 99, 0)])
    });
    refuse("there are 3 blocks, the index lists 2", 3, &|_| {
        index(1, 0, &[(32, 40, 99, 0)])
    });
    refuse("has the number 65537", 2, &|_| {
        index(1, 0, &[(32, 40, 99, 65_537)])
    });
    refuse("disagree on its number of records", 2, &|_| {
        index(1, 0, &[(32, 40, 99, 1)])
    });
    refuse("disagree on its kind", 2, &|_| {
        index(1, 0, &[(32, 40, 98, 0)])
    });
    // The index is something else.
    refuse("disagree on its kind", 2, &|_| block(99, 0, vec![]));

    // Two index blocks of which the second forgets the first.
    let first = index(1, 0, &[(32, 40, 99, 0)]).bytes();
    let second_at = 72 + first.len() as u64;
    let both = [
        body.clone(),
        first.clone(),
        Block {
            number: 2,
            ..block(99, 0, vec![])
        }
        .bytes(),
    ]
    .concat();
    let row = [(second_at, 40, 99, 0)];
    read(indexed(both.clone(), 4, |_| index(3, 72, &row))).unwrap();
    refused(
        indexed(both.clone(), 4, |_| index(3, 0, &row)),
        back_to_back,
    );
    refused(
        indexed(both, 4, |_| index(3, 71, &row)),
        "its magic bytes are missing",
    );

    // Trailers.
    let whole = indexed(body, 2, |_| index(1, 0, &[(32, 40, 99, 0)]));
    let without = whole.len() - 32;
    let with_trailer = |trailer: Vec<u8>| [&whole[..without], &trailer[..]].concat();
    for last in [0, 31, without as u64, u64::MAX] {
        refused(
            with_trailer(trailer(last, without, 2)),
            "cannot be at offset",
        );
    }
    refused(
        with_trailer(trailer(72, without + 1, 2)),
        "it says that the file has",
    );
}

/// A block's header must be what the index says, also where the bytes are those of a sound block.
#[test]
fn blocks_that_stand_in_the_wrong_place() {
    let mut bytes = file(&sound());
    let dump = open(bytes.clone()).unwrap();
    let (first, length) = (
        dump.blocks()[0].offset as usize,
        dump.blocks()[0].length as usize,
    );
    let change = |block: Block| {
        let forged = block.bytes();
        assert_eq!(forged.len(), length);
        forged
    };
    let strings = sound()[0].clone();
    bytes[first..first + length].copy_from_slice(&change(Block {
        number: 5,
        ..strings.clone()
    }));
    refused(
        bytes.clone(),
        "block 0 (strings, at offset 32) is damaged: it calls itself block 5",
    );
    bytes[first..first + length].copy_from_slice(&change(Block {
        first: 5,
        ..strings
    }));
    refused(bytes, "its first record has number 5, 0 was expected");
}

/// Files that claim what `recover` would have to make room for.
#[test]
fn recovering_costs_no_more_than_the_file() {
    let mut bytes = header(1, 3);
    let record = |number, first| Block {
        number,
        first,
        ..sound()[1].clone()
    };
    // Types whose numbers leave a gap of four milliards.
    bytes.extend(record(0, 0).bytes());
    bytes.extend(record(1, u64::from(u32::MAX) - 1).bytes());
    bytes.extend(record(2, u64::MAX).bytes());
    let ((dump, damage), peak) =
        peak(|| Dump::recover_bytes(Path::new("test.dump"), bytes).unwrap());
    assert_eq!(
        (dump.blocks().len(), damage.missing.len()),
        (1, 2),
        "{damage}"
    );
    assert!(peak < 64 << 10, "{peak} bytes");
    assert_eq!(dump.types().unwrap().len(), 2);

    // Damaged blocks in great number.
    let mut bytes = header(1, 3);
    for number in 0..20_000 {
        let mut block = Block {
            number,
            ..block(99, 0, vec![])
        }
        .bytes();
        block[20] ^= 1;
        bytes.extend(block);
    }
    let length = bytes.len();
    let ((_, damage), peak) =
        self::peak(|| Dump::recover_bytes(Path::new("test.dump"), bytes).unwrap());
    assert_eq!(damage.bytes_not_read, length as u64 - 32);
    assert!(peak < 4 * length, "{peak} bytes for {length}");
}
