//! What is sound of a damaged file.

use std::fmt;

use super::block::{Block, BlockInfo};
use super::index::has_ids;
use crate::ids::{ObjectId, TypeId};
use crate::layout::{
    BLOCK_HEADER_LENGTH, BLOCK_MAGIC, BlockHeader, BlockKind, HEADER_LENGTH, TRAILER_LENGTH,
    Trailer,
};
use crate::unsound::Unsound;

/// Bytes that could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    /// The number of the block that began there, if that can be told.
    pub number: Option<u32>,
    /// What the block held, if that can be told.
    pub kind: Option<BlockKind>,
    /// Where they start, in bytes from the file's start.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
    /// What is wrong with them.
    pub why: Unsound,
}

/// What of a file could not be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Damage {
    /// Parts of the file, in its order.
    pub missing: Vec<Missing>,
    /// Bytes of all these parts.
    pub bytes_not_read: u64,
    /// What [`super::Dump::open`] said; `None` for a file whose index and trailer are whole.
    pub index: Option<String>,
}

impl Damage {
    /// Whether nothing is missing.
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.index.is_none()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("nothing is missing");
        }
        if let Some(index) = &self.index {
            writeln!(f, "{index}")?;
        }
        write!(
            f,
            "{} bytes in {} {} could not be read",
            self.bytes_not_read,
            self.missing.len(),
            if self.missing.len() == 1 {
                "part"
            } else {
                "parts"
            }
        )?;
        for part in &self.missing {
            f.write_str("\n  ")?;
            match part.number {
                Some(number) => write!(f, "block {number}")?,
                None => f.write_str("unknown block")?,
            }
            if let Some(kind) = part.kind {
                write!(f, " ({kind})")?;
            }
            write!(
                f,
                ", {} bytes at offset {}: {}",
                part.length, part.offset, part.why
            )?;
        }
        Ok(())
    }
}

/// The greatest gap between sound blocks of types or of sites; a file with a greater one was made to cost memory.
const MOST_LOST_TYPES: u64 = 1 << 20;

/// Reads the file from its header to its end and keeps every sound block.
///
/// A block whose header is sound tells how long it is, so the next one is found behind it. Behind a damaged header the next magic is
/// looked for; nearly all of what looks like one by chance fails by its checksum, which covers 36 bytes only, so the search is linear.
pub(super) fn scan(file: &[u8]) -> (Vec<BlockInfo>, Damage) {
    let mut scan = Scan {
        file,
        blocks: Vec::new(),
        damage: Damage::default(),
        next: [0; 256],
    };
    let mut offset = HEADER_LENGTH;
    while offset < file.len() {
        if is_trailer(&file[offset..]) {
            break;
        }
        let end = match scan.block(offset) {
            Ok(length) => offset + length,
            Err((header, why)) => {
                let end = header
                    .map(|header| offset + BLOCK_HEADER_LENGTH + header.body_length as usize)
                    .filter(|&end| end <= file.len())
                    .unwrap_or_else(|| resume(file, offset + 1));
                scan.damage.missing.push(Missing {
                    number: header.map(|header| header.number),
                    kind: header.map(|header| header.kind),
                    offset: offset as u64,
                    length: (end - offset) as u64,
                    why,
                });
                scan.damage.bytes_not_read += (end - offset) as u64;
                end
            }
        };
        offset = end;
    }
    (scan.blocks, scan.damage)
}

struct Scan<'a> {
    file: &'a [u8],
    blocks: Vec<BlockInfo>,
    damage: Damage,
    /// By kind: the number that the next record must have at least.
    next: [u64; 256],
}

