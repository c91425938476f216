//! An ELF file, mapped: its build id, where its debug information is said to lie, and its DWARF sections.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::{
    CompressionFormat, Object, ObjectSection, ObjectSegment, ObjectSymbol, RelocationFlags, elf,
};

use crate::symbols::BuildId;

/// DWARF sections as they lie in the file, or unpacked.
pub(crate) type Sections<'f> = gimli::DwarfSections<Cow<'f, [u8]>>;

/// A section that claims to unpack to more than this many times its size is hostile: strings of debug information reach 10.
const GREATEST_RATIO: u64 = 256;

/// An ELF file.
pub(crate) struct Elf {
    path: PathBuf,
    map: Mmap,
}

impl Elf {
    /// Maps a file and checks that it is an ELF file.
    ///
    /// # Errors
    /// If it cannot be read, or is no ELF file (told as `InvalidData`).
    pub(crate) fn open(path: &Path) -> io::Result<Elf> {
        // Asked before it is opened: a dump may name a pipe, which would never open, or a device, to which that does something.
        if !std::fs::metadata(path)?.is_file() {
            return Err(invalid("it is no regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: read-only and private. A file that another process cuts off meanwhile raises SIGBUS; debug files are not rewritten in
        // place by linkers and package managers, which replace them.
        let map = unsafe { Mmap::map(&file)? };
        let elf = Elf {
            path: path.to_path_buf(),
            map,
        };
        elf.parse()?;
        Ok(elf)
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its build id, if it has one.
    pub(crate) fn build_id(&self) -> Option<BuildId> {
        let file = self.parse().ok()?;
        file.build_id().ok().flatten().map(BuildId::from_bytes)
    }

    /// Whether it has DWARF for its functions.
    pub(crate) fn has_debug_info(&self) -> bool {
        self.parse().is_ok_and(|file| {
            file.section_by_name(".debug_info")
                .is_some_and(|section| section.size() > 0)
        })
    }

    /// Start, end and name of the functions in its symbol tables; the end is the start where it is not said.
    pub(crate) fn functions(&self) -> Vec<(u64, u64, &str)> {
        let Ok(file) = self.parse() else {
            return Vec::new();
        };
        let symbols = file.symbols().chain(file.dynamic_symbols());
        let functions = symbols
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.is_definition());
        functions
            .filter_map(|function| {
                let start = function.address();
                let end = start.saturating_add(function.size());
                Some((start, end, function.name().ok()?))
            })
            .collect()
    }

    /// Names of the variables at the start of its thread-local memory.
    pub(crate) fn first_thread_locals(&self) -> Vec<&str> {
        let Ok(file) = self.parse() else {
            return Vec::new();
        };
        let first = file.symbols().filter(|symbol| {
            symbol.kind() == object::SymbolKind::Tls
                && !symbol.is_undefined()
                && symbol.address() == 0
        });
        first.filter_map(|symbol| symbol.name().ok()).collect()
    }

    /// Its constants as the loader makes them; none of a file that has nothing but debug information.
    pub(crate) fn constants(&self) -> Constants<'_> {
        let Ok(file) = self.parse() else {
            return Constants::default();
        };
        let relocations = file.dynamic_relocations().into_iter().flatten();
        let mut moved: Vec<(u64, u64)> = relocations
            .filter_map(|(place, relocation)| match relocation.flags() {
                RelocationFlags::Elf { r_type } if RELATIVE.contains(&r_type) => {
                    Some((place, relocation.addend() as u64))
                }
                _ => None,
            })
            .collect();
        moved.sort_unstable();
        let symbols = file.symbols().chain(file.dynamic_symbols());
        let vtables = symbols.filter_map(|symbol| {
            let name = symbol.name().ok()?;
            let is_vtable = symbol.is_definition() && name.starts_with("_ZTV");
            let end = symbol.address().saturating_add(symbol.size());
            is_vtable.then_some((symbol.address(), end, name))
        });
        let mut vtables: Vec<(u64, u64, &str)> = vtables.collect();
        vtables.sort_unstable();
        Constants {
            moved,
            vtables,
            file: Some(file),
        }
    }

    /// The file name in `.gnu_debuglink`, where `strip` has left one.
    pub(crate) fn debug_link(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt;
        let file = self.parse().ok()?;
        let (name, _crc) = file.gnu_debuglink().ok()??;
        // A name, never a path: what it would lead to is not the file's to say.
        let name = Path::new(std::ffi::OsStr::from_bytes(name)).file_name()?;
        Some(PathBuf::from(name))
    }

    /// Its DWARF sections.
    ///
    /// # Errors
    /// If a section lies outside of the file or does not unpack.
    pub(crate) fn sections(&self) -> io::Result<Sections<'_>> {
        let file = self.parse()?;
        gimli::DwarfSections::load(|id| read_section(&file, id.name()))
    }

    /// The DWARF sections of the split unit that this file has.
    ///
    /// # Errors
    /// As [`Elf::sections`].
    pub(crate) fn object_sections(&self) -> io::Result<Sections<'_>> {
        let file = self.parse()?;
        gimli::DwarfSections::load(|id| match id.dwo_name() {
            Some(name) => read_section(&file, name),
            None => Ok(Cow::Borrowed(&[][..])),
        })
    }

