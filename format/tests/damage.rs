//! Cut-off and damaged files: every one is an error that says where, and what is sound of it can be recovered.

mod support;

use std::path::Path;

use memdump_format::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::*;

/// A dump of some 15 KiB with blocks of every kind and several index blocks.
fn sample() -> (Heap, Vec<u8>) {
    let mut runner = TestRunner::deterministic();
    let mut heap = heap().new_tree(&mut runner).unwrap().current();
    while heap.references.len() < 100
        || heap.faults.is_empty()
        || heap.metadata.is_empty()
        || heap.roots.is_empty()
        || heap.sites.is_empty()
        || heap.modules.is_empty()
        || heap.vtables.is_empty()
    {
        heap = support::heap().new_tree(&mut runner).unwrap().current();
    }
    let limits = Limits {
        objects: 20,
        references: 25,
        records: 8,
        index: 6,
    };
    let bytes = write(&heap, SHIFT, limits);
    let dump = open(bytes.clone()).unwrap();
    let indexes = dump
        .blocks()
        .iter()
        .filter(|block| block.kind == BlockKind::Index)
        .count();
    assert!(
        indexes > 3 && bytes.len() > 5_000,
        "{indexes} index blocks, {} bytes",
        bytes.len()
    );
    (heap, bytes)
}

/// Which part of a whole file has the byte at an offset, as errors call it.
fn place(blocks: &[BlockInfo], offset: usize) -> String {
    let offset = offset as u64;
    match blocks
        .iter()
        .find(|block| (block.offset..block.offset + block.length).contains(&offset))
    {
        Some(block) => format!(
            "block {} ({}, at offset {})",
            block.number, block.kind, block.offset
        ),
        None if offset < 32 => "header".into(),
        None => "trailer".into(),
    }
}

/// 200 places and 2,000 bits, the same in every run.
fn random(count: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    })
}

