//! The memory through which a snapshot process tells its target how it went. One per dump: shared, anonymous, gone with both.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::sys;
use crate::target::WalkSummary;

/// Why a snapshot process gave up. The numbers cross from process to process of one binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Failure {
    SetUp = 1,
    OutOfMemory,
    Panicked,
    Directory,
    Create,
    AlreadyExists,
    MinFree,
    Write,
    Sync,
    Rename,
    Deadline,
    Heap,
    LowMemory,
}

impl Failure {
    const ALL: [Self; 13] = [
        Self::SetUp,
        Self::OutOfMemory,
        Self::Panicked,
        Self::Directory,
        Self::Create,
        Self::AlreadyExists,
        Self::MinFree,
        Self::Write,
        Self::Sync,
        Self::Rename,
        Self::Deadline,
        Self::Heap,
        Self::LowMemory,
    ];
}

/// A failure with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) failure: Failure,
    pub(crate) errno: i32,
    pub(crate) detail: String,
}

/// The file of a published dump, so that only this very file is ever deleted by `keep`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

const PATH_LIMIT: usize = 4096;

/// The shared page's layout. All zero is its state before anything happened.
#[repr(C)]
struct Page {
    failure: AtomicU32,
    errno: AtomicI32,
    /// Written by the target, read by the snapshot process. Nanoseconds; 0 = not known yet.
    pause: AtomicU64,
    sequence: AtomicU64,
    objects: AtomicU64,
    references: AtomicU64,
    bytes: AtomicU64,
    faults: AtomicU64,
    device: AtomicU64,
    inode: AtomicU64,
    partial: Text<PATH_LIMIT>,
    published: Text<PATH_LIMIT>,
    detail: Text<256>,
}

#[repr(C)]
struct Text<const N: usize> {
    /// Length plus 1; 0 = not set.
    length: AtomicU32,
    bytes: [AtomicU8; N],
}

impl<const N: usize> Text<N> {
    fn set(&self, text: &[u8]) {
        let text = &text[..text.len().min(N)];
        for (to, &from) in self.bytes.iter().zip(text) {
            to.store(from, Ordering::Relaxed);
        }
        self.length.store(text.len() as u32 + 1, Ordering::Release);
    }

    fn clear(&self) {
        self.length.store(0, Ordering::Release);
    }

    fn get(&self) -> Option<Vec<u8>> {
        let length = self.length.load(Ordering::Acquire).checked_sub(1)? as usize;
        Some(
            self.bytes
                .iter()
                .take(length)
                .map(|byte| byte.load(Ordering::Relaxed))
                .collect(),
        )
    }

    fn path(&self) -> Option<PathBuf> {
        self.get().map(|bytes| OsStr::from_bytes(&bytes).into())
    }
}

/// One dump's shared page.
#[derive(Debug)]
pub(crate) struct Exchange {
    page: NonNull<Page>,
}

// SAFETY: the page is made of atomics and is unmapped by its one owner.
unsafe impl Send for Exchange {}
// SAFETY: as above.
unsafe impl Sync for Exchange {}

impl Drop for Exchange {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; nothing borrows from the page longer than `self`.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
    }
}

impl Exchange {
    pub(crate) fn new() -> std::io::Result<Self> {
        let page = sys::map_shared(size_of::<Page>())?.cast();
        Ok(Self { page })
    }

    fn page(&self) -> &Page {
        // SAFETY: a mapping of this size, zeroed by the kernel (which is a valid Page), page-aligned, alive as long as `self`.
        unsafe { self.page.as_ref() }
    }

