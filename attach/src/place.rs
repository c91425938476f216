//! Where the text of a call lies in the target: behind the end of a read-only segment of the interpreter, in the rest of its last page.
//!
//! Nothing refers to these bytes: no symbol, no allocator (musl's hands out the ends of *writable* segments), no heap. The page is private
//! to the process from the first write on, as with a debugger's breakpoint; the file stays what it is.

use crate::error::AttachError;
use crate::hold::Held;
use crate::image::{Image, Tail};
use crate::memory::{Address, Memory};
use crate::process::Process;
use crate::script::{CALL_LENGTH, directory_of_call, has_end_of_call};

/// Room for a call.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) start: Address,
    pristine: Vec<u8>,
    /// The directory of a call that an `attach` left behind which was killed.
    pub(crate) left: Option<String>,
}

impl Place {
    /// The first place that is as the file has it, or has a call in it.
    pub(crate) fn find(
        process: &Process,
        memory: &Memory,
        image: &Image,
    ) -> Result<Self, AttachError> {
        for tail in &image.tails {
            let Some(place) = aligned(tail) else {
                continue;
            };
            let now = memory.bytes(place.start, CALL_LENGTH)?;
            if place.is_free(&now) {
                return Ok(place);
            }
            if let Some(directory) = directory_of_call(&now) {
                return Ok(Place {
                    left: Some(directory),
                    ..place
                });
            }
        }
        Err(process.unsupported(format!(
            "there is no room for {CALL_LENGTH} bytes behind the segments of {}; start the program with `python -m memdump run …`, or call \
             memdump.install() in it",
            image.path.display()
        )))
    }

    /// Whether it is still as it was found: another `attach` may have come.
    pub(crate) fn is_as_found(&self, memory: &Memory) -> Result<bool, AttachError> {
        let now = memory.bytes(self.start, CALL_LENGTH)?;
        Ok(match &self.left {
            Some(_) => directory_of_call(&now) == self.left,
            None => self.is_free(&now),
        })
    }

    fn is_free(&self, now: &[u8]) -> bool {
        now == self.pristine || self.is_half_written(now)
    }

    /// Whether an `attach` was killed while it wrote or restored: both leave a beginning as the file has it and the end of a call, and nothing
    /// refers to it, because a call is put into the ring when it is whole, and restored when it is over.
    fn is_half_written(&self, now: &[u8]) -> bool {
        now[..WORD] == self.pristine[..WORD] && has_end_of_call(now)
    }

    /// Writes the call, from its end to its beginning.
    pub(crate) fn write(&self, held: &Held<'_>, call: &[u8]) -> Result<(), AttachError> {
        let mut whole = self.pristine.clone();
        whole[..call.len()].copy_from_slice(call);
        self.words(&whole)
            .rev()
            .try_for_each(|(at, word)| held.write_read_only(at, word))
    }

    /// Makes it what the file has, from the beginning to the end; for when nobody will look at the text any more.
    pub(crate) fn restore(&self, held: &Held<'_>) -> Result<(), AttachError> {
        self.words(&self.pristine)
            .try_for_each(|(at, word)| held.write_read_only(at, word))
    }

    fn words<'b>(
        &self,
        bytes: &'b [u8],
    ) -> impl DoubleEndedIterator<Item = (Address, [u8; WORD])> + use<'b> {
        let start = self.start;
        let (words, _) = bytes.as_chunks();
        let places = words.iter().enumerate();
        places.map(move |(index, word)| (start.plus((WORD * index) as u64), *word))
    }
}

/// What is written at once.
const WORD: usize = 8;

fn aligned(tail: &Tail) -> Option<Place> {
    let skip = (tail.start.0.next_multiple_of(8) - tail.start.0) as usize;
    let pristine = tail.pristine.get(skip..skip + CALL_LENGTH)?.to_vec();
    Some(Place {
        start: tail.start.plus(skip as u64),
        pristine,
        left: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_aligned_and_large_enough() {
        let tail = |start, length: usize| Tail {
            start: Address(start),
            pristine: (0..length).map(|i| i as u8).collect(),
        };
        let place = aligned(&tail(0x1003, 500)).expect("room");
        assert_eq!(
            (place.start, place.pristine.len()),
            (Address(0x1008), CALL_LENGTH)
        );
        assert_eq!(place.pristine[0], 5);
        assert!(aligned(&tail(0x1001, CALL_LENGTH + 6)).is_none());
        assert!(aligned(&tail(0x1001, CALL_LENGTH + 7)).is_some());
        assert!(aligned(&tail(0x1001, 3)).is_none());
    }
}
