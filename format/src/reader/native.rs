//! What only dumps of native heaps have: sites, loaded files and vtables.

use super::block::Block;
use super::columns::{Scratch, resize};
use super::error::ReadError;
use super::records::{append, values};
use super::{Dump, Ids};
use crate::ids::TypeId;
use crate::layout::{BlockKind, MAX_ALIGNMENT, MAX_FRAMES, column};
use crate::model::{Module, Site, Vtable};
use crate::unsound::Unsound;
use crate::varint::unzigzag;

/// Where the objects of each type were allocated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sites {
    log2_alignments: Vec<u8>,
    /// Where the frames of each site end.
    ends: Vec<usize>,
    frames: Vec<u64>,
}

impl Sites {
    /// The site of a type; `None` for a type that has none, as all types of a heap with types of its own.
    pub fn get(&self, id: TypeId) -> Option<Site<'_>> {
        let place = id.index();
        let start = match place {
            0 => 0,
            _ => *self.ends.get(place - 1)?,
        };
        Some(Site {
            log2_alignment: *self.log2_alignments.get(place)?,
            frames: self.frames.get(start..*self.ends.get(place)?)?,
        })
    }

    /// How many types have one.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no type has one.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, in the order of their types.
    pub fn iter(&self) -> impl Iterator<Item = Site<'_>> {
        (0..self.len()).filter_map(|place| self.get(TypeId(place as u32)))
    }

    /// Appends the sites of a block.
    fn decode(&mut self, block: &Block<'_>, scratch: &mut Scratch) -> Result<(), Unsound> {
        use column::sites as column;
        let records = block.header.records as usize;
        let alignments = scratch.bytes(block, column::ALIGNMENT, records)?;
        if let Some(&greatest) = alignments
            .iter()
            .max()
            .filter(|&&log2| log2 > MAX_ALIGNMENT)
        {
            return Err(too_great(column::ALIGNMENT, u64::from(greatest)));
        }
        append(&mut self.log2_alignments, alignments.to_vec())?;
        let counts = values(block, scratch, column::COUNT)?;
        if let Some(&greatest) = counts
            .iter()
            .max()
            .filter(|&&count| count > MAX_FRAMES as u64)
        {
            return Err(too_great(column::COUNT, greatest));
        }
        // At most 64 each of at most 65,536.
        let sum = counts.iter().sum::<u64>() as usize;
        if (block.column(column::FRAMES)?.entry.raw_length as usize) < sum {
            return Err(Unsound::ColumnShort(column::FRAMES));
        }
        let start = self.frames.len();
        resize(&mut self.frames, start + sum)?;
        let mut frame = 0u64;
        scratch.varints(block, column::FRAMES, sum, |varints| {
            for place in &mut self.frames[start..] {
                frame = frame.wrapping_add(unzigzag(varints.next_wide()?));
                *place = frame;
            }
            Ok(())
        })?;
        let mut end = start;
        let ends = counts.iter().map(|&count| {
            end += count as usize;
            end
        });
        append(&mut self.ends, ends.collect())
    }
}

impl Dump {
    /// Where the objects of each type were allocated, if it is the dump of a native heap.
    ///
    /// # Errors
    /// If a block of sites is damaged.
    pub fn sites(&self) -> Result<Sites, ReadError> {
        let mut sites = Sites::default();
        self.all(BlockKind::Sites, |first, block, scratch| {
            if self.is_recovered() {
                // What is lost is a site of which nothing is known. Whoever scanned the file has checked that this is no great gap.
                let end = sites.frames.len();
                sites.log2_alignments.resize(first as usize, 0);
                sites.ends.resize(first as usize, end);
            }
            self.check_types(block)?;
            sites.decode(block, scratch)
        })?;
        Ok(sites)
    }

    /// The files of machine code that were loaded, if it is the dump of a native heap.
    ///
    /// # Errors
    /// If a block of modules is damaged.
    pub fn modules(&self) -> Result<Vec<Module>, ReadError> {
        let mut modules = Vec::new();
        self.all(BlockKind::Modules, |_, block, scratch| {
            append(&mut modules, self.modules_of(block, scratch)?)
        })?;
        Ok(modules)
    }

    /// What may be a vtable, if it is the dump of a native heap.
    ///
    /// # Errors
    /// If a block of vtables is damaged.
    pub fn vtables(&self) -> Result<Vec<Vtable>, ReadError> {
        let mut vtables = Vec::new();
        self.all(BlockKind::Vtables, |_, block, scratch| {
            append(&mut vtables, vtables_of(block, scratch)?)
        })?;
        Ok(vtables)
    }

    /// A site's number is a type's.
    fn check_types(&self, block: &Block<'_>) -> Result<(), Unsound> {
        let (first, records) = (block.header.first, u64::from(block.header.records));
        match (first + records).checked_sub(1) {
            Some(last) if records > 0 => {
                let column = column::sites::ALIGNMENT;
                Ids::check(column, "type", last, self.ids.types).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn modules_of(&self, block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Module>, Unsound> {
        use column::modules as column;
        let biases = values(block, scratch, column::BIAS)?;
        let firsts = values(block, scratch, column::FIRST)?;
        let lengths = values(block, scratch, column::LENGTH)?;
        let paths = values(block, scratch, column::PATH)?;
        let build_ids = values(block, scratch, column::BUILD_ID)?;
        let rows = biases.into_iter().zip(firsts).zip(lengths);
        let rows = rows.zip(paths).zip(build_ids);
        rows.map(|((((bias, first), length), path), build_id)| {
            if first.checked_add(length).is_none() {
                return Err(Unsound::Address(column::LENGTH));
            }
            Ok(Module {
                bias,
                first,
                length,
                path: self.string_id(column::PATH, path)?,
                build_id: self.string_id(column::BUILD_ID, build_id)?,
            })
        })
        .collect()
    }
}

/// Decodes one of the blocks that this module knows and drops the result.
pub(super) fn check(dump: &Dump, block: &Block<'_>, scratch: &mut Scratch) -> Result<(), Unsound> {
    match block.header.kind {
        BlockKind::Sites => {
            dump.check_types(block)?;
            Sites::default().decode(block, scratch)
        }
        BlockKind::Modules => dump.modules_of(block, scratch).map(drop),
        BlockKind::Vtables => vtables_of(block, scratch).map(drop),
        _ => Ok(()),
    }
}

fn vtables_of(block: &Block<'_>, scratch: &mut Scratch) -> Result<Vec<Vtable>, Unsound> {
    use column::vtables as column;
    let mut summed = |number| {
        let mut values = Vec::<u64>::new();
        let mut last = 0u64;
        scratch.records(block, number, &mut values, |_, difference| {
            last = last.wrapping_add(unzigzag(difference));
            last
        })?;
        Ok(values)
    };
    let places: Vec<u64> = summed(column::PLACE)?;
    let vtables = summed(column::VTABLE)?;
    let rows = places.into_iter().zip(vtables);
    Ok(rows
        .map(|(place, vtable)| Vtable { place, vtable })
        .collect())
}

#[cold]
fn too_great(column: u8, value: u64) -> Unsound {
    Unsound::TooGreat { column, value }
}