    /// Tells the snapshot process how long the target stood still: it cannot see that itself, and on a busy machine starts late.
    pub(crate) fn set_pause(&self, pause: Duration) {
        let nanoseconds = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
        self.page().pause.store(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn pause(&self) -> Option<Duration> {
        let nanoseconds = self.page().pause.load(Ordering::Relaxed);
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
    }

    /// Takes down why the snapshot process gives up. The first cause stands: later ones follow from it.
    pub(crate) fn fail(&self, failure: Failure, errno: i32, detail: &[u8]) {
        let page = self.page();
        if page.failure.load(Ordering::Acquire) != 0 {
            return;
        }
        page.errno.store(errno, Ordering::Relaxed);
        page.detail.set(detail);
        page.failure.store(failure as u32, Ordering::Release);
    }

    pub(crate) fn failure(&self) -> Option<Told> {
        let page = self.page();
        let code = page.failure.load(Ordering::Acquire);
        let failure = Failure::ALL.into_iter().find(|&f| f as u32 == code)?;
        let detail = page.detail.get().unwrap_or_default();
        Some(Told {
            failure,
            errno: page.errno.load(Ordering::Relaxed),
            detail: String::from_utf8_lossy(&detail).into_owned(),
        })
    }

    /// From here on the target removes the partial file if the snapshot process ends without having done so.
    pub(crate) fn set_partial(&self, path: &Path) {
        self.page().partial.set(path.as_os_str().as_bytes());
    }

    pub(crate) fn clear_partial(&self) {
        self.page().partial.clear();
    }

    pub(crate) fn partial(&self) -> Option<PathBuf> {
        self.page().partial.path()
    }

    pub(crate) fn set_published(&self, file: &Published, sequence: u64, summary: WalkSummary) {
        let page = self.page();
        page.sequence.store(sequence, Ordering::Relaxed);
        page.objects.store(summary.objects, Ordering::Relaxed);
        page.references.store(summary.references, Ordering::Relaxed);
        page.bytes.store(summary.bytes, Ordering::Relaxed);
        page.faults.store(summary.faults, Ordering::Relaxed);
        page.device.store(file.device, Ordering::Relaxed);
        page.inode.store(file.inode, Ordering::Relaxed);
        page.published.set(file.path.as_os_str().as_bytes());
    }

    pub(crate) fn published(&self) -> Option<(Published, u64, WalkSummary)> {
        let page = self.page();
        let file = Published {
            path: page.published.path()?,
            device: page.device.load(Ordering::Relaxed),
            inode: page.inode.load(Ordering::Relaxed),
        };
        let summary = WalkSummary {
            objects: page.objects.load(Ordering::Relaxed),
            references: page.references.load(Ordering::Relaxed),
            bytes: page.bytes.load(Ordering::Relaxed),
            faults: page.faults.load(Ordering::Relaxed),
        };
        Some((file, page.sequence.load(Ordering::Relaxed), summary))
    }
}

/// Whether a path can be told through the page.
pub(crate) fn path_fits(path: &Path) -> bool {
    path.as_os_str().len() < PATH_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_stands() {
        let exchange = Exchange::new().unwrap();
        assert_eq!(exchange.failure(), None);
        exchange.fail(Failure::MinFree, 0, b"12");
        exchange.fail(Failure::Write, libc::ENOSPC, b"");
        let told = exchange.failure().unwrap();
        assert_eq!(
            (told.failure, told.detail.as_str()),
            (Failure::MinFree, "12")
        );
    }

    #[test]
    fn every_failure_has_a_number_of_its_own_and_is_understood() {
        for failure in Failure::ALL {
            let exchange = Exchange::new().unwrap();
            exchange.fail(failure, 5, b"why");
            let expected = Told {
                failure,
                errno: 5,
                detail: "why".into(),
            };
            assert_eq!(exchange.failure(), Some(expected));
        }
    }

    #[test]
    fn long_texts_are_cut_and_paths_come_back_as_they_were() {
        let exchange = Exchange::new().unwrap();
        exchange.fail(Failure::Heap, 0, &[b'x'; 1000]);
        assert_eq!(exchange.failure().unwrap().detail.len(), 256);
        let path = Path::new(OsStr::from_bytes(b"/a/\xff.dump"));
        exchange.set_partial(path);
        assert_eq!(exchange.partial().as_deref(), Some(path));
        exchange.clear_partial();
        assert_eq!(exchange.partial(), None);
    }
}
