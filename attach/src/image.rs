//! The executable and the libraries of a process: what they are called, where their symbols lie, and which bytes of their pages
//! belong to nobody.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use object::elf::{FileHeader64, PF_W, PT_LOAD};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol, ReadCache, ReadRef};
use procfs::process::{MMPermissions, MMapPath, MemoryMap};

use crate::error::AttachError;
use crate::memory::{Address, Memory};
use crate::process::Process;

/// Symbols that are looked for.
const RUNTIME: &str = "_PyRuntime";
const RUN_STRING: &str = "PyRun_SimpleString";
const VERSION: &str = "Py_Version";

/// The part of a process that is the interpreter: its executable, or its libpython.
#[derive(Debug)]
pub(crate) struct Image {
    /// The file, as the process calls it.
    pub(crate) path: PathBuf,
    /// `_PyRuntime`, the state of everything.
    pub(crate) runtime: Address,
    /// The function that runs a string as a program.
    pub(crate) run_string: Address,
    /// `Py_Version`, a number; from 3.11 on.
    pub(crate) version: Option<Address>,
    /// An empty C string that stays what it is as long as the image is mapped.
    pub(crate) empty_string: Address,
    /// Writable data, which the version's text is a part of.
    pub(crate) data: Vec<(Address, u64)>,
    /// Read-only bytes between the end of a segment and the end of its page.
    pub(crate) tails: Vec<Tail>,
}

/// Bytes that are mapped because pages are whole, and to which nothing refers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) start: Address,
    /// What the file has there.
    pub(crate) pristine: Vec<u8>,
}

/// Finds the interpreter among all that is mapped.
pub(crate) fn interpreter(process: &Process, memory: &Memory) -> Result<Image, AttachError> {
    let maps = process.maps()?;
    let (executable, path) = process.executable()?;
    check_machine(process, &executable, &path)?;
    let beginnings = maps.iter().filter(|map| map.offset == 0 && map.inode != 0);
    let executable_node = node(&executable);
    let mut replaced = None;
    for map in beginnings {
        let MMapPath::Path(path) = &map.pathname else {
            continue;
        };
        let is_executable = Some(map.inode) == executable_node;
        if !is_executable && !may_be_python(path) {
            continue;
        }
        let file = if is_executable {
            process.executable().ok().map(|(file, _)| file)
        } else {
            process.mapped_file(map, path).ok()
        };
        let Some(file) = file.filter(|file| same_file(file, memory, map)) else {
            replaced = Some(path.clone());
            continue;
        };
        if let Some(image) = read(&file, path, map, &maps) {
            return Ok(image);
        }
    }
    Err(match replaced {
        Some(path) => process.unsupported(format!(
            "its {} was deleted or replaced since it started (an upgrade?), so its symbols cannot be read; run memdump as root, or start \
             the program anew",
            path.display()
        )),
        None => process.not_python(what_else(&path)),
    })
}

/// What a program without the symbols of CPython is.
fn what_else(executable: &Path) -> String {
    let name = executable.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("pypy") {
        return format!("it is PyPy ({})", executable.display());
    }
    format!(
        "{} has no symbol {RUNTIME}, nor has a libpython in it. If it is a shell or a supervisor, attach to the Python process below it: \
         `ps -ef --forest` shows which",
        executable.display()
    )
}

/// Only these are opened: a process may have thousands of libraries.
fn may_be_python(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("python") || name.contains("Python")
}

fn node(file: &File) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(file.metadata().ok()?.ino())
}

/// Whether the file is what is mapped: by content, because overlay file systems number files differently here and there. The first
/// page has the build's own number where there is one.
fn same_file(file: &File, memory: &Memory, map: &MemoryMap) -> bool {
    use std::os::unix::fs::FileExt;
    let length = (map.address.1 - map.address.0).min(4096) as usize;
    let mut expected = vec![0; length];
    let Ok(read) = file.read_at(&mut expected, 0) else {
        return false;
    };
    expected.truncate(read);
    memory
        .bytes(Address(map.address.0), read)
        .is_ok_and(|mapped| mapped == expected && read >= 64)
}

