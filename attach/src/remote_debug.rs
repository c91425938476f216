//! The interface for debuggers that CPython has from 3.14 on (PEP 768): the path of a script and a flag in a thread's state. What
//! `sys.remote_exec` does, from any process, of any version.

use crate::error::AttachError;
use crate::hold::Held;
use crate::layout::ThreadFields;
use crate::memory::{Address, Memory};
use crate::process::Process;
use crate::runtime::{Interpreter, Runtime, Way};

/// Asks the loop to look whether something is wanted of it.
const PLEASE_STOP: u64 = 1 << 5;

/// Words of `_Py_DebugOffsets` that are looked at; it has some 110.
const WORDS: usize = 256;

/// Where a request is written.
#[derive(Debug)]
pub(crate) struct Request<'t> {
    memory: &'t Memory,
    support: Support,
    thread: Address,
}

/// Offsets in `PyThreadState`, of the `debugger_support` of `_Py_DebugOffsets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Support {
    eval_breaker: u64,
    /// Of the flag.
    pending: u64,
    /// Of the path.
    path: u64,
    path_size: u64,
    /// Offset in `PyInterpreterState` of whether it is allowed.
    enabled: u64,
}

impl<'t> Request<'t> {
    pub(crate) fn look(
        process: &Process,
        memory: &'t Memory,
        runtime: &Runtime,
    ) -> Result<Self, AttachError> {
        let base = runtime.image.runtime;
        let words = words(memory, base)?;
        let way = way(&words, runtime).map_err(|why| match why {
            Wrong::FreeThreaded => process.unsupported(FREE_THREADED),
            Wrong::Because(why) => runtime.odd(process, why),
        })?;
        let support = Support::find(&words).ok_or_else(|| {
            runtime.odd(process, "it does not tell where requests of debuggers go")
        })?;
        let Interpreter {
            state,
            main_thread: thread,
            ..
        } = way.follow(process, memory, runtime)?;
        match memory.u32(state.plus(support.enabled))? {
            1 => {}
            _ => return Err(AttachError::SwitchedOff { pid: process.pid() }),
        }
        if memory.u32(thread.plus(support.pending))? > 1 {
            return Err(runtime.odd(
                process,
                "its request of a debugger is neither there nor not",
            ));
        }
        Ok(Request {
            memory,
            support,
            thread,
        })
    }

    /// Whether a request waits.
    pub(crate) fn is_pending(&self) -> Result<bool, AttachError> {
        Ok(self.memory.u32(self.thread.plus(self.support.pending))? == 1)
    }

    /// Asks for the script to be run. False if another request waits.
    pub(crate) fn put(&self, held: &Held<'_>, script: &str) -> Result<bool, AttachError> {
        if self.is_pending()? && !self.is_for(script)? {
            return Ok(false);
        }
        let mut path = script.as_bytes().to_vec();
        path.push(0);
        if path.len() as u64 > self.support.path_size {
            return Ok(false);
        }
        held.write(&[(self.thread.plus(self.support.path), &path)])?;
        held.write(&[(self.thread.plus(self.support.pending), &1_u32.to_ne_bytes())])?;
        let breaker = self.thread.plus(self.support.eval_breaker);
        let set = self.memory.u64(breaker)? | PLEASE_STOP;
        held.write(&[(breaker, &set.to_ne_bytes())])?;
        Ok(true)
    }

    /// Whether the request that waits, or the last one, is for this script.
    pub(crate) fn is_for(&self, script: &str) -> Result<bool, AttachError> {
        let path = self.thread.plus(self.support.path);
        let now = self.memory.bytes(path, script.len() + 1)?;
        Ok(now[..script.len()] == *script.as_bytes() && now[script.len()] == 0)
    }

    /// Takes the request back; false if it is not there any more.
    pub(crate) fn take_back(&self, held: &Held<'_>, script: &str) -> Result<bool, AttachError> {
        if !self.is_pending()? || !self.is_for(script)? {
            return Ok(false);
        }
        held.write(&[(self.thread.plus(self.support.pending), &0_u32.to_ne_bytes())])?;
        Ok(true)
    }
}

/// Why a build without the lock of the interpreter is refused.
pub(crate) const FREE_THREADED: &str = "it is a free-threaded build of Python, which memdump does not know; run the program with the \
    default build";

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    FreeThreaded,
    Because(&'static str),
}

fn words(memory: &Memory, base: Address) -> Result<Vec<u64>, AttachError> {
    let bytes = memory.bytes(base, 8 * WORDS)?;
    let (words, _) = bytes.as_chunks();
    Ok(words.iter().map(|word| u64::from_ne_bytes(*word)).collect())
}

