//! The sink of a walk: the dump's file descriptor.
#![allow(unsafe_code)]

use std::io;
use std::time::{Duration, Instant};

use crate::child;
use crate::exchange::Failure;
use crate::failpoint::{self, Failpoint};
use crate::memory::Headroom;
use crate::sys;

/// So many bytes are written between two looks at the free space.
const BETWEEN_LOOKS: u64 = 4 << 20;
/// So much time passes between two looks at the memory that is left.
const BETWEEN_HEADROOMS: Duration = Duration::from_millis(50);

/// The dump being written: plain `write(2)`, no buffer. Fails when the deadline is over, the file system has no more
/// space than must stay free, or the target's limit of memory is near; the cause reaches the target whatever the walk makes of the error.
#[derive(Debug)]
pub struct DumpFile {
    // A number and not an owner: the walk may drop the sink, and the file is synced and published afterwards.
    descriptor: i32,
    deadline: Instant,
    min_free: u64,
    written: u64,
    next_look: u64,
    headroom: Headroom,
    next_headroom: Instant,
}

impl DumpFile {
    pub(crate) fn new(
        descriptor: i32,
        deadline: Instant,
        min_free: u64,
        headroom: Headroom,
    ) -> Self {
        Self {
            descriptor,
            deadline,
            min_free,
            written: 0,
            next_look: BETWEEN_LOOKS,
            headroom,
            next_headroom: Instant::now(),
        }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn refuse(failure: Failure, errno: i32) -> io::Error {
        Self::refuse_with(failure, errno, b"")
    }

    fn refuse_with(failure: Failure, errno: i32, detail: &[u8]) -> io::Error {
        if let Some(exchange) = child::exchange() {
            exchange.fail(failure, errno, detail);
        }
        io::Error::from_raw_os_error(errno)
    }

    fn look(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now >= self.deadline {
            return Err(Self::refuse(Failure::Deadline, libc::ETIMEDOUT));
        }
        if now >= self.next_headroom {
            self.next_headroom = now + BETWEEN_HEADROOMS;
            if let Some(left) = self.headroom.too_little() {
                let left = (left >> 20).to_string();
                return Err(Self::refuse_with(
                    Failure::LowMemory,
                    libc::ENOMEM,
                    left.as_bytes(),
                ));
            }
        }
        if self.written >= self.next_look {
            self.next_look = self.written + BETWEEN_LOOKS;
            if free_bytes(self.descriptor).is_some_and(|free| free < self.min_free) {
                return Err(Self::refuse(Failure::MinFree, libc::ENOSPC));
            }
        }
        self.injected()
    }

    fn injected(&self) -> io::Result<()> {
        let reached = |point| failpoint::value(point).is_some_and(|limit| self.written >= limit);
        if reached(Failpoint::KilledMidway) {
            child::kill_self();
        }
        while reached(Failpoint::Hangs) {
            sys::nap(std::time::Duration::from_secs(1));
        }
        if reached(Failpoint::NoSpaceAfter) {
            return Err(Self::refuse(Failure::Write, libc::ENOSPC));
        }
        Ok(())
    }
}

impl io::Write for DumpFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.look()?;
        loop {
            // SAFETY: the bytes are borrowed for the call.
            let count = unsafe { libc::write(self.descriptor, bytes.as_ptr().cast(), bytes.len()) };
            if count >= 0 {
                self.written += count as u64;
                return Ok(count as usize);
            }
            match sys::errno() {
                libc::EINTR => {}
                errno => return Err(Self::refuse(Failure::Write, errno)),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that this user may still write to the file's file system; `None` where that is not known.
pub(crate) fn free_bytes(descriptor: i32) -> Option<u64> {
    // SAFETY: a statvfs is plain data.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::fstatvfs(descriptor, &raw mut stat) == 0)
            .then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
