//! Keeps the status page, where `memdump send` finds the agent and the answers to its requests.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};

use memdump_format::status_page::{Answer, STATUS_PAGE_LENGTH, STATUS_PAGE_NAME, StatusPage};

use crate::sys;

const ANSWERS: usize = 8;

/// The page of one process. Its descriptor stays open only to be found under `/proc/PID/fd`; it is never written by its
/// number, which may belong to the application by then.
#[derive(Debug)]
pub(crate) struct Page {
    descriptor: i32,
    device: u64,
    inode: u64,
    bytes: NonNull<[AtomicU8; STATUS_PAGE_LENGTH]>,
    content: StatusPage,
}

// SAFETY: the mapping is written through atomics and unmapped by its one owner.
unsafe impl Send for Page {}

impl Page {
    /// A new page for this process.
    pub(crate) fn new(content: StatusPage) -> io::Result<Self> {
        let name = CString::new(STATUS_PAGE_NAME)?;
        // SAFETY: the name is a C string; the descriptor is ours; the file is as long as the mapping and sealed against shrinking,
        // so that nobody can make our writes fail with SIGBUS.
        unsafe {
            let descriptor = sys::above_standard_streams(sys::check(libc::memfd_create(
                name.as_ptr(),
                libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
            ))?);
            match map(descriptor) {
                Ok((bytes, stat)) => {
                    let page = Self {
                        descriptor,
                        device: stat.st_dev,
                        inode: stat.st_ino,
                        bytes,
                        content,
                    };
                    page.write();
                    Ok(page)
                }
                Err(error) => {
                    libc::close(descriptor);
                    Err(error)
                }
            }
        }
    }

    /// Makes the page anew if its descriptor is gone: a program that became a daemon closes what it does not know.
    pub(crate) fn find_again(&mut self) {
        if !self.is_found()
            && let Ok(page) = Self::new(self.content.clone())
        {
            *self = page;
        }
    }

    fn is_found(&self) -> bool {
        // SAFETY: a stat is plain data; asks about a number that may be anybody's.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(self.descriptor, &raw mut stat) == 0
                && (stat.st_dev, stat.st_ino) == (self.device, self.inode)
        }
    }

    /// Changes the page.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut StatusPage)) {
        change(&mut self.content);
        self.write();
    }

    /// Puts an answer in front of the others.
    pub(crate) fn answer(&mut self, answer: Answer) {
        self.content.answers.insert(0, answer);
        self.content.answers.truncate(ANSWERS);
    }

    fn write(&self) {
        let encoded = self.content.encode();
        // SAFETY: the mapping has this length and lives as long as `self`.
        let bytes = unsafe { self.bytes.as_ref() };
        // A reader that comes in between finds that the checksum does not fit, and reads again.
        for (to, from) in bytes.iter().zip(encoded) {
            to.store(from, Ordering::Relaxed);
        }
    }
}

impl Drop for Page {
    /// In a forked process this takes the parent's page out of the way; the parent keeps its own mapping and descriptor.
    fn drop(&mut self) {
        let found = self.is_found();
        // SAFETY: mapped by `new` with this length. The descriptor is closed only if it still is the page: the application may have
        // closed it and got the number again.
        unsafe {
            libc::munmap(self.bytes.as_ptr().cast(), STATUS_PAGE_LENGTH);
            if found {
                libc::close(self.descriptor);
            }
        }
    }
}

type Mapped = (NonNull<[AtomicU8; STATUS_PAGE_LENGTH]>, libc::stat);

/// # Safety
///
/// The descriptor is a memory file of the caller's.
unsafe fn map(descriptor: i32) -> io::Result<Mapped> {
    // SAFETY: the file is made as long as the mapping first; the mapping is new, a stat is plain data.
    unsafe {
        sys::check(libc::ftruncate(descriptor, STATUS_PAGE_LENGTH as i64))?;
        sys::check(libc::fcntl(
            descriptor,
            libc::F_ADD_SEALS,
            libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL,
        ))?;
        let mut stat: libc::stat = std::mem::zeroed();
        sys::check(libc::fstat(descriptor, &raw mut stat))?;
        let start = libc::mmap(
            std::ptr::null_mut(),
            STATUS_PAGE_LENGTH,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            descriptor,
            0,
        );
        match NonNull::new(start.cast()) {
            Some(bytes) if start != libc::MAP_FAILED => Ok((bytes, stat)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
