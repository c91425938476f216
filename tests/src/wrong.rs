//! Files that are not sound, each wrong in one way, with the place that an error must name.

use crate::block::{Block, Number, Storage};
use crate::columns::IndexEntry;
use crate::encode::varint;
use crate::field::{block, entry, header, trailer};
use crate::file::{File, Part};
use crate::heap::Heap;
use crate::kind;

/// Where the fault lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blame {
    /// In the file's header, or in there being none.
    Header,
    /// In the version: the file may be right, but the reader is too old.
    Version,
    /// In the trailer, or in there being none.
    Trailer,
    /// In the block of this number and kind.
    Block(u64, u8),
    /// Between what the index says and what there is: any of the index blocks, the blocks that they list, and the trailer.
    Index,
}

/// A file that is not sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// What an error must name.
    pub blame: Blame,
}

/// The right file of which all others are made: every kind of block at least twice, three index blocks, a group that goes on
/// in the next block.
pub fn right() -> File {
    let mut heap = Heap::new()
        .objects((1..=9).map(|n| n * 0x100), "app.models.SomeRef", 48)
        .object(0x2000, "dict", 232);
    for position in 0..9 {
        heap = heap.refers(0x2000, (position + 1) * 0x100, &format!("[{position}]"));
        heap = heap.refers((position + 1) * 0x100, 0x2000, ".parent");
    }
    for (number, name) in ["list", "tuple", "str", "int", "float"]
        .into_iter()
        .enumerate()
    {
        let address = 0x3000 + 0x100 * number as u64;
        heap = heap
            .object(address, name, 64)
            .module(&format!("app.{name}"), address)
            .fault(address, "unreadable");
        heap = heap.metadata(&format!("key {number}"), name);
    }
    heap.records_per_block(4)
        .blocks_per_index(7)
        .address_shift(4)
        .file()
}

/// All of them.
pub fn files() -> Vec<Wrong> {
    [
        headers(),
        trailers(),
        block_headers(),
        directories(),
        values(),
        ids(),
        indexes(),
        loose(),
    ]
    .concat()
}

/// The right file, changed; the error must name the block that was changed.
fn in_block(name: &str, kind: u8, nth: usize, change: impl FnOnce(&mut Block)) -> Wrong {
    let mut file = right();
    let part = file.parts_of(kind)[nth];
    change(file.block(kind, nth));
    let built = file.build();
    let (number, said_kind) = built.places[part].block.expect("the part is a block");
    Wrong {
        name: format!("{} block: {name}", kind::name(kind)),
        bytes: built.bytes,
        blame: Blame::Block(number, said_kind),
    }
}

fn in_file(name: &str, blame: Blame, change: impl FnOnce(&mut File)) -> Wrong {
    let mut file = right();
    change(&mut file);
    Wrong {
        name: name.to_owned(),
        bytes: file.build().bytes,
        blame,
    }
}

fn headers() -> Vec<Wrong> {
    let wrong = |name, field, value: u64| {
        in_file(name, Blame::Header, |file| file.header.set(field, value))
    };
    let newer = |name, value: u64| {
        in_file(name, Blame::Version, |file| {
            file.header.set(header::MAJOR, value)
        })
    };
    vec![
        wrong(
            "header: another magic",
            header::MAGIC,
            u64::from_le_bytes(*b"JAVA PRO"),
        ),
        wrong("header: checksum", header::CRC, 1),
        wrong("header: address shift 13", header::ADDRESS_SHIFT, 13),
        wrong("header: address shift 64", header::ADDRESS_SHIFT, 64),
        wrong("header: address shift 255", header::ADDRESS_SHIFT, 255),
        newer("header: major version 2", 2),
        newer("header: major version 65,535", 65_535),
    ]
}

