//! The kinds of records of which there are few: types, roots, faults and metadata.

use std::collections::BTreeMap;

use super::block::Block;
use super::columns::Scratch;
use super::error::ReadError;
use super::recover::Survivors;
use super::strings::decode_texts;
use super::{Dump, Ids};
use crate::ids::{Address, StringId};
use crate::label::LabelKind;
use crate::layout::{BlockKind, column};
use crate::model::{Fault, Label, Root, RootKind, Type, TypeFlags};
use crate::unsound::Unsound;
use crate::varint::unzigzag;

/// Facts about the dump. FORMAT.md lists the keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Dump {
    /// All types, in the order of their ids. In a recovered dump the lost ones have [`Dump::LOST`] for module and name, and the last
    /// one stands for all types behind it.
    ///
    /// # Errors
    /// If a block of types is damaged.
    pub fn types(&self) -> Result<Vec<Type>, ReadError> {
        let lost = Type {
            address: Address(0),
            module: StringId(u32::MAX),
            name: StringId(u32::MAX),
            flags: TypeFlags::default(),
        };
        let mut types = Vec::new();
        self.all(BlockKind::Types, |first, block, scratch| {
            let more = self.types_of(block, scratch)?;
            if self.is_recovered() {
                // Whoever scanned the file has checked that this is no great gap.
                types.resize(first as usize, lost);
            }
            append(&mut types, more)
        })?;
        let last = self.survivors.as_ref().and_then(Survivors::lost_type);
        types.extend(last.map(|_| lost));
        Ok(types)
    }

    /// All roots, in the order of the file.
    ///
    /// # Errors
    /// If a block of roots is damaged.
    pub fn roots(&self) -> Result<Vec<Root>, ReadError> {
        let mut roots = Vec::new();
        self.all(BlockKind::Roots, |_, block, scratch| {
            append(&mut roots, self.roots_of(block, scratch)?)
        })?;
        Ok(roots)
    }

    /// All faults, in the order of the file.
    ///
    /// # Errors
    /// If a block of faults is damaged.
    pub fn faults(&self) -> Result<Vec<Fault>, ReadError> {
        let mut faults = Vec::new();
        self.all(BlockKind::Faults, |_, block, scratch| {
            append(&mut faults, self.faults_of(block, scratch)?)
        })?;
        Ok(faults)
    }

    /// Facts about the dump.
    ///
    /// # Errors
    /// If a block of metadata is damaged.
    pub fn metadata(&self) -> Result<Metadata, ReadError> {
        let mut metadata = Metadata::default();
        self.all(BlockKind::Metadata, |_, block, scratch| {
            metadata_of(block, scratch, &mut metadata)
        })?;
        Ok(metadata)
    }

    /// Runs over all blocks of a kind; `take` gets the number of the block's first record, too.
    pub(super) fn all(
        &self,
        kind: BlockKind,
        mut take: impl FnMut(u64, &Block<'_>, &mut Scratch) -> Result<(), Unsound>,
    ) -> Result<(), ReadError> {
        let mut scratch = Scratch::default();
        self.blocks_of(kind).try_for_each(|info| {
            Block::open(&self.bytes, info)
                .and_then(|block| take(info.first, &block, &mut scratch))
                .map_err(|why| self.damaged(info, why))
        })
    }

    pub(super) fn string_id(&self, column: u8, id: u64) -> Result<StringId, Unsound> {
        Ids::check(column, "string", id, self.ids.strings).map(StringId)
    }

    /// An id plus 1, or 0 for none.
    fn optional_string_id(&self, column: u8, stored: u64) -> Result<Option<StringId>, Unsound> {
        stored
            .checked_sub(1)
            .map(|id| self.string_id(column, id))
            .transpose()
    }

    fn address(&self, column: u8, units: u64) -> Result<Address, Unsound> {
        let shift = self.header.address_shift;
        if units > u64::MAX >> shift {
            Err(Unsound::Address(column))
        } else {
            Ok(Address(units << shift))
        }
    }

    fn types_of(&self, block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Type>, Unsound> {
        use column::types as column;
        let differences = values(block, scratch, column::ADDRESS)?;
        let modules = values(block, scratch, column::MODULE)?;
        let names = values(block, scratch, column::NAME)?;
        let flags = values(block, scratch, column::FLAGS)?;
        let mut units = 0u64;
        let rows = differences.into_iter().zip(modules).zip(names).zip(flags);
        rows.map(|(((difference, module), name), flags)| {
            units = units.wrapping_add(unzigzag(difference));
            Ok(Type {
                address: self.address(column::ADDRESS, units)?,
                module: self.string_id(column::MODULE, module)?,
                name: self.string_id(column::NAME, name)?,
                // Bits that are not known are ignored, wherever they are.
                flags: TypeFlags(flags as u32),
            })
        })
        .collect()
    }

    fn roots_of(&self, block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Root>, Unsound> {
        use column::roots as column;
        let records = block.header.records as usize;
        let kinds = scratch.bytes(block, column::KIND, records)?.to_vec();
        let label_kinds = scratch.bytes(block, column::LABEL_KIND, records)?.to_vec();
        let names = values(block, scratch, column::NAME)?;
        let threads = values(block, scratch, column::THREAD)?;
        let lines = values(block, scratch, column::LINE)?;
        let depths = values(block, scratch, column::DEPTH)?;
        let label_values = values(block, scratch, column::LABEL_VALUE)?;
        let targets = values(block, scratch, column::TARGET)?;
        let offsets = match block.get(column::OFFSET) {
            Some(_) => values(block, scratch, column::OFFSET)?,
            None => Vec::new(),
        };
        let offsets = offsets.into_iter().chain(std::iter::repeat(0));
        let labels = label_kinds.into_iter().map(LabelKind).zip(label_values);
        let rows = kinds
            .into_iter()
            .zip(names)
            .zip(threads)
            .zip(lines)
            .zip(depths)
            .zip(labels)
            .zip(targets)
            .zip(offsets);
        rows.map(
            |(((((((kind, name), thread), line), depth), (label_kind, value)), target), offset)| {
                Ok(Root {
                    kind: root_kind(kind),
                    name: self.optional_string_id(column::NAME, name)?,
                    thread: self.optional_string_id(column::THREAD, thread)?,
                    line: narrow(column::LINE, line)?,
                    depth: narrow(column::DEPTH, depth)?,
                    label: self.label(column::LABEL_VALUE, label_kind, value)?,
                    target: self.address(column::TARGET, target)?,
                    offset,
                })
            },
        )
        .collect()
    }

    fn label(&self, column: u8, kind: LabelKind, value: u64) -> Result<Label, Unsound> {
        if kind.has_name() {
            self.string_id(column, value)?;
        }
        Ok(kind.label(value))
    }

    fn faults_of(&self, block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Fault>, Unsound> {
        use column::faults as column;
        let addresses = values(block, scratch, column::ADDRESS)?;
        let messages = values(block, scratch, column::MESSAGE)?;
        let rows = addresses.into_iter().zip(messages);
        rows.map(|(units, message)| {
            Ok(Fault {
                address: self.address(column::ADDRESS, units)?,
                message: self.string_id(column::MESSAGE, message)?,
            })
        })
        .collect()
    }
}

/// Decodes one of the blocks that this module knows and drops the result.
pub(super) fn check(dump: &Dump, block: &Block<'_>, scratch: &mut Scratch) -> Result<(), Unsound> {
    match block.header.kind {
        BlockKind::Types => dump.types_of(block, scratch).map(drop),
        BlockKind::Roots => dump.roots_of(block, scratch).map(drop),
        BlockKind::Faults => dump.faults_of(block, scratch).map(drop),
        BlockKind::Metadata => metadata_of(block, scratch, &mut Metadata::default()),
        _ => Ok(()),
    }
}

fn metadata_of(
    block: &Block<'_>,
    scratch: &mut Scratch,
    into: &mut Metadata,
) -> Result<(), Unsound> {
    use column::metadata as column;
    let keys = decode_texts(block, scratch, column::KEY_LENGTH, column::KEYS)?;
    let values = decode_texts(block, scratch, column::VALUE_LENGTH, column::VALUES)?;
    for (key, value) in keys.iter().zip(values.iter()) {
        into.0.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
}

pub(super) fn values(
    block: &Block<'_>,
    scratch: &mut Scratch,
    number: u8,
) -> Result<Vec<u64>, Unsound> {
    let mut values = Vec::new();
    scratch.records(block, number, &mut values, |_, value| value)?;
    Ok(values)
}

/// Appends without ending the process when memory is short.
pub(super) fn append<T>(records: &mut Vec<T>, more: Vec<T>) -> Result<(), Unsound> {
    records
        .try_reserve(more.len())
        .map_err(|_| Unsound::OutOfMemory)?;
    records.extend(more);
    Ok(())
}

fn narrow(column: u8, value: u64) -> Result<u32, Unsound> {
    u32::try_from(value).map_err(|_| Unsound::TooGreat { column, value })
}

fn root_kind(number: u8) -> RootKind {
    match number {
        1 => RootKind::Module,
        2 => RootKind::Frame,
        3 => RootKind::Thread,
        4 => RootKind::Interpreter,
        5 => RootKind::Static,
        _ => RootKind::Native,
    }
}
