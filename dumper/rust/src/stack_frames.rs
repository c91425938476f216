//! To which function a place on a stack belongs: by the frame pointers that lie on it, as the snapshot process finds them.
//!
//! A call leaves its return address and, in code that keeps frame pointers, the caller's frame pointer on the stack: a *record*, whose first word leads to the
//! next record above. The innermost functions are often libc's, which has none, and a thread that waits does not tell its frame pointer;
//! there the words that look like return addresses count.
use std::ops::Range;

use crate::memory::Bytes;

const WORD: usize = size_of::<usize>();
/// A stack of 8 MiB may have more, of recursion; what lies further out then belongs to the last one.
const MOST: usize = 1 << 16;

/// A frame, as far as it matters for what lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its lowest place on the stack. It reaches to the next one's.
    pub(crate) start: usize,
    /// An address that returns to its function.
    pub(crate) code: usize,
}

/// What is known of a thread's registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Top {
    /// Behind the instruction that it is at; 0 = not known.
    pub(crate) code: usize,
    /// Its frame pointer, if it is one; 0 = not known.
    pub(crate) frame: usize,
}

/// The frames of a stack, innermost first; none where nothing is found. `images` are the addresses of machine code's files.
pub(crate) fn frames(stack: &Range<usize>, top: Top, images: &[Range<usize>]) -> Vec<Frame> {
    let reader = Reader { stack, images };
    let mut frames = Vec::new();
    if top.code != 0 {
        let start = stack.start;
        frames.push(Frame {
            start,
            code: top.code,
        });
    }
    let Some(first) = reader.first_record(top.frame) else {
        return Vec::new();
    };
    // Below the first record lie functions without frame pointers.
    let without = reader.places(stack.start..first).filter_map(|place| {
        let code = reader.return_address(place)?;
        let start = place + WORD;
        Some(Frame { start, code })
    });
    frames.extend(without.take(MOST));
    let mut record = Some(first);
    while let Some(at) = record
        && frames.len() < MOST
        && let Some(Record { next, code }) = reader.record(at)
    {
        let start = at + 2 * WORD;
        frames.push(Frame { start, code });
        record = (next > at).then_some(next);
    }
    frames
}

/// The frame in which a place lies, and its number from the innermost one.
pub(crate) fn holder(frames: &[Frame], place: usize) -> Option<(usize, Frame)> {
    let number = frames
        .partition_point(|frame| frame.start <= place)
        .checked_sub(1)?;
    Some((number, *frames.get(number)?))
}

struct Record {
    /// Where the next record is said to lie.
    next: usize,
    code: usize,
}

struct Reader<'a> {
    stack: &'a Range<usize>,
    images: &'a [Range<usize>],
}

impl Reader<'_> {
    /// Where the records begin: at the frame pointer, or else the lowest place that leads on to two more.
    fn first_record(&self, frame: usize) -> Option<usize> {
        if self.leads_on(frame, 1) {
            return Some(frame);
        }
        self.places(self.stack.clone())
            .find(|&place| self.leads_on(place, 2))
    }

    /// Whether a record lies here, and so many more above it.
    fn leads_on(&self, place: usize, more: usize) -> bool {
        match self.record(place) {
            None => false,
            Some(_) if more == 0 => true,
            Some(record) => record.next > place && self.leads_on(record.next, more - 1),
        }
    }

    fn record(&self, place: usize) -> Option<Record> {
        if !place.is_multiple_of(WORD) {
            return None;
        }
        let code = self.return_address(place.checked_add(WORD)?)?;
        let next = self.word(place)?;
        Some(Record { next, code })
    }

    /// The word at a place of the stack, if it follows a call instruction.
    fn return_address(&self, place: usize) -> Option<usize> {
        let code = self.word(place)?;
        let is_code = self.images.iter().any(|image| image.contains(&code));
        (is_code && follows_call(code)).then_some(code)
    }

    fn word(&self, place: usize) -> Option<usize> {
        let bytes = match self.stack.contains(&place) && self.stack.end - place >= WORD {
            true => Bytes::read::<WORD>(place)?.0,
            false => return None,
        };
        Some(usize::from_ne_bytes(bytes))
    }

    fn places(&self, addresses: Range<usize>) -> impl Iterator<Item = usize> {
        (addresses.start.next_multiple_of(WORD)..addresses.end).step_by(WORD)
    }
}