fn trailers() -> Vec<Wrong> {
    let wrong = |name, field, number: Number| {
        in_file(name, Blame::Trailer, |file| file.trailer.set(field, number))
    };
    let index = |name, number: Number| {
        in_file(name, Blame::Index, |file| {
            file.trailer.set(trailer::LAST_INDEX, number)
        })
    };
    let indexes = right().parts_of(kind::INDEX);
    let objects = right().parts_of(kind::OBJECTS);
    vec![
        wrong("trailer: another magic", trailer::MAGIC, Number::Exactly(0)),
        wrong("trailer: checksum", trailer::CRC, Number::Exactly(1)),
        wrong(
            "trailer: file length 0",
            trailer::FILE_LENGTH,
            Number::Exactly(0),
        ),
        wrong(
            "trailer: file length beyond the end",
            trailer::FILE_LENGTH,
            Number::Exactly(u64::MAX),
        ),
        index("trailer: no index", Number::Exactly(0)),
        index("trailer: index in the header", Number::Exactly(8)),
        index("trailer: index beyond the file", Number::Exactly(u64::MAX)),
        index(
            "trailer: index at the very end of numbers",
            Number::Exactly(u64::MAX - 39),
        ),
        index(
            "trailer: index in the trailer",
            Number::EndOf(right().parts.len() - 1),
        ),
        index(
            "trailer: index is a block of objects",
            Number::StartOf(objects[0]),
        ),
        index(
            "trailer: index is not the last one",
            Number::StartOf(indexes[0]),
        ),
        in_file("trailer: no blocks", Blame::Index, |file| {
            file.trailer.set(trailer::BLOCKS, 0)
        }),
        in_file("trailer: too many blocks", Blame::Index, |file| {
            file.trailer.set(trailer::BLOCKS, u64::from(u32::MAX))
        }),
    ]
}

fn block_headers() -> Vec<Wrong> {
    let mut files = Vec::new();
    for kind in kind::OF_RECORDS {
        // The index and the numbers of later records follow, so that nothing else is wrong.
        let mut counted = |name, change: &dyn Fn(u64) -> u64| {
            files.push(in_block(name, kind, 1, |block| {
                block.records = change(block.records);
            }));
        };
        counted("no records", &|_| 0);
        counted("one record more than the columns hold", &|right| right + 1);
        counted("one record fewer than the columns hold", &|right| right - 1);
        counted("as many records as a block may have", &|_| 65_536);
        for (name, records) in [
            ("more records than a block may have", 65_537),
            ("four billion records", u64::from(u32::MAX)),
        ] {
            // The index has this number, too, and may be found out first.
            let name = format!("{} block: {name}", kind::name(kind));
            files.push(in_file(&name, Blame::Index, |file| {
                file.block(kind, 1).records = records
            }));
        }
        let mut wrong = |name, field, value: u64| {
            files.push(in_block(name, kind, 1, |block| {
                block.fields.set(field, value)
            }));
        };
        wrong("another magic", block::MAGIC, 0);
        wrong("checksum of the header", block::CRC, 1);
        wrong("checksum of the body", block::BODY_CRC, 1);
        wrong("number", block::NUMBER, 77);
        wrong("first record 0", block::FIRST, 0);
        wrong("first record too high", block::FIRST, 1_000);
        wrong("first record at the end of numbers", block::FIRST, u64::MAX);
        wrong("no body", block::BODY_LENGTH, 0);
        wrong("body cut short", block::BODY_LENGTH, 20);
        wrong(
            "body of 16 MiB and one byte",
            block::BODY_LENGTH,
            (16 << 20) + 1,
        );
        wrong(
            "body of four gigabytes",
            block::BODY_LENGTH,
            u64::from(u32::MAX),
        );
        wrong("no columns", block::COLUMNS, 0);
        wrong("one column fewer", block::COLUMNS, 1);
        wrong("17 columns", block::COLUMNS, 17);
        wrong("255 columns", block::COLUMNS, 255);
        files.push(in_block("bytes behind the last column", kind, 0, |block| {
            block.tail.push(0)
        }));
    }
    files.push(in_block(
        "is said to hold strings",
        kind::OBJECTS,
        0,
        |block| {
            block.kind = kind::STRINGS;
        },
    ));
    files.push(in_file(
        "objects block: is said to be an index",
        Blame::Index,
        |file| {
            file.block(kind::OBJECTS, 0).kind = kind::INDEX;
        },
    ));
    files
}

