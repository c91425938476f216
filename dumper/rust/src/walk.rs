//! The walk over the live blocks, in the snapshot process: blocks in the order of their addresses, each with the references that its words
//! may be; then what holds blocks from outside of the heap.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::ops::Range;
use std::ptr;

use memdump_dumper::{MemoryFault, SnapshotContext, TypeCount, protect};
use memdump_format::{
    Address, Fault, Label, Module, Object, ObjectFlags, ObjectId, Reference, Root, RootKind, Site,
    Strength, StringId, Type, TypeFlags, TypeId, Vtable, WriteError, Writer,
};

use crate::blocks::Blocks;
use crate::header::{GRAIN, Header};
use crate::images::{self, Image};
use crate::sites;
use crate::stack_frames::{self, Frame};

const WORD: usize = size_of::<usize>();
/// What may be the table of a value's functions is looked for in so many bytes of a block: headers are short.
const HEAD: usize = 4 * WORD;
/// What a fault costs: the rest of the page that cannot be read.
const PAGE: usize = 4096;

/// The state of a walk. It lies outside of the frames that a fault jumps over.
pub(crate) struct Walk<W: Write> {
    pub(crate) writer: Writer<W>,
    pub(crate) blocks: Blocks,
    /// No block that is told was born later.
    watermark: u64,
    /// Where vtables may lie.
    constants: Vec<Range<usize>>,
    /// What the writer said when it failed; then nothing is written any more.
    failed: Option<WriteError>,
    /// memdump's own blocks: they are not told, but what they hold is held.
    own: Vec<Range<usize>>,
    /// The block, or the word, that is being read.
    at: usize,
    /// The block that is being scanned, and where it ends.
    source: (ObjectId, usize),
    end: usize,
    /// The types of this dump by site, in the order in which blocks of them were met.
    types: BTreeMap<u32, TypeId>,
    counts: Vec<u64>,
    unsound: Option<StringId>,
}

/// A region of memory that is no block and may hold blocks.
pub(crate) struct Region<'a> {
    pub(crate) addresses: Range<usize>,
    pub(crate) kind: RootKind,
    pub(crate) thread: Option<StringId>,
    /// What it is called; the place in it is told by the label.
    pub(crate) name: RegionName<'a>,
}

impl<'a> Region<'a> {
    /// What a thread holds.
    pub(crate) fn of_thread(
        addresses: Range<usize>,
        kind: RootKind,
        thread: Option<StringId>,
        name: RegionName<'a>,
    ) -> Region<'a> {
        Region {
            addresses,
            kind,
            thread,
            name,
        }
    }
}

