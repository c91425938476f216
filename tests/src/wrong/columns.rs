//! Wrong column directories, and columns that do not unpack.

use super::{Wrong, in_block, right};
use crate::block::{Block, Storage};
use crate::field::entry;
use crate::kind;

pub(super) fn directories() -> Vec<Wrong> {
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
