//! The ring of pending calls, by which 3.9 to 3.13 let any thread ask for a function to be called "soon" by the loop that runs
//! Python code. An entry is a function and its argument, so `PyRun_SimpleString` with the address of a text fits.
//!
//! All is written while every thread stands still and nobody is at the ring. The order is such that a holder who is killed between two
//! writes leaves a ring that works: an entry counts only when the last write of it is done.

use crate::error::AttachError;
use crate::hold::Held;
use crate::layout::{Layout, RingKind};
use crate::memory::{Address, Memory};
use crate::process::Process;
use crate::runtime::{Interpreter, Runtime, Way};

/// The ring as it is while the process is held.
#[derive(Debug)]
pub(crate) struct Ring<'t> {
    memory: &'t Memory,
    runtime: &'t Runtime,
    layout: &'static Layout,
    interpreter: Interpreter,
    first: u32,
    last: u32,
}

/// Whether a ring can be written to now.
#[derive(Debug)]
pub(crate) enum Look<'t> {
    Free(Ring<'t>),
    /// A thread was stopped while it was at it; it must go on first.
    InUse,
}

impl<'t> Ring<'t> {
    /// Checks everything that will be relied upon.
    pub(crate) fn look(
        process: &Process,
        memory: &'t Memory,
        runtime: &'t Runtime,
        layout: &'static Layout,
    ) -> Result<Look<'t>, AttachError> {
        let odd = |why: &str| Err(runtime.odd(process, why));
        let base = runtime.image.runtime;
        let interpreter = Way::of(layout).follow(process, memory, runtime)?;
        if memory.u32(base.plus(layout.runtime.initialized))? != 1 {
            return Err(process.unsupported("its interpreter has not started yet; try again"));
        }
        if memory.address(base.plus(layout.runtime.main))? != interpreter.state {
            return odd("its main interpreter is not in its list of interpreters");
        }
        let field = |offset| interpreter.state.plus(offset);
        let fields = &layout.ring;
        let first = memory.u32(field(fields.first))?;
        let last = memory.u32(field(fields.last))?;
        if first >= fields.capacity || last >= fields.capacity {
            return odd("its ring of pending calls has places that there are not");
        }
        match fields.kind {
            RingKind::Flagged {
                lock, calls_to_do, ..
            } => {
                if memory.u32(field(calls_to_do))? > 1 {
                    return odd("its ring of pending calls has a flag that is neither set nor not");
                }
                let lock = memory.address(field(lock))?;
                match memory.u32(lock) {
                    Ok(1) => {}
                    Ok(0) => return Ok(Look::InUse),
                    _ => return odd("the lock of its ring of pending calls is no lock"),
                }
            }
            RingKind::Counted {
                mutex, count, max, ..
            } => {
                match memory.u8(field(mutex))? {
                    0 => {}
                    1..=3 => return Ok(Look::InUse),
                    _ => return odd("the lock of its ring of pending calls is no lock"),
                }
                let count = memory.u32(field(count))?;
                let max = memory.u32(field(max))?;
                if max == 0 || max > fields.capacity || count > max {
                    return odd("its ring of pending calls has a count that cannot be");
                }
                if (first + count) % fields.capacity != last {
                    return odd("its ring of pending calls has another count than entries");
                }
            }
        }
        let ring = Ring {
            memory,
            runtime,
            layout,
            interpreter,
            first,
            last,
        };
        // What is waiting must be calls of functions; NULL is what unused places have.
        for index in ring.waiting() {
            if ring.entry(index)?.0 == Address::NULL {
                return odd("its ring of pending calls has an entry without a function");
            }
        }
        Ok(Look::Free(ring))
    }

    /// Places of the entries that wait, oldest first.
    fn waiting(&self) -> impl Iterator<Item = u32> + use<'t> {
        let (first, capacity) = (self.first, self.layout.ring.capacity);
        let count = (self.last + capacity - first) % capacity;
        (0..count).map(move |index| (first + index) % capacity)
    }

    fn place(&self, index: u32) -> Address {
        let fields = &self.layout.ring;
        let offset = fields.calls + u64::from(index) * fields.entry_size;
        self.interpreter.state.plus(offset)
    }

    fn entry(&self, index: u32) -> Result<(Address, Address), AttachError> {
        let place = self.place(index);
        Ok((
            self.memory.address(place)?,
            self.memory.address(place.plus(8))?,
        ))
    }

    /// The entry that runs the text at this address.
    fn find(&self, text: Address) -> Result<Option<u32>, AttachError> {
        let wanted = (self.runtime.image.run_string, text);
        for index in self.waiting() {
            if self.entry(index)? == wanted {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Whether the text is still waiting to be run.
    pub(crate) fn has(&self, text: Address) -> Result<bool, AttachError> {
        Ok(self.find(text)?.is_some())
    }

    /// Puts in an entry that runs the text at this address, or finds it there. False if there is no room.
    pub(crate) fn put(&self, held: &Held<'_>, text: Address) -> Result<bool, AttachError> {
        let fields = &self.layout.ring;
        // What an earlier attempt left behind is used again, so that attempts do not fill the ring.
        let left = match self.find(text)? {
            Some(index) => Some(index),
            None => self.find(self.runtime.image.empty_string)?,
        };
        if let Some(index) = left {
            held.write(&[(self.place(index).plus(8), &text.0.to_ne_bytes())])?;
            self.wake(held)?;
            return Ok(true);
        }
        let next = (self.last + 1) % fields.capacity;
        let mut entry = vec![0; fields.entry_size as usize];
        entry[..8].copy_from_slice(&self.runtime.image.run_string.0.to_ne_bytes());
        entry[8..16].copy_from_slice(&text.0.to_ne_bytes());
        let last = (self.interpreter.state.plus(fields.last), next.to_ne_bytes());
        match fields.kind {
            RingKind::Flagged { .. } => {
                if next == self.first {
                    return Ok(false);
                }
                held.write(&[(self.place(self.last), &entry)])?;
                held.write(&[(last.0, &last.1)])?;
            }
            RingKind::Counted { count, max, .. } => {
                let at = self.interpreter.state.plus(count);
                let entries = self.memory.u32(at)?;
                if entries >= self.memory.u32(self.interpreter.state.plus(max))? {
                    return Ok(false);
                }
                held.write(&[(self.place(self.last), &entry)])?;
                // Both in one system call, because they belong together; the kernel does not look for signals within a page.
                held.write(&[(last.0, &last.1), (at, &(entries + 1).to_ne_bytes())])?;
            }
        }
        self.wake(held)?;
        Ok(true)
    }

    /// Makes the loop look at the ring. May be done again: a thread that was just computing the flag when it was held may have
    /// overwritten it since.
    pub(crate) fn wake(&self, held: &Held<'_>) -> Result<(), AttachError> {
        match self.layout.ring.kind {
            RingKind::Flagged {
                calls_to_do,
                eval_breaker,
                ..
            } => {
                let set = 1_u32.to_ne_bytes();
                let state = self.interpreter.state;
                held.write(&[
                    (state.plus(calls_to_do), &set),
                    (state.plus(eval_breaker), &set),
                ])
            }
            RingKind::Counted {
                eval_breaker, bit, ..
            } => {
                for thread in &self.interpreter.threads {
                    let at = thread.plus(eval_breaker);
                    let set = self.memory.u64(at)? | bit;
                    held.write(&[(at, &set.to_ne_bytes())])?;
                }
                Ok(())
            }
        }
    }

    /// Makes the entry run nothing, and takes it out where that is one write. Else it stays, also because others may have come behind it. False if
    /// it is not there any more.
    pub(crate) fn take_back(&self, held: &Held<'_>, text: Address) -> Result<bool, AttachError> {
        let Some(index) = self.find(text)? else {
            return Ok(false);
        };
        let empty = self.runtime.image.empty_string;
        held.write(&[(self.place(index).plus(8), &empty.0.to_ne_bytes())])?;
        let fields = &self.layout.ring;
        let is_newest = (index + 1) % fields.capacity == self.last;
        if is_newest && matches!(fields.kind, RingKind::Flagged { .. }) {
            let last = self.interpreter.state.plus(fields.last);
            held.write(&[(last, &index.to_ne_bytes())])?;
        }
        Ok(true)
    }
}