fn directories() -> Vec<Wrong> {
    let mut files = Vec::new();
    for kind in kind::OF_RECORDS {
        for number in right()
            .block(kind, 0)
            .columns
            .iter()
            .map(|column| column.number)
        {
            let mut wrong = |name: &str, change: &dyn Fn(&mut Block)| {
                files.push(in_block(
                    &format!("column {number}: {name}"),
                    kind,
                    0,
                    |block| change(block),
                ));
            };
            let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).expect("memory suffices");
            let stored = move |bytes: Vec<u8>| {
                move |block: &mut Block| {
                    let column = block.column(number);
                    column.storage = Storage::Zstd;
                    column.stored = Some(bytes.clone());
                }
            };
            wrong("is missing", &|block| {
                block.columns.retain(|column| column.number != number)
            });
            wrong("comes twice", &|block| {
                let again = block.column(number).clone();
                block.columns.push(again);
            });
            wrong("unknown storage", &|block| {
                block.column(number).fields.set(entry::STORAGE, 2)
            });
            wrong("stored length of four gigabytes", &|block| {
                block
                    .column(number)
                    .fields
                    .set(entry::STORED_LENGTH, u64::from(u32::MAX));
            });
            wrong("stored length 0", &|block| {
                block.column(number).fields.set(entry::STORED_LENGTH, 0)
            });
            wrong("plain length of four gigabytes", &|block| {
                block
                    .column(number)
                    .fields
                    .set(entry::PLAIN_LENGTH, u64::from(u32::MAX));
            });
            wrong("plain length of 4 MiB and one byte", &|block| {
                block
                    .column(number)
                    .fields
                    .set(entry::PLAIN_LENGTH, (4 << 20) + 1);
            });
            wrong("plain length of 4 MiB", &|block| {
                block
                    .column(number)
                    .fields
                    .set(entry::PLAIN_LENGTH, 4 << 20)
            });
            wrong("plain length 0", &|block| {
                block.column(number).fields.set(entry::PLAIN_LENGTH, 0)
            });
            wrong("not stored as it is", &|block| {
                let column = block.column(number);
                column.storage = Storage::Plain;
                column
                    .fields
                    .set(entry::PLAIN_LENGTH, column.plain.len() as u64 + 1);
            });
            let plain = right().block(kind, 0).column(number).plain.clone();
            wrong("no zstd frame at all", &stored(Vec::new()));
            wrong(
                "garbage instead of zstd",
                &stored(b"this is no frame, and never was".to_vec()),
            );
            wrong("half a zstd frame", &stored(zstd(&plain)[..8].to_vec()));
            wrong(
                "bytes behind the zstd frame",
                &stored([zstd(&plain), vec![0]].concat()),
            );
            let (one, two) = plain.split_at(plain.len() / 2);
            wrong("two zstd frames", &stored([zstd(one), zstd(two)].concat()));
            wrong(
                "a skippable frame before",
                &stored([b"\x50\x2a\x4d\x18\x01\0\0\0x".to_vec(), zstd(&plain)].concat()),
            );
            wrong("a bomb", &stored(bomb()));
            wrong("an honest bomb", &|block| {
                stored(bomb())(block);
                block
                    .column(number)
                    .fields
                    .set(entry::PLAIN_LENGTH, BOMB_BYTES as u64);
            });
            wrong("a bomb within the limit", &|block| {
                stored(bomb())(block);
                block
                    .column(number)
                    .fields
                    .set(entry::PLAIN_LENGTH, 4 << 20);
            });
            wrong("a byte behind the last record", &|block| {
                block.column(number).plain.push(0)
            });
            wrong("a byte too few", &|block| {
                block.column(number).plain.truncate(plain.len() - 1)
            });
            wrong("empty", &|block| block.column(number).plain.clear());
        }
    }
    files
}

const BOMB_BYTES: usize = 256 << 20;

/// A few kilobytes that become 256 MiB of zeros.
fn bomb() -> Vec<u8> {
    use std::sync::OnceLock;
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| zstd::bulk::compress(&vec![0; BOMB_BYTES], 3).expect("memory suffices"))
        .clone()
}

/// The column of each kind that holds varints and nothing else, none of which may be skipped.
fn varint_columns() -> impl Iterator<Item = (u8, u8)> {
    const ALL: [(u8, &[u8]); 7] = [
        (kind::METADATA, &[1, 3]),
        (kind::STRINGS, &[1]),
        (kind::TYPES, &[1, 2, 3, 4]),
        (kind::OBJECTS, &[1, 2, 3, 4]),
        (kind::REFERENCES, &[1, 2, 3, 5]),
        (kind::ROOTS, &[2, 3, 4, 5, 7, 8]),
        (kind::FAULTS, &[1, 2]),
    ];
    ALL.into_iter()
        .flat_map(|(kind, columns)| columns.iter().map(move |&column| (kind, column)))
}

