//! Reads another process's memory, at addresses that may be anything.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::AttachError;
use crate::process::Process;

/// An address in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub(crate) u64);

impl Address {
    pub(crate) const NULL: Address = Address(0);

    /// The address so many bytes further.
    pub(crate) fn plus(self, offset: u64) -> Address {
        Address(self.0.wrapping_add(offset))
    }
}

/// The memory of the program that the process ran when this was opened: when it becomes another program, reads fail.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: u32,
    file: File,
}

impl Memory {
    pub(crate) fn open(process: &Process) -> Result<Self, AttachError> {
        let file = process.memory()?;
        Ok(Memory {
            pid: process.pid(),
            file,
        })
    }

    /// Fills `bytes` from an address.
    pub(crate) fn read(&self, from: Address, bytes: &mut [u8]) -> Result<(), AttachError> {
        let pid = self.pid;
        match self.file.read_exact_at(bytes, from.0) {
            Ok(()) => Ok(()),
            // Its memory is gone with the program.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(AttachError::Ended { pid })
            }
            Err(cause) => Err(AttachError::Io {
                pid,
                what: format!("its memory at {:#x} cannot be read", from.0),
                cause,
            }),
        }
    }

    pub(crate) fn bytes(&self, from: Address, length: usize) -> Result<Vec<u8>, AttachError> {
        let mut bytes = vec![0; length];
        self.read(from, &mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn u64(&self, at: Address) -> Result<u64, AttachError> {
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    pub(crate) fn address(&self, at: Address) -> Result<Address, AttachError> {
        self.u64(at).map(Address)
    }

    pub(crate) fn u32(&self, at: Address) -> Result<u32, AttachError> {
        let mut bytes = [0; 4];
        self.read(at, &mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    pub(crate) fn u8(&self, at: Address) -> Result<u8, AttachError> {
        let mut byte = [0];
        self.read(at, &mut byte)?;
        Ok(byte[0])
    }
}
