//! Texts out of the heap, without a conversion through the interpreter, whose objects keep what it makes for one.

use std::fmt::{self, Write};

use crate::edges::Interpreter;
use crate::layout::stable;
use crate::memory::Obj;

/// A text of bounded length on the stack; what does not fit is cut off and marked with `…`.
pub(crate) struct Text {
    bytes: [u8; Text::ROOM],
    length: usize,
    most: usize,
    cut: bool,
}

impl Text {
    const ROOM: usize = 512;

    /// An empty text that takes at most `most` bytes (and the mark).
    pub(crate) fn new(most: usize) -> Text {
        Text {
            bytes: [0; Text::ROOM],
            length: 0,
            most: most.min(Text::ROOM - 3),
            cut: false,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only whole characters are ever put in.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }

    /// Whether something did not fit.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn put(&mut self, character: char) {
        if self.cut {
            return;
        }
        if self.length + character.len_utf8() > self.most {
            self.cut = true;
            self.append('…');
        } else {
            self.append(character);
        }
    }

    /// What belongs behind a text even where that was cut: the quote or bracket that closes.
    pub(crate) fn close(&mut self, text: &str) {
        text.chars().for_each(|character| self.append(character));
    }

    /// Appends while there is room at all.
    fn append(&mut self, character: char) {
        if let Some(room) = self
            .bytes
            .get_mut(self.length..self.length + character.len_utf8())
        {
            character.encode_utf8(room);
            self.length += room.len();
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().for_each(|character| self.put(character));
        Ok(())
    }
}

/// Names of attributes and variables are hardly longer; more is cut.
pub(crate) const LONGEST_NAME: usize = 200;

/// The data of a `str`: code units of 1, 2 or 4 bytes.
#[derive(Clone, Copy)]
struct Units {
    address: usize,
    length: usize,
    width: usize,
    ascii: bool,
}

impl Interpreter {
    fn units(&self, text: Obj) -> Units {
        let state = self.heap.u32(text.0 + stable::UNICODE_STATE);
        let (width, compact, ascii) = (
            (state >> 2 & 7) as usize,
            state >> 5 & 1 != 0,
            state >> 6 & 1 != 0,
        );
        let address = match (compact, ascii) {
            (true, true) => text.0 + self.layout.ascii_header,
            (true, false) => text.0 + self.layout.unicode_header,
            (false, _) => self.heap.word(text.0 + self.layout.unicode_header),
        };
        let length = if address == 0 {
            0
        } else {
            self.heap.word(text.0 + stable::UNICODE_LENGTH)
        };
        Units {
            address,
            length,
            width,
            ascii,
        }
    }

    /// The code points of a `str`, lone surrogates among them.
    pub(crate) fn code_points(&self, text: Obj) -> impl Iterator<Item = u32> + use<> {
        let (heap, units) = (self.heap, self.units(text));
        (0..units.length).map(move |index| match units.width {
            1 => u32::from(heap.u8(units.address + index)),
            2 => u32::from(heap.u16(units.address + index * 2)),
            _ => heap.u32(units.address + index * 4),
        })
    }

    /// How wide a `str`'s characters are, how many bytes they have, and the first of these; the same for equal texts, which always
    /// have the same width. None up to 3.11 for a text that was made by an old interface and that nobody has read.
    pub(crate) fn str_data(&self, text: Obj, most: usize) -> Option<(usize, usize, &[u8])> {
        let units = self.units(text);
        if !matches!(units.width, 1 | 2 | 4) || units.address == 0 {
            return None;
        }
        let length = units.length.saturating_mul(units.width);
        let bytes = self.heap.bytes(units.address, length.min(most));
        Some((units.width, length, bytes))
    }

    /// Whether an object is a `str` with just this ASCII text.
    pub(crate) fn str_is(&self, object: Obj, text: &str) -> bool {
        if !self.is_str(object) {
            return false;
        }
        let units = self.units(object);
        units.ascii
            && units.length == text.len()
            && self.heap.bytes(units.address, units.length) == text.as_bytes()
    }

    pub(crate) fn is_str(&self, object: Obj) -> bool {
        object.is_plausible()
            && self.heap.flags(self.heap.type_of(object)) & stable::FLAG_UNICODE != 0
    }

    /// Appends a `str`'s text.
    pub(crate) fn write_str(&self, object: Obj, out: &mut Text) {
        if self.is_str(object) {
            for code in self.code_points(object) {
                // A lone surrogate is legal in a str and in no UTF-8.
                out.put(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                if out.cut {
                    return;
                }
            }
        }
    }

    /// Appends the qualified name of a type, without its module.
    pub(crate) fn write_type_name(&self, class: Obj, out: &mut Text) {
        if self.heap.flags(class) & stable::FLAG_HEAP_TYPE != 0 {
            self.write_str(
                self.heap.object(class.0 + self.layout.heap_type_qualname),
                out,
            );
        } else {
            let name = self.static_type_name(class);
            let _ = out.write_str(name.rsplit_once('.').map_or(name, |(_, last)| last));
        }
    }

    /// Appends the module of a type: `builtins` for the built-in ones.
    pub(crate) fn write_type_module(&self, class: Obj, out: &mut Text) {
        if self.heap.flags(class) & stable::FLAG_HEAP_TYPE != 0 {
            let dict = self.heap.object(class.0 + stable::TP_DICT);
            if let Some(module) = (dict != Obj::NULL)
                .then(|| self.lookup(dict, "__module__"))
                .flatten()
            {
                self.write_str(module, out);
            }
        } else {
            let name = self.static_type_name(class);
            let _ = out.write_str(
                name.rsplit_once('.')
                    .map_or("builtins", |(module, _)| module),
            );
        }
    }

    fn static_type_name(&self, class: Obj) -> &str {
        let name = self
            .heap
            .c_string(self.heap.word(class.0 + stable::TP_NAME), LONGEST_NAME);
        std::str::from_utf8(name).unwrap_or("?")
    }
}
