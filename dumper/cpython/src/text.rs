//! Texts out of the heap, without a conversion through the interpreter: names, and keys as they print.

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

    fn put(&mut self, character: char) {
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

    /// The quote or bracket that closes, even where the text was cut.
    fn close(&mut self, character: char) {
        self.append(character);
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
/// Keys are data of the application: enough to know one again.
pub(crate) const LONGEST_KEY: usize = 64;
/// Items of a tuple that are printed.
const MOST_ITEMS: usize = 4;

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

    fn characters(&self, text: Obj) -> impl Iterator<Item = char> + use<> {
        let (heap, units) = (self.heap, self.units(text));
        (0..units.length).map(move |index| {
            let unit = match units.width {
                1 => u32::from(heap.u8(units.address + index)),
                2 => heap.u32(units.address + index * 2) & 0xFFFF,
                _ => heap.u32(units.address + index * 4),
            };
            // A lone surrogate is legal in a str and in no UTF-8.
            char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
        })
    }

    /// How many bytes a `str` has, and the first of them; equal for equal texts, which always have the same width.
    pub(crate) fn str_data(&self, text: Obj, most: usize) -> (usize, &[u8]) {
        let units = self.units(text);
        let length = units.length.saturating_mul(units.width);
        (length, self.heap.bytes(units.address, length.min(most)))
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
            for character in self.characters(object) {
                out.put(character);
                if out.cut {
                    return;
                }
            }
        }
    }

    /// Appends a key as Python would print it, shortened; of types without a short text, the type's name.
    pub(crate) fn write_key(&self, key: Obj, out: &mut Text) {
        self.write_value(key, out, true);
    }

    fn write_value(&self, object: Obj, out: &mut Text, nested: bool) {
        let heap = self.heap;
        if object == self.known.none {
            let _ = out.write_str("None");
            return;
        }
        let class = heap.type_of(object);
        let flags = heap.flags(class);
        if class == self.known.bool_type {
            let _ = out.write_str(if self.integer(object) == Some(0) {
                "False"
            } else {
                "True"
            });
        } else if flags & stable::FLAG_UNICODE != 0 {
            self.write_quoted(self.characters(object), out);
        } else if class == self.known.float_type {
            let _ = write!(
                out,
                "{:?}",
                f64::from_bits(heap.word(object.0 + stable::FLOAT_VALUE) as u64)
            );
        } else if flags & stable::FLAG_BYTES != 0 {
            out.put('b');
            let bytes = heap.bytes(
                object.0 + stable::BYTES_DATA,
                heap.length(object).min(LONGEST_KEY + 1),
            );
            self.write_quoted(bytes.iter().map(|&byte| char::from(byte)), out);
        } else if flags & stable::FLAG_TUPLE != 0 && nested {
            self.write_tuple(object, out);
        } else if let (true, Some(value)) = (flags & stable::FLAG_INT != 0, self.integer(object)) {
            let _ = write!(out, "{value}");
        } else {
            out.put('<');
            // A class as a key is told by its own name, another object by its type's.
            let named = if flags & stable::FLAG_TYPE != 0 {
                object
            } else {
                class
            };
            self.write_type_name(named, out);
            out.close('>');
        }
    }

    fn write_quoted(&self, characters: impl Iterator<Item = char>, out: &mut Text) {
        out.put('\'');
        for character in characters {
            match character {
                '\'' | '\\' => {
                    out.put('\\');
                    out.put(character);
                }
                '\n' => {
                    let _ = out.write_str("\\n");
                }
                c if c.is_control() => {
                    let _ = write!(out, "\\x{:02x}", u32::from(c));
                }
                c => out.put(c),
            }
            if out.cut {
                break;
            }
        }
        out.close('\'');
    }

    fn write_tuple(&self, tuple: Obj, out: &mut Text) {
        let length = self.heap.length(tuple);
        out.put('(');
        for index in 0..length.min(MOST_ITEMS) {
            if index > 0 {
                let _ = out.write_str(", ");
            }
            let item = self
                .heap
                .object(tuple.0 + self.layout.tuple_items + index * 8);
            if item.is_plausible() {
                self.write_value(item, out, false);
            }
        }
        let _ = out.write_str(match length {
            1 => ",",
            n if n > MOST_ITEMS => ", …",
            _ => "",
        });
        out.close(')');
    }

    /// The value of an `int`, if it fits 64 bits.
    pub(crate) fn integer(&self, object: Obj) -> Option<i64> {
        let heap = self.heap;
        let (digits, negative, first) = if self.layout.int_tag {
            let tag = heap.word(object.0 + stable::SIZE);
            // The low bits: 0 positive, 1 zero, 2 negative; the number of digits from bit 3 on.
            (tag >> 3, tag & 3 == 2, object.0 + 24)
        } else {
            let size = heap.signed(object.0 + stable::SIZE);
            (size.unsigned_abs(), size < 0, object.0 + 24)
        };
        if digits > 3 {
            return None;
        }
        let magnitude = (0..digits).fold(0u128, |value, index| {
            value | u128::from(heap.u32(first + index * 4)) << (30 * index)
        });
        let value = i128::try_from(magnitude).ok()?;
        i64::try_from(if negative { -value } else { value }).ok()
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
