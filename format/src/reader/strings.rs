//! Strings, decoded a block at a time when the first one of it is asked for.

use std::sync::OnceLock;

use super::Dump;
use super::block::{Block, BlockInfo};
use super::columns::{Scratch, resize};
use super::error::ReadError;
use crate::ids::StringId;
use crate::layout::{BlockKind, MAX_STRING, column::strings as column};
use crate::unsound::Unsound;

/// Texts back to back.
pub(super) struct Texts {
    text: Box<str>,
    /// Where each one ends.
    ends: Vec<u32>,
}

impl Texts {
    pub(super) fn get(&self, place: usize) -> Option<&str> {
        let start = match place {
            0 => 0,
            _ => *self.ends.get(place - 1)?,
        };
        // Ends rise and lie on characters' boundaries; that has been checked.
        self.text
            .get(start as usize..*self.ends.get(place)? as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).filter_map(|place| self.get(place))
    }
}

/// The blocks of strings of a dump.
pub(super) struct StringBlocks(Vec<(BlockInfo, OnceLock<Texts>)>);

impl StringBlocks {
    pub(super) fn new(blocks: &[BlockInfo]) -> StringBlocks {
        let strings = blocks.iter().filter(|info| info.kind == BlockKind::Strings);
        StringBlocks(strings.map(|info| (*info, OnceLock::new())).collect())
    }

    /// The block that has a string, and the string's place in it.
    fn find(&self, id: StringId) -> Option<(&(BlockInfo, OnceLock<Texts>), usize)> {
        let id = u64::from(id.0);
        let behind = self.0.partition_point(|(info, _)| info.first <= id);
        // Blocks without records may stand at the same number; the last one is the one that has any.
        let block = self.0.get(behind.checked_sub(1)?)?;
        let place = id - block.0.first;
        (place < u64::from(block.0.records)).then_some((block, place as usize))
    }
}

/// A dump's strings. Each block of them is decoded once, when it is first needed, and kept as long as the dump.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    dump: &'a Dump,
}

impl<'a> Strings<'a> {
    pub(super) fn new(dump: &'a Dump) -> Strings<'a> {
        Strings { dump }
    }

    /// The string of an id. In a recovered dump a lost one is [`Dump::LOST`].
    ///
    /// # Errors
    /// If the string's block is damaged, or there is no such string.
    pub fn get(&self, id: StringId) -> Result<&'a str, ReadError> {
        let dump = self.dump;
        let Some(((info, texts), place)) = dump.strings.find(id) else {
            return match dump.is_recovered() {
                true => Ok(Dump::LOST),
                false => Err(ReadError::NoSuchString {
                    file: dump.path.clone(),
                    id: id.0,
                    count: dump.counts.strings,
                }),
            };
        };
        let texts = match texts.get() {
            Some(texts) => texts,
            None => {
                let decoded = dump.decode(info, decode)?;
                // Another thread may have been quicker; then its result is taken.
                texts.get_or_init(|| decoded)
            }
        };
        Ok(texts.get(place).unwrap_or(Dump::LOST))
    }
}

/// Decodes a block of strings.
pub(super) fn decode(block: &Block<'_>, scratch: &mut Scratch) -> Result<Texts, Unsound> {
    decode_texts(block, scratch, column::LENGTH, column::TEXT)
}

/// Decodes a column of lengths and the column of bytes that belongs to it.
pub(super) fn decode_texts(
    block: &Block<'_>,
    scratch: &mut Scratch,
    lengths: u8,
    bytes: u8,
) -> Result<Texts, Unsound> {
    let mut ends = Vec::<u32>::new();
    let mut end = 0u64;
    let mut greatest = 0;
    scratch.records(block, lengths, &mut ends, |_, length| {
        greatest = greatest.max(length);
        end = end.saturating_add(length);
        end as u32
    })?;
    // Longer ones would be a problem to nobody but those who rely on the text.
    if greatest > MAX_STRING as u64 {
        return Err(Unsound::TooGreat {
            column: lengths,
            value: greatest,
        });
    }
    // At most 65,536 lengths of at most 65,535: 32 bits are enough.
    let text = scratch.bytes(block, bytes, end as usize)?;
    let text = str::from_utf8(text).map_err(|_| Unsound::Text(bytes))?;
    if !ends.iter().all(|&end| text.is_char_boundary(end as usize)) {
        return Err(Unsound::Text(bytes));
    }
    let mut own = Vec::<u8>::new();
    resize(&mut own, 0)?;
    own.try_reserve_exact(text.len())
        .map_err(|_| Unsound::OutOfMemory)?;
    own.extend_from_slice(text.as_bytes());
    let text = String::from_utf8(own)
        .map_err(|_| Unsound::Text(bytes))?
        .into_boxed_str();
    Ok(Texts { text, ends })
}
