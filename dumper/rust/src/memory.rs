//! This process's memory, read where it may not be readable.
#![allow(unsafe_code)]

use std::ptr;

use memdump_dumper::protect;

/// Bytes of this process's memory.
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

impl Bytes<0> {
    /// `None` if they cannot be read.
    pub(crate) fn read<const N: usize>(address: usize) -> Option<Bytes<N>> {
        let mut bytes = [0; N];
        let mut copy = || {
            for (at, byte) in bytes.iter_mut().enumerate() {
                let place = ptr::with_exposed_provenance::<u8>(address.wrapping_add(at));
                // SAFETY: a fault is survived, see below.
                *byte = unsafe { place.read_volatile() };
            }
        };
        // SAFETY: the closure has nothing to be dropped, and bytes that were copied are bytes.
        unsafe { protect(&mut copy) }.ok()?;
        Some(Bytes(bytes))
    }
}

impl<const N: usize> Bytes<N> {
    /// A little-endian number of `W` bytes.
    pub(crate) fn number<const W: usize>(&self, at: usize) -> Option<u64> {
        let mut wide = [0; 8];
        wide[..W].copy_from_slice(self.0.get(at..at + W)?);
        Some(u64::from_le_bytes(wide))
    }
}
