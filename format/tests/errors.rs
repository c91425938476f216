//! What a writer refuses, and what it does afterwards.

mod support;

use std::io;

use memdump_format::*;
use support::*;

const OBJECT: Object = Object {
    address: Address(0x1000),
    type_id: TypeId(0),
    size: 16,
    refcount: Some(1),
    flags: ObjectFlags(0),
    serial: None,
};

const REFERENCE: Reference = Reference {
    target: Address(0x1000),
    label: Label::None,
    strength: Strength::Strong,
    offset: 0,
};

/// Takes a number of bytes, then fails.
struct Limited {
    left: usize,
    taken: Vec<u8>,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        self.taken.extend_from_slice(&bytes[..taken]);
        if taken == 0 {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls each method until it fails, at most some times; then all of them must fail for ever.
#[test]
fn a_sink_that_fails_ends_the_dump() {
    let limits = Limits {
        objects: 3,
        references: 3,
        records: 3,
        index: 2,
    };
    for left in [32, 33, 100, 150, 500] {
        let sink = Limited {
            left,
            taken: Vec::new(),
        };
        let mut writer = Writer::with_limits(sink, 3, limits).unwrap();
        let first = (0..100)
            .find_map(|_| writer.object(&OBJECT).err())
            .expect("the sink fails");
        assert!(
            matches!(&first, WriteError::Io(why) if why.kind() == io::ErrorKind::StorageFull),
            "{first}"
        );
        let string = StringId(0);
        let record = Type {
            address: Address(0),
            module: string,
            name: string,
            flags: TypeFlags(0),
        };
        let root = Root {
            kind: RootKind::Native,
            name: None,
            thread: None,
            line: 0,
            depth: 0,
            label: Label::None,
            target: Address(0),
            offset: 0,
        };
        for _ in 0..10 {
            let errors = [
                writer.object(&OBJECT).err(),
                writer.reference(ObjectId(7), &REFERENCE).err(),
                writer.string("x").err(),
                writer.metadata("key", "value").err(),
                writer.define_type(&record).err(),
                writer.root(&root).err(),
                writer
                    .fault(&Fault {
                        address: Address(0),
                        message: string,
                    })
                    .err(),
            ];
            for error in errors {
                assert!(matches!(error, Some(WriteError::Failed)), "{error:?}");
            }
        }
        assert!(writer.bytes_written() <= left as u64);
        assert!(matches!(writer.finish().err(), Some(WriteError::Failed)));
    }
    assert!(matches!(
        Writer::new(
            Limited {
                left: 5,
                taken: Vec::new()
            },
            3
        )
        .err(),
        Some(WriteError::Io(_))
    ));
}

#[test]
fn a_misaligned_address_costs_its_record_only() {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    let odd = Address(0x1001);
    assert!(matches!(
        writer.object(&Object { address: odd, ..OBJECT }).err(),
        Some(WriteError::Misaligned { address, shift: 3 }) if address == odd
    ));
    assert_eq!(writer.object(&OBJECT).unwrap(), ObjectId(0));
    assert!(
        writer
            .reference(
                ObjectId(0),
                &Reference {
                    target: odd,
                    ..REFERENCE
                }
            )
            .is_err()
    );
    writer.reference(ObjectId(0), &REFERENCE).unwrap();
    let name = writer.string("x").unwrap();
    let record = Type {
        address: odd,
        module: name,
        name,
        flags: TypeFlags(0),
    };
    assert!(writer.define_type(&record).is_err());
    writer
        .define_type(&Type {
            address: Address(8),
            ..record
        })
        .unwrap();
    writer
        .fault(&Fault {
            address: Address(0x1007),
            message: name,
        })
        .unwrap();
    let heap = read(&open(writer.finish().unwrap().0).unwrap()).unwrap();
    assert_eq!(
        (heap.objects, heap.references),
        (vec![OBJECT], vec![(ObjectId(0), REFERENCE)])
    );
    assert_eq!(
        heap.faults,
        [Fault {
            address: Address(0x1000),
            message: name
        }]
    );
    assert_eq!(
        heap.types,
        [Type {
            address: Address(8),
            ..record
        }]
    );
}

#[test]
fn sources_may_not_fall() {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    writer.reference(ObjectId(5), &REFERENCE).unwrap();
    writer.reference(ObjectId(5), &REFERENCE).unwrap();
    let error = writer.reference(ObjectId(4), &REFERENCE).err();
    assert!(
        matches!(
            error,
            Some(WriteError::SourceOrder {
                source_object: ObjectId(4),
                last: ObjectId(5)
            })
        ),
        "{error:?}"
    );
    assert!(matches!(
        writer.reference(ObjectId(6), &REFERENCE).err(),
        Some(WriteError::Failed)
    ));
    assert!(matches!(
        writer.object(&OBJECT).err(),
        Some(WriteError::Failed)
    ));
    assert!(matches!(writer.finish().err(), Some(WriteError::Failed)));
}

/// The last source counts across blocks, too.
#[test]
fn sources_may_not_fall_from_block_to_block() {
    let limits = Limits {
        references: 1,
        ..Limits::default()
    };
    let mut writer = Writer::with_limits(Vec::new(), 3, limits).unwrap();
    writer.reference(ObjectId(5), &REFERENCE).unwrap();
    writer.reference(ObjectId(5), &REFERENCE).unwrap();
    assert!(writer.reference(ObjectId(4), &REFERENCE).is_err());
}

#[test]
fn what_was_named_must_have_come() {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    writer.object(&OBJECT).unwrap();
    let error = writer.finish().err();
    assert!(
        matches!(
            error,
            Some(WriteError::NeverWritten {
                what: "type",
                id: 0
            })
        ),
        "{error:?}"
    );

    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    writer.reference(ObjectId(3), &REFERENCE).unwrap();
    let error = writer.finish().err();
    assert!(
        matches!(
            error,
            Some(WriteError::NeverWritten {
                what: "object",
                id: 3
            })
        ),
        "{error:?}"
    );
}

#[test]
fn an_address_shift_has_a_limit() {
    assert!(Writer::new(Vec::new(), 12).is_ok());
    assert!(matches!(
        Writer::new(Vec::new(), 13).err(),
        Some(WriteError::AddressShift(13))
    ));
}

#[test]
fn long_strings_are_cut_between_characters() {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    // 65,535 is no multiple of 2: the cut must fall before the last "ä" that would still fit in part.
    let long = "ä".repeat(40_000);
    writer.string(&long).unwrap();
    writer.string(&long[..65_534]).unwrap();
    writer.string(&"x".repeat(70_000)).unwrap();
    writer.metadata(&long, &long).unwrap();
    let heap = read(&open(writer.finish().unwrap().0).unwrap()).unwrap();
    assert_eq!(
        heap.strings,
        [&long[..65_534], &long[..65_534], &"x".repeat(65_535)]
    );
    assert_eq!(
        heap.metadata,
        [(long[..65_534].to_string(), long[..65_534].to_string())]
    );
}

/// As many texts as fill several blocks by their bytes, not their number.
#[test]
fn blocks_of_long_strings() {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    let texts: Vec<String> = (0..50).map(|id| format!("{id}").repeat(20_000)).collect();
    for text in &texts {
        writer.string(text).unwrap();
        writer.metadata(&text[..10], text).unwrap();
    }
    let dump = open(writer.finish().unwrap().0).unwrap();
    assert!(
        dump.blocks()
            .iter()
            .filter(|block| block.kind == BlockKind::Strings)
            .count()
            > 3
    );
    assert_eq!(read(&dump).unwrap().strings, texts);
}

#[test]
fn later_metadata_overrides_earlier() {
    let mut writer = Writer::with_limits(
        Vec::new(),
        3,
        Limits {
            records: 2,
            ..Limits::default()
        },
    )
    .unwrap();
    for value in ["1", "2", "3"] {
        writer.metadata("a", value).unwrap();
    }
    writer.metadata("b", "").unwrap();
    let metadata = open(writer.finish().unwrap().0)
        .unwrap()
        .metadata()
        .unwrap();
    assert_eq!(metadata.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "")]);
    assert_eq!(
        (metadata.get("a"), metadata.get("b"), metadata.get("c")),
        (Some("3"), Some(""), None)
    );
}

