//! FORMAT.md as a reader, word for word and without any cleverness: what the real reader and writer are checked against.
//!
//! It reads whole files only, one value at a time, and holds all of it in memory.

use std::collections::BTreeMap;
use std::fmt;

use crate::columns::IndexEntry;
use crate::encode::{Slots, crc, target_slot, unzigzag};
use crate::field::{block, entry, header, trailer};
use crate::kind;
use crate::plan::{BLOCK_RECORDS, COLUMN_BYTES};
use crate::record::{Contents, Fault, Object, RawLabel, Reference, Root, Type};

const BODY_BYTES: u64 = 16 << 20;
const STRING_BYTES: u64 = 65_535;

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

/// A block whose header, checksums and directory are sound, with the columns still packed.
struct RawBlock<'a> {
    number: u64,
    kind: u8,
    records: u64,
    first: u64,
    offset: u64,
    length: u64,
    columns: BTreeMap<u8, Packed<'a>>,
}

struct Packed<'a> {
    storage: u64,
    plain_length: usize,
    stored: &'a [u8],
}

/// Reads a whole file, and checks all that FORMAT.md says of one.
pub fn read(bytes: &[u8]) -> Result<Contents, Unsound> {
    let outside = |why| Unsound { block: None, why };
    let shift = read_header(bytes).map_err(outside)?;
    let (last_index, count) = read_trailer(bytes).map_err(outside)?;
    let blocks = read_blocks(&bytes[..bytes.len() - trailer::LENGTH])?;
    require(
        blocks.len() as u64 == count,
        "the trailer's number of blocks is wrong",
    )
    .map_err(outside)?;
    check_index(&blocks, last_index)?;
    let mut contents = Contents::default();
    for block in &blocks {
        decode(block, shift, &mut contents).map_err(|why| at(block, why))?;
    }
    check_ids(&blocks, &contents)?;
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

/// One block after the other, from the header to the end of `bytes`, which is where the trailer starts.
fn read_blocks(bytes: &[u8]) -> Result<Vec<RawBlock<'_>>, Unsound> {
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
        .and_then(|()| decode_index(block))
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
            _ => true,
        };
        require(sound, "names an id without a record").map_err(|why| at(block, why))?;
    }
    Ok(())
}

/// Reads the values of one column, first to last.
struct Values {
    bytes: Vec<u8>,
    at: usize,
}

impl Values {
    fn more(&self) -> bool {
        self.at < self.bytes.len()
    }

    fn byte(&mut self) -> Checked<u8> {
        let byte = *self.bytes.get(self.at).ok_or("a column ends too early")?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Checked<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            require(place < 9 || byte <= 1, "a varint does not fit 64 bits")?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a varint is longer than 10 bytes".to_owned())
    }

    fn id(&mut self) -> Checked<u64> {
        let id = self.varint()?;
        require(id <= u64::from(u32::MAX), "an id does not fit 32 bits")?;
        Ok(id)
    }

    fn narrow(&mut self) -> Checked<u64> {
        let number = self.varint()?;
        require(
            number <= u64::from(u32::MAX),
            "a number does not fit 32 bits",
        )?;
        Ok(number)
    }

    fn id_plus_one(&mut self) -> Checked<Option<u64>> {
        let stored = self.varint()?;
        require(stored <= 1 << 32, "an id does not fit 32 bits")?;
        Ok(stored.checked_sub(1))
    }

    fn text(&mut self, length: u64) -> Checked<String> {
        require(
            length <= (self.bytes.len() - self.at) as u64,
            "a text reaches beyond its column",
        )?;
        let bytes = self.bytes[self.at..self.at + length as usize].to_vec();
        self.at += length as usize;
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    fn end(&self) -> Checked<()> {
        require(!self.more(), "a column has bytes behind its last record")
    }
}

fn column(block: &RawBlock<'_>, number: u8) -> Checked<Values> {
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
    Ok(Values { bytes, at: 0 })
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

/// An address, of which the column has the units.
fn address(units: u64, shift: u8) -> Checked<u64> {
    let address = units << shift;
    require(address >> shift == units, "an address does not fit 64 bits")?;
    Ok(address)
}

fn label(kind_byte: u8, value: u64) -> Checked<RawLabel> {
    let label = RawLabel {
        kind: kind_byte & !kind::WEAK,
        value,
    }
    .normal();
    require(
        !label.names_a_string() || value <= u64::from(u32::MAX),
        "a label's string id does not fit 32 bits",
    )?;
    Ok(label)
}

fn decode(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    match block.kind {
        kind::METADATA => decode_metadata(block, into),
        kind::STRINGS => decode_strings(block, into),
        kind::TYPES => decode_types(block, shift, into),
        kind::OBJECTS => decode_objects(block, shift, into),
        kind::REFERENCES => decode_references(block, shift, into),
        kind::ROOTS => decode_roots(block, shift, into),
        kind::FAULTS => decode_faults(block, shift, into),
        _ => Ok(()),
    }
}

fn decode_index(block: &RawBlock<'_>) -> Checked<Vec<IndexEntry>> {
    let (mut offsets, mut lengths) = (column(block, 1)?, column(block, 2)?);
    let (mut kinds, mut counts) = (column(block, 3)?, column(block, 4)?);
    let mut entries = Vec::new();
    let mut offset = 0u64;
    for _ in 0..block.records {
        offset = offset.wrapping_add(offsets.varint()?);
        entries.push(IndexEntry {
            offset,
            length: lengths.varint()?,
            kind: kinds.byte()?,
            records: counts.varint()?,
        });
    }
    [offsets, lengths, kinds, counts]
        .iter()
        .try_for_each(Values::end)?;
    Ok(entries)
}

fn decode_metadata(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut key_lengths, mut keys) = (column(block, 1)?, column(block, 2)?);
    let (mut value_lengths, mut values) = (column(block, 3)?, column(block, 4)?);
    for _ in 0..block.records {
        let key = keys.text(key_lengths.varint()?)?;
        let value = values.text(value_lengths.varint()?)?;
        into.metadata.push((key, value));
    }
    [key_lengths, keys, value_lengths, values]
        .iter()
        .try_for_each(Values::end)
}

fn decode_strings(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut lengths, mut texts) = (column(block, 1)?, column(block, 2)?);
    for _ in 0..block.records {
        let length = lengths.varint()?;
        require(length <= STRING_BYTES, "a string is too long")?;
        into.strings.push(texts.text(length)?);
    }
    [lengths, texts].iter().try_for_each(Values::end)
}

