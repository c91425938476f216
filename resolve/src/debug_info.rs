//! One module's DWARF: entries by their offset in `.debug_info`, their parents, the functions at an address.
//!
//! Everything here answers `None` for what is damaged or absent: a type that cannot be read is unknown, and no more.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use addr2line::{LookupContinuation, LookupResult};
use gimli::{
    AttributeValue, DebugInfoOffset, DebuggingInformationEntry, DwAt, DwoId, EndianSlice,
    RunTimeEndian, UnitOffset,
};

use crate::elf::Sections;
use crate::split::{SplitSections, SplitUnits};

/// A piece of a section.
pub(crate) type Slice<'a> = EndianSlice<'a, RunTimeEndian>;
/// An entry with its attributes, without its children.
pub(crate) type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;
/// An entry's offset in `.debug_info`. The split units of a module follow what it has itself, each behind the one before.
pub(crate) type Offset = usize;

/// References from entry to entry (origin, specification) that are followed; compilers make two or three.
const MOST_HOPS: usize = 16;

/// Entries in entries: blocks and inlined calls reach dozens. addr2line goes down by recursion, so that more could end the process.
const DEEPEST: isize = 1000;

/// The DWARF of one module.
pub(crate) struct DebugInfo<'a> {
    context: addr2line::Context<Slice<'a>>,
    dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
    split: SplitUnits<'a>,
    /// Where the split units begin.
    split_starts: HashMap<DwoId, Offset>,
    /// In the order of their offsets.
    units: Vec<Unit<'a>>,
    variables: Vec<Offset>,
}

/// A compilation unit.
struct Unit<'a> {
    start: Offset,
    /// Of the sections that it lies in.
    dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
    header: gimli::UnitHeader<Slice<'a>>,
    /// `None` if it cannot be read.
    parsed: Option<gimli::Unit<Slice<'a>>>,
    /// Offset in the unit of entries that have a name to add to a path, or can be named, each with its parent's; rising.
    parents: OnceCell<Vec<(UnitOffset, UnitOffset)>>,
}

/// Where a static variable lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    /// At an address of the file.
    Process(u64),
    /// In each thread, so far behind the start of the file's thread-local memory.
    Thread(u64),
}

/// A function at an address: its entry (of an inlined one, the inlined copy), and where the code there comes from.
pub(crate) struct FoundFunction {
    /// `None` if there is only a line table.
    pub(crate) entry: Option<Offset>,
    /// The source file, as the line table has it.
    pub(crate) file: Option<String>,
}