/// Whether 3.13 and later say that they have no lock; they say it at the head of the same table.
pub(crate) fn is_free_threaded(memory: &Memory, base: Address) -> Result<bool, AttachError> {
    let words = words(memory, base)?;
    Ok(words[0] == COOKIE && words[2] != 0)
}

const COOKIE: u64 = u64::from_le_bytes(*b"xdebugpy");

/// Reads the head of `_Py_DebugOffsets`, which differs between versions; the order is that of the version's `pycore_debug_offsets.h`.
fn way(words: &[u64], runtime: &Runtime) -> Result<Way, Wrong> {
    if words[0] != COOKIE {
        return Err(Wrong::Because("its table for debuggers has no mark"));
    }
    let number = (words[1] >> 16) & 0xff;
    if words[1] >> 24 != 3 || number != u64::from(runtime.version.minor) {
        return Err(Wrong::Because(
            "its table for debuggers is of another version",
        ));
    }
    if words[2] != 0 {
        return Err(Wrong::FreeThreaded);
    }
    // runtime_state begins at 3, interpreter_state at 6 and thread_state at THREAD, each with its size.
    let (finalizing, head) = (words[4], words[5]);
    let (id, next, threads) = (words[7], words[8], words[9]);
    let thread = thread_fields(words, runtime.version.minor)
        .ok_or(Wrong::Because("its table for debuggers has another form"))?;
    let sizes = [words[3], words[6]];
    let inside = |offset: u64, size: u64| offset < size && offset.is_multiple_of(8);
    if !inside(finalizing, sizes[0])
        || !inside(head, sizes[0])
        || ![id, next, threads]
            .iter()
            .all(|&offset| inside(offset, sizes[1]))
    {
        return Err(Wrong::Because(
            "its table for debuggers has offsets that lead outside",
        ));
    }
    Ok(Way {
        finalizing,
        head,
        next,
        id,
        threads,
        thread,
        main_thread: None,
    })
}

/// Where the part about threads begins; the parts before it are the same in 3.14 and 3.15.
const THREAD: usize = 22;

fn thread_fields(words: &[u64], minor: u8) -> Option<ThreadFields> {
    let thread_id = match minor {
        14 => THREAD + 5,
        // Three fields for profilers came before it.
        15 => THREAD + 8,
        _ => return None,
    };
    let fields = ThreadFields {
        next: words[THREAD + 2],
        interpreter: words[THREAD + 3],
        thread_id: words[thread_id],
        native_id: Some(words[thread_id + 1]),
    };
    let all = [
        fields.next,
        fields.interpreter,
        fields.thread_id,
        words[thread_id + 1],
    ];
    let inside = all
        .iter()
        .all(|&offset| offset < words[THREAD] && offset.is_multiple_of(8));
    inside.then_some(fields)
}

impl Support {
    /// The last part of the table: six offsets, of which the last three are the same in all versions. What lies before it differs.
    fn find(words: &[u64]) -> Option<Support> {
        const FLAG: u64 = 0;
        const PATH: u64 = 4;
        const PATH_SIZE: u64 = 512;
        let mut found = words.windows(6).filter(|w| {
            w[3..] == [FLAG, PATH, PATH_SIZE] && w[..3].iter().all(|&offset| offset > 0)
        });
        let support = found.next()?;
        let &[eval_breaker, part, enabled, ..] = support else {
            return None;
        };
        // Two of them would mean that one is something else.
        found.next().is_none().then_some(Support {
            eval_breaker,
            pending: part + FLAG,
            path: part + PATH,
            path_size: PATH_SIZE,
            enabled,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_table_is_found_once_or_not_at_all() {
        let mut words = vec![8; 100];
        assert_eq!(Support::find(&words), None);
        words[60..66].copy_from_slice(&[24, 640, 7000, 0, 4, 512]);
        let support = Support {
            eval_breaker: 24,
            pending: 640,
            path: 644,
            path_size: 512,
            enabled: 7000,
        };
        assert_eq!(Support::find(&words), Some(support));
        words[80..86].copy_from_slice(&[24, 640, 7000, 0, 4, 512]);
        assert_eq!(Support::find(&words), None);
    }

    #[test]
    fn ids_of_threads_lie_elsewhere_in_each_version() {
        let mut words: Vec<u64> = (0..64).map(|word| 8 * word).collect();
        words[THREAD] = 4096;
        let at =
            |minor| thread_fields(&words, minor).map(|fields| (fields.thread_id, fields.native_id));
        assert_eq!(at(14), Some((8 * 27, Some(8 * 28))));
        assert_eq!(at(15), Some((8 * 30, Some(8 * 31))));
        assert_eq!(at(16), None);
        words[THREAD] = 100;
        assert_eq!(thread_fields(&words, 14), None);
    }
}
