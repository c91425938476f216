//! Reads a dump: maps the file, checks its index, and decodes of each block what is asked for.
//!
//! Nothing in a file is believed. Every length, count, offset and id is checked before it is used, and what decoding a block allocates
//! is bounded by what the block's records can need.

mod block;
mod columns;
mod error;
mod index;
mod mapping;
mod native;
mod objects;
mod records;
mod recover;
mod references;
mod strings;
mod values;

use std::path::{Path, PathBuf};

pub use block::BlockInfo;
pub use error::ReadError;
pub use native::Sites;
pub use objects::{ObjectBatch, ObjectBlock, ObjectColumns};
pub use records::Metadata;
pub use recover::{Damage, Missing};
pub use references::{Group, ReferenceBatch, ReferenceBlock, ReferenceColumns};
pub use strings::Strings;
pub use values::{ValueBatch, ValueBlock};

use crate::counts::Counts;
use crate::layout::{BlockKind, FileHeader, MAX_ADDRESS_SHIFT, VERSION};
use crate::unsound::Unsound;
use block::Block;
use columns::Scratch;
use mapping::Bytes;
use recover::Survivors;
use strings::StringBlocks;

/// An open dump. Its blocks can be decoded by many threads at once.
pub struct Dump {
    path: PathBuf,
    bytes: Bytes,
    header: FileHeader,
    blocks: Vec<BlockInfo>,
    counts: Counts,
    ids: Ids,
    strings: StringBlocks,
    /// Only of a recovered dump.
    survivors: Option<Survivors>,
}

/// What ids in the file must be below.
#[derive(Clone, Copy)]
struct Ids {
    objects: u64,
    types: u64,
    strings: u64,
}

impl Ids {
    /// Ids have 32 bits; in a recovered file any of them may be that of a record which is lost.
    const ANY: Ids = Ids {
        objects: 1 << 32,
        types: 1 << 32,
        strings: 1 << 32,
    };

    fn check(column: u8, what: &'static str, id: u64, count: u64) -> Result<u32, Unsound> {
        match u32::try_from(id) {
            Ok(narrow) if id < count => Ok(narrow),
            _ => Err(Unsound::NoSuchId {
                column,
                what,
                id,
                count,
            }),
        }
    }
}

impl Dump {
    /// Opens a whole dump: header, trailer and index are read and checked; blocks are checked when they are decoded.
    ///
    /// # Errors
    /// If the file cannot be mapped, is no dump, has a newer major version, is cut off, or its index is damaged.
    pub fn open(path: &Path) -> Result<Dump, ReadError> {
        Self::whole(path, map(path)?)
    }

    /// As [`Dump::open`], over bytes in memory; `name` is what errors call them.
    ///
    /// # Errors
    /// As [`Dump::open`].
    pub fn from_bytes(name: &Path, bytes: Vec<u8>) -> Result<Dump, ReadError> {
        Self::whole(name, Bytes::Held(bytes))
    }

    /// Reads what is sound of a cut-off or damaged dump: every block whose checksums match. The whole file is read for that.
    ///
    /// What is lost is told apart from what is there: objects are numbered anew, so that their ids have no gaps, and references of lost
    /// objects are dropped; lost types are called [`Dump::LOST`], as are lost strings.
    ///
    /// # Errors
    /// If the file cannot be mapped, is no dump, has a newer major version, or has no sound header.
    pub fn recover(path: &Path) -> Result<(Dump, Damage), ReadError> {
        Self::remains(path, map(path)?)
    }

    /// As [`Dump::recover`], over bytes in memory.
    ///
    /// # Errors
    /// As [`Dump::recover`].
    pub fn recover_bytes(name: &Path, bytes: Vec<u8>) -> Result<(Dump, Damage), ReadError> {
        Self::remains(name, Bytes::Held(bytes))
    }

    /// The text of a string that a recovered dump has lost.
    pub const LOST: &'static str = "<lost>";

    fn whole(path: &Path, bytes: Bytes) -> Result<Dump, ReadError> {
        let header = check_header(path, &bytes)?;
        let blocks = index::read(path, &bytes)?;
        let counts = count(&blocks);
        let ids = Ids {
            objects: counts.objects,
            types: counts.types,
            strings: counts.strings,
        };
        let strings = StringBlocks::new(&blocks);
        Ok(Dump {
            path: path.to_path_buf(),
            bytes,
            header,
            blocks,
            counts,
            ids,
            strings,
            survivors: None,
        })
    }