/// What the roots of a region are called.
#[derive(Clone, Copy)]
pub(crate) enum RegionName<'a> {
    /// One name for all, and where in the region they lie.
    Whole(StringId),
    /// `program+0x1234`: the address in the file, by which its symbol can be found.
    Places(&'a Image),
    /// `program+0x12`: the offset in the file's thread-local memory, which begins at the region's start.
    ThreadLocals(&'a Image),
    /// `program+0x1234`: an address that returns to the function of the frame in which a place lies; `outside` for none.
    Frames {
        frames: &'a [Frame],
        images: &'a [Image],
        outside: StringId,
    },
}

impl<W: Write> Walk<W> {
    pub(crate) fn new(writer: Writer<W>, watermark: u64, constants: Vec<Range<usize>>) -> Walk<W> {
        Walk {
            writer,
            blocks: Blocks::new(),
            watermark,
            constants,
            failed: None,
            own: Vec::new(),
            at: 0,
            source: (ObjectId(0), 0),
            end: 0,
            types: BTreeMap::new(),
            counts: Vec::new(),
            unsound: None,
        }
    }

    /// Takes down where memdump's own blocks lie; those of the snapshot process are younger than the dump.
    pub(crate) fn find_own(&mut self) {
        self.at = 0;
        landed(
            self,
            |walk| {
                while let Some(block) = walk.blocks.next_own(walk.at) {
                    walk.at = block + GRAIN;
                    // SAFETY: a fault is survived.
                    let header = unsafe { Header::read(ptr::with_exposed_provenance(block)) };
                    if let Some(header) = header.filter(|header| header.serial <= walk.watermark) {
                        let end = block.saturating_add(header.size as usize);
                        walk.own.push(block..end);
                    }
                }
            },
            |_| {},
        );
    }

    /// Leaves only blocks that are sound and no younger than the dump.
    pub(crate) fn sift(&mut self) {
        let mut end = 0;
        self.at = 0;
        landed(
            self,
            |walk| {
                while let Some(block) = walk.blocks.next(walk.at) {
                    walk.at = block;
                    // SAFETY: a fault is survived.
                    match unsafe { Header::read(ptr::with_exposed_provenance(block)) } {
                        None => walk.unsound(block),
                        // It was born while the process was being copied: the next dump has it.
                        Some(header) if header.serial > walk.watermark => walk.blocks.forget(block),
                        Some(header) => end = end.max(block.saturating_add(header.size as usize)),
                    }
                    walk.at += GRAIN;
                }
            },
            |walk| {
                walk.blocks.forget(walk.at);
                walk.at += GRAIN;
            },
        );
        self.blocks.index(end);
    }

    /// Writes all blocks with their references.
    pub(crate) fn tell_blocks(&mut self) {
        self.at = 0;
        self.end = 0;
        landed(
            self,
            |walk| {
                walk.scan();
                while let Some(block) = walk.next_block() {
                    walk.begin(block);
                    walk.scan();
                }
            },
            |walk| walk.at = (walk.at + 1).next_multiple_of(PAGE),
        );
    }

    fn next_block(&self) -> Option<usize> {
        match self.failed {
            Some(_) => None,
            None => self.blocks.next(self.end.next_multiple_of(GRAIN)),
        }
    }

    /// Writes a block; [`Self::scan`] goes on with its references.
    fn begin(&mut self, block: usize) {
        // Whatever faults here, this block is not begun again.
        (self.at, self.end) = (block, block + GRAIN);
        // SAFETY: a fault is survived; the header has been read before.
        let Some(header) = (unsafe { Header::read(ptr::with_exposed_provenance(block)) }) else {
            return;
        };
        let next = TypeId(self.types.len() as u32);
        let type_id = *self.types.entry(header.site).or_insert(next);
        if type_id == next {
            self.counts.push(0);
        }
        self.counts[type_id.index()] += 1;
        let written = self.writer.object(&Object {
            address: Address(block as u64),
            type_id,
            size: header.size,
            refcount: None,
            flags: ObjectFlags::default(),
            serial: Some(header.serial),
        });
        let size = (header.size as usize).max(1);
        self.end = block.saturating_add(size).min(usize::MAX - PAGE);
        if sites::log2_alignment(header.site) == Some(0) {
            // Text, or other bytes: nothing in it can be meant as an address.
            self.at = self.end;
        }
        match written {
            Ok(id) => self.source = (id, block),
            Err(error) => self.fail(error),
        }
    }

    /// Goes on with the words of the block that was begun.
    fn scan(&mut self) {
        let (id, block) = self.source;
        while self.failed.is_none() && self.at + WORD <= self.end {
            let place = self.at;
            self.at += WORD;
            let value = word(place);
            let Some(found) = self.blocks.holder(value) else {
                if place - block < HEAD {
                    self.tell_table(block, place, value);
                }
                continue;
            };
            let written = self.writer.reference(
                id,
                &Reference {
                    target: Address(found.block as u64),
                    label: Label::Offset((place - block) as u64),
                    strength: Strength::Strong,
                    offset: found.offset,
                },
            );
            if let Err(error) = written {
                self.fail(error);
            } else {
                self.tell_vtable(place);
            }
        }
    }

    /// Writes what memdump's own blocks hold: handlers of the program's signals, where memdump set up the table of handlers.
    pub(crate) fn tell_own(&mut self) {
        let name = self.string("memdump");
        for addresses in std::mem::take(&mut self.own) {
            let Some(name) = name else { return };
            let region = Region {
                addresses,
                kind: RootKind::Native,
                thread: None,
                name: RegionName::Whole(name),
            };
            self.tell_region(&region, false);
        }
    }

    /// Writes what follows a reference if it is an address in constant memory: both may be the pointer to a value and its vtable.
    fn tell_vtable(&mut self, place: usize) {
        let next = place + WORD;
        if next + WORD > self.end {
            return;
        }
        self.write_vtable(place, word(next));
    }

    /// Writes a word at the start of a block if it is an address in constant memory: it may be the table of the functions for a value whose type is
    /// known to nobody else.
    fn tell_table(&mut self, block: usize, place: usize, value: usize) {
        let before = place.wrapping_sub(WORD);
        // Told already, as what follows a reference.
        let is_told = place > block && self.blocks.holder(word(before)).is_some();
        if !is_told {
            self.write_vtable(before, value);
        }
    }

    /// Writes what follows a word if it is an address in constant memory.
    fn write_vtable(&mut self, place: usize, vtable: usize) {
        let is_constant = vtable.is_multiple_of(WORD)
            && (self.constants.iter()).any(|constants| constants.contains(&vtable));
        if !is_constant {
            return;
        }
        let (place, vtable) = (place as u64, vtable as u64);
        if let Err(error) = self.writer.vtable(&Vtable { place, vtable }) {
            self.fail(error);
        }
    }

    /// Writes what a region holds. `is_bounded`: it ends where a block begins, because nobody knows where it does end.
    pub(crate) fn tell_region(&mut self, region: &Region<'_>, is_bounded: bool) {
        self.at = region.addresses.start.next_multiple_of(WORD);
        landed(
            self,
            |walk| {
                while walk.failed.is_none() && walk.at + WORD <= region.addresses.end {
                    let place = walk.at;
                    if is_bounded && walk.blocks.holder(place).is_some() {
                        return;
                    }
                    walk.at += WORD;
                    walk.tell_root(region, place, word(place));
                }
            },
            |walk| walk.at = (walk.at + 1).next_multiple_of(PAGE),
        );
    }

    /// Writes a root if a value, which lies at a place of a region, is an address in a block.
    pub(crate) fn tell_root(&mut self, region: &Region<'_>, place: usize, value: usize) {
        let Some(found) = self.blocks.holder(value) else {
            return;
        };
        let offset = (place - region.addresses.start) as u64;
        let mut depth = 0;
        let (name, label) = match region.name {
            RegionName::Whole(name) => (Some(name), Label::Offset(offset)),
            RegionName::Places(image) => (self.address_name(image, place), Label::None),
            RegionName::ThreadLocals(image) => (self.place_name(image, offset), Label::None),
            RegionName::Frames {
                frames,
                images,
                outside,
            } => match stack_frames::holder(frames, place) {
                None => (Some(outside), Label::Offset(offset)),
                Some((number, frame)) => {
                    depth = number as u32;
                    let image = images::of_address(images, frame.code);
                    let name = match image {
                        Some(image) => self.address_name(image, frame.code),
                        None => Some(outside),
                    };
                    (name, Label::Offset((place - frame.start) as u64))
                }
            },
        };
        let root = Root {
            kind: region.kind,
            name,
            thread: region.thread,
            line: 0,
            depth,
            label,
            target: Address(found.block as u64),
            offset: found.offset,
        };
        if let Err(error) = self.writer.root(&root) {
            self.fail(error);
        }
    }

    /// What an address in the process is called.
    fn address_name(&mut self, image: &Image, address: usize) -> Option<StringId> {
        self.place_name(image, address.wrapping_sub(image.bias) as u64)
    }

    fn place_name(&mut self, image: &Image, place: u64) -> Option<StringId> {
        self.string(&format!("{}+{place:#x}", image.file_name()))
    }

    /// Writes a text; `None` if the dump has failed.
    pub(crate) fn string(&mut self, text: &str) -> Option<StringId> {
        self.writer
            .string(text)
            .map_err(|error| self.fail(error))
            .ok()
    }

    /// Writes the types that blocks have, and the sites that these are.
    pub(crate) fn tell_types(&mut self, images: &[Image], context: &SnapshotContext) {
        let mut by_id: Vec<u32> = vec![0; self.types.len()];
        for (&site, &id) in &self.types {
            by_id[id.index()] = site;
        }
        let mut counts = Vec::with_capacity(by_id.len());
        for (id, &site) in by_id.iter().enumerate() {
            let (module, name) = name_of(site, images);
            let (Some(module_id), Some(name_id)) = (self.string(module), self.string(&name)) else {
                return;
            };
            let mut key = DefaultHasher::new();
            (module, &name).hash(&mut key);
            counts.push(TypeCount {
                id: id as u32,
                key: key.finish(),
                objects: self.counts[id],
            });
            let written = self
                .writer
                .define_type(&Type {
                    address: Address(0),
                    module: module_id,
                    name: name_id,
                    flags: TypeFlags::default(),
                })
                .and_then(|_| {
                    self.writer.site(&Site {
                        log2_alignment: sites::log2_alignment(site).unwrap_or(0),
                        frames: sites::frames(site),
                    })
                });
            if let Err(error) = written {
                return self.fail(error);
            }
        }
        context.count_types(&mut counts, &mut |id, out| {
            if let Some(&site) = by_id.get(id as usize) {
                let _ = out.write_str(&name_of(site, images).1);
            }
        });
    }

    /// Writes the loaded files.
    pub(crate) fn tell_modules(&mut self, images: &[Image]) {
        for image in images {
            let (Some(path), Some(build_id)) =
                (self.string(&image.path), self.string(&image.build_id))
            else {
                return;
            };
            let written = self.writer.module(&Module {
                bias: image.bias as u64,
                first: image.addresses.start as u64,
                length: image.addresses.len() as u64,
                path,
                build_id,
            });
            if let Err(error) = written {
                return self.fail(error);
            }
        }
    }

    /// A mark without a header: the block came or went while the process was being copied, or something wrote over its header.
    fn unsound(&mut self, block: usize) {
        self.blocks.forget(block);
        if self.unsound.is_none() {
            self.unsound = self
                .string("its header is not sound: it changed during the copy, or was overwritten");
        }
        if let Some(message) = self.unsound {
            self.tell_fault(block, message);
        }
    }

    fn tell_fault(&mut self, address: usize, message: StringId) {
        let address = Address(address as u64);
        if let Err(error) = self.writer.fault(&Fault { address, message }) {
            self.fail(error);
        }
    }

    fn fault(&mut self, fault: MemoryFault) {
        let text = format!(
            "cannot be read: signal {} at {:#x}",
            fault.signal, fault.address
        );
        if let Some(message) = self.string(&text) {
            self.tell_fault(self.at, message);
        }
    }

    fn fail(&mut self, error: WriteError) {
        // The first one tells why.
        self.failed.get_or_insert(error);
    }

    /// The writer, if nothing failed.
    pub(crate) fn finish(self) -> Result<Writer<W>, WriteError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.writer),
        }
    }
}

