//! When objects are born, for dumps with exact identity.
//!
//! Each allocation is marked with the number of the dump that comes next, so that a later dump tells what was born after an earlier one,
//! though addresses are used again. Nothing is done when memory is freed. An object that CPython takes from a free list of its own is no
//! allocation, and keeps the mark that the place had.
//!
//! Numbers of dumps are counted without end, marks have one byte: a serial is [`Births::base`] and the mark. When the marks are used up, all
//! are taken away; then, and when births went unmarked for a while, [`Births::since`] says from which dump on they are known.

mod hooks;
mod shadow;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::hooks::{Allocators, MARK, SHADOW};
use self::shadow::Loss;

/// The births of this process, as one dump tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Births {
    /// What marks are added to.
    base: u64,
    /// The mark of what was born last.
    mark: u8,
    /// The watermark from which on all births are marked.
    since: u64,
}

/// Why a watermark is not what one would expect; for a line on stderr.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Gap {
    #[error(
        "identity by address: the system gives no memory for birth marks; raise the limit on address space (ulimit -v, vm.overcommit_memory)"
    )]
    NoMemory,
    #[error("identity by address: this interpreter has no {0}")]
    NoFunction(&'static str),
    #[error("birth marks begin anew, so that comparisons with earlier dumps are by address: {0}")]
    BeginsAnew(&'static str),
}

/// The mark before the first dump: 0 is what was born before births were marked.
const FIRST: u8 = 1;

/// None until births are marked. Locked with the GIL held only.
static BIRTHS: Mutex<Option<(Births, Allocators)>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<(Births, Allocators)>> {
    // Never waits: whoever has it has the GIL.
    BIRTHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks births from now on; nothing if that is done already. The GIL is held.
///
/// # Errors
///
/// Births cannot be marked; nothing has changed then.
pub(crate) fn mark() -> Result<(), Gap> {
    let mut births = lock();
    if births.is_some() {
        return Ok(());
    }
    let allocators = Allocators::find().map_err(Gap::NoFunction)?;
    if !SHADOW.open() {
        return Err(Gap::NoMemory);
    }
    MARK.store(FIRST, Relaxed);
    allocators.hook();
    let first = Births {
        base: 0,
        mark: FIRST,
        since: FIRST.into(),
    };
    *births = Some((first, allocators));
    Ok(())
}

/// Before a dump, with the GIL held: makes sure that births are marked. Tells if some were not.
pub(crate) fn check() -> Option<Gap> {
    let mut births = lock();
    let (births, allocators) = births.as_mut()?;
    let loss = SHADOW.take_loss();
    let was_off = allocators.hook();
    let why = match loss {
        _ if was_off => "another tool took memdump's hooks in the allocator out",
        Some(Loss::Memory) => {
            "the system gave no memory for marks; raise the limit on address space (ulimit -v)"
        }
        Some(Loss::Outside) => "objects lie at addresses of more than 48 bits",
        None => return None,
    };
    births.since = births.watermark();
    Some(Gap::BeginsAnew(why))
}

/// After a dump was taken, with the GIL held: what is born from now on is told apart from what the dump has.
pub(crate) fn advance() {
    let mut births = lock();
    if let Some((births, _)) = births.as_mut() {
        *births = births.next();
        if births.mark == FIRST {
            SHADOW.clear();
        }
        MARK.store(births.mark, Relaxed);
    }
}

/// As they are now; none if they are not marked. For the snapshot process, which has them as they were when it was cloned.
pub(crate) fn now() -> Option<Births> {
    // Held by nobody: the thread that cloned let it go before.
    let births = BIRTHS.try_lock().ok()?;
    births.map(|(births, _)| births)
}

impl Births {
    /// No object has a greater serial, and whatever is born after this dump gets a greater one.
    pub(crate) fn watermark(&self) -> u64 {
        self.base + u64::from(self.mark)
    }

    /// The watermark from which on all births are marked.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// The serial of the object whose allocation starts at `address`.
    pub(crate) fn serial(&self, address: usize) -> u64 {
        self.serial_of(SHADOW.read(address))
    }

    fn serial_of(&self, mark: u8) -> u64 {
        match mark {
            0 => 0,
            mark => self.base + u64::from(mark),
        }
    }

    /// After a dump. When the marks are used up the next dumps can be compared with this one, but not with those before it: of what keeps no
    /// mark nothing else is known than that this dump has it.
    fn next(self) -> Births {
        match self.mark.checked_add(1) {
            Some(mark) => Births { mark, ..self },
            None => Births {
                base: self.watermark(),
                mark: FIRST,
                since: self.watermark(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two dumps may conclude: an object of the later one was born after the earlier one, or not, or nobody knows.
    fn is_new(before: Births, after: Births, serial: u64) -> Option<bool> {
        (before.watermark() >= after.since()).then(|| serial > before.watermark())
    }

    #[test]
    fn births_are_told_apart_for_a_thousand_dumps_or_not_told() {
        let first = Births {
            base: 0,
            mark: FIRST,
            since: FIRST.into(),
        };
        let dumps: Vec<Births> = std::iter::successors(Some(first), |births| Some(births.next()))
            .take(1000)
            .collect();
        // An object that is born before dump `born`, as later dumps tell it: its mark goes when all are taken away.
        for born in [0, 1, 100, 253, 254, 255, 256, 600] {
            let mut mark = dumps[born].mark;
            for after in born..dumps.len() {
                if after > born && dumps[after].mark == FIRST {
                    mark = 0;
                }
                let serial = dumps[after].serial_of(mark);
                assert!(serial <= dumps[after].watermark());
                for before in 0..after {
                    let told = is_new(dumps[before], dumps[after], serial);
                    assert!(
                        told.is_none_or(|new| new == (born > before)),
                        "{born} {before} {after}"
                    );
                }
            }
        }
        // Neighbours can always be compared, and so can dumps that no taking away lies between.
        assert!(
            dumps
                .windows(2)
                .all(|two| is_new(two[0], two[1], 0).is_some())
        );
        assert!(is_new(dumps[0], dumps[254], 0).is_some());
        assert!(is_new(dumps[253], dumps[255], 0).is_none());
        assert!(is_new(dumps[254], dumps[500], 0).is_some());
    }
}
