//! What is mapped in this process, and the loaded files of machine code among it, read from memory: the loader's own list is behind a lock.

use std::fmt::Write as _;
use std::ops::Range;

use crate::memory::Bytes;

/// A mapping of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) addresses: Range<usize>,
    pub(crate) is_readable: bool,
    pub(crate) is_writable: bool,
    pub(crate) is_executable: bool,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// The file; `[stack]` and the like; empty for none.
    pub(crate) path: String,
}

/// All mappings, in the order of their addresses.
pub(crate) fn mappings() -> Vec<Mapping> {
    let text = std::fs::read("/proc/self/maps").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter_map(parse).collect()
}

/// `7f12-7f34 r--p 00000000 08:01 1234    /lib/libc.so.6`.
fn parse(line: &str) -> Option<Mapping> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let mut fields = rest.splitn(5, ' ');
    let permissions = fields.next()?;
    let offset = fields.next()?;
    let path = fields.nth(2).unwrap_or_default().trim_start();
    Some(Mapping {
        addresses: usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?,
        is_readable: permissions.starts_with('r'),
        is_writable: permissions.get(1..2) == Some("w"),
        is_executable: permissions.get(2..3) == Some("x"),
        offset: u64::from_str_radix(offset, 16).ok()?,
        path: path.strip_suffix(" (deleted)").unwrap_or(path).to_owned(),
    })
}

/// Where loaded files have constants, vtables among them: what can be read and neither written nor executed.
pub(crate) fn constants(mappings: &[Mapping]) -> Vec<Range<usize>> {
    let mut constants: Vec<Range<usize>> = Vec::new();
    for mapping in mappings {
        let is_constant = mapping.is_readable
            && !mapping.is_writable
            && !mapping.is_executable
            && mapping.path.starts_with('/');
        match constants.last_mut() {
            _ if !is_constant => {}
            Some(last) if last.end == mapping.addresses.start => last.end = mapping.addresses.end,
            _ => constants.push(mapping.addresses.clone()),
        }
    }
    constants
}

/// A loaded file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Image {
    pub(crate) path: String,
    /// An address in this process minus the address in the file.
    pub(crate) bias: usize,
    /// From its first segment to the end of its last one.
    pub(crate) addresses: Range<usize>,
    /// Hexadecimal digits; empty for none.
    pub(crate) build_id: String,
    /// Its static memory.
    pub(crate) writable: Vec<Range<usize>>,
    /// The thread-local memory that each thread has for it.
    pub(crate) thread_locals: Option<ThreadLocals>,
}

impl Image {
    /// The last part of the path.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The loaded files, in the order of their addresses. What cannot be read of one is left out.
pub(crate) fn images(mappings: &[Mapping]) -> Vec<Image> {
    let files = mappings.iter().filter(|mapping| {
        mapping.offset == 0 && mapping.is_readable && mapping.path.starts_with('/')
    });
    let mut images: Vec<Image> = files.filter_map(image).collect();
    images.dedup_by(|next, one| next.path == one.path && next.bias == one.bias);
    images
}

/// The file that lies at an address.
pub(crate) fn of_address(images: &[Image], address: usize) -> Option<&Image> {
    images
        .iter()
        .find(|image| image.addresses.contains(&address))
}

const EXECUTABLE_OR_LIBRARY: [u16; 2] = [2, 3];
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const PT_TLS: u32 = 7;
const PF_W: u32 = 2;
const NT_GNU_BUILD_ID: u32 = 3;

fn image(mapping: &Mapping) -> Option<Image> {
    let start = mapping.addresses.start;
    let header = Bytes::read::<64>(start)?;
    if header.0.get(..6)? != b"\x7fELF\x02\x01"
        || !EXECUTABLE_OR_LIBRARY.contains(&(header.number::<2>(16)? as u16))
    {
        return None;
    }
    let (table, entry) = (header.number::<8>(32)? as usize, header.number::<2>(54)?);
    if entry != 56 {
        return None;
    }
    let segments: Vec<Segment> = (0..header.number::<2>(56)? as usize)
        .map_while(|number| {
            let at = start.checked_add(table)?.checked_add(number * 56)?;
            Segment::of(&Bytes::read::<56>(at)?)
        })
        .collect();
    let loaded = || segments.iter().filter(|segment| segment.kind == PT_LOAD);
    let first = loaded().find(|segment| segment.offset == 0)?;
    let bias = start.wrapping_sub(first.address);
    let place = |segment: &Segment| {
        let start = bias.wrapping_add(segment.address);
        Some(start..start.checked_add(segment.size)?)
    };
    Some(Image {
        path: mapping.path.clone(),
        bias,
        addresses: start..loaded().filter_map(place).map(|range| range.end).max()?,
        build_id: segments
            .iter()
            .filter(|segment| segment.kind == PT_NOTE)
            .find_map(|segment| build_id(place(segment)?))
            .unwrap_or_default(),
        writable: loaded()
            .filter(|segment| segment.flags & PF_W != 0)
            .filter_map(place)
            .collect(),
        thread_locals: segments
            .iter()
            .find(|segment| segment.kind == PT_TLS)
            .map(|segment| ThreadLocals {
                address: segment.address,
                size: segment.size,
                alignment: segment.alignment,
            }),
    })
}

/// The thread-local memory of a file, as its header has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLocals {
    /// Where its first values lie in the file.
    pub(crate) address: usize,
    pub(crate) size: usize,
    pub(crate) alignment: usize,
}

struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: usize,
    size: usize,
    alignment: usize,
}

impl Segment {
    fn of(header: &Bytes<56>) -> Option<Segment> {
        Some(Segment {
            kind: header.number::<4>(0)? as u32,
            flags: header.number::<4>(4)? as u32,
            offset: header.number::<8>(8)?,
            address: header.number::<8>(16)? as usize,
            size: header.number::<8>(40)? as usize,
            alignment: header.number::<8>(48)? as usize,
        })
    }
}

/// Looks for the note that has the build id.
fn build_id(notes: Range<usize>) -> Option<String> {
    let mut at = notes.start;
    while at.checked_add(12)? <= notes.end {
        let header = Bytes::read::<12>(at)?;
        let (name, value) = (
            header.number::<4>(0)? as usize,
            header.number::<4>(4)? as usize,
        );
        let value_at = at + 12 + name.next_multiple_of(4);
        if header.number::<4>(8)? as u32 == NT_GNU_BUILD_ID && name == 4 && value <= 64 {
            let mut digits = String::new();
            for byte in 0..value {
                let _ = write!(digits, "{:02x}", Bytes::read::<1>(value_at + byte)?.0[0]);
            }
            return Some(digits);
        }
        at = value_at.checked_add(value)?.checked_next_multiple_of(4)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_found_with_its_static_memory() {
        static mut SOMEWHERE: u64 = 7;
        let images = images(&mappings());
        let here = this_program_is_found_with_its_static_memory as fn() as usize;
        let program = images
            .iter()
            .find(|image| image.addresses.contains(&here))
            .expect("the program is loaded");
        let path = std::env::current_exe().unwrap();
        assert_eq!(program.path, path.to_str().unwrap());
        let place = (&raw mut SOMEWHERE).addr();
        assert!(program.writable.iter().any(|range| range.contains(&place)));
        assert!(
            images
                .iter()
                .any(|image| image.file_name().starts_with("libc"))
        );
    }

    #[test]
    fn lines_of_maps_are_read_with_any_path() {
        let line = "7f00a000-7f00b000 rw-p 00001000 08:01 99    /tmp/a b (deleted)";
        let mapping = parse(line).unwrap();
        assert_eq!(mapping.addresses, 0x7f00_a000..0x7f00_b000);
        assert_eq!(
            (mapping.offset, mapping.path.as_str()),
            (0x1000, "/tmp/a b")
        );
        assert!(mapping.is_readable && mapping.is_writable && !mapping.is_executable);
        assert_eq!(parse("10-20 ---p 0 0:0 0").unwrap().path, "");
    }
}