impl Scan<'_> {
    /// Takes the block at an offset; gives its length, or its header if that is sound at least.
    fn block(&mut self, offset: usize) -> Result<usize, (Option<BlockHeader>, Unsound)> {
        let bytes = &self.file[offset..];
        let header = sound_header(bytes).map_err(|why| (None, why))?;
        let fail = |why| (Some(header), why);
        Block::parse(bytes).map_err(fail)?;
        if self
            .blocks
            .last()
            .is_some_and(|last| last.number >= header.number)
        {
            return Err(fail(Unsound::Number(header.number)));
        }
        let length = BLOCK_HEADER_LENGTH + header.body_length as usize;
        let mut first = 0;
        if header.kind != BlockKind::Index {
            first = header.first;
            let expected = &mut self.next[usize::from(header.kind.number())];
            let gap = first.checked_sub(*expected);
            let too_wide = matches!(header.kind, BlockKind::Types | BlockKind::Sites)
                && gap.is_some_and(|gap| gap > MOST_LOST_TYPES);
            if gap.is_none() || too_wide {
                return Err(fail(Unsound::First {
                    found: first,
                    expected: *expected,
                }));
            }
            let end = first
                .checked_add(u64::from(header.records))
                .ok_or(fail(Unsound::TooManyIds))?;
            if has_ids(header.kind) && end > u64::from(u32::MAX) {
                return Err(fail(Unsound::TooManyIds));
            }
            *expected = end;
        }
        self.blocks.push(BlockInfo {
            number: header.number,
            kind: header.kind,
            offset: offset as u64,
            length: length as u64,
            records: header.records,
            first,
        });
        Ok(length)
    }
}

fn sound_header(bytes: &[u8]) -> Result<BlockHeader, Unsound> {
    BlockHeader::decode(bytes.first_chunk().ok_or(Unsound::Truncated)?)
}

fn is_trailer(bytes: &[u8]) -> bool {
    bytes.len() == TRAILER_LENGTH
        && bytes
            .first_chunk()
            .is_some_and(|bytes| Trailer::decode(bytes).is_ok())
}

/// The next offset at which a block with a sound header or the trailer starts; else the file's end.
fn resume(file: &[u8], from: usize) -> usize {
    let trailer = file.len().saturating_sub(TRAILER_LENGTH);
    let end = if trailer >= from && is_trailer(&file[trailer..]) {
        trailer
    } else {
        file.len()
    };
    (from..end)
        .find(|&at| file[at..].starts_with(&BLOCK_MAGIC) && sound_header(&file[at..]).is_ok())
        .unwrap_or(end)
}

/// How the ids that were written become those of a recovered dump.
pub(super) struct Survivors {
    /// Objects that are there, in runs: id as written, length, new id.
    objects: Vec<Run>,
    /// Where types end. This one, behind them, stands for those whose records are lost or never came.
    types: Option<u32>,
}

struct Run {
    written: u32,
    length: u32,
    new: u32,
}

impl Survivors {
    pub(super) fn new(blocks: &[BlockInfo]) -> Survivors {
        let mut objects = Vec::<Run>::new();
        let mut new = 0;
        let mut types = None;
        for info in blocks {
            // Both casts keep the value: numbers have been checked to fit 32 bits.
            let first = info.first as u32;
            match info.kind {
                BlockKind::Objects => {
                    match objects.last_mut() {
                        Some(run) if run.written + run.length == first => {
                            run.length += info.records
                        }
                        _ => objects.push(Run {
                            written: first,
                            length: info.records,
                            new,
                        }),
                    }
                    new += info.records;
                }
                BlockKind::Types => types = Some(first + info.records),
                _ => {}
            }
        }
        // Without any type, objects still need one.
        let types = types.or((new > 0).then_some(0));
        Survivors { objects, types }
    }

    /// The new id of an object, if it is there.
    pub(super) fn object_of(&self, written: ObjectId) -> Option<ObjectId> {
        let behind = self.objects.partition_point(|run| run.written <= written.0);
        let run = self.objects.get(behind.checked_sub(1)?)?;
        let place = written.0 - run.written;
        (place < run.length).then(|| ObjectId(run.new + place))
    }

    /// The new id of a block's first object.
    pub(super) fn object(&self, written: u32) -> Option<ObjectId> {
        self.object_of(ObjectId(written))
    }

    /// The type that stands for lost ones.
    pub(super) fn lost_type(&self) -> Option<TypeId> {
        self.types.map(TypeId)
    }

    /// The id of a type, or of the one that stands for it.
    pub(super) fn type_id(&self, written: TypeId) -> TypeId {
        self.lost_type().map_or(written, |lost| written.min(lost))
    }
}
