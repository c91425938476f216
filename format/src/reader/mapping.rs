//! A file's bytes.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// The bytes of a dump, mapped or held.
pub(super) enum Bytes {
    Mapped(Mmap),
    Held(Vec<u8>),
}

impl Bytes {
    /// Maps a file.
    pub(super) fn map(path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no regular file",
            ));
        }
        // SAFETY: no code can make this sound against another process that changes the file while it is mapped: its bytes may then
        // change under a shared slice, and a file that is cut off raises SIGBUS. What memdump does about it: dumps are written under
        // another name, renamed when complete and never changed afterwards; every block's bytes are copied or decompressed into memory
        // of our own before they are decoded; and decoding trusts no byte, whatever it may be. What is left is the same that every
        // program takes upon itself which maps a file.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Bytes::Mapped(map))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held(bytes) => bytes,
        }
    }
}
