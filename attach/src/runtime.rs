//! The CPython in a process: which version, where its structures lie, and whether they are what they should be.

use std::collections::HashSet;

use crate::error::AttachError;
use crate::image::{self, Image};
use crate::layout::{Layout, ThreadFields};
use crate::memory::{Address, Memory};
use crate::process::Process;

/// As `sys.version_info`, without what comes after the three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The 9 of 3.9.18.
    pub minor: u8,
    /// The 18.
    pub micro: u8,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "3.{}.{}", self.minor, self.micro)
    }
}

/// Versions that can be attached to.
pub(crate) const SUPPORTED: std::ops::RangeInclusive<u8> = 9..=15;

/// An interpreter whose version is known. Nothing else about it is believed yet.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) image: Image,
    pub(crate) version: Version,
}

/// Enough for any process; more means that what is followed is no list.
const MOST_THREADS: usize = 100_000;

impl Runtime {
    pub(crate) fn find(process: &Process, memory: &Memory) -> Result<Self, AttachError> {
        let image = image::interpreter(process, memory)?;
        let version = match image.version {
            Some(at) => from_number(memory.u64(at)?),
            None => from_banner(&image, memory)?,
        };
        let Some((major, version)) = version else {
            return Err(process.not_python(format!(
                "{} has the symbols of CPython, but tells no version; it may not have started yet, so try again",
                image.path.display()
            )));
        };
        if major != 3 || !SUPPORTED.contains(&version.minor) {
            return Err(process.unsupported(format!(
                "it is Python {major}.{}.{}, and this memdump knows 3.{} to 3.{}; use a newer memdump, or an older Python",
                version.minor,
                version.micro,
                SUPPORTED.start(),
                SUPPORTED.end()
            )));
        }
        Ok(Runtime { image, version })
    }

    /// For what is found not to be as it should.
    pub(crate) fn odd(&self, process: &Process, why: impl Into<String>) -> AttachError {
        AttachError::NotAsExpected {
            pid: process.pid(),
            version: self.version.to_string(),
            why: why.into(),
        }
    }
}

/// The main interpreter, and its threads, of a runtime in which everything that was looked at fits together.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) state: Address,
    /// `PyThreadState` of its threads, newest first.
    pub(crate) threads: Vec<Address>,
    /// That of the main thread.
    pub(crate) main_thread: Address,
}

/// Offsets by which the main interpreter is found, whatever the version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) finalizing: u64,
    pub(crate) head: u64,
    pub(crate) next: u64,
    pub(crate) id: u64,
    pub(crate) threads: u64,
    pub(crate) thread: ThreadFields,
    /// Where the runtime has its main thread, as `pthread_self` gives it; not known from 3.14 on.
    pub(crate) main_thread: Option<u64>,
}

impl Way {
    pub(crate) fn of(layout: &Layout) -> Self {
        Way {
            finalizing: layout.runtime.finalizing,
            head: layout.runtime.head,
            next: layout.interpreter.next,
            id: layout.interpreter.id,
            threads: layout.interpreter.threads,
            thread: layout.thread,
            main_thread: Some(layout.runtime.main_thread),
        }
    }

    /// Follows the way, and believes nothing.
    pub(crate) fn follow(
        &self,
        process: &Process,
        memory: &Memory,
        runtime: &Runtime,
    ) -> Result<Interpreter, AttachError> {
        let odd = |why: &str| runtime.odd(process, why);
        let base = runtime.image.runtime;
        if memory.u64(base.plus(self.finalizing))? != 0 {
            return Err(process.unsupported("its interpreter is shutting down"));
        }
        let state = memory.address(base.plus(self.head))?;
        if state == Address::NULL {
            return Err(process.unsupported(
                "its interpreter is not running: it has not started yet, or has ended",
            ));
        }
        if memory.u64(state.plus(self.next))? != 0 {
            return Err(process.unsupported(
                "it has sub-interpreters (mod_wsgi?), of which memdump would see the main one only, and not what it holds; have each \
                 application run in a process of its own (WSGIApplicationGroup %{GLOBAL}), and call memdump.install() there",
            ));
        }
        if memory.u64(state.plus(self.id))? != 0 {
            return Err(odd("its only interpreter is not the main one"));
        }
        let threads = self.threads(memory, state).map_err(|why| match why {
            Wrong::Unreadable(_) => odd("its list of threads leads to nowhere"),
            Wrong::Because(why) => odd(why),
        })?;
        let main_thread = self
            .main_thread(process, memory, base, &threads)?
            .ok_or_else(|| odd("none of its threads is the main thread"))?;
        Ok(Interpreter {
            state,
            threads,
            main_thread,
        })
    }

