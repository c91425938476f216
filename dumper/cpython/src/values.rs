//! What texts and numbers hold, where that is asked for: their beginning as Python prints it, or a hash.
#![allow(unsafe_code)]

use std::fmt::Write;
use std::hash::Hasher;

use memdump_dumper::{MemoryFault, Values as Policy, protect};
use siphasher::sip::SipHasher24;

use crate::class::{Class, Content};
use crate::edges::Interpreter;
use crate::layout::stable;
use crate::literal::{Digits, LONGEST_LITERAL};
use crate::memory::Obj;
use crate::text::Text;

/// What hashes are made with. From the kernel, once for the process and all that are forked from it, so that their dumps can be
/// compared; it is never written, so nobody who has only dumps can try out which content has which hash.
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
pub(crate) struct Values {
    key: Key,
    shows_beginning: bool,
}

/// Of longer contents only the beginning is hashed, and the length.
const MOST_HASHED: usize = 1 << 20;

impl Values {
    /// None if there are to be none, or none can be.
    pub(crate) fn of(policy: Policy, key: Option<Key>) -> Option<Values> {
        let shows_beginning = match policy {
            Policy::Off => return None,
            Policy::Shortened => true,
            Policy::Hashed => false,
        };
        key.map(|key| Values {
            key,
            shows_beginning,
        })
    }

    /// What an object holds; none if it is no text and no number, or one of the two `bool`s.
    ///
    /// # Errors
    ///
    /// The fault, if that cannot be read. Met here, for texts are read while the references of their holder are gone through, and
    /// that must go on.
    pub(crate) fn of_object(
        self,
        python: &Interpreter,
        class: &Class,
        object: Obj,
    ) -> Result<Option<Text>, MemoryFault> {
        let Some(content) = class.content else {
            return Ok(None);
        };
        let mut text = Text::new(LONGEST_LITERAL);
        let mut told = None;
        // SAFETY: in there are only addresses, copies and a hasher on the stack, none of which has a destructor; the text is given
        // up if it is not complete.
        unsafe { protect(&mut || told = self.tell(python, content, object, &mut text)) }?;
        Ok(told.map(|()| text))
    }

    fn tell(
        self,
        python: &Interpreter,
        content: Content,
        object: Obj,
        text: &mut Text,
    ) -> Option<()> {
        if self.shows_beginning {
            match content {
                Content::Text => {
                    python.str_data(object, 0)?;
                    python.write_text(object, text);
                }
                Content::Bytes => python.write_bytes(object, text),
                Content::Integer => python.write_integer(object, text),
                Content::Float => python.write_float(object, text),
            }
            // Beginnings may be equal where contents are not.
            if text.is_cut() || content == Content::Integer && python.is_long(object) {
                text.close(" ~");
                text.close(self.hash(python, content, object)?.as_str());
            }
        } else {
            *text = self.hash(python, content, object)?;
        }
        Some(())
    }

    /// The same for equal contents, 16 hexadecimal digits; none of a text that cannot be told.
    fn hash(self, python: &Interpreter, content: Content, object: Obj) -> Option<Text> {
        let heap = python.heap;
        let mut hasher = SipHasher24::new_with_key(&self.key.0);
        hasher.write_u8(content as u8);
        match content {
            Content::Text => {
                let (width, length, bytes) = python.str_data(object, MOST_HASHED)?;
                hasher.write_u8(width as u8);
                hasher.write_u64(length as u64);
                hasher.write(bytes);
            }
            Content::Bytes => {
                let length = heap.length(object);
                hasher.write_u64(length as u64);
                hasher.write(heap.bytes(object.0 + stable::BYTES_DATA, length.min(MOST_HASHED)));
            }
            Content::Integer => {
                let Digits {
                    negative,
                    count,
                    address,
                } = python.digits(object);
                let length = count.saturating_mul(Digits::BYTES);
                hasher.write_u8(negative.into());
                hasher.write_u64(length as u64);
                hasher.write(heap.bytes(address, length.min(MOST_HASHED)));
            }
            Content::Float => hasher.write_u64(python.float_bits(object)),
        }
        let mut text = Text::new(LONGEST_LITERAL);
        let _ = write!(text, "{:016x}", hasher.finish());
        Some(text)
    }
}
