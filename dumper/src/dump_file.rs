//! The sink of a walk: the dump's file descriptor.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The dump being written: plain `write(2)`, every error sticky in the result that the target's process reads.
/// The caller buffers.
#[derive(Debug)]
pub struct DumpFile {
    file: OwnedFd,
}

impl io::Write for DumpFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = (bytes, self.file.as_raw_fd());
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
