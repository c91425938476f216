//! Blocks, one after the other: headers, checksums, directories.

use std::collections::BTreeMap;

use super::values::Values;
use super::{Checked, Unsound, at, require};
use crate::encode::crc;
use crate::field::{block, entry, header};
use crate::kind;
use crate::plan::{BLOCK_RECORDS, COLUMN_BYTES};

const BODY_BYTES: u64 = 16 << 20;

/// A block whose header, checksums and directory are sound, with the columns still packed.
pub(super) struct RawBlock<'a> {
    pub(super) number: u64,
    pub(super) kind: u8,
    pub(super) records: u64,
    pub(super) first: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) columns: BTreeMap<u8, Packed<'a>>,
}

pub(super) struct Packed<'a> {
    pub(super) storage: u64,
    pub(super) plain_length: usize,
    pub(super) stored: &'a [u8],
}

/// One block after the other, from the header to the end of `bytes`, which is where the trailer starts.
pub(super) fn read_all(bytes: &[u8]) -> Result<Vec<RawBlock<'_>>, Unsound> {
    let mut blocks = Vec::new();
    let mut records_so_far = [0; 256];
    let mut offset = header::LENGTH;
    while offset < bytes.len() {
        let number = blocks.len() as u64;
        let head = &bytes[offset..];
        let outside = |why: String| Unsound {
            block: Some((number, 0)),
            why,
        };
        require(head.len() >= block::LENGTH, "no room for its header").map_err(outside)?;
        let found = read_block(head, offset as u64, number).map_err(|why| Unsound {
            block: Some((number, block::KIND.get(head) as u8)),
            why,
        })?;
        let so_far = &mut records_so_far[usize::from(found.kind)];
        // The text numbers the records of every kind, of unknown ones, too; in an index block the field means something else.
        if found.kind != kind::INDEX {
            require(
                found.first == *so_far,
                "its first record does not follow the last of its kind",
            )
            .map_err(|why| at(&found, why))?;
        }
        *so_far += found.records;
        require(
            *so_far <= 1 << 32 || found.kind == kind::INDEX,
            "ids do not fit 32 bits",
        )
        .map_err(|why| at(&found, why))?;
        offset += found.length as usize;
        blocks.push(found);
    }
    Ok(blocks)
}

fn read_block(bytes: &[u8], offset: u64, number: u64) -> Checked<RawBlock<'_>> {
    require(block::MAGIC.get(bytes) == block::MAGIC_VALUE, "wrong magic")?;
    require(
        block::CRC.get(bytes) == crc(&bytes[..block::CRC.at]),
        "the header's checksum is wrong",
    )?;
    require(block::NUMBER.get(bytes) == number, "wrong number")?;
    require(
        block::RECORDS.get(bytes) <= BLOCK_RECORDS as u64,
        "too many records",
    )?;
    require(
        block::BODY_LENGTH.get(bytes) <= BODY_BYTES,
        "the body is too long",
    )?;
    require(block::COLUMNS.get(bytes) <= 16, "too many columns")?;
    let length = block::LENGTH + block::BODY_LENGTH.get(bytes) as usize;
    require(
        length <= bytes.len(),
        "the body reaches beyond the file's blocks",
    )?;
    let body = &bytes[block::LENGTH..length];
    require(
        block::BODY_CRC.get(bytes) == crc(body),
        "the body's checksum is wrong",
    )?;
    Ok(RawBlock {
        number,
        kind: block::KIND.get(bytes) as u8,
        records: block::RECORDS.get(bytes),
        first: block::FIRST.get(bytes),
        offset,
        length: length as u64,
        columns: read_directory(body, block::COLUMNS.get(bytes) as usize)?,
    })
}

fn read_directory(body: &[u8], count: usize) -> Checked<BTreeMap<u8, Packed<'_>>> {
    require(
        body.len() >= count * entry::LENGTH,
        "no room for the column directory",
    )?;
    let (directory, mut rest) = body.split_at(count * entry::LENGTH);
    let mut columns = BTreeMap::new();
    for line in directory.chunks(entry::LENGTH) {
        let length = entry::STORED_LENGTH.get(line) as usize;
        require(length <= rest.len(), "a column reaches beyond the body")?;
        let (stored, behind) = rest.split_at(length);
        rest = behind;
        let plain_length = entry::PLAIN_LENGTH.get(line) as usize;
        require(
            plain_length <= COLUMN_BYTES,
            "a column is too long before compression",
        )?;
        let packed = Packed {
            storage: entry::STORAGE.get(line),
            plain_length,
            stored,
        };
        let twice = columns
            .insert(entry::COLUMN.get(line) as u8, packed)
            .is_some();
        require(!twice, "a column comes twice")?;
    }
    require(rest.is_empty(), "bytes behind the last column")?;
    Ok(columns)
}

pub(super) fn column(block: &RawBlock<'_>, number: u8) -> Checked<Values> {
    let packed = block
        .columns
        .get(&number)
        .ok_or_else(|| format!("lacks column {number}"))?;
    let bytes = match packed.storage {
        0 => packed.stored.to_vec(),
        1 => unpack(packed)?,
        _ => return Err("unknown storage".to_owned()),
    };
    require(
        bytes.len() == packed.plain_length,
        "a column has another length than its directory says",
    )?;
    Ok(Values::new(bytes))
}

fn unpack(packed: &Packed<'_>) -> Checked<Vec<u8>> {
    let frame = zstd::zstd_safe::find_frame_compressed_size(packed.stored);
    require(
        frame == Ok(packed.stored.len()),
        "a column is not one zstd frame",
    )?;
    zstd::bulk::decompress(packed.stored, packed.plain_length)
        .map_err(|error| format!("zstd: {error}"))
}