/// What a site is called where there is no debug information: module and name.
fn name_of(site: u32, images: &[Image]) -> (&str, String) {
    let Some(&innermost) = sites::frames(site).first() else {
        let name = match sites::log2_alignment(site) {
            None => "<block>".to_owned(),
            Some(log2) => format!("<block, align {}>", 1u64 << log2),
        };
        return ("", name);
    };
    match images::of_address(images, innermost as usize) {
        Some(image) => {
            let in_file = innermost.wrapping_sub(image.bias as u64);
            (image.file_name(), format!("block+{in_file:#x}"))
        }
        None => ("", format!("block+{innermost:#x}")),
    }
}

/// Reads a word of the target.
#[inline(always)]
fn word(address: usize) -> usize {
    // SAFETY: only called where a fault is survived.
    unsafe { ptr::with_exposed_provenance::<usize>(address).read_volatile() }
}

/// Runs one part of a walk to its end over whatever faults it meets; `skip` leaves what could not be read behind.
fn landed<W: Write>(
    walk: &mut Walk<W>,
    mut part: impl FnMut(&mut Walk<W>),
    mut skip: impl FnMut(&mut Walk<W>),
) {
    loop {
        // SAFETY: the walk keeps its state in `walk`, outside of the frames that are jumped over. Only reads of the target's memory fault,
        // and around these no collection of the walk's own is being changed; on the frames are only addresses, copies and borrows.
        match unsafe { protect(&mut || part(walk)) } {
            Ok(()) => return,
            Err(fault) => {
                walk.fault(fault);
                skip(walk);
            }
        }
        if walk.failed.is_some() {
            return;
        }
    }
}