fn values() -> Vec<Wrong> {
    let mut files = Vec::new();
    for (kind, number) in varint_columns() {
        let mut wrong = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
            files.push(in_block(
                &format!("column {number}: {name}"),
                kind,
                0,
                |block| {
                    change(&mut block.column(number).plain);
                },
            ));
        };
        // The last value is replaced: all varints of the right file take one byte or two.
        let replace_last = |bytes: &mut Vec<u8>, with: &[u8]| {
            let start = bytes[..bytes.len() - 1]
                .iter()
                .rposition(|byte| *byte < 0x80)
                .map_or(0, |at| at + 1);
            bytes.truncate(start);
            bytes.extend(with);
        };
        wrong("a varint of eleven bytes", &|bytes| {
            replace_last(
                bytes,
                &[0x80; 10].into_iter().chain([0]).collect::<Vec<_>>(),
            )
        });
        wrong("a varint of 65 bits", &|bytes| {
            replace_last(bytes, &[0xff; 9].into_iter().chain([2]).collect::<Vec<_>>())
        });
        wrong("a varint of 70 bits", &|bytes| {
            replace_last(
                bytes,
                &[0xff; 9].into_iter().chain([0x7f]).collect::<Vec<_>>(),
            )
        });
        wrong("a varint without end", &|bytes| {
            replace_last(bytes, &[0xff])
        });
        wrong("nothing but continuation", &|bytes| *bytes = vec![0xff; 64]);
    }
    files.push(in_block("not UTF-8", kind::STRINGS, 0, |block| {
        block.column(2).plain[0] = 0xff
    }));
    files.push(in_block("not UTF-8 in a key", kind::METADATA, 0, |block| {
        block.column(2).plain[0] = 0xff
    }));
    files.push(in_block(
        "not UTF-8 in a value",
        kind::METADATA,
        0,
        |block| block.column(4).plain[0] = 0xff,
    ));
    files.push(in_block(
        "a string of 65,536 bytes",
        kind::STRINGS,
        1,
        |block| {
            *block = crate::columns::strings(&["x".repeat(65_536).as_str(), "a", "b", "c"]);
        },
    ));
    files.push(in_block(
        "a character across two strings",
        kind::STRINGS,
        1,
        |block| {
            *block = crate::columns::strings(&[&b"\xc3"[..], b"\x9f", b"c", b"d"]);
        },
    ));
    files
}

/// Replaces a column of varints.
fn with_varints(name: &str, kind: u8, nth: usize, number: u8, values: &[u64]) -> Wrong {
    in_block(name, kind, nth, |block| {
        let column = &mut block.column(number).plain;
        column.clear();
        values.iter().for_each(|value| varint(column, *value));
    })
}

