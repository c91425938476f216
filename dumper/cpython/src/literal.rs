//! Objects as Python prints them, shortened: keys in labels, and values.

use std::fmt::Write;

use crate::edges::Interpreter;
use crate::layout::stable;
use crate::memory::Obj;
use crate::text::Text;

/// Keys and values are data of the application: enough to know one again.
pub(crate) const LONGEST_LITERAL: usize = 64;
/// Items of a tuple that are printed.
const MOST_ITEMS: usize = 4;

/// The digits of an `int`, of 30 bits each, the lowest first.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    pub(crate) negative: bool,
    pub(crate) count: usize,
    pub(crate) address: usize,
}

impl Digits {
    pub(crate) const BYTES: usize = 4;
    const BITS: usize = 30;
}

impl Interpreter {
    /// Appends a key; of types without a short text, the type's name.
    pub(crate) fn write_key(&self, key: Obj, out: &mut Text) {
        self.write_item(key, out, true);
    }

    fn write_item(&self, object: Obj, out: &mut Text, nested: bool) {
        let heap = self.heap;
        if object == self.known.none {
            let _ = out.write_str("None");
            return;
        }
        let class = heap.type_of(object);
        let flags = heap.flags(class);
        if class == self.known.bool_type {
            let _ = out.write_str(match self.integer(object) {
                Some(0) => "False",
                _ => "True",
            });
        } else if flags & stable::FLAG_UNICODE != 0 {
            self.write_text(object, out);
        } else if class == self.known.float_type {
            self.write_float(object, out);
        } else if flags & stable::FLAG_BYTES != 0 {
            self.write_bytes(object, out);
        } else if flags & stable::FLAG_TUPLE != 0 && nested {
            self.write_tuple(object, out);
        } else if flags & stable::FLAG_INT != 0 {
            self.write_integer(object, out);
        } else {
            out.put('<');
            // A class as a key is told by its own name, another object by its type's.
            let named = if flags & stable::FLAG_TYPE != 0 {
                object
            } else {
                class
            };
            self.write_type_name(named, out);
            out.close(">");
        }
    }

    /// Appends a `str` in quotes.
    pub(crate) fn write_text(&self, text: Obj, out: &mut Text) {
        out.put('\'');
        for code in self.code_points(text) {
            match char::from_u32(code) {
                Some(character) => put_escaped(character, out),
                // A lone surrogate.
                None => {
                    let _ = write!(out, "\\u{code:04x}");
                }
            }
            if out.is_cut() {
                break;
            }
        }
        out.close("'");
    }

    /// Appends a `bytes` in quotes.
    pub(crate) fn write_bytes(&self, object: Obj, out: &mut Text) {
        let _ = out.write_str("b'");
        let most = self.heap.length(object).min(LONGEST_LITERAL + 1);
        for &byte in self.heap.bytes(object.0 + stable::BYTES_DATA, most) {
            if byte.is_ascii() {
                put_escaped(char::from(byte), out);
            } else {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        out.close("'");
    }

    /// Appends a `float`.
    pub(crate) fn write_float(&self, object: Obj, out: &mut Text) {
        let _ = write!(out, "{:?}", f64::from_bits(self.float_bits(object)));
    }

    /// The bits of a `float`.
    pub(crate) fn float_bits(&self, object: Obj) -> u64 {
        self.heap.word(object.0 + stable::FLOAT_VALUE) as u64
    }

    /// Appends an `int`; how long it is if it has more than 128 bits.
    pub(crate) fn write_integer(&self, object: Obj, out: &mut Text) {
        let digits = self.digits(object);
        match self.magnitude(digits) {
            Some(magnitude) => {
                let sign = if digits.negative { "-" } else { "" };
                let _ = write!(out, "{sign}{magnitude}");
            }
            None => {
                let full = digits.count - 1;
                let last = self.digit(digits, full);
                let bits =
                    full.saturating_mul(Digits::BITS) + (u32::BITS - last.leading_zeros()) as usize;
                let _ = write!(out, "<int of {bits} bits>");
            }
        }
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
                self.write_item(item, out, false);
            }
        }
        let _ = out.write_str(match length {
            1 => ",",
            n if n > MOST_ITEMS => ", …",
            _ => "",
        });
        out.close(")");
    }

    /// The value of an `int`, if it fits 64 bits.
    pub(crate) fn integer(&self, object: Obj) -> Option<i64> {
        let digits = self.digits(object);
        let value = i128::try_from(self.magnitude(digits)?).ok()?;
        i64::try_from(if digits.negative { -value } else { value }).ok()
    }

    /// Whether an `int` is too long to be printed.
    pub(crate) fn is_long(&self, object: Obj) -> bool {
        self.magnitude(self.digits(object)).is_none()
    }

    pub(crate) fn digits(&self, object: Obj) -> Digits {
        let (count, negative) = if self.layout.int_tag {
            let tag = self.heap.word(object.0 + stable::SIZE);
            // The low bits: 0 positive, 1 zero, 2 negative; the number of digits from bit 3 on.
            (tag >> 3, tag & 3 == 2)
        } else {
            let size = self.heap.signed(object.0 + stable::SIZE);
            (size.unsigned_abs(), size < 0)
        };
        Digits {
            negative,
            count,
            address: object.0 + stable::INT_DIGITS,
        }
    }

    fn digit(&self, digits: Digits, index: usize) -> u32 {
        self.heap.u32(
            digits
                .address
                .wrapping_add(index.wrapping_mul(Digits::BYTES)),
        )
    }

    /// Without the sign; none if it has more than 128 bits.
    fn magnitude(&self, digits: Digits) -> Option<u128> {
        /// Of the fifth digit only so many bits fit.
        const LAST: u32 = 1 << (u128::BITS as usize - 4 * Digits::BITS);
        if digits.count > 5 || digits.count == 5 && self.digit(digits, 4) >= LAST {
            return None;
        }
        Some((0..digits.count).fold(0, |value, index| {
            value | u128::from(self.digit(digits, index)) << (Digits::BITS * index)
        }))
    }
}

fn put_escaped(character: char, out: &mut Text) {
    let _ = match character {
        '\'' | '\\' => write!(out, "\\{character}"),
        '\t' => out.write_str("\\t"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        c if c.is_control() => write!(out, "\\x{:02x}", u32::from(c)),
        c => out.write_char(c),
    };
}
