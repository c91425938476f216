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
        // Asked before it is opened: that would wait for whoever writes into a pipe.
        let found = std::fs::metadata(path)?;
        if found.is_dir() {
            let why = "it is a directory; name the dumps that lie in it";
            return Err(io::Error::new(io::ErrorKind::IsADirectory, why));
        }
        if !found.is_file() {
            let why = "it is no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let file = File::open(path)?;
        // SAFETY: nothing can make this sound against another process that changes the file while it is mapped: bytes under a shared
        // slice would change, and reading behind the end of a file that was cut raises SIGBUS. What is done about it: memdump writes
        // dumps under another name, renames them when complete and never touches them again; and a block's columns are copied or
        // decompressed into memory of our own before they are decoded, so that only checksums and zstd, which trusts no input either,
        // read the mapping at length. The rest of the risk is the one that every program takes which maps files.
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