fn ids() -> Vec<Wrong> {
    const BEYOND: u64 = 1 << 32;
    vec![
        with_varints(
            "a type id without a type",
            kind::OBJECTS,
            0,
            1,
            &[0, 0, 0, 99],
        ),
        with_varints(
            "the type id after the last",
            kind::OBJECTS,
            0,
            1,
            &[0, 0, 0, 7],
        ),
        with_varints(
            "a type id of 33 bits",
            kind::OBJECTS,
            0,
            1,
            &[0, 0, 0, BEYOND],
        ),
        with_varints(
            "a type id of 64 bits",
            kind::OBJECTS,
            0,
            1,
            &[0, 0, 0, u64::MAX],
        ),
        with_varints(
            "a source without an object",
            kind::REFERENCES,
            3,
            1,
            &[9, 1_000],
        ),
        with_varints(
            "a source of 33 bits",
            kind::REFERENCES,
            0,
            1,
            &[0, 1, 1, BEYOND],
        ),
        with_varints(
            "sources that add up to more than 64 bits",
            kind::REFERENCES,
            0,
            1,
            &[0, 1, 1, u64::MAX],
        ),
        with_varints("a source twice", kind::REFERENCES, 0, 1, &[0, 1, 0, 1]),
        with_varints(
            "sources that fall from block to block",
            kind::REFERENCES,
            1,
            1,
            &[0, 1, 1, 1],
        ),
        with_varints("an empty group", kind::REFERENCES, 0, 2, &[1, 2, 0, 1]),
        with_varints(
            "groups with too many references",
            kind::REFERENCES,
            0,
            2,
            &[1, 1, 1, 2],
        ),
        with_varints(
            "groups with too few references",
            kind::REFERENCES,
            0,
            2,
            &[1, 1, 1],
        ),
        with_varints(
            "a group of 64 bits",
            kind::REFERENCES,
            0,
            2,
            &[1, 1, 1, u64::MAX],
        ),
        with_varints(
            "groups that add up to more than 64 bits",
            kind::REFERENCES,
            0,
            2,
            &[u64::MAX, 2, 1, 2],
        ),
        with_varints(
            "a module without a string",
            kind::TYPES,
            0,
            2,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a name without a string",
            kind::TYPES,
            0,
            3,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a message without a string",
            kind::FAULTS,
            0,
            2,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a root's name without a string",
            kind::ROOTS,
            0,
            2,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a thread's name without a string",
            kind::ROOTS,
            0,
            3,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a label without a string",
            kind::REFERENCES,
            0,
            5,
            &[2_000, 0, 0, 0],
        ),
        with_varints(
            "a module's string id of 33 bits",
            kind::TYPES,
            0,
            2,
            &[0, 0, 0, BEYOND],
        ),
        with_varints(
            "a name's string id of 33 bits",
            kind::TYPES,
            0,
            3,
            &[0, 0, 0, BEYOND],
        ),
        with_varints(
            "a message's string id of 33 bits",
            kind::FAULTS,
            0,
            2,
            &[0, 0, 0, BEYOND],
        ),
        with_varints(
            "a root's string id of 33 bits",
            kind::ROOTS,
            0,
            2,
            &[0, 0, 0, BEYOND + 1],
        ),
        with_varints(
            "a name's string id of 64 bits",
            kind::ROOTS,
            0,
            2,
            &[0, 0, 0, u64::MAX],
        ),
        with_varints(
            "a thread's string id of 33 bits",
            kind::ROOTS,
            0,
            3,
            &[0, 0, 0, BEYOND + 1],
        ),
        with_varints(
            "lengths that add up to more than the bytes",
            kind::STRINGS,
            0,
            1,
            &[1, 1, 1, 60_000],
        ),
        with_varints(
            "lengths that add up to more than 64 bits",
            kind::STRINGS,
            0,
            1,
            &[1, 1, u64::MAX, 2],
        ),
        with_varints(
            "lengths of keys that add up to more than 64 bits",
            kind::METADATA,
            0,
            1,
            &[1, 1, u64::MAX, 2],
        ),
        with_varints(
            "a value longer than all of them",
            kind::METADATA,
            0,
            3,
            &[1, 1, 1, 1 << 40],
        ),
    ]
}

