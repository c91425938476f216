//! Label texts, written to the file once for each name or key.
//!
//! The table is of fixed size, so that a dict with ten million keys does not make the snapshot process grow: a name that was
//! pushed out is simply written again.

use std::io::Write as Sink;

use memdump_format::{Label, StringId, WriteError, Writer};

use crate::edges::{Interpreter, Name, Tag, plain_label};
use crate::layout::stable;
use crate::literal::LONGEST_LITERAL;
use crate::memory::Obj;
use crate::text::{LONGEST_NAME, Text};

/// Entries; a power of two. 16 bytes each.
const ENTRIES: usize = 1 << 15;

/// Interns names by where they lie: the heap is frozen, so an address is a text.
pub(crate) struct Labels {
    entries: Vec<(usize, Label)>,
    withheld: Option<StringId>,
    keys_withheld: bool,
}

impl Labels {
    /// `show_keys`: whether texts of dict keys may be written at all.
    pub(crate) fn new(show_keys: bool) -> Labels {
        Labels {
            entries: vec![(0, Label::None); ENTRIES],
            withheld: None,
            keys_withheld: !show_keys,
        }
    }

    /// The label of a tag.
    #[inline]
    pub(crate) fn label<W: Sink>(
        &mut self,
        python: &Interpreter,
        writer: &mut Writer<W>,
        tag: Tag,
    ) -> Result<Label, WriteError> {
        if let Some(label) = plain_label(tag) {
            return Ok(label);
        }
        // The kind of label is part of the key: the lowest 3 bits of an address of an object are free; texts of this
        // program and C strings are only ever attributes or internal names.
        let (address, kind) = match tag {
            Tag::Attribute(Name::Str(name)) => (name.0, 1),
            Tag::Attribute(Name::C(address)) => (address, 0),
            Tag::Attribute(Name::Known(text)) => (text.as_ptr() as usize, 0),
            // One text serves a key and its value.
            Tag::Key(key) => (key.0, 2),
            Tag::KeyObject(key) => {
                return Ok(match self.label(python, writer, Tag::Key(key))? {
                    Label::Key(text) => Label::KeyObject(text),
                    // The value's label tells the number.
                    _ => self.label(python, writer, Tag::Internal("key"))?,
                });
            }
            Tag::Closure(name) => (name.0, 3),
            Tag::Local(name) => (name.0, 4),
            Tag::Internal(text) => (text.as_ptr() as usize, 5),
            Tag::None | Tag::Index(_) | Tag::Stack(_) | Tag::Type | Tag::Element => {
                return Ok(Label::None);
            }
        };
        let key = address.rotate_left(3) ^ kind;
        // 2^64 divided by the golden ratio; the upper half is the well mixed one.
        let slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % ENTRIES;
        let entry = self.entries[slot];
        if entry.0 == key {
            return Ok(entry.1);
        }
        let label = self.make(python, writer, tag)?;
        self.entries[slot] = (key, label);
        Ok(label)
    }

    #[cold]
    fn make<W: Sink>(
        &mut self,
        python: &Interpreter,
        writer: &mut Writer<W>,
        tag: Tag,
    ) -> Result<Label, WriteError> {
        Ok(match tag {
            Tag::Attribute(Name::Str(name)) => Label::Attribute(name_text(python, writer, name)?),
            Tag::Attribute(Name::C(address)) => {
                let bytes = python.heap.c_string(address, LONGEST_NAME);
                Label::Attribute(writer.string(std::str::from_utf8(bytes).unwrap_or("?"))?)
            }
            Tag::Attribute(Name::Known(text)) => Label::Attribute(writer.string(text)?),
            Tag::Internal(text) => Label::Internal(writer.string(text)?),
            Tag::Closure(name) => Label::Closure(name_text(python, writer, name)?),
            Tag::Local(name) => Label::Local(name_text(python, writer, name)?),
            Tag::Key(key) if !key.is_plausible() => Label::None,
            Tag::Key(_) if self.keys_withheld => Label::Key(self.withheld(writer)?),
            Tag::Key(key) => match small_integer(python, key) {
                Some(value) => Label::IntegerKey(value),
                None => Label::Key(key_text(python, writer, key)?),
            },
            Tag::None
            | Tag::Index(_)
            | Tag::Stack(_)
            | Tag::Type
            | Tag::Element
            | Tag::KeyObject(_) => Label::None,
        })
    }

    fn withheld<W: Sink>(&mut self, writer: &mut Writer<W>) -> Result<StringId, WriteError> {
        match self.withheld {
            Some(id) => Ok(id),
            None => Ok(*self.withheld.insert(writer.string("…")?)),
        }
    }
}

fn small_integer(python: &Interpreter, key: Obj) -> Option<i64> {
    let class = python.heap.type_of(key);
    let is_number =
        python.heap.flags(class) & stable::FLAG_INT != 0 && class != python.known.bool_type;
    is_number.then(|| python.integer(key)).flatten()
}

fn name_text<W: Sink>(
    python: &Interpreter,
    writer: &mut Writer<W>,
    name: Obj,
) -> Result<StringId, WriteError> {
    let mut text = Text::new(LONGEST_NAME);
    python.write_str(name, &mut text);
    writer.string(text.as_str())
}

fn key_text<W: Sink>(
    python: &Interpreter,
    writer: &mut Writer<W>,
    key: Obj,
) -> Result<StringId, WriteError> {
    let mut text = Text::new(LONGEST_LITERAL);
    python.write_key(key, &mut text);
    writer.string(text.as_str())
}
