//! The index: a chain of index blocks from the trailer to the header, which together list every byte of the file.

use std::path::Path;

use super::block::{Block, BlockInfo};
use super::columns::Scratch;
use super::error::ReadError;
use crate::layout::{
    BLOCK_HEADER_LENGTH, BlockKind, HEADER_LENGTH, MAX_RECORDS, TRAILER_LENGTH, Trailer,
    column::index as column,
};
use crate::unsound::Unsound;

/// A block as an index block lists it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    offset: u64,
    length: u64,
    records: u32,
    kind: BlockKind,
}

/// An index block and the blocks that it lists.
struct Segment {
    number: u32,
    index: Entry,
    listed: Vec<Entry>,
}

/// Reads the trailer and the index, and checks that the blocks fill the file without gap or overlap.
pub(super) fn read(path: &Path, file: &[u8]) -> Result<Vec<BlockInfo>, ReadError> {
    let (trailer, trailer_offset) = read_trailer(path, file)?;
    let segments = read_chain(path, file, trailer.last_index, trailer_offset)?;
    let blocks = number(path, &segments)?;
    if blocks.len() as u64 != u64::from(trailer.blocks) {
        let why = Unsound::BlockCount {
            claimed: trailer.blocks,
            found: blocks.len() as u64,
        };
        return Err(ReadError::CutOff {
            file: path.to_path_buf(),
            offset: trailer_offset,
            why,
        });
    }
    Ok(blocks)
}

fn read_trailer(path: &Path, file: &[u8]) -> Result<(Trailer, u64), ReadError> {
    let offset = file.len().saturating_sub(TRAILER_LENGTH).max(HEADER_LENGTH);
    let damaged = |why| ReadError::CutOff {
        file: path.to_path_buf(),
        offset: offset as u64,
        why,
    };
    let bytes = file.get(offset..).and_then(|bytes| bytes.first_chunk());
    let trailer = bytes
        .ok_or(Unsound::Truncated)
        .and_then(Trailer::decode)
        .map_err(damaged)?;
    if trailer.file_length != file.len() as u64 {
        return Err(damaged(Unsound::FileLength {
            claimed: trailer.file_length,
            found: file.len() as u64,
        }));
    }
    let range = HEADER_LENGTH as u64..offset as u64;
    if !range.contains(&trailer.last_index) {
        return Err(damaged(Unsound::IndexChain(trailer.last_index)));
    }
    Ok((trailer, offset as u64))
}

/// Follows the chain back from its last block, which must end where the trailer begins. Every step goes to a smaller offset, and every
/// block listed has its own bytes, so neither time nor memory exceeds the file's.
fn read_chain(path: &Path, file: &[u8], last: u64, end: u64) -> Result<Vec<Segment>, ReadError> {
    let mut scratch = Scratch::default();
    let mut segments = Vec::new();
    let (mut offset, mut end) = (last, end);
    loop {
        let damaged = |number, why| ReadError::Block {
            file: path.to_path_buf(),
            number,
            kind: BlockKind::Index,
            offset,
            why,
        };
        // `offset` lies within the file, so the cast keeps it.
        let bytes = file.get(offset as usize..).unwrap_or_default();
        let block = Block::parse(bytes).map_err(|why| damaged(None, why))?;
        let number = block.header.number;
        let damaged = |why| damaged(Some(number), why);
        if block.header.kind != BlockKind::Index {
            return Err(damaged(Unsound::Disagrees("kind")));
        }
        let length = BLOCK_HEADER_LENGTH as u64 + u64::from(block.header.body_length);
        if offset + length != end {
            return Err(damaged(Unsound::IndexGap(offset + length)));
        }
        let listed = decode(&block, &mut scratch).map_err(damaged)?;
        let start = check_listed(&listed, offset).map_err(damaged)?;
        segments.push(Segment {
            number,
            index: Entry {
                offset,
                length,
                records: block.header.records,
                kind: BlockKind::Index,
            },
            listed,
        });
        let previous = block.header.first;
        if previous == 0 {
            if start != HEADER_LENGTH as u64 {
                return Err(damaged(Unsound::IndexGap(start)));
            }
            segments.reverse();
            return Ok(segments);
        }
        if previous < HEADER_LENGTH as u64 || previous >= start {
            return Err(damaged(Unsound::IndexChain(previous)));
        }
        (offset, end) = (previous, start);
    }
}

