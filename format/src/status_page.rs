//! The status page: where `memdump send` finds, in a live target, whom to signal and what became of its request.
//!
//! A target that can dump has a memory file named `memdump` (`/proc/PID/fd/*` → `/memfd:memdump (deleted)`) that starts with this page.
//! The target writes it and never reads it; everybody else reads copies of it, which may be torn or forged.
//!
//! Layout, version 1, 8,192 bytes, little-endian:
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic `\x89MEMSTA\n` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | CRC-32 of bytes 16 to 8,191 |
//! | 16 | 4 | process id |
//! | 20 | 4 | thread id of the agent; 0 = there is none at the moment |
//! | 24 | 4 | the signal of the settings |
//! | 28 | 4 | the second signal, 0 = none |
//! | 32 | 4 | state: 0 shut down, 1 idle, 2 a dump is being taken |
//! | 36 | 4 | number of answers, at most 8 |
//! | 40 | 8 | number of the last published dump of this process, 0 = none |
//! | 48 | 8 | requests ignored so far |
//! | 56 | 8 | reserved, 0 |
//! | 64 | 8 × 1,016 | answers, newest first |
//!
//! An answer:
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 8 | number of the dump; 0 if there is none |
//! | 8 | 4 | outcome: 1 published, 2 failed, 3 ignored because a dump was being taken |
//! | 12 | 4 | number of tokens, at most 16 |
//! | 16 | 64 | tokens of the requests that it answers, 4 bytes each |
//! | 80 | 4 | length of the text, at most 932 |
//! | 84 | 932 | published: the path, or nothing if it does not fit; failed: cause and cure |

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Name of the memory file that holds the page.
pub const STATUS_PAGE_NAME: &str = "memdump";
/// Length of the page in bytes.
pub const STATUS_PAGE_LENGTH: usize = 8192;

const MAGIC: [u8; 8] = *b"\x89MEMSTA\n";
const VERSION: u32 = 1;
const ANSWERS: usize = 8;
const ANSWERS_AT: usize = 64;
const ANSWER_LENGTH: usize = 1016;
const TOKENS: usize = 16;
const TEXT_AT: usize = 84;
const TEXT_LENGTH: usize = ANSWER_LENGTH - TEXT_AT;

/// What a target says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusPage {
    /// The target's process id, in its own pid namespace.
    pub pid: u32,
    /// Thread id of the agent, at which the second signal is aimed; `None` while there is none (around a fork).
    pub agent: Option<u32>,
    /// The signal of the settings.
    pub signal: u32,
    /// The signal of `memdump send`, if one was free.
    pub second_signal: Option<u32>,
    /// What the target is doing.
    pub state: TargetState,
    /// Number of the last published dump.
    pub sequence: Option<u64>,
    /// Requests ignored so far because a dump was being taken.
    pub ignored: u64,
    /// The last answers, newest first; at most 8.
    pub answers: Vec<Answer>,
}

/// What a target is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetState {
    /// It does not answer requests any more, or not yet.
    #[default]
    ShutDown,
    /// It waits for a request.
    Idle,
    /// It takes a dump.
    Dumping,
}

/// What became of one or more requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the requests came with; at most 16.
    pub tokens: Vec<u32>,
    /// What became of them.
    pub outcome: RequestOutcome,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// By this dump.
    Published {
        /// Its number in the target.
        sequence: u64,
        /// Where it is, in the target's mount namespace; `None` if the path is too long for the page.
        path: Option<PathBuf>,
    },
    /// By a failure: cause and cure.
    Failed(String),
    /// It came while a dump was being taken.
    Ignored,
}

/// These bytes are no status page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusPageError {
    /// The magic is missing or the length is wrong.
    #[error("not a status page of memdump")]
    NotAPage,
    /// Written by a newer memdump.
    #[error("status page of version {0}; this program reads version 1, use a newer memdump")]
    Version(u32),
    /// Copied while it was being written, or damaged.
    #[error("the status page changes too fast, or is damaged")]
    Torn,
}