#[test]
fn an_empty_dump_is_whole() {
    let (bytes, counts) = Writer::new(Vec::new(), 0).unwrap().finish().unwrap();
    assert_eq!(counts, Counts::default());
    let dump = open(bytes).unwrap();
    assert_eq!(dump.blocks().len(), 1);
    assert_eq!(read(&dump).unwrap(), Heap::default());
    assert!(dump.strings().get(StringId(0)).is_err());
    dump.verify_block(0).unwrap();
    assert!(matches!(
        dump.verify_block(1),
        Err(ReadError::NoSuchBlock { number: 1, .. })
    ));
}

/// Full blocks, and one object whose references span several of them.
#[test]
fn default_blocks_and_a_hub() {
    let mut writer = Writer::new(Vec::new(), 4).unwrap();
    let name = writer.string("T").unwrap();
    writer
        .define_type(&Type {
            address: Address(0),
            module: name,
            name,
            flags: TypeFlags(0),
        })
        .unwrap();
    let count = 100_000u64;
    for id in 0..count {
        writer
            .object(&Object {
                address: Address(id * 16),
                ..OBJECT
            })
            .unwrap();
    }
    for id in 0..count {
        writer
            .reference(
                ObjectId(1),
                &Reference {
                    target: Address(id * 16),
                    label: Label::Index(id),
                    ..REFERENCE
                },
            )
            .unwrap();
    }
    writer.reference(ObjectId(2), &REFERENCE).unwrap();
    let dump = open(writer.finish().unwrap().0).unwrap();
    assert_eq!(
        dump.object_blocks()
            .map(|block| block.len())
            .collect::<Vec<_>>(),
        [32_768, 32_768, 32_768, 1_696]
    );
    assert_eq!(dump.reference_blocks().len(), 4);
    let heap = read(&dump).unwrap();
    assert!(heap.references[..count as usize].iter().enumerate().all(
        |(place, (source, reference))| {
            *source == ObjectId(1)
                && reference.target.0 == place as u64 * 16
                && reference.label == Label::Index(place as u64)
        }
    ));
    assert_eq!(heap.references[count as usize], (ObjectId(2), REFERENCE));
}