    fn remains(path: &Path, bytes: Bytes) -> Result<(Dump, Damage), ReadError> {
        let header = check_header(path, &bytes)?;
        let (blocks, mut damage) = recover::scan(&bytes);
        if let Err(error) = index::read(path, &bytes) {
            // The file is named, and its remains are asked for already.
            damage.index = Some(match error {
                ReadError::CutOff { offset, why, .. } => {
                    format!("it is cut off, or its trailer (at offset {offset}) is damaged: {why}")
                }
                other => other.to_string(),
            });
        }
        let survivors = Survivors::new(&blocks);
        let mut counts = count(&blocks);
        counts.types = survivors.lost_type().map_or(0, |id| u64::from(id.0) + 1);
        let strings = StringBlocks::new(&blocks);
        let dump = Dump {
            path: path.to_path_buf(),
            bytes,
            header,
            blocks,
            counts,
            ids: Ids::ANY,
            strings,
            survivors: Some(survivors),
        };
        Ok((dump, damage))
    }

    /// The file's path, or the name that was given with its bytes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same dump, called by another path: of a file that was made from the one that people know.
    #[must_use]
    pub fn called(mut self, path: &Path) -> Dump {
        self.path = path.to_path_buf();
        self
    }

    /// Bytes of the file.
    pub fn file_len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The version of the format that the file has, major and minor.
    pub fn version(&self) -> (u16, u16) {
        (self.header.major, self.header.minor)
    }

    /// Addresses of the file are multiples of 1 shifted left by so many bits.
    pub fn address_shift(&self) -> u8 {
        self.header.address_shift
    }

    /// Whether this is what remains of a damaged dump; see [`Dump::recover`].
    pub fn is_recovered(&self) -> bool {
        self.survivors.is_some()
    }

    /// How many records the file has, by its index.
    ///
    /// In a recovered dump `types` includes lost ones, and `references` those whose source is lost, which decoding drops.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All blocks in the order of the file.
    pub fn blocks(&self) -> &[BlockInfo] {
        &self.blocks
    }

