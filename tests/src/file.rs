//! A whole file as a list of parts, laid out in two passes so that a wrong file can point at anything, forwards too.

use crate::block::{Block, Overrides, Places};
use crate::columns::{self, IndexEntry};
use crate::field::{self, header, trailer};
use crate::kind;

/// One stretch of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A block of records, or of an unknown kind.
    Block(Block),
    /// An index block.
    Index(Index),
    /// Bytes that are no block at all.
    Bytes(Vec<u8>),
}

/// An index block, which lists the blocks since the one before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Index {
    /// What it lists, if not the right blocks.
    pub entries: Option<Vec<IndexEntry>>,
    /// Other values for the fields of its header.
    pub fields: Overrides,
}

/// A dump file to be built.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct File {
    /// Addresses are stored shifted right by this many bits.
    pub address_shift: u8,
    /// Other values for the fields of the header.
    pub header: Overrides,
    /// What lies between header and trailer.
    pub parts: Vec<Part>,
    /// Other values for the fields of the trailer.
    pub trailer: Overrides,
    /// Bytes behind the trailer.
    pub tail: Vec<u8>,
}

/// Where a part of a built file lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
    /// The block's number and kind; `None` for bytes that are no block.
    pub block: Option<(u64, u8)>,
}

/// A file as bytes, and where its parts lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Built {
    /// The file.
    pub bytes: Vec<u8>,
    /// One for each of [`File::parts`].
    pub places: Vec<Place>,
}

impl File {
    /// The places in [`File::parts`] of the blocks of this kind.
    pub fn parts_of(&self, kind: u8) -> Vec<usize> {
        let is_of_kind = |part: &Part| match part {
            Part::Block(block) => block.kind == kind,
            Part::Index(_) => kind == kind::INDEX,
            Part::Bytes(_) => false,
        };
        (0..self.parts.len())
            .filter(|&at| is_of_kind(&self.parts[at]))
            .collect()
    }

    /// The `nth` block of this kind, to be changed. Panics if there is none.
    pub fn block(&mut self, kind: u8, nth: usize) -> &mut Block {
        let at = self.parts_of(kind)[nth];
        match &mut self.parts[at] {
            Part::Block(block) => block,
            _ => panic!("an index block has no columns of its own: see File::index"),
        }
    }

    /// The `nth` index block, to be changed. Panics if there is none.
    pub fn index(&mut self, nth: usize) -> &mut Index {
        let at = self.parts_of(kind::INDEX)[nth];
        match &mut self.parts[at] {
            Part::Index(index) => index,
            _ => unreachable!("parts_of gave a part that is no index"),
        }
    }

    /// What the `nth` index block lists.
    pub fn entries(&self, nth: usize) -> Vec<IndexEntry> {
        let at = self.parts_of(kind::INDEX)[nth];
        match &self.parts[at] {
            Part::Index(Index {
                entries: Some(entries),
                ..
            }) => entries.clone(),
            _ => self.lay_out().remove(at).entries,
        }
    }

    /// The bytes, and where each part lies.
    pub fn build(&self) -> Built {
        let laid = self.lay_out();
        let places: Vec<(u64, u64)> = laid.iter().map(|part| (part.start, part.end())).collect();
        let mut bytes = self.header(&places).to_vec();
        for part in &laid {
            if let Some(block) = &part.block {
                bytes.extend(block.head(part.number, part.first, &part.body, &places));
            }
            bytes.extend(&part.body);
        }
        let blocks = laid.iter().filter(|part| part.block.is_some()).count();
        let last_index = laid
            .iter()
            .rfind(|part| part.is_index())
            .map_or(0, |part| part.start);
        bytes.extend(self.trailer(last_index, bytes.len() as u64, blocks as u64, &places));
        bytes.extend(&self.tail);
        let places = laid.iter().map(Laid::place).collect();
        Built { bytes, places }
    }

    fn header(&self, places: &Places) -> [u8; header::LENGTH] {
        let mut bytes = [0; header::LENGTH];
        header::MAGIC.put(&mut bytes, header::MAGIC_VALUE);
        header::MAJOR.put(&mut bytes, 1);
        header::ADDRESS_SHIFT.put(&mut bytes, u64::from(self.address_shift));
        self.header.seal(&mut bytes, header::CRC, places);
        bytes
    }

    fn trailer(
        &self,
        last_index: u64,
        start: u64,
        blocks: u64,
        places: &Places,
    ) -> [u8; trailer::LENGTH] {
        let mut bytes = [0; trailer::LENGTH];
        trailer::LAST_INDEX.put(&mut bytes, last_index);
        trailer::FILE_LENGTH.put(&mut bytes, start + trailer::LENGTH as u64);
        trailer::BLOCKS.put(&mut bytes, blocks);
        trailer::MAGIC.put(&mut bytes, trailer::MAGIC_VALUE);
        self.trailer.seal(&mut bytes, trailer::CRC, places);
        bytes
    }

    /// The first pass: all but the headers, which may name places that are not known yet.
    fn lay_out(&self) -> Vec<Laid> {
        let mut laid: Vec<Laid> = Vec::new();
        let mut records_so_far = [0; 256];
        let (mut number, mut previous_index) = (0, 0);
        let mut unlisted = Vec::new();
        for part in &self.parts {
            let start = laid.last().map_or(header::LENGTH as u64, Laid::end);
            let (block, entries) = match part {
                Part::Bytes(bytes) => {
                    laid.push(Laid {
                        start,
                        body: bytes.clone(),
                        ..Laid::default()
                    });
                    continue;
                }
                Part::Block(block) => (block.clone(), Vec::new()),
                Part::Index(index) => {
                    let right = std::mem::take(&mut unlisted);
                    let entries = index.entries.clone().unwrap_or(right);
                    let mut block = columns::index(&entries).compressed();
                    block.fields = index.fields.clone();
                    (block, entries)
                }
            };
            let is_index = block.kind == kind::INDEX;
            let first = if is_index {
                previous_index
            } else {
                records_so_far[usize::from(block.kind)]
            };
            records_so_far[usize::from(block.kind)] += block.records;
            let body = block.body();
            let (kind, records) = (block.kind, block.records);
            let part = Laid {
                start,
                number,
                first,
                block: Some(block),
                body,
                entries,
            };
            if is_index {
                previous_index = start;
            } else {
                unlisted.push(IndexEntry {
                    offset: start,
                    length: part.end() - start,
                    kind,
                    records,
                });
            }
            number += 1;
            laid.push(part);
        }
        laid
    }
}

/// A part after the first pass.
#[derive(Default)]
struct Laid {
    start: u64,
    number: u64,
    first: u64,
    block: Option<Block>,
    body: Vec<u8>,
    entries: Vec<IndexEntry>,
}

impl Laid {
    fn end(&self) -> u64 {
        let head = if self.block.is_some() {
            field::block::LENGTH
        } else {
            0
        };
        self.start + (head + self.body.len()) as u64
    }

    fn is_index(&self) -> bool {
        self.block
            .as_ref()
            .is_some_and(|block| block.kind == kind::INDEX)
    }

    fn place(&self) -> Place {
        let block = self.block.as_ref().map(|block| (self.number, block.kind));
        Place {
            start: self.start,
            end: self.end(),
            block,
        }
    }
}