fn check_machine(process: &Process, mut executable: &File, path: &Path) -> Result<(), AttachError> {
    let mut head = [0; 20];
    let path = path.display();
    if executable.read_exact(&mut head).is_err() || head[..4] != *b"\x7fELF" {
        return Err(process.not_python(format!("{path} is no ELF file")));
    }
    if head[4] != 2 {
        return Err(process.unsupported(format!(
            "{path} is a program of 32 bits; memdump knows 64 bits only"
        )));
    }
    let machine = u16::from_ne_bytes([head[18], head[19]]);
    let own = match std::env::consts::ARCH {
        "x86_64" => object::elf::EM_X86_64.0,
        "aarch64" => object::elf::EM_AARCH64.0,
        _ => machine,
    };
    if machine != own {
        return Err(process.unsupported(format!(
            "{path} is a program for another processor than this command (it runs under an emulator?); use a memdump for that one"
        )));
    }
    Ok(())
}

fn read(file: &File, path: &Path, map: &MemoryMap, maps: &[MemoryMap]) -> Option<Image> {
    let cache = ReadCache::new(file);
    let elf = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
    let symbol = |name: &str| {
        let mut symbols = elf.dynamic_symbols().chain(elf.symbols());
        let found = symbols.find(|symbol| symbol.is_definition() && symbol.name() == Ok(name))?;
        Some(found.address())
    };
    let endian = elf.endian();
    let header: &FileHeader64<Endianness> = elf.elf_header();
    let segments = header.program_headers(endian, &cache).ok()?;
    let loaded = || segments.iter().filter(|s| s.p_type(endian) == PT_LOAD);
    let first = loaded().find(|s| s.p_offset(endian) == 0)?;
    let bias = map.address.0.wrapping_sub(first.p_vaddr(endian));
    let at = |address: u64| Address(bias.wrapping_add(address));

    let page = rustix::param::page_size() as u64;
    let mut data = Vec::new();
    let mut tails = Vec::new();
    for segment in loaded() {
        let start = segment.p_vaddr(endian);
        let end = start.checked_add(segment.p_memsz(endian))?;
        if segment.p_flags(endian) & PF_W != object::elf::ProgramFlags(0) {
            data.push((at(start), end - start));
            continue;
        }
        let (start, limit) = (at(end), at(end.next_multiple_of(page)));
        // Behind a segment that is not written to the loader puts what the file has there, or zeros where the file ends.
        let offset = segment
            .p_offset(endian)
            .checked_add(segment.p_filesz(endian))?;
        let length = limit.0.checked_sub(start.0)?;
        if length == 0 || !is_private(maps, start, limit) {
            continue;
        }
        let have = (&cache).len().ok()?.saturating_sub(offset).min(length);
        let mut pristine = (&cache).read_bytes_at(offset, have).ok()?.to_vec();
        pristine.resize(length as usize, 0);
        tails.push(Tail { start, pristine });
    }
    Some(Image {
        path: path.to_owned(),
        runtime: at(symbol(RUNTIME)?),
        run_string: at(symbol(RUN_STRING)?),
        version: symbol(VERSION).map(at),
        empty_string: Address(map.address.0 + PADDING_OF_IDENT),
        data,
        tails,
    })
}

/// Where the identification at the head of an ELF file has only zeros, which the loader maps with the first segment.
const PADDING_OF_IDENT: u64 = 9;

/// Whether a range is mapped read-only from a file, and privately, so that what is written there stays in the process.
fn is_private(maps: &[MemoryMap], start: Address, end: Address) -> bool {
    maps.iter().any(|map| {
        map.address.0 <= start.0
            && end.0 <= map.address.1
            && map.inode != 0
            && map
                .perms
                .contains(MMPermissions::READ | MMPermissions::PRIVATE)
            && !map.perms.contains(MMPermissions::WRITE)
    })
}