    fn threads(&self, memory: &Memory, state: Address) -> Result<Vec<Address>, Wrong> {
        let mut threads = Vec::new();
        let mut next = memory.address(state.plus(self.threads))?;
        while next != Address::NULL {
            if memory.address(next.plus(self.thread.interpreter))? != state {
                return Err(Wrong::Because("a thread belongs to another interpreter"));
            }
            threads.push(next);
            if threads.len() > MOST_THREADS {
                return Err(Wrong::Because("its list of threads has no end"));
            }
            next = memory.address(next.plus(self.thread.next))?;
        }
        Ok(threads)
    }

    /// The main thread's state, known by its ids. At least one thread must have an id that the kernel knows, too.
    fn main_thread(
        &self,
        process: &Process,
        memory: &Memory,
        base: Address,
        threads: &[Address],
    ) -> Result<Option<Address>, AttachError> {
        let expected = match self.main_thread {
            Some(at) => Some(memory.u64(base.plus(at))?),
            None => None,
        };
        let Some(native_id) = self.thread.native_id else {
            for &thread in threads {
                if Some(memory.u64(thread.plus(self.thread.thread_id))?) == expected {
                    return Ok(Some(thread));
                }
            }
            return Ok(None);
        };
        let known: HashSet<_> = process
            .threads()?
            .into_iter()
            .filter_map(|id| process.id_inside(id))
            .collect();
        let main = process.id_inside(process.pid() as i32);
        for &thread in threads {
            let id = memory.u64(thread.plus(native_id))?;
            let id = i32::try_from(id).ok().filter(|id| known.contains(id));
            // A program that embeds Python may have started it in any thread.
            let is_main = match expected {
                Some(expected) => memory.u64(thread.plus(self.thread.thread_id))? == expected,
                None => id == main,
            };
            if is_main && id.is_some() {
                return Ok(Some(thread));
            }
        }
        Ok(None)
    }
}

/// Why a list cannot be believed.
enum Wrong {
    Unreadable(#[allow(dead_code)] AttachError),
    Because(&'static str),
}

impl From<AttachError> for Wrong {
    fn from(error: AttachError) -> Self {
        Wrong::Unreadable(error)
    }
}

/// From `PY_VERSION_HEX`: major version, and the rest.
fn from_number(number: u64) -> Option<(u8, Version)> {
    let [_, micro, minor, major] = u32::try_from(number).ok()?.to_le_bytes();
    (major > 0).then_some((major, Version { minor, micro }))
}

/// From the text that `sys.version` is made of, which 3.9 and 3.10 keep in a static buffer: `3.10.13 (main, …) [GCC …]`.
fn from_banner(image: &Image, memory: &Memory) -> Result<Option<(u8, Version)>, AttachError> {
    for &(start, length) in &image.data {
        let bytes = memory.bytes(start, length.min(MOST_DATA) as usize)?;
        let mut found = (0..bytes.len().saturating_sub(8))
            .filter(|&at| bytes[at..].starts_with(b"3.") && (at == 0 || bytes[at - 1] == 0))
            .filter_map(|at| parse_banner(&bytes[at..bytes.len().min(at + 250)]));
        if let Some(version) = found.next() {
            return Ok(Some((3, version)));
        }
    }
    Ok(None)
}

/// The data of CPython is below 2 MiB; a program that it is linked into may have more.
const MOST_DATA: u64 = 64 << 20;

fn parse_banner(text: &[u8]) -> Option<Version> {
    let text = text.split(|&byte| byte == 0).next()?;
    let text = std::str::from_utf8(text).ok()?;
    let (number, rest) = text.split_once(' ')?;
    let mut parts = number.split('.').skip(1);
    let minor = parts.next()?.parse().ok()?;
    let digits = parts.next()?;
    let digits = &digits[..digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len())];
    let version = Version {
        minor,
        micro: digits.parse().ok()?,
    };
    (rest.starts_with('(') && rest.contains(") ")).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_numbers_and_texts() {
        assert_eq!(
            from_number(0x030b_07f0),
            Some((
                3,
                Version {
                    minor: 11,
                    micro: 7
                }
            ))
        );
        assert_eq!(from_number(0), None);
        assert_eq!(from_number(1 << 40), None);
        let banner = b"3.10.13 (main, Nov  1 2026, 10:00:00) [GCC 12.2.0]\0\0";
        assert_eq!(
            parse_banner(banner),
            Some(Version {
                minor: 10,
                micro: 13
            })
        );
        let candidate = b"3.9.0rc1+ (default, Nov 1 2026) \n[Clang]\0";
        assert_eq!(
            parse_banner(candidate),
            Some(Version { minor: 9, micro: 0 })
        );
        assert_eq!(parse_banner(b"3.9.1\0"), None);
        assert_eq!(parse_banner(b"3.14159 is (nearly) pi\0"), None);
    }
}