#[test]
fn a_cut_file_is_called_cut_off_wherever_it_is_cut() {
    let (_, bytes) = sample();
    let dump = open(bytes.clone()).unwrap();
    let borders = dump.blocks().iter().map(|block| block.offset as usize);
    let ends = [0, 1, 31, 32, bytes.len() - 32, bytes.len() - 1];
    for length in borders.chain(ends).chain(random(200, bytes.len())) {
        let error = open(bytes[..length].to_vec()).expect_err("it is cut off");
        let text = error.to_string();
        if length < 32 {
            assert!(
                matches!(error, ReadError::NotADump { .. }),
                "{length}: {text}"
            );
        } else {
            assert!(
                text.contains("cut off") && text.contains("--recover"),
                "{length}: {text}"
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_that_names_the_block() {
    let (_, bytes) = sample();
    let blocks = open(bytes.clone()).unwrap().blocks().to_vec();
    for bit in random(2_000, bytes.len() * 8) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = verify(damaged).expect_err("a bit is wrong").to_string();
        let mut wanted = place(&blocks, bit / 8);
        if let Some(block) = blocks.iter().find(|block| {
            block.kind == BlockKind::Index && wanted.contains(&block.offset.to_string())
        }) {
            // An index block whose header is damaged cannot tell its number.
            wanted = format!("(index, at offset {})", block.offset);
        }
        assert!(
            error.contains(&wanted),
            "bit {bit}: {error}, should name {wanted}"
        );
    }
}

/// What must be left of a heap when only some of a file's blocks are.
fn remains(heap: &Heap, sound: &[BlockInfo]) -> Heap {
    let rest = |kind| {
        let of_kind = sound.iter().filter(move |block| block.kind == kind);
        of_kind
            .flat_map(|block| block.first as usize..block.first as usize + block.records as usize)
    };
    let objects: Vec<usize> = rest(BlockKind::Objects).collect();
    let types: Vec<usize> = rest(BlockKind::Types).collect();
    let lost_type = types.last().map_or(0, |&last| last + 1) as u32;
    let new_id = |old: ObjectId| {
        objects
            .binary_search(&old.index())
            .ok()
            .map(|new| ObjectId(new as u32))
    };
    // Sites keep their numbers, so nothing is known of lost ones.
    let mut sites = Vec::new();
    for place in rest(BlockKind::Sites) {
        sites.resize(place, (0, Vec::new()));
        sites.push(heap.sites[place].clone());
    }
    Heap {
        objects: objects
            .iter()
            .map(|&id| heap.objects[id])
            .map(|object| Object {
                type_id: TypeId(object.type_id.0.min(lost_type)),
                ..object
            })
            .collect(),
        references: rest(BlockKind::References)
            .map(|place| heap.references[place])
            .filter_map(|(source, reference)| Some((new_id(source)?, reference)))
            .collect(),
        types: types.iter().map(|&id| heap.types[id]).collect(),
        strings: rest(BlockKind::Strings)
            .map(|id| heap.strings[id].clone())
            .collect(),
        roots: rest(BlockKind::Roots)
            .map(|place| heap.roots[place])
            .collect(),
        faults: rest(BlockKind::Faults)
            .map(|place| heap.faults[place])
            .collect(),
        metadata: rest(BlockKind::Metadata)
            .map(|place| heap.metadata[place].clone())
            .collect(),
        sites,
        modules: rest(BlockKind::Modules)
            .map(|place| heap.modules[place])
            .collect(),
        vtables: rest(BlockKind::Vtables)
            .map(|place| heap.vtables[place])
            .collect(),
    }
}

/// Recovers a damaged file and checks that exactly the sound blocks are there, with exactly their records.
fn check_recovery(heap: &Heap, damaged: Vec<u8>, sound: Vec<BlockInfo>, what: &str) -> Damage {
    let length = damaged.len() as u64;
    let (dump, damage) = Dump::recover_bytes(Path::new("test.dump"), damaged).unwrap();
    assert_eq!(dump.blocks(), sound, "{what}");
    let read_bytes: u64 = sound.iter().map(|block| block.length).sum();
    let rest = length - 32 - read_bytes;
    assert!(
        rest == damage.bytes_not_read || rest == damage.bytes_not_read + 32,
        "{what}: {damage}"
    );

    let expected = remains(heap, &sound);
    let mut found = Heap {
        roots: dump.roots().unwrap(),
        faults: dump.faults().unwrap(),
        sites: sites_of(&dump).unwrap(),
        modules: dump.modules().unwrap(),
        vtables: dump.vtables().unwrap(),
        ..Heap::default()
    };
    found.metadata = dump
        .metadata()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let mut batch = ObjectBatch::default();
    for block in dump.object_blocks() {
        block.decode(ObjectColumns::ALL, &mut batch).unwrap();
        assert_eq!(block.first().index(), found.objects.len());
        found
            .objects
            .extend((0..block.len()).map(|place| batch.object(place).unwrap()));
    }
    let mut batch = ReferenceBatch::default();
    for block in dump.reference_blocks() {
        block.decode(ReferenceColumns::ALL, &mut batch).unwrap();
        let sources = batch
            .groups
            .iter()
            .flat_map(|group| (0..group.count).map(|_| group.source));
        found.references.extend(
            sources
                .enumerate()
                .map(|(place, source)| (source, batch.reference(place).unwrap())),
        );
        assert_eq!(batch.len(), batch.targets.len());
    }
    // Types and strings keep their ids, so lost ones are there as such.
    let types = dump.types().unwrap();
    assert_eq!(types.len() as u64, dump.counts().types);
    let has = |kind, id: usize| {
        sound.iter().any(|block| {
            block.kind == kind
                && (block.first..block.first + u64::from(block.records)).contains(&(id as u64))
        })
    };
    for (id, record) in types.iter().enumerate() {
        if has(BlockKind::Types, id) {
            assert_eq!(*record, heap.types[id]);
            found.types.push(*record);
        } else {
            assert_eq!(dump.strings().get(record.name).unwrap(), Dump::LOST);
        }
    }
    assert!(
        found
            .objects
            .iter()
            .all(|object| object.type_id.index() < types.len()),
        "{what}"
    );
    for (id, text) in heap.strings.iter().enumerate() {
        let read = dump.strings().get(StringId(id as u32)).unwrap();
        if has(BlockKind::Strings, id) {
            assert_eq!(read, text);
            found.strings.push(read.into());
        } else {
            assert_eq!(read, Dump::LOST);
        }
    }
    assert_eq!(found, expected, "{what}");
    damage
}

#[test]
fn a_whole_file_is_recovered_without_damage() {
    let (heap, bytes) = sample();
    let blocks = open(bytes.clone()).unwrap().blocks().to_vec();
    let damage = check_recovery(&heap, bytes, blocks.clone(), "whole");
    assert!(damage.is_none(), "{damage}");
}

#[test]
fn what_lies_before_the_cut_is_recovered() {
    let (heap, bytes) = sample();
    let blocks = open(bytes.clone()).unwrap().blocks().to_vec();
    let borders = blocks.iter().map(|block| block.offset as usize);
    for length in borders
        .chain(random(200, bytes.len()))
        .filter(|&length| length >= 32)
    {
        let sound = blocks
            .iter()
            .copied()
            .filter(|block| block.offset + block.length <= length as u64)
            .collect();
        let damage = check_recovery(
            &heap,
            bytes[..length].to_vec(),
            sound,
            &format!("cut at {length}"),
        );
        assert!(
            damage
                .index
                .as_ref()
                .is_some_and(|why| why.contains("cut off")),
            "cut at {length}: {damage}"
        );
    }
}

#[test]
fn all_but_the_damaged_block_is_recovered() {
    let (heap, bytes) = sample();
    let blocks = open(bytes.clone()).unwrap().blocks().to_vec();
    for bit in random(500, bytes.len() * 8).filter(|bit| bit / 8 >= 32) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let hit = |block: &BlockInfo| {
            (block.offset..block.offset + block.length).contains(&(bit as u64 / 8))
        };
        let sound = blocks.iter().copied().filter(|block| !hit(block)).collect();
        let damage = check_recovery(&heap, damaged, sound, &format!("bit {bit}"));
        let part = damage.missing.first().expect("something is missing");
        let expected = blocks.iter().find(|block| hit(block));
        assert_eq!(
            part.offset,
            expected.map_or(bytes.len() as u64 - 32, |block| block.offset),
            "bit {bit}"
        );
        assert_eq!(
            part.length,
            expected.map_or(32, |block| block.length),
            "bit {bit}"
        );
        assert_eq!(damage.missing.len(), 1, "bit {bit}: {damage}");
    }
}

#[test]
fn other_files_are_told_apart() {
    let error = |bytes: &[u8]| open(bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(error(b""), "test.dump: is not a dump: it is empty");
    assert_eq!(
        error(b"hello"),
        "test.dump: is not a dump: it is shorter than a dump's header"
    );
    assert_eq!(
        error(&[b'x'; 100]),
        "test.dump: is not a dump: its header does not begin as a dump's does"
    );
    let missing = Dump::open(Path::new("/does/not/exist.dump"))
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("/does/not/exist.dump: cannot be read: No such file"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = Dump::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("it is a directory; name the dumps"),
        "{error}"
    );
}

#[test]
fn a_file_is_mapped_and_read() {
    let (heap, bytes) = sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    std::fs::write(&path, &bytes).unwrap();
    let dump = Dump::open(&path).unwrap();
    assert_eq!(
        (dump.path(), dump.file_len(), dump.version()),
        (path.as_path(), bytes.len() as u64, (1, 0))
    );
    assert_eq!(read(&dump).unwrap(), heap);
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(Dump::open(&path), Err(ReadError::CutOff { .. })));
    assert!(Dump::recover(&path).unwrap().1.bytes_not_read > 0);
}