fn decode_types(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut addresses, mut modules) = (column(block, 1)?, column(block, 2)?);
    let (mut names, mut flags) = (column(block, 3)?, column(block, 4)?);
    let mut units = 0u64;
    for _ in 0..block.records {
        units = units.wrapping_add(unzigzag(addresses.varint()?));
        into.types.push(Type {
            address: address(units, shift)?,
            module: modules.id()?,
            name: names.id()?,
            flags: flags.varint()? & 3,
        });
    }
    [addresses, modules, names, flags]
        .iter()
        .try_for_each(Values::end)
}

fn decode_objects(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut type_ids, mut addresses, mut sizes) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let (mut refcounts, mut flags) = (column(block, 4)?, column(block, 5)?);
    let (mut address_slots, mut size_slots) = (Slots::new(), Slots::new());
    for _ in 0..block.records {
        let type_id = type_ids.id()?;
        let units = address_slots.decode(type_id % 256, addresses.varint()?);
        into.objects.push(Object {
            address: address(units, shift)?,
            type_id,
            size: size_slots.decode(type_id % 256, sizes.varint()?),
            refcount: refcounts.varint()?,
            flags: flags.byte()? & 3,
        });
    }
    if block.columns.contains_key(&6) {
        let mut births = column(block, 6)?;
        let mut birth = 0u64;
        for _ in 0..block.records {
            birth = birth.wrapping_add(unzigzag(births.varint()?));
            into.births.push(birth);
        }
        births.end()?;
    }
    [type_ids, addresses, sizes, refcounts, flags]
        .iter()
        .try_for_each(Values::end)
}

fn decode_references(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut sources, mut counts, mut targets) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let (mut kinds, mut values) = (column(block, 4)?, column(block, 5)?);
    let (mut target_slots, mut value_slots) = (Slots::new(), Slots::new());
    let mut last_source = into.references.last().map(|reference| reference.source);
    let mut source = 0u64;
    let mut left = block.records;
    let mut first_group = true;
    while sources.more() {
        let step = sources.varint()?;
        require(first_group || step > 0, "sources do not rise")?;
        source = source
            .checked_add(step)
            .ok_or("a source does not fit 32 bits")?;
        require(
            source <= u64::from(u32::MAX),
            "a source does not fit 32 bits",
        )?;
        require(
            !first_group || last_source.is_none_or(|last| last <= source),
            "sources fall from block to block",
        )?;
        (first_group, last_source) = (false, Some(source));
        let count = counts.varint()?;
        require(count >= 1, "an empty group")?;
        left = left
            .checked_sub(count)
            .ok_or("the groups hold more references than the block")?;
        for j in 0..count {
            let units = target_slots.decode(target_slot(j, count), targets.varint()?);
            let kind_byte = kinds.byte()?;
            let value = value_slots.decode(u64::from(kind_byte & !kind::WEAK), values.varint()?);
            into.references.push(Reference {
                source,
                target: address(units, shift)?,
                label: label(kind_byte, value)?,
                weak: kind_byte & kind::WEAK != 0,
            });
        }
    }
    require(left == 0, "the groups hold fewer references than the block")?;
    [sources, counts, targets, kinds, values]
        .iter()
        .try_for_each(Values::end)
}

fn decode_roots(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut kinds, mut names, mut threads) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let (mut lines, mut depths) = (column(block, 4)?, column(block, 5)?);
    let (mut label_kinds, mut label_values, mut targets) =
        (column(block, 6)?, column(block, 7)?, column(block, 8)?);
    for _ in 0..block.records {
        into.roots.push(Root {
            kind: match kinds.byte()? {
                known @ 1..=6 => known,
                _ => kind::root::NATIVE,
            },
            name: names.id_plus_one()?,
            thread: threads.id_plus_one()?,
            line: lines.narrow()?,
            depth: depths.narrow()?,
            label: label(label_kinds.byte()?, label_values.varint()?)?,
            target: address(targets.varint()?, shift)?,
        });
    }
    [
        kinds,
        names,
        threads,
        lines,
        depths,
        label_kinds,
        label_values,
        targets,
    ]
    .iter()
    .try_for_each(Values::end)
}

fn decode_faults(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut addresses, mut messages) = (column(block, 1)?, column(block, 2)?);
    for _ in 0..block.records {
        into.faults.push(Fault {
            address: address(addresses.varint()?, shift)?,
            message: messages.id()?,
        });
    }
    [addresses, messages].iter().try_for_each(Values::end)
}