    /// The strings.
    pub fn strings(&self) -> Strings<'_> {
        Strings::new(self)
    }

    /// The blocks of objects, in the order of their ids.
    pub fn object_blocks(&self) -> impl ExactSizeIterator<Item = ObjectBlock<'_>> + Clone + Send {
        self.blocks_of(BlockKind::Objects)
            .map(|info| ObjectBlock::new(self, info))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The blocks of references, in the order of their sources: a block's first source is at least the one that the block before ends
    /// with (and equal if an object's references go on). That order is between blocks, so decoding one of them cannot check it.
    pub fn reference_blocks(
        &self,
    ) -> impl ExactSizeIterator<Item = ReferenceBlock<'_>> + Clone + Send {
        self.blocks_of(BlockKind::References)
            .map(|info| ReferenceBlock::new(self, info))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Checks and decodes every column of one block.
    ///
    /// # Errors
    /// If the block is damaged, or there is none of that number.
    pub fn verify_block(&self, number: u32) -> Result<(), ReadError> {
        let found = self
            .blocks
            .binary_search_by_key(&number, |info| info.number)
            .ok();
        let Some(info) = found.and_then(|place| self.blocks.get(place)) else {
            return Err(ReadError::NoSuchBlock {
                file: self.path.clone(),
                number,
            });
        };
        match info.kind {
            BlockKind::Objects => {
                ObjectBlock::new(self, info).decode(ObjectColumns::ALL, &mut ObjectBatch::default())
            }
            BlockKind::References => self.verify_references(info),
            BlockKind::Strings => self.decode(info, |block, scratch| {
                strings::decode(block, scratch).map(drop)
            }),
            BlockKind::Values => self.verify_values(info),
            BlockKind::Index => self.decode(info, |block, scratch| {
                index::decode(block, scratch).map(drop)
            }),
            BlockKind::Unknown(_) => self.decode(info, |_, _| Ok(())),
            BlockKind::Sites | BlockKind::Modules | BlockKind::Vtables => {
                self.decode(info, |block, scratch| native::check(self, block, scratch))
            }
            BlockKind::Types | BlockKind::Roots | BlockKind::Faults | BlockKind::Metadata => {
                self.decode(info, |block, scratch| records::check(self, block, scratch))
            }
        }
    }

    /// Decodes a block of references, and holds it against the one before: over the file's blocks sources never fall.
    fn verify_references(&self, info: &BlockInfo) -> Result<(), ReadError> {
        let mut batch = ReferenceBatch::default();
        ReferenceBlock::new(self, info).decode(ReferenceColumns::ALL, &mut batch)?;
        let Some(first) = batch.groups.first().map(|group| group.source) else {
            return Ok(());
        };
        let earlier = self.blocks.iter().rev().filter(|other| {
            other.number < info.number && other.kind == BlockKind::References && other.records > 0
        });
        for other in earlier.take(1) {
            ReferenceBlock::new(self, other).decode(ReferenceColumns::default(), &mut batch)?;
            if batch
                .groups
                .last()
                .is_some_and(|group| group.source > first)
            {
                return Err(self.damaged(info, Unsound::SourceFalls));
            }
        }
        Ok(())
    }

    /// Decodes a block of values, and holds it against the one before: over the file's blocks objects always rise.
    fn verify_values(&self, info: &BlockInfo) -> Result<(), ReadError> {
        let first = self.decode(info, |block, scratch| {
            values::decode(self, block, scratch)?;
            values::ends(self, block, scratch).map(|(first, _)| first)
        })?;
        let earlier = self.blocks.iter().rev().filter(|other| {
            other.number < info.number && other.kind == BlockKind::Values && other.records > 0
        });
        for other in earlier.take(1) {
            let (_, last) =
                self.decode(other, |block, scratch| values::ends(self, block, scratch))?;
            if first.is_some() && last >= first {
                return Err(self.damaged(info, Unsound::ValueFalls));
            }
        }
        Ok(())
    }

    fn blocks_of(&self, kind: BlockKind) -> impl Iterator<Item = &BlockInfo> {
        self.blocks.iter().filter(move |info| info.kind == kind)
    }

    /// Decodes a block with memory of its own.
    fn decode<R>(
        &self,
        info: &BlockInfo,
        decode: impl FnOnce(&Block<'_>, &mut Scratch) -> Result<R, Unsound>,
    ) -> Result<R, ReadError> {
        let block = Block::open(&self.bytes, info);
        block
            .and_then(|block| decode(&block, &mut Scratch::default()))
            .map_err(|why| self.damaged(info, why))
    }

    /// Where a block is unsound.
    #[cold]
    fn damaged(&self, info: &BlockInfo, why: Unsound) -> ReadError {
        ReadError::Block {
            file: self.path.clone(),
            number: Some(info.number),
            kind: info.kind,
            offset: info.offset,
            why,
        }
    }
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump")
            .field("path", &self.path)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

fn map(path: &Path) -> Result<Bytes, ReadError> {
    Bytes::map(path).map_err(|why| ReadError::Io {
        file: path.to_path_buf(),
        why,
    })
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<FileHeader, ReadError> {
    let file = || path.to_path_buf();
    let Some(header) = bytes.first_chunk() else {
        let why = if bytes.is_empty() {
            "it is empty"
        } else {
            "it is shorter than a dump's header"
        };
        return Err(ReadError::NotADump { file: file(), why });
    };
    let header = match FileHeader::decode(header) {
        Ok(header) => header,
        Err(Unsound::Magic) => {
            return Err(ReadError::NotADump {
                file: file(),
                why: "its header does not begin as a dump's does",
            });
        }
        Err(why) => return Err(ReadError::Header { file: file(), why }),
    };
    let FileHeader {
        major,
        minor,
        address_shift,
    } = header;
    if major > VERSION.0 {
        return Err(ReadError::Newer {
            file: file(),
            major,
            minor,
        });
    }
    if major == 0 {
        return Err(ReadError::NotADump {
            file: file(),
            why: "its header has version 0, which was never used",
        });
    }
    if address_shift > MAX_ADDRESS_SHIFT {
        return Err(ReadError::Header {
            file: file(),
            why: Unsound::AddressShift(address_shift),
        });
    }
    Ok(header)
}

fn count(blocks: &[BlockInfo]) -> Counts {
    let mut counts = Counts::default();
    for block in blocks {
        let count = match block.kind {
            BlockKind::Objects => &mut counts.objects,
            BlockKind::References => &mut counts.references,
            BlockKind::Types => &mut counts.types,
            BlockKind::Strings => &mut counts.strings,
            BlockKind::Roots => &mut counts.roots,
            BlockKind::Faults => &mut counts.faults,
            BlockKind::Values => &mut counts.values,
            BlockKind::Sites => &mut counts.sites,
            BlockKind::Modules => &mut counts.modules,
            BlockKind::Vtables => &mut counts.vtables,
            BlockKind::Metadata | BlockKind::Index | BlockKind::Unknown(_) => continue,
        };
        *count += u64::from(block.records);
    }
    counts
}
