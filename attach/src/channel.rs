//! How a process is asked to run something, whatever its version.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::error::AttachError;
use crate::hold::{Attempt, Held, hold};
use crate::layout::Layout;
use crate::memory::Memory;
use crate::pending::{Look, Ring};
use crate::place::Place;
use crate::process::Process;
use crate::remote_debug::{FREE_THREADED, Request, is_free_threaded};
use crate::runtime::Runtime;

/// The way in, found but not yet used.
#[derive(Debug)]
pub(crate) struct Channel<'p> {
    process: &'p Process,
    memory: Memory,
    runtime: Runtime,
    way: Way,
    /// In microseconds.
    longest_hold: AtomicU64,
}

#[derive(Debug)]
enum Way {
    /// To 3.13.
    Ring {
        layout: &'static Layout,
        place: Place,
    },
    /// From 3.14 on.
    Debugger,
}

/// What became of something that needs the process to stand still.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Yes,
    /// What is asked for is not there any more.
    No,
    /// It cannot be done now, and nothing was: why.
    Later(&'static str),
}

impl<'p> Channel<'p> {
    /// Looks at everything that can be looked at while the process runs.
    pub(crate) fn find(process: &'p Process) -> Result<Self, AttachError> {
        let memory = Memory::open(process)?;
        let runtime = Runtime::find(process, &memory)?;
        if runtime.version.minor >= 13 && is_free_threaded(&memory, runtime.image.runtime)? {
            return Err(process.unsupported(FREE_THREADED));
        }
        let way = match Layout::of(runtime.version.minor) {
            Some(layout) => {
                let place = Place::find(process, &memory, &runtime.image)?;
                Way::Ring { layout, place }
            }
            None => Way::Debugger,
        };
        Ok(Channel {
            process,
            memory,
            runtime,
            way,
            longest_hold: AtomicU64::new(0),
        })
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The directory of an `attach` that was killed.
    pub(crate) fn left(&self) -> Option<&str> {
        match &self.way {
            Way::Ring { place, .. } => place.left.as_deref(),
            Way::Debugger => None,
        }
    }

    /// Whose Python code has to run for the request to be seen.
    pub(crate) fn who(&self) -> &'static str {
        match self.runtime.version.minor {
            12 | 13 => "threads",
            _ => "main thread",
        }
    }

    /// Asks for the call to be run: `text`, which is also in the file `script`.
    pub(crate) fn ask(&self, text: &[u8], script: &str) -> Result<Done, AttachError> {
        self.while_held(|held| match &self.way {
            Way::Ring { layout, place } => self.at_ring(layout, |ring| {
                if !place.is_as_found(&self.memory)? {
                    return Ok(Done::Later("another `memdump attach` is at work"));
                }
                if place.left.is_none() {
                    place.write(held, text)?;
                }
                if ring.put(held, place.start)? {
                    return Ok(Done::Yes);
                }
                if place.left.is_none() {
                    place.restore(held)?;
                }
                Ok(Done::Later("its ring of pending calls is full"))
            }),
            Way::Debugger => match self.request()?.put(held, script)? {
                true => Ok(Done::Yes),
                false => Ok(Done::Later("another debugger has a request there")),
            },
        })
    }

    /// Sees to it that a request that still waits is looked at.
    pub(crate) fn ask_again(&self, script: &str) -> Result<Done, AttachError> {
        self.while_held(|held| match &self.way {
            Way::Ring { layout, place } => self.at_ring(layout, |ring| {
                if !ring.has(place.start)? {
                    return Ok(Done::No);
                }
                ring.wake(held)?;
                Ok(Done::Yes)
            }),
            Way::Debugger => {
                let request = self.request()?;
                if !request.is_pending()? || !request.is_for(script)? {
                    return Ok(Done::No);
                }
                request.put(held, script)?;
                Ok(Done::Yes)
            }
        })
    }

    /// Takes the request back, and leaves nothing of it but an entry that does nothing. `No` if it has been taken by the process.
    pub(crate) fn take_back(&self, script: &str) -> Result<Done, AttachError> {
        self.while_held(|held| match &self.way {
            Way::Ring { layout, place } => self.at_ring(layout, |ring| {
                if !ring.take_back(held, place.start)? {
                    return Ok(Done::No);
                }
                place.restore(held)?;
                Ok(Done::Yes)
            }),
            Way::Debugger => match self.request()?.take_back(held, script)? {
                true => Ok(Done::Yes),
                false => Ok(Done::No),
            },
        })
    }

    /// Makes the text of a call that has been run what was there before.
    pub(crate) fn clean(&self) -> Result<Done, AttachError> {
        let Way::Ring { layout, place } = &self.way else {
            return Ok(Done::Yes);
        };
        self.while_held(|held| {
            self.at_ring(layout, |ring| {
                if ring.has(place.start)? {
                    return Ok(Done::No);
                }
                place.restore(held)?;
                Ok(Done::Yes)
            })
        })
    }

    /// For how long its threads stood still at most, each time that they did.
    pub(crate) fn longest_hold(&self) -> Duration {
        Duration::from_micros(self.longest_hold.load(Relaxed))
    }

    fn while_held(
        &self,
        work: impl FnOnce(&Held<'_>) -> Result<Done, AttachError> + Send,
    ) -> Result<Done, AttachError> {
        let (attempt, held) = hold(self.process, work)?;
        self.longest_hold
            .fetch_max(held.as_micros() as u64, Relaxed);
        Ok(match attempt {
            Attempt::Done(done) => done,
            Attempt::NotStopped => Done::Later(
                "a thread of it does not stop (a child that has not started its program yet, a hung disk)",
            ),
        })
    }

    fn at_ring(
        &self,
        layout: &'static Layout,
        work: impl FnOnce(&Ring<'_>) -> Result<Done, AttachError>,
    ) -> Result<Done, AttachError> {
        match Ring::look(self.process, &self.memory, &self.runtime, layout)? {
            Look::Free(ring) => work(&ring),
            Look::InUse => Ok(Done::Later("its ring of pending calls is in use")),
        }
    }

    fn request(&self) -> Result<Request<'_>, AttachError> {
        Request::look(self.process, &self.memory, &self.runtime)
    }
}
