//! Split debug information: what `-C split-debuginfo` leaves beside the program, all in one package (`.dwp`) or in an object for each unit
//! (`.dwo`). The program has but a skeleton of such a unit, with an id by which the rest is known. DWARF 5, section 7.3, and the GNU extension
//! of DWARF 4 that came before it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gimli::{Dwarf, DwarfPackage, DwarfPackageSections, DwoId, EndianSlice, RunTimeEndian};

use crate::debug_info::Slice;
use crate::elf::{Elf, Sections};
use crate::symbols::{Symbols, SymbolsError};

/// The files that the split units of a module were found in.
#[derive(Default)]
pub(crate) struct SplitFiles {
    package: Option<Elf>,
    objects: Vec<Elf>,
    missing: Option<SymbolsError>,
}

/// A unit of which the program has a skeleton only.
struct Skeleton {
    id: DwoId,
    /// Where the compiler put its object.
    object: PathBuf,
}

impl SplitFiles {
    /// Looks for the split units of the module that was loaded from `module` and whose debug information is in `file`.
    pub(crate) fn find(file: &Elf, module: &Path, symbols: &Symbols) -> SplitFiles {
        let mut lacking = match skeletons(file) {
            Some(skeletons) if !skeletons.is_empty() => skeletons,
            _ => return SplitFiles::default(),
        };
        let all = lacking.len();
        let mut found = SplitFiles::default();
        for path in symbols.packages(module, file.path()) {
            let Ok(package) = Elf::open(&path) else {
                continue;
            };
            let Some(ids) = ids_of_package(&package, &lacking) else {
                continue;
            };
            if !ids.is_empty() {
                lacking.retain(|skeleton| !ids.contains(&skeleton.id));
                found.package = Some(package);
                break;
            }
        }
        lacking.retain(|skeleton| {
            let paths = symbols.objects(&skeleton.object).into_iter();
            let mut objects = paths.filter_map(|path| Elf::open(&path).ok());
            match objects.find(|object| id_of_object(object) == Some(skeleton.id)) {
                Some(object) => {
                    found.objects.push(object);
                    false
                }
                None => true,
            }
        });
        found.missing = lacking.first().map(|first| SymbolsError::SplitMissing {
            module: module.to_path_buf(),
            lacking: lacking.len(),
            all,
            object: first.object.clone(),
        });
        found
    }

    /// The files, wherever they were found.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.package.iter().chain(&self.objects).map(Elf::path)
    }

    /// Why units are missing, if some are.
    pub(crate) fn missing(&self) -> Option<&SymbolsError> {
        self.missing.as_ref()
    }

    /// As [`SplitFiles::missing`].
    pub(crate) fn into_missing(self) -> Option<SymbolsError> {
        self.missing
    }

    /// Maps or unpacks the sections; of a file whose sections cannot be read none are there.
    pub(crate) fn sections(&self) -> SplitSections<'_> {
        let objects = self.objects.iter();
        SplitSections {
            package: self.package.as_ref().and_then(|file| file.package().ok()),
            objects: objects
                .filter_map(|file| file.object_sections().ok())
                .collect(),
        }
    }
}

/// The sections of the files with a module's split units.
#[derive(Default)]
pub(crate) struct SplitSections<'f> {
    package: Option<DwarfPackageSections<Cow<'f, [u8]>>>,
    objects: Vec<Sections<'f>>,
}

impl SplitSections<'_> {
    /// Bytes of all units together.
    pub(crate) fn length(&self) -> usize {
        let package = self.package.iter().map(|package| &package.debug_info);
        let objects = self.objects.iter().map(|object| &object.debug_info);
        let mut length = 0_usize;
        for section in package.chain(objects) {
            section.borrow(|bytes| length = length.saturating_add(bytes.len()));
        }
        length
    }

    /// The units in them, to be found by their ids; addresses and ranges are those of `program`.
    pub(crate) fn units<'a>(
        &'a self,
        program: &Dwarf<Slice<'a>>,
        endian: RunTimeEndian,
    ) -> SplitUnits<'a> {
        let slice = |section: &'a Cow<'_, [u8]>| EndianSlice::new(section, endian);
        let package = self.package.as_ref();
        let objects = self.objects.iter().filter_map(|sections| {
            let mut dwarf = sections.borrow(slice);
            dwarf.make_dwo(program);
            Some((first_id(&dwarf)?, Arc::new(dwarf)))
        });
        SplitUnits {
            package: package.and_then(|package| {
                let empty = EndianSlice::new(&[], endian);
                package.borrow(slice, empty).ok()
            }),
            objects: objects.collect(),
        }
    }
}

/// Split units by their ids.
pub(crate) struct SplitUnits<'a> {
    package: Option<DwarfPackage<Slice<'a>>>,
    objects: HashMap<DwoId, Arc<Dwarf<Slice<'a>>>>,
}

impl<'a> SplitUnits<'a> {
    /// The sections that are of this unit.
    pub(crate) fn find(
        &self,
        id: DwoId,
        program: &Dwarf<Slice<'a>>,
    ) -> Option<Arc<Dwarf<Slice<'a>>>> {
        let package = self.package.as_ref();
        let packed = package.and_then(|package| package.find_cu(id, program).ok().flatten());
        match packed {
            Some(dwarf) => Some(Arc::new(dwarf)),
            None => self.objects.get(&id).cloned(),
        }
    }
}

/// The units of which a file has skeletons only; `None` if it cannot be read.
fn skeletons(file: &Elf) -> Option<Vec<Skeleton>> {
    // Split units have their addresses there, whole ones of Rust programs do not: most files are not looked at any further.
    if !file.has_section(".debug_addr") {
        return Some(Vec::new());
    }
    let sections = file.sections().ok()?;
    let dwarf = borrowed(&sections, file);
    let mut skeletons = Vec::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next().ok()? {
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let (Some(id), Ok(Some(name))) = (unit.dwo_id, unit.dwo_name()) else {
            continue;
        };
        let name = dwarf.attr_string(&unit, name).ok()?;
        let directory = unit.comp_dir.map(|directory| path_of(directory.slice()));
        let object = directory.unwrap_or_default().join(path_of(name.slice()));
        skeletons.push(Skeleton { id, object });
    }
    Some(skeletons)
}

/// Which of these units a package has; `None` if it is none.
fn ids_of_package(file: &Elf, wanted: &[Skeleton]) -> Option<Vec<DwoId>> {
    let sections = file.package().ok()?;
    let endian = file.endian();
    let slice = |section| EndianSlice::new(section, endian);
    let empty = EndianSlice::new(&[], endian);
    let package = sections
        .borrow(|section: &Cow<'_, [u8]>| slice(section), empty)
        .ok()?;
    let ids = wanted.iter().map(|skeleton| skeleton.id);
    Some(
        ids.filter(|id| package.cu_index.find(id.0).is_some())
            .collect(),
    )
}

fn id_of_object(file: &Elf) -> Option<DwoId> {
    first_id(&borrowed(&file.object_sections().ok()?, file))
}

fn first_id(dwarf: &Dwarf<Slice<'_>>) -> Option<DwoId> {
    let header = dwarf.units().next().ok()??;
    dwarf.unit(header).ok()?.dwo_id
}

fn borrowed<'a>(sections: &'a Sections<'_>, file: &Elf) -> Dwarf<Slice<'a>> {
    let endian = file.endian();
    sections.borrow(|section| EndianSlice::new(section, endian))
}

fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}
