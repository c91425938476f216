//! What texts and numbers hold, where that is asked for: their beginning as Python prints it, or a hash of all.

use std::hash::Hasher;

use memdump_dumper::Values as Policy;
use siphasher::sip::SipHasher24;

use crate::edges::Interpreter;
use crate::layout::stable;
use crate::memory::Obj;
use crate::text::{LONGEST_KEY, Text};

/// What hashes are made with. From the kernel, once for the process and all that are forked from it, so that their dumps can be
/// compared; it is never written.
#[derive(Clone, Copy)]
pub(crate) struct Key([u8; 16]);

impl Key {
    /// None if the kernel has no randomness to give: then nothing may be hashed.
    pub(crate) fn new() -> Option<Key> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).ok()?;
        Some(Key(key))
    }
}

/// How values are told in one dump.
#[derive(Clone, Copy)]
pub(crate) enum Values {
    Shortened,
    Hashed(Key),
}

/// Of longer texts only the beginning is hashed, and the length.
const MOST_HASHED: usize = 1 << 20;

impl Values {
    /// None if there are to be none, or none can be.
    pub(crate) fn of(policy: Policy, key: Option<Key>) -> Option<Values> {
        match policy {
            Policy::Off => None,
            Policy::Shortened => Some(Values::Shortened),
            Policy::Hashed => key.map(Values::Hashed),
        }
    }

    /// What the object held; none unless it is a `str`, `bytes`, `float` or an `int` of at most 64 bits.
    pub(crate) fn of_object(self, python: &Interpreter, object: Obj) -> Option<Text> {
        let content = Content::of(python, object)?;
        let mut text = Text::new(LONGEST_KEY);
        match self {
            Values::Shortened => python.write_key(object, &mut text),
            Values::Hashed(Key(key)) => {
                let mut hasher = SipHasher24::new_with_key(&key);
                content.hash(&mut hasher);
                let _ =
                    std::fmt::Write::write_fmt(&mut text, format_args!("{:016x}", hasher.finish()));
            }
        }
        Some(text)
    }
}

/// The bytes that make an object's value, and what kind of value they are.
struct Content<'h> {
    kind: u8,
    length: usize,
    bytes: &'h [u8],
    number: u64,
}

impl<'h> Content<'h> {
    fn of(python: &'h Interpreter, object: Obj) -> Option<Content<'h>> {
        let heap = python.heap;
        let class = heap.type_of(object);
        let flags = heap.flags(class);
        let of_number = |kind, number| Content {
            kind,
            length: 0,
            bytes: &[],
            number,
        };
        if flags & stable::FLAG_UNICODE != 0 {
            let (length, bytes) = python.str_data(object, MOST_HASHED);
            Some(Content {
                kind: 1,
                length,
                bytes,
                number: 0,
            })
        } else if flags & stable::FLAG_BYTES != 0 {
            let length = heap.length(object);
            Some(Content {
                kind: 2,
                length,
                bytes: heap.bytes(object.0 + stable::BYTES_DATA, length.min(MOST_HASHED)),
                number: 0,
            })
        } else if class == python.known.float_type {
            Some(of_number(
                3,
                heap.word(object.0 + stable::FLOAT_VALUE) as u64,
            ))
        } else if flags & stable::FLAG_INT != 0 && class != python.known.bool_type {
            python
                .integer(object)
                .map(|value| of_number(4, value as u64))
        } else {
            None
        }
    }

    fn hash(&self, hasher: &mut SipHasher24) {
        hasher.write_u8(self.kind);
        hasher.write_u64(self.length as u64);
        hasher.write_u64(self.number);
        hasher.write(self.bytes);
    }
}