impl<'a> DebugInfo<'a> {
    /// Over the sections of a module, all of whose entries are looked at once.
    ///
    /// # Errors
    /// If the units' headers cannot be read, entries lie in entries too deep, or split units in one another's bytes.
    pub(crate) fn new(
        sections: &'a Sections<'_>,
        split: &'a SplitSections<'_>,
        endian: RunTimeEndian,
    ) -> Result<DebugInfo<'a>, gimli::Error> {
        let dwarf = Arc::new(sections.borrow(|section| EndianSlice::new(section, endian)));
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            if let Some(DebugInfoOffset(start)) = header.debug_info_offset() {
                units.push(Unit::new(start, &dwarf, header));
            }
        }
        let split_length = split.length();
        let split = split.units(&dwarf, endian);
        let start_of_split = units.last().map_or(0, Unit::end);
        let mut end = start_of_split;
        let mut split_starts = HashMap::new();
        for at in 0..units.len() {
            let Some(skeleton) = &units[at].parsed else {
                continue;
            };
            let id = skeleton.dwo_id.filter(|id| !split_starts.contains_key(id));
            let found = id.and_then(|id| Some((id, split.find(id, &dwarf)?)));
            if let Some((id, own)) = found
                && let Ok(Some(header)) = own.units().next()
            {
                let mut unit = Unit::new(end, &own, header);
                if let Some(parsed) = &mut unit.parsed {
                    parsed.copy_relocated_attributes(skeleton);
                }
                end = unit.end();
                // Each lies in bytes of its own; a package that says otherwise would be gone through again and again.
                if end.saturating_sub(start_of_split) > split_length {
                    return Err(gimli::Error::UnsupportedOffset);
                }
                split_starts.insert(id, unit.start);
                units.push(unit);
            }
        }
        let mut variables = Vec::new();
        for unit in &units {
            unit.survey(&mut variables)?;
        }
        Ok(DebugInfo {
            variables,
            context: addr2line::Context::from_arc_dwarf(Arc::clone(&dwarf))?,
            dwarf,
            split,
            split_starts,
            units,
        })
    }

    /// What addr2line finds, with the split units that it asks for.
    fn look_up<L: LookupContinuation<Buf = Slice<'a>>>(
        &self,
        result: LookupResult<L>,
    ) -> L::Output {
        let mut result = result;
        loop {
            match result {
                LookupResult::Output(output) => return output,
                LookupResult::Load { load, continuation } => {
                    result = continuation.resume(self.split.find(load.dwo_id, &self.dwarf));
                }
            }
        }
    }

    /// The functions at an address of the file, innermost first.
    pub(crate) fn functions_at(&self, address: u64) -> Vec<FoundFunction> {
        // Ranges end behind their last address, which addr2line reckons with.
        if address == u64::MAX {
            return Vec::new();
        }
        let unit = self.look_up(self.context.find_dwarf_and_unit(address));
        let start = unit.and_then(|unit| {
            let split = unit.dwo_id.and_then(|id| self.split_starts.get(&id));
            match (split, unit.header.debug_info_offset()) {
                (Some(&start), _) => Some(start),
                (None, start) => start.map(|DebugInfoOffset(start)| start),
            }
        });
        let frames = self.look_up(self.context.find_frames(address));
        let (Some(start), Ok(mut frames)) = (start, frames) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            found.push(FoundFunction {
                entry: frame.dw_die_offset.map(|offset| start + offset.0),
                file: frame
                    .location
                    .and_then(|location| location.file.map(str::to_owned)),
            });
        }
        found
    }

    /// All variables that have a place, in the stack or in static memory.
    pub(crate) fn variables(&self) -> &[Offset] {
        &self.variables
    }

    /// The entry at an offset.
    pub(crate) fn entry(&self, at: Offset) -> Option<Entry<'a>> {
        let unit = self.unit_of(at)?;
        unit.parsed
            .as_ref()?
            .entry(UnitOffset(at - unit.start))
            .ok()
    }

    /// Calls `visit` with the offset, the depth (1 = a child) and the entry of everything below an entry, until it returns `None` or
    /// something cannot be read.
    pub(crate) fn each_below(
        &self,
        at: Offset,
        mut visit: impl FnMut(Offset, isize, &Entry<'a>) -> Option<()>,
    ) -> Option<()> {
        let unit = self.unit_of(at)?;
        let parsed = unit.parsed.as_ref()?;
        let mut entries = parsed.entries_raw(Some(UnitOffset(at - unit.start))).ok()?;
        let mut entry = Entry::null();
        let mut first = true;
        while first || entries.next_depth() > 0 {
            if entries.is_empty() {
                break;
            }
            let is_entry = entries.read_entry(&mut entry).ok()?;
            if is_entry && !first {
                visit(unit.start + entry.offset().0, entry.depth(), &entry)?;
            }
            if first && !entry.has_children() {
                break;
            }
            first = false;
        }
        Some(())
    }

    /// The text of an attribute of the entry at `at`.
    pub(crate) fn text(&self, at: Offset, entry: &Entry<'a>, name: DwAt) -> Option<String> {
        let value = entry.attr_value(name)?;
        let unit = self.unit_of(at)?;
        let text = unit.dwarf.attr_string(unit.parsed.as_ref()?, value).ok()?;
        Some(text.to_string_lossy().into_owned())
    }

    /// The entry that an attribute of the entry at `at` refers to.
    pub(crate) fn reference(&self, at: Offset, entry: &Entry<'a>, name: DwAt) -> Option<Offset> {
        match entry.attr_value(name)? {
            AttributeValue::UnitRef(UnitOffset(offset)) => {
                self.unit_of(at)?.start.checked_add(offset)
            }
            AttributeValue::DebugInfoRef(DebugInfoOffset(offset)) => {
                // Of a split unit's own section, where it is not at the same place.
                let unit = self.unit_of(at)?;
                let DebugInfoOffset(own) = unit.header.debug_info_offset()?;
                unit.start.checked_sub(own)?.checked_add(offset)
            }
            _ => None,
        }
    }

    /// Where the static variable of an entry lies.
    pub(crate) fn storage(&self, at: Offset, entry: &Entry<'a>) -> Option<Storage> {
        let unit = self.unit_of(at)?;
        let parsed = unit.parsed.as_ref()?;
        let expression = entry.attr_value(gimli::DW_AT_location)?.exprloc_value()?;
        let mut operations = expression.operations(parsed.encoding());
        let first = operations.next().ok()??;
        let then = operations.next().ok()?;
        match (first, then) {
            (gimli::Operation::Address { address }, None) => Some(Storage::Process(address)),
            (gimli::Operation::AddressIndex { index }, None) => {
                let address = unit.dwarf.address(parsed, index).ok()?;
                Some(Storage::Process(address))
            }
            (gimli::Operation::ConstantIndex { index }, Some(gimli::Operation::TLS)) => {
                let offset = unit.dwarf.address(parsed, index).ok()?;
                Some(Storage::Thread(offset))
            }
            (gimli::Operation::UnsignedConstant { value }, Some(gimli::Operation::TLS)) => {
                Some(Storage::Thread(value))
            }
            _ => None,
        }
    }

    /// The entry and those that it is a copy or the definition of, from the copy to the declaration.
    pub(crate) fn origins(&self, at: Offset) -> Vec<(Offset, Entry<'a>)> {
        let mut chain = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next
            && chain.len() < MOST_HOPS
            && let Some(entry) = self.entry(at)
        {
            next = self
                .reference(at, &entry, gimli::DW_AT_abstract_origin)
                .or_else(|| self.reference(at, &entry, gimli::DW_AT_specification));
            chain.push((at, entry));
        }
        chain
    }

    /// The entry that an entry lies in.
    pub(crate) fn parent(&self, at: Offset) -> Option<Offset> {
        let unit = self.unit_of(at)?;
        let parents = unit.parents();
        let place = parents
            .binary_search_by_key(&UnitOffset(at - unit.start), |&(child, _)| child)
            .ok()?;
        Some(unit.start + parents.get(place)?.1.0)
    }

    fn unit_of(&self, at: Offset) -> Option<&Unit<'a>> {
        let after = self.units.partition_point(|unit| unit.start <= at);
        let unit = self.units.get(after.checked_sub(1)?)?;
        (at < unit.end()).then_some(unit)
    }
}