/// Whether the instruction in front of an address is a call.
#[cfg(target_arch = "x86_64")]
fn follows_call(code: usize) -> bool {
    // `call rel32` has five bytes; `call r/m64` has ff and the digit 2, and from two to seven, with a prefix before it at most.
    let Some(Bytes(before)) = code.checked_sub(7).and_then(Bytes::read::<7>) else {
        return false;
    };
    let is_indirect =
        |length: usize| before[7 - length] == 0xff && before[8 - length] >> 3 & 7 == 2;
    before[2] == 0xe8 || [2, 3, 4, 6, 7].into_iter().any(is_indirect)
}

/// Whether the instruction in front of an address is a call.
#[cfg(target_arch = "aarch64")]
fn follows_call(code: usize) -> bool {
    let Some(Bytes(before)) = code.checked_sub(4).and_then(Bytes::read::<4>) else {
        return false;
    };
    let instruction = u32::from_le_bytes(before);
    // `bl` and `blr`.
    instruction >> 26 == 0b10_0101 || instruction & 0xffff_fc1f == 0xd63f_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    const CALL: [u8; 8] = [0x90, 0x90, 0x90, 0xe8, 0, 0, 0, 0];
    #[cfg(target_arch = "aarch64")]
    const CALL: [u8; 8] = [0x1f, 0x20, 0x03, 0xd5, 0, 0, 0, 0x94];

    /// A stack of 64 words, and code with calls in it.
    struct Memory {
        words: [usize; 64],
        code: Vec<u8>,
    }

    impl Memory {
        fn new() -> Memory {
            Memory {
                words: [0; 64],
                code: CALL.repeat(16),
            }
        }

        fn at(&self, word: usize) -> usize {
            (&raw const self.words[word]).addr()
        }

        /// Behind the call of that number.
        fn returns(&self, call: usize) -> usize {
            self.code.as_ptr().addr() + 8 * (call + 1)
        }

        fn frames(&self, top: Top) -> Vec<Frame> {
            let image = self.code.as_ptr_range();
            let stack = self.at(0)..self.at(63) + WORD;
            let image = image.start.addr()..image.end.addr() + 1;
            frames(&stack, top, std::slice::from_ref(&image))
        }
    }

    #[test]
    fn frames_follow_the_records_from_one_to_the_next() {
        let mut memory = Memory::new();
        for (record, next, call) in [(10, 20, 1), (20, 40, 2), (40, 0, 3)] {
            memory.words[record] = if next == 0 { 0 } else { memory.at(next) };
            memory.words[record + 1] = memory.returns(call);
        }
        // Of libc, which has no frame pointer; and what is none, though it points to code.
        memory.words[4] = memory.returns(0);
        memory.words[6] = memory.returns(0) + 1;
        let frame = |word: usize, call: usize| Frame {
            start: memory.at(word),
            code: memory.returns(call),
        };
        let outer = [frame(12, 1), frame(22, 2), frame(42, 3)];
        let found = memory.frames(Top::default());
        assert_eq!(found, [&[frame(5, 0)], &outer[..]].concat());

        // A thread that was held tells where it is.
        let top = Top {
            code: memory.returns(9),
            frame: memory.at(10),
        };
        let found = memory.frames(top);
        assert_eq!(found, [&[frame(0, 9), frame(5, 0)], &outer[..]].concat());
        for (word, number) in [(0, 0), (5, 1), (11, 1), (12, 2), (41, 3), (63, 4)] {
            let (at, held_by) = holder(&found, memory.at(word)).unwrap();
            assert_eq!((at, held_by), (number, found[number]), "word {word}");
        }
    }

    #[test]
    fn without_records_there_are_no_frames_and_circles_end() {
        let mut memory = Memory::new();
        memory.words[4] = memory.returns(0);
        let top = Top {
            code: memory.returns(9),
            frame: 12_345,
        };
        assert_eq!(memory.frames(top), []);
        // Two records that lead to each other, and one that leads to itself.
        for (record, next) in [(10, 20), (20, 10), (30, 30)] {
            memory.words[record] = memory.at(next);
            memory.words[record + 1] = memory.returns(record / 10);
        }
        assert_eq!(memory.frames(Top::default()), []);
        let frame = memory.at(10);
        let top = Top { code: 0, frame };
        assert_eq!(memory.frames(top).len(), 3, "one below, and two records");
    }
}
