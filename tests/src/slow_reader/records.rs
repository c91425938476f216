//! Records of every kind, from the columns of a block.

use super::block::{RawBlock, column};
use super::values::{Values, address, label};
use super::{Checked, require};
use crate::columns::IndexEntry;
use crate::encode::{Slots, target_slot, unzigzag};
use crate::kind;
use crate::record::{Contents, Fault, Module, Object, Reference, Root, Site, Type};

const STRING_BYTES: u64 = 65_535;

pub(super) fn decode(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    match block.kind {
        kind::METADATA => decode_metadata(block, into),
        kind::STRINGS => decode_strings(block, into),
        kind::TYPES => decode_types(block, shift, into),
        kind::OBJECTS => decode_objects(block, shift, into),
        kind::REFERENCES => decode_references(block, shift, into),
        kind::ROOTS => decode_roots(block, shift, into),
        kind::FAULTS => decode_faults(block, shift, into),
        kind::VALUES => decode_values(block, into),
        kind::SITES => decode_sites(block, into),
        kind::MODULES => decode_modules(block, into),
        kind::VTABLES => decode_vtables(block, into),
        _ => Ok(()),
    }
}

pub(super) fn decode_index(block: &RawBlock<'_>) -> Checked<Vec<IndexEntry>> {
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
    let mut offsets = optional(block, 6)?;
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
                offset: next_or_zero(&mut offsets)?,
            });
        }
    }
    require(left == 0, "the groups hold fewer references than the block")?;
    [sources, counts, targets, kinds, values]
        .iter()
        .chain(&offsets)
        .try_for_each(Values::end)
}

fn decode_roots(block: &RawBlock<'_>, shift: u8, into: &mut Contents) -> Checked<()> {
    let (mut kinds, mut names, mut threads) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let (mut lines, mut depths) = (column(block, 4)?, column(block, 5)?);
    let (mut label_kinds, mut label_values, mut targets) =
        (column(block, 6)?, column(block, 7)?, column(block, 8)?);
    let mut offsets = optional(block, 9)?;
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
            offset: next_or_zero(&mut offsets)?,
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
    .chain(&offsets)
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

fn decode_values(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut objects, mut lengths, mut texts) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let mut object = None::<u64>;
    let before = into.values.last().map(|(object, _)| *object);
    for _ in 0..block.records {
        let difference = objects.varint()?;
        require(
            object.is_none() || difference > 0,
            "the objects of values do not rise",
        )?;
        let next = object.unwrap_or(0).saturating_add(difference);
        require(next <= u64::from(u32::MAX), "an id does not fit 32 bits")?;
        require(
            before < Some(next),
            "the objects of values fall from block to block",
        )?;
        object = Some(next);
        let length = lengths.varint()?;
        require(length <= STRING_BYTES, "a value is too long")?;
        into.values.push((next, texts.text(length)?));
    }
    [objects, lengths, texts].iter().try_for_each(Values::end)
}

fn decode_sites(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut alignments, mut counts, mut frames) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let mut frame = 0u64;
    for _ in 0..block.records {
        let alignment = alignments.byte()?;
        require(alignment <= 63, "an alignment is too great")?;
        let count = counts.varint()?;
        require(count <= 64, "a site has too many frames")?;
        let mut site = Site {
            alignment,
            frames: Vec::new(),
        };
        for _ in 0..count {
            frame = frame.wrapping_add(unzigzag(frames.varint()?));
            site.frames.push(frame);
        }
        into.sites.push(site);
    }
    [alignments, counts, frames]
        .iter()
        .try_for_each(Values::end)
}

fn decode_modules(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut biases, mut firsts, mut lengths) =
        (column(block, 1)?, column(block, 2)?, column(block, 3)?);
    let (mut paths, mut build_ids) = (column(block, 4)?, column(block, 5)?);
    for _ in 0..block.records {
        let module = Module {
            bias: biases.varint()?,
            first: firsts.varint()?,
            length: lengths.varint()?,
            path: paths.id()?,
            build_id: build_ids.id()?,
        };
        require(
            module.first.checked_add(module.length).is_some(),
            "an address does not fit 64 bits",
        )?;
        into.modules.push(module);
    }
    [biases, firsts, lengths, paths, build_ids]
        .iter()
        .try_for_each(Values::end)
}

fn decode_vtables(block: &RawBlock<'_>, into: &mut Contents) -> Checked<()> {
    let (mut places, mut vtables) = (column(block, 1)?, column(block, 2)?);
    let (mut place, mut vtable) = (0u64, 0u64);
    for _ in 0..block.records {
        place = place.wrapping_add(unzigzag(places.varint()?));
        vtable = vtable.wrapping_add(unzigzag(vtables.varint()?));
        into.vtables.push((place, vtable));
    }
    [places, vtables].iter().try_for_each(Values::end)
}

/// A column that need not be there.
fn optional(block: &RawBlock<'_>, number: u8) -> Checked<Option<Values>> {
    match block.columns.contains_key(&number) {
        true => column(block, number).map(Some),
        false => Ok(None),
    }
}

fn next_or_zero(values: &mut Option<Values>) -> Checked<u64> {
    values.as_mut().map_or(Ok(0), Values::varint)
}
