//! Files that are unusual and yet sound: what a reader must skip, ignore or put up with, and what it must read then.

use crate::block::{Block, Column, Storage};
use crate::columns;
use crate::field::{block, entry, header};
use crate::file::{File, Index, Part};
use crate::kind;
use crate::plan::Plan;
use crate::record::{Contents, Module, Object, RawLabel, Reference, Root, Site, Type};
use crate::slow_reader;
use crate::wrong;

/// A file that is unusual and sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Odd {
    /// What is unusual.
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// What it says.
    pub contents: Contents,
}

/// All of them.
pub fn files() -> Vec<Odd> {
    let right = wrong::right();
    let plain = slow_reader::read(&right.build().bytes).expect("the right file is right");
    // Changes that must not change what the file says.
    let same = |name, change: &dyn Fn(&mut File)| {
        let mut file = right.clone();
        change(&mut file);
        Odd {
            name,
            bytes: file.build().bytes,
            contents: plain.clone(),
        }
    };
    let said = |name, contents: Contents, read: Contents| Odd {
        name,
        bytes: contents.bytes(&Plan {
            records_per_block: 4,
            ..Plan::default()
        }),
        contents: read,
    };
    let mut files = vec![
        same("as it is", &|_| ()),
        same("a newer minor version", &|file| {
            file.header.set(header::MINOR, 9)
        }),
        same("reserved bytes are set", &|file| {
            file.header.set(header::RESERVED, u64::MAX);
            file.block(kind::OBJECTS, 1)
                .fields
                .set(block::RESERVED, 0xffff);
            file.block(kind::OBJECTS, 1)
                .fields
                .set(block::RESERVED_2, 0xffff_ffff);
            file.block(kind::OBJECTS, 1)
                .column(1)
                .fields
                .set(entry::RESERVED, 0xffff);
            file.index(0).fields.set(block::RESERVED, 0xffff);
        }),
        same("blocks of unknown kinds", &|file| {
            for (kind, at) in [(12, 0), (0, 3), (255, 5), (14, 5)] {
                file.parts.insert(at, Part::Block(unknown(kind)));
            }
        }),
        same("an unknown block without columns", &|file| {
            file.parts.insert(2, Part::Block(Block::new(99, 0, [])));
        }),
        same("unknown columns", &|file| {
            for kind in kind::OF_RECORDS {
                file.block(kind, 0)
                    .columns
                    .insert(1, Column::new(0, b"new".to_vec()));
                file.block(kind, 0).columns.push(Column::new(200, vec![]));
            }
        }),
        same("sixteen columns", &|file| {
            let columns = &mut file.block(kind::OBJECTS, 0).columns;
            (7..=17).for_each(|number| columns.push(Column::new(number, vec![1, 2, 3])));
        }),
        same("an unknown column of unknown storage", &|file| {
            let mut column = Column::new(99, b"as it will be".to_vec());
            column.fields.set(entry::STORAGE, 7);
            file.block(kind::OBJECTS, 0).columns.push(column);
        }),
        same("an unknown column that is no zstd frame", &|file| {
            let stored = Some(b"no frame".to_vec());
            let column = Column {
                storage: Storage::Zstd,
                stored,
                ..Column::new(99, vec![0; 100])
            };
            file.block(kind::OBJECTS, 0).columns.push(column);
        }),
        same("a frame that demands a window of two gigabytes", &|file| {
            let column = file.block(kind::STRINGS, 1).column(2);
            column.storage = Storage::Zstd;
            column.stored = Some(wide_window(&column.plain));
        }),
        same("columns in another order", &|file| {
            kind::OF_RECORDS
                .iter()
                .for_each(|&kind| file.block(kind, 1).columns.reverse());
        }),
        same("blocks without records", &|file| {
            for (block, at) in [
                (columns::objects(&[], &[], 4), 0),
                (columns::references(&[], 4), 4),
                (columns::strings::<&str>(&[]), 9),
                (columns::types(&[], 4).compressed(), 9),
            ] {
                file.parts.insert(at, Part::Block(block));
            }
        }),
        same("index blocks without entries", &|file| {
            file.parts.insert(0, Part::Index(Index::default()));
            file.parts.push(Part::Index(Index::default()));
            file.parts.push(Part::Index(Index::default()));
        }),
        same("an index after every block", &|file| {
            file.parts.retain(|part| matches!(part, Part::Block(_)));
            let blocks = std::mem::take(&mut file.parts);
            file.parts = blocks
                .into_iter()
                .flat_map(|block| [block, Part::Index(Index::default())])
                .collect();
        }),
        same("a varint that is longer than it need be", &|file| {
            let block = file.block(kind::OBJECTS, 0);
            let last = block.column(4).plain.pop().expect("there are records");
            block.column(4).plain.extend([last | 0x80, 0x80, 0]);
        }),
    ];
    files.extend(
        records(&plain)
            .into_iter()
            .map(|(name, contents, read)| said(name, contents, read)),
    );
    files
}

/// A frame of one raw block which demands a window of 2 GiB (RFC 8878, 3.1.1.1.2: exponent 21).
fn wide_window(plain: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    let block_header = (plain.len() as u32) << 3 | 1;
    frame.extend(&block_header.to_le_bytes()[..3]);
    frame.extend(plain);
    frame
}

