//! FORMAT.md as a reader, word for word and without any cleverness: what the real reader and writer are checked against.
//!
//! It reads whole files only, one value at a time, and holds all of it in memory.

mod block;
mod records;
mod values;

use std::fmt;

use crate::columns::IndexEntry;
use crate::encode::crc;
use crate::field::{header, trailer};
use crate::kind;
use crate::record::{Contents, RawLabel};
use block::RawBlock;

/// Why a file is not sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsound {
    /// Number and kind of the block, if it lies in one.
    pub block: Option<(u64, u8)>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Some((number, kind)) => {
                write!(f, "block {number} ({}): {}", kind::name(kind), self.why)
            }
            None => write!(f, "{}", self.why),
        }
    }
}

impl std::error::Error for Unsound {}

/// What is wrong, before it is known where.
type Checked<T> = Result<T, String>;

fn require(sound: bool, why: &str) -> Checked<()> {
    if sound { Ok(()) } else { Err(why.to_owned()) }
}

/// Reads a whole file, and checks all that FORMAT.md says of one.
pub fn read(bytes: &[u8]) -> Result<Contents, Unsound> {
    let outside = |why| Unsound { block: None, why };
    let shift = read_header(bytes).map_err(outside)?;
    let (last_index, count) = read_trailer(bytes).map_err(outside)?;
    let blocks = block::read_all(&bytes[..bytes.len() - trailer::LENGTH])?;
    require(
        blocks.len() as u64 == count,
        "the trailer's number of blocks is wrong",
    )
    .map_err(outside)?;
    check_index(&blocks, last_index)?;
    let contents = decode_all(&blocks, shift)?;
    check_ids(&blocks, &contents)?;
    Ok(contents)
}

fn decode_all(blocks: &[RawBlock<'_>], shift: u8) -> Result<Contents, Unsound> {
    let mut contents = Contents::default();
    for block in blocks {
        records::decode(block, shift, &mut contents).map_err(|why| at(block, why))?;
    }
    Ok(contents)
}

fn at(block: &RawBlock<'_>, why: String) -> Unsound {
    Unsound {
        block: Some((block.number, block.kind)),
        why,
    }
}

fn read_header(bytes: &[u8]) -> Checked<u8> {
    require(bytes.len() >= header::LENGTH, "shorter than a header")?;
    require(
        header::MAGIC.get(bytes) == header::MAGIC_VALUE,
        "not a dump: wrong magic",
    )?;
    require(
        header::CRC.get(bytes) == crc(&bytes[..header::CRC.at]),
        "the header's checksum is wrong",
    )?;
    require(header::MAJOR.get(bytes) <= 1, "a newer major version")?;
    // The text has no version 0, and so no meaning for what such a file holds.
    require(header::MAJOR.get(bytes) == 1, "an unknown major version")?;
    let shift = header::ADDRESS_SHIFT.get(bytes);
    require(shift <= 12, "the address shift is above 12")?;
    Ok(shift as u8)
}

fn read_trailer(bytes: &[u8]) -> Checked<(u64, u64)> {
    require(
        bytes.len() >= header::LENGTH + trailer::LENGTH,
        "no room for a trailer",
    )?;
    let end = &bytes[bytes.len() - trailer::LENGTH..];
    require(
        trailer::MAGIC.get(end) == trailer::MAGIC_VALUE,
        "no trailer: the file is cut off",
    )?;
    require(
        trailer::CRC.get(end) == crc(&end[..trailer::CRC.at]),
        "the trailer's checksum is wrong",
    )?;
    require(
        trailer::FILE_LENGTH.get(end) == bytes.len() as u64,
        "the trailer's file length is wrong",
    )?;
    Ok((trailer::LAST_INDEX.get(end), trailer::BLOCKS.get(end)))
}

/// Follows the chain of index blocks back from the trailer, and compares what they list with the blocks that there are.
fn check_index(blocks: &[RawBlock<'_>], last_index: u64) -> Result<(), Unsound> {
    let outside = |why: &str| Unsound {
        block: None,
        why: why.to_owned(),
    };
    let last = blocks.last().ok_or_else(|| outside("no blocks"))?;
    if last.kind != kind::INDEX || last.offset != last_index {
        return Err(outside(
            "the trailer does not point to an index block that is the last block",
        ));
    }
    let mut unlisted = Vec::new();
    let mut previous_index = 0;
    for block in blocks {
        if block.kind != kind::INDEX {
            let (kind, records) = (block.kind, block.records);
            unlisted.push(IndexEntry {
                offset: block.offset,
                length: block.length,
                kind,
                records,
            });
            continue;
        }
        let sound = require(
            block.first == previous_index,
            "does not point to the previous index block",
        )
        .and_then(|()| records::decode_index(block))
        .and_then(|listed| {
            require(
                listed == unlisted,
                "does not list the blocks since the previous one",
            )
        });
        sound.map_err(|why| at(block, why))?;
        unlisted.clear();
        previous_index = block.offset;
    }
    Ok(())
}

/// Every id must have a record, which may come later in the file than the block that names it.
fn check_ids(blocks: &[RawBlock<'_>], contents: &Contents) -> Result<(), Unsound> {
    let (types, objects) = (contents.types.len() as u64, contents.objects.len() as u64);
    let is_string = |id: u64| id < contents.strings.len() as u64;
    let is_label = |label: &RawLabel| !label.names_a_string() || is_string(label.value);
    for block in blocks {
        let records = block.first as usize..(block.first + block.records) as usize;
        let sound = match block.kind {
            kind::TYPES => contents.types[records]
                .iter()
                .all(|one| is_string(one.module) && is_string(one.name)),
            kind::OBJECTS => contents.objects[records]
                .iter()
                .all(|one| one.type_id < types),
            kind::REFERENCES => contents.references[records]
                .iter()
                .all(|one| one.source < objects && is_label(&one.label)),
            kind::ROOTS => contents.roots[records].iter().all(|one| {
                is_label(&one.label) && one.name.into_iter().chain(one.thread).all(is_string)
            }),
            kind::FAULTS => contents.faults[records]
                .iter()
                .all(|one| is_string(one.message)),
            kind::SITES => block.first + block.records <= types,
            kind::MODULES => contents.modules[records]
                .iter()
                .all(|one| is_string(one.path) && is_string(one.build_id)),
            _ => true,
        };
        require(sound, "names an id without a record").map_err(|why| at(block, why))?;
    }
    Ok(())
}