impl<'a> Unit<'a> {
    fn new(
        start: Offset,
        dwarf: &Arc<gimli::Dwarf<Slice<'a>>>,
        header: gimli::UnitHeader<Slice<'a>>,
    ) -> Unit<'a> {
        Unit {
            start,
            dwarf: Arc::clone(dwarf),
            header,
            parsed: dwarf.unit(header).ok(),
            parents: OnceCell::new(),
        }
    }

    fn end(&self) -> Offset {
        self.start
            .saturating_add(self.header.length_including_self())
    }

    fn parents(&self) -> &[(UnitOffset, UnitOffset)] {
        self.parents
            .get_or_init(|| self.find_parents().unwrap_or_default())
    }

    /// Goes through the whole unit: finds its variables, and sees how deep it is.
    ///
    /// # Errors
    /// If it is too deep. What cannot be read ends the unit.
    fn survey(&self, variables: &mut Vec<Offset>) -> Result<(), gimli::Error> {
        let Some(unit) = &self.parsed else {
            return Ok(());
        };
        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            if entries.next_depth() > DEEPEST {
                return Err(gimli::Error::UnsupportedOffset);
            }
            let offset = entries.next_offset();
            let Ok(abbreviation) = entries.read_abbreviation() else {
                break;
            };
            let Some(abbreviation) = abbreviation else {
                continue;
            };
            let attributes = abbreviation.attributes();
            let has_place = attributes
                .iter()
                .any(|attribute| attribute.name() == gimli::DW_AT_location);
            if has_place && abbreviation.tag() == gimli::DW_TAG_variable {
                variables.push(self.start + offset.0);
            }
            if entries.skip_attributes(attributes).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Goes through the whole unit once; DWARF has no way back from a child.
    fn find_parents(&self) -> Option<Vec<(UnitOffset, UnitOffset)>> {
        let mut entries = self.parsed.as_ref()?.entries_raw(None).ok()?;
        let mut found = Vec::new();
        // Of every depth the entry that was last met there: the path to the present one.
        let mut path: Vec<UnitOffset> = Vec::new();
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let depth = usize::try_from(entries.next_depth()).unwrap_or(0);
            let Some(abbreviation) = entries.read_abbreviation().ok()? else {
                continue;
            };
            path.truncate(depth);
            if let Some(&parent) = path.last()
                && is_named(abbreviation.tag())
            {
                found.push((offset, parent));
            }
            path.push(offset);
            entries.skip_attributes(abbreviation.attributes()).ok()?;
        }
        Some(found)
    }
}

/// Whether paths of names lead through, or to, such entries.
fn is_named(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_typedef
            | gimli::DW_TAG_subprogram
            | gimli::DW_TAG_variable
    )
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    /// One unit, in which so many blocks lie in one another.
    fn nested(depth: usize) -> Sections<'static> {
        // A unit and a lexical block, both with children and without attributes.
        let abbreviations = [1, 0x11, 1, 0, 0, 2, 0x0b, 1, 0, 0, 0];
        let mut entries = vec![1];
        entries.resize(1 + depth, 2);
        entries.resize(2 + 2 * depth, 0);
        let mut info = Vec::new();
        info.extend_from_slice(&(entries.len() as u32 + 7).to_le_bytes());
        info.extend_from_slice(&[4, 0, 0, 0, 0, 0, 8]);
        info.extend_from_slice(&entries);
        gimli::DwarfSections::load(|id| {
            Ok::<_, ()>(match id {
                gimli::SectionId::DebugInfo => Cow::Owned(info.clone()),
                gimli::SectionId::DebugAbbrev => Cow::Owned(abbreviations.to_vec()),
                _ => Cow::Borrowed(&[][..]),
            })
        })
        .unwrap_or_else(|()| unreachable!())
    }

    #[test]
    fn entries_in_entries_without_end_are_refused() {
        let is_read = |depth| {
            let split = SplitSections::default();
            DebugInfo::new(&nested(depth), &split, RunTimeEndian::Little).is_ok()
        };
        assert!(is_read(900));
        assert!(!is_read(1_000_000));
    }
}