    /// The DWARF sections of the package of split units that this file is.
    ///
    /// # Errors
    /// As [`Elf::sections`].
    pub(crate) fn package(&self) -> io::Result<gimli::DwarfPackageSections<Cow<'_, [u8]>>> {
        let file = self.parse()?;
        let mut error = None;
        let sections = gimli::DwarfPackageSections::load(|id| {
            read_section(&file, id.dwo_name().unwrap_or_default()).map_err(|why| {
                error = Some(why);
                gimli::Error::Io
            })
        });
        sections.map_err(|why| error.unwrap_or_else(|| invalid(why.to_string())))
    }

    /// Whether it has a section of this name.
    pub(crate) fn has_section(&self, name: &str) -> bool {
        self.parse()
            .is_ok_and(|file| file.section_by_name(name).is_some())
    }

    /// The byte order of its sections.
    pub(crate) fn endian(&self) -> gimli::RunTimeEndian {
        match self.parse() {
            Ok(file) if !file.is_little_endian() => gimli::RunTimeEndian::Big,
            _ => gimli::RunTimeEndian::Little,
        }
    }

    fn parse(&self) -> io::Result<object::File<'_>> {
        object::File::parse(&*self.map).map_err(|why| invalid(format!("it is no ELF file: {why}")))
    }
}

/// The relocations of words that are addresses in the file itself.
const RELATIVE: [elf::RelocationType; 2] = [elf::R_X86_64_RELATIVE, elf::R_AARCH64_RELATIVE];

/// The constants of a file.
#[derive(Default)]
pub(crate) struct Constants<'f> {
    file: Option<object::File<'f>>,
    /// Where the loader writes addresses, and which, were it loaded at 0; rising.
    moved: Vec<(u64, u64)>,
    /// Start, end and symbol of each vtable of C++, in the order of their starts.
    vtables: Vec<(u64, u64, &'f str)>,
}

impl Constants<'_> {
    /// The symbol of C++'s vtable that an address lies in.
    pub(crate) fn vtable_around(&self, address: u64) -> Option<&str> {
        let behind = self.vtables.partition_point(|vtable| vtable.0 <= address);
        let &(_, end, symbol) = self.vtables.get(behind.checked_sub(1)?)?;
        (address < end).then_some(symbol)
    }

    /// The word at an address.
    pub(crate) fn word(&self, address: u64) -> Option<u64> {
        if let Ok(at) = self
            .moved
            .binary_search_by_key(&address, |&(place, _)| place)
        {
            return self.moved.get(at).map(|&(_, word)| word);
        }
        let file = self.file.as_ref()?;
        let word = file
            .segments()
            .find_map(|segment| segment.data_range(address, 8).ok().flatten())?;
        let word = word.try_into().ok()?;
        Some(match file.is_little_endian() {
            true => u64::from_le_bytes(word),
            false => u64::from_be_bytes(word),
        })
    }
}

/// A section as it lies in the file, or unpacked; an empty one where there is none of that name.
fn read_section<'f>(file: &object::File<'f>, name: &str) -> io::Result<Cow<'f, [u8]>> {
    match file.section_by_name(name) {
        Some(section) => {
            unpack(&section).map_err(|why| invalid(format!("section {name} cannot be read: {why}")))
        }
        None => Ok(Cow::Borrowed(&[][..])),
    }
}

fn unpack<'f>(section: &object::Section<'f, '_>) -> Result<Cow<'f, [u8]>, String> {
    let stored = section.compressed_data().map_err(|why| why.to_string())?;
    let bound = (stored.data.len() as u64).saturating_mul(GREATEST_RATIO);
    if stored.format != CompressionFormat::None && stored.uncompressed_size > bound {
        return Err(format!(
            "it claims to unpack from {} to {} bytes",
            stored.data.len(),
            stored.uncompressed_size
        ));
    }
    stored.decompress().map_err(|why| why.to_string())
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}