impl StatusPage {
    /// The page's bytes. More answers or tokens, and longer texts, than the page has room for are cut.
    pub fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; STATUS_PAGE_LENGTH];
        let state = match self.state {
            TargetState::ShutDown => 0,
            TargetState::Idle => 1,
            TargetState::Dumping => 2,
        };
        page[..8].copy_from_slice(&MAGIC);
        put_u32(&mut page, 8, VERSION);
        put_u32(&mut page, 16, self.pid);
        put_u32(&mut page, 20, self.agent.unwrap_or(0));
        put_u32(&mut page, 24, self.signal);
        put_u32(&mut page, 28, self.second_signal.unwrap_or(0));
        put_u32(&mut page, 32, state);
        put_u32(&mut page, 36, self.answers.len().min(ANSWERS) as u32);
        put_u64(&mut page, 40, self.sequence.unwrap_or(0));
        put_u64(&mut page, 48, self.ignored);
        let slots = page[ANSWERS_AT..].chunks_exact_mut(ANSWER_LENGTH);
        for (slot, answer) in slots.zip(&self.answers) {
            answer.encode(slot);
        }
        let crc = crc32fast::hash(&page[16..]);
        put_u32(&mut page, 12, crc);
        page
    }

    /// Reads a page.
    ///
    /// # Errors
    ///
    /// [`StatusPageError::Torn`] if the bytes were copied while the target wrote them: copy them again.
    pub fn decode(page: &[u8]) -> Result<Self, StatusPageError> {
        if page.len() != STATUS_PAGE_LENGTH || page[..8] != MAGIC {
            return Err(StatusPageError::NotAPage);
        }
        match get_u32(page, 8) {
            VERSION => {}
            0 => return Err(StatusPageError::NotAPage),
            newer => return Err(StatusPageError::Version(newer)),
        }
        if crc32fast::hash(&page[16..]) != get_u32(page, 12) {
            return Err(StatusPageError::Torn);
        }
        let count = get_u32(page, 36) as usize;
        let slots = page[ANSWERS_AT..].chunks_exact(ANSWER_LENGTH);
        Ok(Self {
            pid: get_u32(page, 16),
            agent: some_u32(get_u32(page, 20)),
            signal: get_u32(page, 24),
            second_signal: some_u32(get_u32(page, 28)),
            state: match get_u32(page, 32) {
                1 => TargetState::Idle,
                2 => TargetState::Dumping,
                _ => TargetState::ShutDown,
            },
            sequence: Some(get_u64(page, 40)).filter(|&sequence| sequence != 0),
            ignored: get_u64(page, 48),
            answers: slots.take(count).map(Answer::decode).collect(),
        })
    }

    /// Copies the page by `copy` and reads it, again while it is torn.
    ///
    /// # Errors
    ///
    /// Of `copy`; or what is wrong with the page, as an error of kind `InvalidData`.
    pub fn read(mut copy: impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<Self> {
        let mut bytes = vec![0; STATUS_PAGE_LENGTH];
        let mut attempts = 100;
        loop {
            copy(&mut bytes)?;
            attempts -= 1;
            match Self::decode(&bytes) {
                Ok(page) => return Ok(page),
                Err(StatusPageError::Torn) if attempts > 0 => {
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }

    /// What became of the request that came with this token.
    pub fn answer_to(&self, token: u32) -> Option<&RequestOutcome> {
        let answer = self.answers.iter().find(|a| a.tokens.contains(&token))?;
        Some(&answer.outcome)
    }
}

impl Answer {
    fn encode(&self, slot: &mut [u8]) {
        let (number, sequence, text) = match &self.outcome {
            RequestOutcome::Published { sequence, path } => {
                let path = path.as_deref().unwrap_or(Path::new(""));
                let path = path.as_os_str().as_bytes();
                // Half a path would lead to another file.
                (
                    1,
                    *sequence,
                    if path.len() <= TEXT_LENGTH { path } else { b"" },
                )
            }
            RequestOutcome::Failed(why) => (2, 0, &why.as_bytes()[..why.len().min(TEXT_LENGTH)]),
            RequestOutcome::Ignored => (3, 0, &b""[..]),
        };
        put_u64(slot, 0, sequence);
        put_u32(slot, 8, number);
        put_u32(slot, 12, self.tokens.len().min(TOKENS) as u32);
        for (index, &token) in self.tokens.iter().take(TOKENS).enumerate() {
            put_u32(slot, 16 + 4 * index, token);
        }
        put_u32(slot, 80, text.len() as u32);
        slot[TEXT_AT..TEXT_AT + text.len()].copy_from_slice(text);
    }

    fn decode(slot: &[u8]) -> Self {
        let tokens = (get_u32(slot, 12) as usize).min(TOKENS);
        let length = (get_u32(slot, 80) as usize).min(TEXT_LENGTH);
        let text = &slot[TEXT_AT..TEXT_AT + length];
        Self {
            tokens: (0..tokens).map(|i| get_u32(slot, 16 + 4 * i)).collect(),
            outcome: match get_u32(slot, 8) {
                1 => RequestOutcome::Published {
                    sequence: get_u64(slot, 0),
                    path: (length > 0).then(|| OsStr::from_bytes(text).into()),
                },
                2 => RequestOutcome::Failed(String::from_utf8_lossy(text).into_owned()),
                _ => RequestOutcome::Ignored,
            },
        }
    }
}

fn some_u32(value: u32) -> Option<u32> {
    (value != 0).then_some(value)
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_page() -> StatusPage {
        let published = |sequence, path: &[u8]| Answer {
            tokens: vec![7, 0x7fff_ffff],
            outcome: RequestOutcome::Published {
                sequence,
                path: Some(OsStr::from_bytes(path).into()),
            },
        };
        StatusPage {
            pid: 4711,
            agent: Some(4712),
            signal: 10,
            second_signal: Some(43),
            state: TargetState::Dumping,
            sequence: Some(3),
            ignored: 2,
            answers: vec![
                Answer {
                    tokens: vec![9],
                    outcome: RequestOutcome::Ignored,
                },
                published(3, b"/var/dumps/app.4711.3.dump"),
                Answer {
                    tokens: vec![],
                    outcome: RequestOutcome::Failed("disk full; free it".into()),
                },
                published(2, b"/not/utf8/\xff.dump"),
            ],
        }
    }

    /// As decode demands it, so that a test reaches what lies behind the checksum.
    fn with_crc(mut page: Vec<u8>) -> Vec<u8> {
        let crc = crc32fast::hash(&page[16..]);
        put_u32(&mut page, 12, crc);
        page
    }

    #[test]
    fn a_page_comes_back_as_it_was() {
        let page = full_page();
        assert_eq!(StatusPage::decode(&page.encode()), Ok(page));
        let empty = StatusPage::default();
        assert_eq!(StatusPage::decode(&empty.encode()), Ok(empty));
    }

    #[test]
    fn fields_lie_where_the_table_says() {
        let bytes = full_page().encode();
        assert_eq!(bytes.len(), 8192);
        assert_eq!(&bytes[..12], b"\x89MEMSTA\n\x01\0\0\0");
        assert_eq!((get_u32(&bytes, 16), get_u32(&bytes, 20)), (4711, 4712));
        assert_eq!((get_u32(&bytes, 24), get_u32(&bytes, 28)), (10, 43));
        assert_eq!((get_u32(&bytes, 32), get_u32(&bytes, 36)), (2, 4));
        let second = &bytes[64 + 1016..];
        assert_eq!((get_u64(second, 0), get_u32(second, 8)), (3, 1));
        assert_eq!((get_u32(second, 16), get_u32(second, 20)), (7, 0x7fff_ffff));
        assert_eq!(&second[84..94], b"/var/dumps");
    }

    #[test]
    fn what_does_not_fit_is_cut_but_never_a_path() {
        let long = PathBuf::from("/".repeat(933));
        let mut page = full_page();
        page.answers = (0..20)
            .map(|sequence| Answer {
                tokens: (1..=40).collect(),
                outcome: RequestOutcome::Published {
                    sequence,
                    path: Some(long.clone()),
                },
            })
            .collect();
        page.answers[1].outcome = RequestOutcome::Failed("x".repeat(2000));
        let read = StatusPage::decode(&page.encode()).unwrap();
        assert_eq!(read.answers.len(), 8);
        assert_eq!(read.answers[0].tokens, (1..=16).collect::<Vec<_>>());
        assert_eq!(
            read.answers[0].outcome,
            RequestOutcome::Published {
                sequence: 0,
                path: None
            }
        );
        assert_eq!(
            read.answers[1].outcome,
            RequestOutcome::Failed("x".repeat(932))
        );
    }

    #[test]
    fn answers_are_found_by_token() {
        let page = full_page();
        assert_eq!(page.answer_to(9), Some(&RequestOutcome::Ignored));
        assert!(matches!(
            page.answer_to(7),
            Some(RequestOutcome::Published { sequence: 3, .. })
        ));
        assert_eq!(page.answer_to(8), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = full_page().encode();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(StatusPage::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn hostile_pages_with_a_right_checksum_are_read_within_their_bounds() {
        for byte in [0xff, 0x80, 0x7f, 0x03] {
            let mut page = full_page().encode();
            page[16..].fill(byte);
            let read = StatusPage::decode(&with_crc(page)).unwrap();
            assert!(read.answers.len() <= 8);
            assert!(read.answers.iter().all(|answer| answer.tokens.len() <= 16));
        }
        assert_eq!(StatusPage::decode(&[]), Err(StatusPageError::NotAPage));
        assert_eq!(
            StatusPage::decode(&[0; 8192]),
            Err(StatusPageError::NotAPage)
        );
        let mut newer = full_page().encode();
        put_u32(&mut newer, 8, 2);
        assert_eq!(StatusPage::decode(&newer), Err(StatusPageError::Version(2)));
    }

    #[test]
    fn a_torn_copy_is_taken_again() {
        let whole = full_page().encode();
        let mut copies = 0;
        let page = StatusPage::read(|into| {
            copies += 1;
            into.copy_from_slice(&whole);
            if copies < 3 {
                into[5000] ^= 1;
            }
            Ok(())
        });
        assert_eq!((page.unwrap(), copies), (full_page(), 3));
        let broken = StatusPage::read(|into| {
            into.copy_from_slice(&whole);
            into[5000] ^= 1;
            Ok(())
        });
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
