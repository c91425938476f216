//! Texts on their way to a block: strings, what objects held, and the keys and values of metadata.

use super::block::Columns;
use super::output::Batch;
use super::records;
use crate::ids::ObjectId;
use crate::layout::{BlockKind, MAX_STRING, column};

/// Bytes of strings in a block, at most.
const STRING_BYTES: usize = 256 << 10;
/// Bytes of keys, and as many of values, in a block of metadata, at most.
const METADATA_BYTES: usize = 64 << 10;
/// Bytes of values in a block, at most.
const VALUE_BYTES: usize = 256 << 10;

const _: () = assert!(STRING_BYTES >= MAX_STRING && METADATA_BYTES >= MAX_STRING);
// The room for columns is that of strings and metadata; the objects of values have at most 5 bytes each.
const _: () = assert!(VALUE_BYTES + (3 + 5) * records::CAPACITY <= ALL_COLUMNS);

/// Bytes of all columns before compression; a length has at most 3 bytes.
pub(super) const ALL_COLUMNS: usize =
    STRING_BYTES + 3 * records::CAPACITY + 2 * METADATA_BYTES + 3 * records::CAPACITY;

/// The longest start of `text` that a string may have.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_STRING);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Texts back to back, with their lengths.
struct Texts {
    bytes: Vec<u8>,
    lengths: Vec<u16>,
}

impl Texts {
    fn new(bytes: usize, limit: usize) -> Texts {
        let limit = limit.clamp(1, records::CAPACITY);
        Texts {
            bytes: Vec::with_capacity(bytes),
            lengths: Vec::with_capacity(limit),
        }
    }

    /// The capacities are the limits, so that neither vector ever grows.
    fn has_room(&self, text: &str) -> bool {
        self.bytes.capacity() - self.bytes.len() >= cut(text).len()
            && self.lengths.len() < self.lengths.capacity()
    }

    fn push(&mut self, text: &str) {
        let text = cut(text);
        self.bytes.extend_from_slice(text.as_bytes());
        self.lengths.push(text.len() as u16);
    }

    fn encode(&self, columns: &mut Columns<'_>, lengths: u8, bytes: u8) {
        columns.varints(lengths, |out| {
            self.lengths
                .iter()
                .for_each(|&length| out.push(u64::from(length)))
        });
        columns.bytes(bytes, &self.bytes);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }
}

/// Strings.
pub(super) struct Strings {
    texts: Texts,
    written: u64,
}

impl Strings {
    pub(super) fn new(limit: usize) -> Strings {
        Strings {
            texts: Texts::new(STRING_BYTES, limit),
            written: 0,
        }
    }

    pub(super) fn has_room(&self, text: &str) -> bool {
        self.texts.has_room(text)
    }

    /// Takes a string; there must be room.
    pub(super) fn push(&mut self, text: &str) {
        self.texts.push(text);
    }
}

impl Batch for Strings {
    const KIND: BlockKind = BlockKind::Strings;

    fn records(&self) -> usize {
        self.texts.lengths.len()
    }

    fn taken(&self) -> u64 {
        self.written + self.records() as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        self.texts
            .encode(columns, column::strings::LENGTH, column::strings::TEXT);
    }

    fn clear(&mut self) {
        self.written = self.taken();
        self.texts.clear();
    }
}

/// What objects held.
pub(super) struct Values {
    objects: Vec<ObjectId>,
    texts: Texts,
    written: u64,
    last: Option<ObjectId>,
}

impl Values {
    pub(super) fn new(limit: usize) -> Values {
        let texts = Texts::new(VALUE_BYTES, limit);
        Values {
            objects: Vec::with_capacity(texts.lengths.capacity()),
            texts,
            written: 0,
            last: None,
        }
    }

    pub(super) fn has_room(&self, text: &str) -> bool {
        self.texts.has_room(text)
    }

    /// Takes a value; there must be room. Whether the object is a later one than the last.
    pub(super) fn push(&mut self, object: ObjectId, text: &str) -> bool {
        let rises = self.last < Some(object);
        if rises {
            self.last = Some(object);
            self.objects.push(object);
            self.texts.push(text);
        }
        rises
    }

    /// The object of the last value.
    pub(super) fn last(&self) -> Option<ObjectId> {
        self.last
    }
}

impl Batch for Values {
    const KIND: BlockKind = BlockKind::Values;

    fn records(&self) -> usize {
        self.objects.len()
    }

    fn taken(&self) -> u64 {
        self.written + self.records() as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        use column::values as column;
        columns.varints(column::OBJECT, |out| {
            let mut last = 0;
            for object in &self.objects {
                out.push(u64::from(object.0.wrapping_sub(last)));
                last = object.0;
            }
        });
        self.texts.encode(columns, column::LENGTH, column::TEXT);
    }

    fn clear(&mut self) {
        self.written = self.taken();
        self.objects.clear();
        self.texts.clear();
    }
}

/// Facts about the dump.
pub(super) struct Metadata {
    keys: Texts,
    values: Texts,
    written: u64,
}

impl Metadata {
    pub(super) fn new(limit: usize) -> Metadata {
        Metadata {
            keys: Texts::new(METADATA_BYTES, limit),
            values: Texts::new(METADATA_BYTES, limit),
            written: 0,
        }
    }

    pub(super) fn has_room(&self, key: &str, value: &str) -> bool {
        self.keys.has_room(key) && self.values.has_room(value)
    }

    /// Takes a fact; there must be room.
    pub(super) fn push(&mut self, key: &str, value: &str) {
        self.keys.push(key);
        self.values.push(value);
    }
}

impl Batch for Metadata {
    const KIND: BlockKind = BlockKind::Metadata;

    fn records(&self) -> usize {
        self.keys.lengths.len()
    }

    fn taken(&self) -> u64 {
        self.written + self.records() as u64
    }

    fn encode(&mut self, columns: &mut Columns<'_>) {
        self.keys.encode(
            columns,
            column::metadata::KEY_LENGTH,
            column::metadata::KEYS,
        );
        self.values.encode(
            columns,
            column::metadata::VALUE_LENGTH,
            column::metadata::VALUES,
        );
    }

    fn clear(&mut self) {
        self.written = self.taken();
        self.keys.clear();
        self.values.clear();
    }
}