fn indexes() -> Vec<Wrong> {
    let mut files = Vec::new();
    let indexes = right().parts_of(kind::INDEX);
    let mut chain = |name: &str, nth: usize, number: Number| {
        files.push(in_file(
            &format!("index chain: {name}"),
            Blame::Index,
            |file| {
                file.index(nth).fields.set(block::FIRST, number);
            },
        ));
    };
    chain("an index points to itself", 1, Number::StartOf(indexes[1]));
    chain(
        "the first index points to itself",
        0,
        Number::StartOf(indexes[0]),
    );
    chain(
        "two indexes point to one another",
        0,
        Number::StartOf(indexes[1]),
    );
    chain(
        "the first points to the last",
        0,
        Number::StartOf(*indexes.last().expect("there are some")),
    );
    chain("one is left out", 2, Number::StartOf(indexes[0]));
    chain("it breaks off", 1, Number::Exactly(0));
    chain(
        "leads into a block of objects",
        1,
        Number::StartOf(right().parts_of(kind::OBJECTS)[0]),
    );
    chain("leads behind the file", 1, Number::Exactly(1 << 40));
    chain("leads to the end of numbers", 1, Number::Exactly(u64::MAX));
    chain("leads into the header", 1, Number::Exactly(1));
    chain("leads between blocks", 1, Number::Exactly(33));

    let mut entries = |name: &str, change: &dyn Fn(&mut Vec<IndexEntry>)| {
        files.push(in_file(
            &format!("index entries: {name}"),
            Blame::Index,
            |file| {
                let mut entries = file.entries(1);
                change(&mut entries);
                file.index(1).entries = Some(entries);
            },
        ));
    };
    entries("one is missing", &|list| _ = list.remove(2));
    entries("the last is missing", &|list| _ = list.pop());
    entries("there are none", &|list| list.clear());
    entries("one comes twice", &|list| list.insert(2, list[2]));
    entries("two are swapped", &|list| list.swap(1, 2));
    entries("one offset is a byte too low", &|list| list[2].offset -= 1);
    entries("one offset is a byte too high", &|list| list[2].offset += 1);
    entries("one offset is beyond the file", &|list| {
        list[2].offset = 1 << 50
    });
    entries("one offset is at the end of numbers", &|list| {
        list[2].offset = u64::MAX
    });
    entries("one offset is 0", &|list| list[0].offset = 0);
    entries("one length is 0", &|list| list[2].length = 0);
    entries("one length is a byte too short", &|list| {
        list[2].length -= 1
    });
    entries("one length is a byte too long", &|list| list[2].length += 1);
    entries("one length is at the end of numbers", &|list| {
        list[2].length = u64::MAX
    });
    entries("one block swallows the next", &|list| {
        list[2].length += list[3].length;
        list.remove(3);
    });
    entries("two blocks overlap", &|list| list[2].length += 10);
    entries("a block of the index before is listed again", &|list| {
        list[0] = right().entries(0)[0]
    });
    entries("one kind is another", &|list| {
        list[2].kind = if list[2].kind == 4 { 5 } else { 4 }
    });
    entries("one kind is an index", &|list| list[2].kind = kind::INDEX);
    entries("one has fewer records", &|list| list[2].records -= 1);
    entries("one has more records", &|list| list[2].records += 1);
    entries("one has records up to the end of numbers", &|list| {
        list[2].records = u64::MAX
    });

    for (name, field, value) in [
        ("another magic", block::MAGIC, 0),
        ("checksum of the header", block::CRC, 1),
        ("checksum of the body", block::BODY_CRC, 1),
        ("number", block::NUMBER, 77),
        ("one record more", block::RECORDS, 8),
        ("one record fewer", block::RECORDS, 6),
        ("four billion records", block::RECORDS, u64::from(u32::MAX)),
        ("no body", block::BODY_LENGTH, 0),
        (
            "body of four gigabytes",
            block::BODY_LENGTH,
            u64::from(u32::MAX),
        ),
        ("no columns", block::COLUMNS, 0),
        ("255 columns", block::COLUMNS, 255),
        ("kind", block::KIND, 16),
    ] {
        files.push(in_file(
            &format!("index block: {name}"),
            Blame::Index,
            |file| file.index(1).fields.set(field, value),
        ));
    }
    files
}

/// Bytes where none belong, and files that are hardly any.
fn loose() -> Vec<Wrong> {
    let whole = |name: &str, bytes: &[u8], blame| Wrong {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        blame,
    };
    let built = right().build().bytes;
    vec![
        whole("an empty file", &[], Blame::Header),
        whole("one byte", &built[..1], Blame::Header),
        whole("31 bytes", &built[..31], Blame::Header),
        whole("a header alone", &built[..32], Blame::Trailer),
        whole(
            "a header and half a trailer",
            &File::default().build().bytes[..48],
            Blame::Trailer,
        ),
        whole(
            "a header and a trailer",
            &File::default().build().bytes,
            Blame::Index,
        ),
        whole("a trailer alone", &built[built.len() - 32..], Blame::Header),
        in_file("a byte behind the trailer", Blame::Trailer, |file| {
            file.tail.push(0)
        }),
        in_file("the trailer twice", Blame::Trailer, |file| {
            let bytes = file.build().bytes;
            file.tail = bytes[bytes.len() - 32..].to_vec();
        }),
        in_file("bytes before the trailer", Blame::Index, |file| {
            file.parts.push(Part::Bytes(vec![0; 7]))
        }),
        in_file("bytes between blocks", Blame::Index, |file| {
            file.parts.insert(3, Part::Bytes(vec![0; 7]))
        }),
        in_file("bytes behind the header", Blame::Index, |file| {
            file.parts.insert(0, Part::Bytes(vec![0; 64]))
        }),
        in_file("a block behind the last index", Blame::Index, |file| {
            let block = file.parts[0].clone();
            file.parts.push(block);
        }),
        in_file("no index at all", Blame::Index, |file| {
            file.parts.retain(|part| matches!(part, Part::Block(_)))
        }),
    ]
}
