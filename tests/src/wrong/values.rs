//! Columns whose values are wrong: varints, texts, ids, groups.

use super::{Wrong, in_block};
use crate::columns;
use crate::encode::varint;
use crate::kind;
use crate::record::Site;

/// The column of each kind that holds varints and nothing else, none of which may be skipped.
fn varint_columns() -> impl Iterator<Item = (u8, u8)> {
    const ALL: [(u8, &[u8]); 11] = [
        (kind::METADATA, &[1, 3]),
        (kind::STRINGS, &[1]),
        (kind::TYPES, &[1, 2, 3, 4]),
        (kind::OBJECTS, &[1, 2, 3, 4]),
        (kind::REFERENCES, &[1, 2, 3, 5]),
        (kind::ROOTS, &[2, 3, 4, 5, 7, 8]),
        (kind::FAULTS, &[1, 2]),
        (kind::VALUES, &[1, 2]),
        (kind::SITES, &[2, 3]),
        (kind::MODULES, &[1, 2, 3, 4, 5]),
        (kind::VTABLES, &[1, 2]),
    ];
    ALL.into_iter()
        .flat_map(|(kind, columns)| columns.iter().map(move |&column| (kind, column)))
}

pub(super) fn values() -> Vec<Wrong> {
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
        "not UTF-8 in what an object held",
        kind::VALUES,
        0,
        |block| block.column(3).plain[0] = 0xff,
    ));
    files.push(in_block(
        "what an object held in 65,536 bytes",
        kind::VALUES,
        1,
        |block| {
            *block = crate::columns::values(&[(14, "x".repeat(65_536))]);
        },
    ));
    files.push(in_block(
        "a character across what two objects held",
        kind::VALUES,
        0,
        |block| block.column(3).plain[3..5].copy_from_slice(b"\xc3\x9f"),
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

pub(super) fn ids() -> Vec<Wrong> {
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
        with_varints("a value of no object", kind::VALUES, 1, 1, &[1_000]),
        with_varints(
            "a value of an object of 33 bits",
            kind::VALUES,
            0,
            1,
            &[10, 1, 1, BEYOND],
        ),
        with_varints(
            "objects of values that add up to more than 64 bits",
            kind::VALUES,
            0,
            1,
            &[10, 1, 1, u64::MAX],
        ),
        with_varints(
            "an object with values in two blocks",
            kind::VALUES,
            1,
            1,
            &[13],
        ),
        with_varints(
            "lengths of values that add up to more than the bytes",
            kind::VALUES,
            0,
            2,
            &[4, 4, 4, 5],
        ),
        with_varints(
            "lengths of values that add up to more than 64 bits",
            kind::VALUES,
            0,
            2,
            &[4, 4, u64::MAX, 5],
        ),
        with_varints(
            "an object with two values",
            kind::VALUES,
            0,
            1,
            &[10, 1, 0, 1],
        ),
        in_block("more sites than types", kind::SITES, 1, |block| {
            *block = columns::sites(&vec![Site::default(); 4]);
        }),
        with_varints("a site with 65 frames", kind::SITES, 0, 2, &[65, 1, 1, 1]),
        with_varints(
            "a number of frames of 64 bits",
            kind::SITES,
            0,
            2,
            &[2, 2, 2, u64::MAX],
        ),
        with_varints(
            "a loaded file that ends beyond 64 bits",
            kind::MODULES,
            0,
            3,
            &[0x1000, 0x1000, 0x1000, u64::MAX - 0x6fff],
        ),
        with_varints(
            "a path without a string",
            kind::MODULES,
            0,
            4,
            &[0, 0, 0, 1_000],
        ),
        with_varints(
            "a build id of 33 bits",
            kind::MODULES,
            0,
            5,
            &[0, 0, 0, BEYOND],
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