/// Checks that the listed blocks lie back to back up to the index block; gives where the first one starts.
fn check_listed(listed: &[Entry], index_offset: u64) -> Result<u64, Unsound> {
    let start = listed.first().map_or(index_offset, |entry| entry.offset);
    let mut end = start;
    for entry in listed {
        if entry.offset != end || entry.length < BLOCK_HEADER_LENGTH as u64 {
            return Err(Unsound::IndexGap(entry.offset));
        }
        end = end
            .checked_add(entry.length)
            .ok_or(Unsound::IndexGap(entry.offset))?;
    }
    if end == index_offset && start >= HEADER_LENGTH as u64 {
        Ok(start)
    } else {
        Err(Unsound::IndexGap(end))
    }
}

/// Numbers blocks and their records.
fn number(path: &Path, segments: &[Segment]) -> Result<Vec<BlockInfo>, ReadError> {
    let mut blocks = Vec::with_capacity(
        segments
            .iter()
            .map(|segment| segment.listed.len() + 1)
            .sum(),
    );
    let mut numbered = [0u64; 256];
    for segment in segments {
        for entry in segment.listed.iter().chain([&segment.index]) {
            let next = &mut numbered[usize::from(entry.kind.number())];
            let info = BlockInfo {
                number: blocks.len() as u32,
                kind: entry.kind,
                offset: entry.offset,
                length: entry.length,
                records: entry.records,
                first: if entry.kind == BlockKind::Index {
                    0
                } else {
                    *next
                },
            };
            *next += u64::from(entry.records);
            let damaged = |why| ReadError::Block {
                file: path.to_path_buf(),
                number: Some(info.number),
                kind: info.kind,
                offset: info.offset,
                why,
            };
            if has_ids(entry.kind) && *next > u64::from(u32::MAX) {
                return Err(damaged(Unsound::TooManyIds));
            }
            blocks.push(info);
        }
        // The index block's own number cannot be compared when it is read: that goes from the last one to the first.
        if segment.number as usize != blocks.len() - 1 {
            return Err(ReadError::Block {
                file: path.to_path_buf(),
                number: Some(blocks.len() as u32 - 1),
                kind: BlockKind::Index,
                offset: segment.index.offset,
                why: Unsound::Number(segment.number),
            });
        }
    }
    Ok(blocks)
}

/// Whether records of the kind are named by 32-bit ids.
pub(super) fn has_ids(kind: BlockKind) -> bool {
    matches!(
        kind,
        BlockKind::Objects | BlockKind::Types | BlockKind::Strings | BlockKind::Sites
    )
}

/// Decodes an index block.
pub(super) fn decode(block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Entry>, Unsound> {
    let (mut offsets, mut lengths, mut records) =
        (Vec::<u64>::new(), Vec::<u64>::new(), Vec::<u64>::new());
    let mut last = 0u64;
    scratch.records(block, column::OFFSET, &mut offsets, |_, difference| {
        last = last.wrapping_add(difference);
        last
    })?;
    scratch.records(block, column::LENGTH, &mut lengths, |_, length| length)?;
    scratch.records(block, column::RECORDS, &mut records, |_, records| records)?;
    let kinds = scratch.bytes(block, column::KIND, block.header.records as usize)?;
    let rows = offsets.into_iter().zip(lengths).zip(records).zip(kinds);
    rows.map(|(((offset, length), records), &kind)| {
        let kind = BlockKind::from_number(kind);
        if kind == BlockKind::Index {
            // It would have to list itself or another one of the chain.
            return Err(Unsound::IndexGap(offset));
        }
        match u32::try_from(records) {
            Ok(records) if records <= MAX_RECORDS => Ok(Entry {
                offset,
                length,
                records,
                kind,
            }),
            _ => Err(Unsound::TooGreat {
                column: column::RECORDS,
                value: records,
            }),
        }
    })
    .collect()
}
