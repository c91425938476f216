//! Wrong index blocks: chains that do not lead back, entries that do not fit the blocks.

use super::{Blame, Wrong, in_file, right};
use crate::block::Number;
use crate::columns::IndexEntry;
use crate::field::block;
use crate::kind;

pub(super) fn indexes() -> Vec<Wrong> {
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
