//! One module's DWARF: entries by their offset in `.debug_info`, their parents, the functions at an address.
//!
//! Everything here answers `None` for what is damaged or absent: a type that cannot be read is unknown, and no more.

use std::cell::OnceCell;
use std::sync::Arc;

use gimli::{
    AttributeValue, DebugInfoOffset, DebuggingInformationEntry, DwAt, EndianSlice, RunTimeEndian,
    UnitOffset,
};

use crate::elf::Sections;

/// A piece of a section.
pub(crate) type Slice<'a> = EndianSlice<'a, RunTimeEndian>;
/// An entry with its attributes, without its children.
pub(crate) type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;
/// An entry's offset in `.debug_info`.
pub(crate) type Offset = usize;

/// References from entry to entry (origin, specification) that are followed; compilers make two or three.
const MOST_HOPS: usize = 16;

/// Entries in entries: blocks and inlined calls reach dozens. addr2line goes down by recursion, so that more could end the process.
const DEEPEST: isize = 1000;

/// The DWARF of one module.
pub(crate) struct DebugInfo<'a> {
    context: addr2line::Context<Slice<'a>>,
    dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
    /// In the order of their offsets.
    units: Vec<Unit<'a>>,
    variables: Vec<Offset>,
}

/// A compilation unit, parsed when something in it is asked for.
struct Unit<'a> {
    start: Offset,
    header: gimli::UnitHeader<Slice<'a>>,
    parsed: OnceCell<Option<gimli::Unit<Slice<'a>>>>,
    /// Offset in the unit of entries that have a name to add to a path, or can be named, each with its parent's; rising.
    parents: OnceCell<Vec<(UnitOffset, UnitOffset)>>,
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
    /// If the units' headers cannot be read, or entries lie in entries too deep.
    pub(crate) fn new(
        sections: &'a Sections<'_>,
        endian: RunTimeEndian,
    ) -> Result<DebugInfo<'a>, gimli::Error> {
        let dwarf = Arc::new(sections.borrow(|section| EndianSlice::new(section, endian)));
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            if let Some(DebugInfoOffset(start)) = header.debug_info_offset() {
                units.push(Unit {
                    start,
                    header,
                    parsed: OnceCell::new(),
                    parents: OnceCell::new(),
                });
            }
        }
        let mut variables = Vec::new();
        for unit in &units {
            unit.survey(&dwarf, &mut variables)?;
        }
        Ok(DebugInfo {
            variables,
            context: addr2line::Context::from_arc_dwarf(Arc::clone(&dwarf))?,
            dwarf,
            units,
        })
    }

    /// The functions at an address of the file, innermost first.
    pub(crate) fn functions_at(&self, address: u64) -> Vec<FoundFunction> {
        let unit = self.context.find_dwarf_and_unit(address).skip_all_loads();
        let start = unit.and_then(|unit| unit.header.debug_info_offset());
        let frames = self.context.find_frames(address).skip_all_loads();
        let (Some(DebugInfoOffset(start)), Ok(mut frames)) = (start, frames) else {
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
        unit.parsed(&self.dwarf)?
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
        let parsed = unit.parsed(&self.dwarf)?;
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
        let unit = self.unit_of(at)?.parsed(&self.dwarf)?;
        let text = self.dwarf.attr_string(unit, value).ok()?;
        Some(text.to_string_lossy().into_owned())
    }

    /// The entry that an attribute of the entry at `at` refers to.
    pub(crate) fn reference(&self, at: Offset, entry: &Entry<'a>, name: DwAt) -> Option<Offset> {
        match entry.attr_value(name)? {
            AttributeValue::UnitRef(UnitOffset(offset)) => {
                self.unit_of(at)?.start.checked_add(offset)
            }
            AttributeValue::DebugInfoRef(DebugInfoOffset(offset)) => Some(offset),
            _ => None,
        }
    }

    /// The address of an attribute that is the location of a static.
    pub(crate) fn static_address(&self, at: Offset, entry: &Entry<'a>) -> Option<u64> {
        let unit = self.unit_of(at)?.parsed(&self.dwarf)?;
        let expression = entry.attr_value(gimli::DW_AT_location)?.exprloc_value()?;
        let mut operations = expression.operations(unit.encoding());
        let address = match operations.next().ok()?? {
            gimli::Operation::Address { address } => address,
            gimli::Operation::AddressIndex { index } => self.dwarf.address(unit, index).ok()?,
            _ => return None,
        };
        operations.next().ok()?.is_none().then_some(address)
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
        let parents = unit.parents(&self.dwarf);
        let place = parents
            .binary_search_by_key(&UnitOffset(at - unit.start), |&(child, _)| child)
            .ok()?;
        Some(unit.start + parents.get(place)?.1.0)
    }

    fn unit_of(&self, at: Offset) -> Option<&Unit<'a>> {
        let after = self.units.partition_point(|unit| unit.start <= at);
        let unit = self.units.get(after.checked_sub(1)?)?;
        (at - unit.start < unit.header.length_including_self()).then_some(unit)
    }
}

impl<'a> Unit<'a> {
    fn parsed(&self, dwarf: &gimli::Dwarf<Slice<'a>>) -> Option<&gimli::Unit<Slice<'a>>> {
        self.parsed
            .get_or_init(|| dwarf.unit(self.header).ok())
            .as_ref()
    }

    fn parents(&self, dwarf: &gimli::Dwarf<Slice<'a>>) -> &[(UnitOffset, UnitOffset)] {
        self.parents
            .get_or_init(|| self.find_parents(dwarf).unwrap_or_default())
    }

    /// Goes through the whole unit: finds its variables, and sees how deep it is.
    ///
    /// # Errors
    /// If it is too deep. What cannot be read ends the unit.
    fn survey(
        &self,
        dwarf: &gimli::Dwarf<Slice<'a>>,
        variables: &mut Vec<Offset>,
    ) -> Result<(), gimli::Error> {
        let Some(unit) = self.parsed(dwarf) else {
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
    fn find_parents(
        &self,
        dwarf: &gimli::Dwarf<Slice<'a>>,
    ) -> Option<Vec<(UnitOffset, UnitOffset)>> {
        let mut entries = self.parsed(dwarf)?.entries_raw(None).ok()?;
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
        let endian = RunTimeEndian::Little;
        assert!(DebugInfo::new(&nested(900), endian).is_ok());
        assert!(DebugInfo::new(&nested(1_000_000), endian).is_err());
    }
}