/// A block of the future.
fn unknown(kind: u8) -> Block {
    Block::new(
        kind,
        12,
        [
            b"what this means".to_vec(),
            b"only the future knows".to_vec(),
        ],
    )
    .compressed()
}

/// What a file says, and how it must be understood.
fn records(plain: &Contents) -> Vec<(&'static str, Contents, Contents)> {
    let with = |change: &dyn Fn(&mut Contents)| {
        let mut contents = plain.clone();
        change(&mut contents);
        contents
    };
    let as_it_is = |name, contents: Contents| (name, contents.clone(), contents);
    let reference = Reference {
        source: 14,
        target: 0x100,
        ..Reference::default()
    };
    let label = |kind, value| RawLabel { kind, value };
    vec![
        as_it_is("nothing", Contents::default()),
        (
            "labels of unknown kinds",
            with(&|contents| {
                contents.references.push(Reference {
                    label: label(13, 5),
                    weak: true,
                    ..reference
                });
                contents.references.push(Reference {
                    label: label(127, 1 << 40),
                    ..reference
                });
                contents.references.push(Reference {
                    label: label(4, 1),
                    ..reference
                });
                contents.roots.push(Root {
                    kind: 1,
                    label: label(13, 5),
                    ..Root::default()
                });
            }),
            with(&|contents| {
                contents.references.push(Reference {
                    weak: true,
                    ..reference
                });
                contents.references.push(reference);
                contents.references.push(Reference {
                    label: label(4, 1),
                    ..reference
                });
                contents.roots.push(Root {
                    kind: 1,
                    ..Root::default()
                });
            }),
        ),
        (
            "roots of unknown kinds",
            with(&|contents| {
                [0, 7, 255].iter().for_each(|&kind| {
                    contents.roots.push(Root {
                        kind,
                        ..Root::default()
                    })
                })
            }),
            with(&|contents| {
                (0..3).for_each(|_| {
                    contents.roots.push(Root {
                        kind: 6,
                        ..Root::default()
                    })
                })
            }),
        ),
        (
            "unknown flags",
            with(&|contents| {
                contents.types[0].flags = u64::MAX;
                contents.objects[0].flags = 0xfd;
            }),
            with(&|contents| {
                contents.types[0].flags = 3;
                contents.objects[0].flags = 1;
            }),
        ),
        as_it_is(
            "dangling references",
            with(&|contents| {
                contents.references.push(Reference {
                    target: 0xdead_beef,
                    ..reference
                });
                contents.references.push(Reference {
                    target: u64::MAX,
                    label: label(5, u64::MAX),
                    ..reference
                });
            }),
        ),
        as_it_is(
            "two objects at one address",
            with(&|contents| contents.objects.push(contents.objects[0])),
        ),
        as_it_is(
            "the ends of all ranges",
            with(&|contents| {
                contents.types.push(Type {
                    address: u64::MAX,
                    ..contents.types[0]
                });
                contents.objects.push(Object {
                    address: u64::MAX,
                    size: u64::MAX,
                    refcount: u64::MAX,
                    ..contents.objects[0]
                });
                contents.objects.push(Object {
                    address: 0,
                    size: 0,
                    refcount: 0,
                    flags: 0,
                    type_id: 0,
                });
                let (line, depth) = (u64::from(u32::MAX), u64::from(u32::MAX));
                contents.roots.push(Root {
                    kind: 2,
                    line,
                    depth,
                    label: label(8, u64::MAX),
                    target: u64::MAX,
                    ..Root::default()
                });
            }),
        ),
        as_it_is(
            "births",
            with(&|contents| {
                contents.births = (0..15).map(|n| (u64::MAX / 7).wrapping_mul(n)).collect()
            }),
        ),
        as_it_is(
            "values, an empty one and one as long as may be among them",
            with(&|contents| {
                contents.values = vec![(0, String::new()), (1, "猫".repeat(21_845))];
            }),
        ),
        as_it_is(
            "offsets into targets in some blocks only",
            with(&|contents| {
                contents.references.push(Reference {
                    offset: u64::MAX,
                    label: label(12, u64::MAX),
                    ..reference
                });
                contents.roots.push(Root {
                    kind: 5,
                    target: 0x100,
                    offset: 1,
                    ..Root::default()
                });
            }),
        ),
        as_it_is(
            "sites and loaded files at the ends of their ranges",
            with(&|contents| {
                let frames = [u64::MAX, 0, 1 << 63].into_iter().cycle();
                contents.sites[0] = Site {
                    alignment: 63,
                    frames: frames.take(64).collect(),
                };
                contents.modules.push(Module {
                    bias: u64::MAX,
                    first: 1,
                    length: u64::MAX - 1,
                    ..contents.modules[0]
                });
                contents.vtables = vec![(u64::MAX, 0), (0, u64::MAX), (1 << 63, 1 << 63)];
            }),
        ),
        as_it_is(
            "a string as long as may be",
            with(&|contents| contents.strings.push("ß".repeat(32_767) + "x")),
        ),
        as_it_is(
            "a key twice",
            with(&|contents| {
                contents
                    .metadata
                    .push(("key 0".to_owned(), "later".to_owned()))
            }),
        ),
    ]
}
