//! Wrong headers and trailers, and bytes where none belong.

use super::{Blame, Wrong, in_file, right};
use crate::block::Number;
use crate::field::{header, trailer};
use crate::file::{File, Part};
use crate::kind;

pub(super) fn headers() -> Vec<Wrong> {
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

pub(super) fn trailers() -> Vec<Wrong> {
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

/// Bytes where none belong, and files that are hardly any.
pub(super) fn loose() -> Vec<Wrong> {
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
