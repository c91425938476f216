//! A right file of any size, written with bounded memory.

use std::io::{self, Write};

use crate::block::Block;
use crate::columns::{self, IndexEntry};
use crate::field::{self, header};
use crate::file::File;
use crate::kind;
use crate::record::{Contents, Object, Reference, Root, Type};

const RECORDS: usize = 65_536;
/// Short of 4 MiB by one longest string.
const STRING_BYTES: usize = (4 << 20) - 65_535;
const INDEX_ENTRIES: usize = 4_096;

/// Takes records one by one and writes blocks as they fill.
pub struct Stream<W: Write> {
    sink: W,
    address_shift: u8,
    offset: u64,
    number: u64,
    taken: [u64; 256],
    pending: Contents,
    string_bytes: usize,
    unlisted: Vec<IndexEntry>,
    previous_index: u64,
}

impl<W: Write> Stream<W> {
    /// Writes the header.
    pub fn new(mut sink: W, address_shift: u8) -> io::Result<Self> {
        // A file of no parts is a header and a trailer.
        let empty = File {
            address_shift,
            ..File::default()
        }
        .build()
        .bytes;
        sink.write_all(&empty[..header::LENGTH])?;
        Ok(Stream {
            sink,
            address_shift,
            offset: header::LENGTH as u64,
            number: 0,
            taken: [0; 256],
            pending: Contents::default(),
            string_bytes: 0,
            unlisted: Vec::new(),
            previous_index: 0,
        })
    }

    /// A key and a value.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.pending
            .metadata
            .push((key.to_owned(), value.to_owned()));
    }

    /// A text; gives its id.
    pub fn string(&mut self, text: &str) -> io::Result<u64> {
        if self.pending.strings.len() == RECORDS || self.string_bytes > STRING_BYTES {
            self.flush(kind::STRINGS)?;
        }
        self.string_bytes += text.len();
        self.pending.strings.push(text.to_owned());
        Ok(self.taken[usize::from(kind::STRINGS)] + self.pending.strings.len() as u64 - 1)
    }

    /// A type; gives its id.
    pub fn define_type(&mut self, record: Type) -> io::Result<u64> {
        if self.pending.types.len() == RECORDS {
            self.flush(kind::TYPES)?;
        }
        self.pending.types.push(record);
        Ok(self.taken[usize::from(kind::TYPES)] + self.pending.types.len() as u64 - 1)
    }

    /// An object; gives its id.
    pub fn object(&mut self, record: Object) -> io::Result<u64> {
        if self.pending.objects.len() == RECORDS {
            self.flush(kind::OBJECTS)?;
        }
        self.pending.objects.push(record);
        Ok(self.taken[usize::from(kind::OBJECTS)] + self.pending.objects.len() as u64 - 1)
    }

    /// A reference; sources must not fall.
    pub fn reference(&mut self, record: Reference) -> io::Result<()> {
        if self.pending.references.len() == RECORDS {
            self.flush(kind::REFERENCES)?;
        }
        self.pending.references.push(record);
        Ok(())
    }

    /// A root.
    pub fn root(&mut self, record: Root) {
        self.pending.roots.push(record);
    }

    /// Writes what is pending, the index and the trailer.
    pub fn finish(mut self) -> io::Result<W> {
        for kind in kind::OF_RECORDS {
            self.flush(kind)?;
        }
        self.write_index()?;
        let mut trailer = [0; field::trailer::LENGTH];
        field::trailer::LAST_INDEX.put(&mut trailer, self.previous_index);
        field::trailer::FILE_LENGTH.put(&mut trailer, self.offset + field::trailer::LENGTH as u64);
        field::trailer::BLOCKS.put(&mut trailer, self.number);
        let sum = crate::encode::crc(&trailer[..field::trailer::CRC.at]);
        field::trailer::CRC.put(&mut trailer, sum);
        field::trailer::MAGIC.put(&mut trailer, field::trailer::MAGIC_VALUE);
        self.sink.write_all(&trailer)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn flush(&mut self, kind: u8) -> io::Result<()> {
        let (pending, shift) = (&mut self.pending, self.address_shift);
        let block = match kind {
            kind::METADATA => columns::metadata(&std::mem::take(&mut pending.metadata)),
            kind::STRINGS => columns::strings(&std::mem::take(&mut pending.strings)),
            kind::TYPES => columns::types(&std::mem::take(&mut pending.types), shift),
            kind::OBJECTS => columns::objects(&std::mem::take(&mut pending.objects), &[], shift),
            kind::REFERENCES => {
                columns::references(&std::mem::take(&mut pending.references), shift)
            }
            kind::ROOTS => columns::roots(&std::mem::take(&mut pending.roots), shift),
            _ => return Ok(()),
        };
        if kind == kind::STRINGS {
            self.string_bytes = 0;
        }
        if block.records == 0 {
            return Ok(());
        }
        let first = self.taken[usize::from(kind)];
        self.taken[usize::from(kind)] += block.records;
        let entry = self.write(&block.compressed(), first)?;
        self.unlisted.push(entry);
        if self.unlisted.len() == INDEX_ENTRIES {
            self.write_index()
        } else {
            Ok(())
        }
    }

    fn write_index(&mut self) -> io::Result<()> {
        let block = columns::index(&std::mem::take(&mut self.unlisted)).compressed();
        self.previous_index = self.write(&block, self.previous_index)?.offset;
        Ok(())
    }

    fn write(&mut self, block: &Block, first: u64) -> io::Result<IndexEntry> {
        let body = block.body();
        self.sink
            .write_all(&block.head(self.number, first, &body, &[]))?;
        self.sink.write_all(&body)?;
        let offset = self.offset;
        let length = (field::block::LENGTH + body.len()) as u64;
        self.offset += length;
        self.number += 1;
        Ok(IndexEntry {
            offset,
            length,
            kind: block.kind,
            records: block.records,
        })
    }
}
