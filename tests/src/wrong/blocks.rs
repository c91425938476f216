//! Wrong headers of blocks.

use super::{Blame, Wrong, in_block, in_file};
use crate::field::block;
use crate::kind;

pub(super) fn headers() -> Vec<Wrong> {
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
