//! The file of a dump: written under another name, published when it is whole, never over an existing one.
//! All of it runs in the snapshot process, so that a hanging file system cannot hold up the target, no descriptor
//! of the target is used, and the dump is published even when the target ends before.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::dump_file::{DumpFile, free_bytes};
use crate::exchange::{self, Exchange, Failure, Published};
use crate::failpoint::{self, Failpoint};
use crate::memory::Headroom;
use crate::settings::Settings;
use crate::snapshot::{Destination, Order};
use crate::sys;

/// How many numbers are tried: a directory may be shared with other processes of the same id (containers).
const ATTEMPTS: u64 = 10_000;

/// A dump under its temporary name.
#[derive(Debug)]
pub(crate) struct NewDump {
    descriptor: i32,
    target: libc::pid_t,
    partial: PathBuf,
    path: PathBuf,
    pub(crate) sequence: u64,
}

impl NewDump {
    /// The sink for the walk.
    pub(crate) fn file(&self, deadline: Instant, min_free: u64) -> DumpFile {
        let headroom = Headroom::of(self.target);
        DumpFile::new(self.descriptor, deadline, min_free, headroom)
    }
}

type Refusal = (Failure, i32);

/// Makes the file of a dump under its temporary name.
pub(crate) fn create(order: &Order<'_>, target: libc::pid_t) -> Result<NewDump, Refusal> {
    match &order.destination {
        Destination::Exact(path) => create_at(path.clone(), order, target, order.sequence),
        Destination::Series => {
            make_directory(&order.settings.directory)?;
            let mut last = (Failure::AlreadyExists, libc::EEXIST);
            for sequence in order.sequence..order.sequence + ATTEMPTS {
                let path = series_path(order.settings, target, sequence);
                match create_at(path, order, target, sequence) {
                    Err((Failure::AlreadyExists, errno)) => last = (Failure::AlreadyExists, errno),
                    result => return result,
                }
            }
            Err(last)
        }
    }
}

/// `NAME.PID.SEQ.dump` in the directory.
fn series_path(settings: &Settings, pid: libc::pid_t, sequence: u64) -> PathBuf {
    settings
        .directory
        .join(format!("{}.{pid}.{sequence}.dump", settings.name))
}

fn create_at(
    path: PathBuf,
    order: &Order<'_>,
    target: libc::pid_t,
    sequence: u64,
) -> Result<NewDump, Refusal> {
    let partial = with_suffix(&path, ".partial");
    if !exchange::path_fits(&partial) {
        return Err((Failure::Create, libc::ENAMETOOLONG));
    }
    if exists(&path) {
        return Err((Failure::AlreadyExists, libc::EEXIST));
    }
    let name = c_path(&partial)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: the name is a C string.
    let descriptor = unsafe { libc::open(name.as_ptr(), flags, 0o600) };
    if descriptor == -1 {
        return Err(match sys::errno() {
            libc::EEXIST => (Failure::AlreadyExists, libc::EEXIST),
            errno => (Failure::Create, errno),
        });
    }
    // All descriptors were closed, so the file got the number of one.
    let descriptor = sys::above_standard_streams(descriptor);
    if let Some(exchange) = crate::child::exchange() {
        exchange.set_partial(&partial);
    }
    // Not left to the target's umask, which may be stricter and would keep the owner out.
    // SAFETY: the descriptor was opened above.
    unsafe { libc::fchmod(descriptor, 0o600) };
    match free_bytes(descriptor) {
        Some(free) if free < order.settings.min_free => Err((Failure::MinFree, 0)),
        _ => Ok(NewDump {
            descriptor,
            target,
            partial,
            path,
            sequence,
        }),
    }
}

/// Makes the last part of the directory's path if that is missing.
fn make_directory(directory: &Path) -> Result<(), Refusal> {
    let name = c_path(directory)?;
    // SAFETY: the name is a C string.
    if unsafe { libc::mkdir(name.as_ptr(), 0o700) } == -1 {
        match sys::errno() {
            // A read-only file system says so even where the directory exists.
            libc::EEXIST | libc::EROFS => {}
            // A directory that may not be searched or made may still be there.
            errno if !exists(directory) => return Err((Failure::Directory, errno)),
            _ => {}
        }
    }
    Ok(())
}

/// Brings the dump to the disk and gives it its final name.
pub(crate) fn publish(dump: &mut NewDump, order: &Order<'_>) -> Result<Published, Refusal> {
    // SAFETY: the descriptor is this dump's.
    if unsafe { libc::fdatasync(dump.descriptor) } == -1 {
        match sys::errno() {
            // The file system has no notion of it.
            libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP => {}
            errno => return Err((Failure::Sync, errno)),
        }
    }
    // SAFETY: a stat is plain data; the descriptor is this dump's.
    let stat = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(dump.descriptor, &raw mut stat);
        stat
    };
    for _ in 0..ATTEMPTS {
        match rename_to_new(&dump.partial, &dump.path) {
            Ok(()) => {
                return Ok(Published {
                    path: dump.path.clone(),
                    device: stat.st_dev,
                    inode: stat.st_ino,
                });
            }
            // Somebody else took the number meanwhile.
            Err(libc::EEXIST) if order.destination == Destination::Series => {
                dump.sequence += 1;
                dump.path = series_path(order.settings, dump.target, dump.sequence);
            }
            Err(libc::EEXIST) => break,
            Err(errno) => return Err((Failure::Rename, errno)),
        }
    }
    Err((Failure::AlreadyExists, libc::EEXIST))
}

/// Renames without replacing. Gives `errno`.
fn rename_to_new(from: &Path, to: &Path) -> Result<(), i32> {
    if failpoint::is_on(Failpoint::RenameFails) {
        return Err(libc::EIO);
    }
    let (Ok(from), Ok(to)) = (c_path(from), c_path(to)) else {
        return Err(libc::EINVAL);
    };
    let errno = if failpoint::is_on(Failpoint::RenameUnsupported) {
        libc::EINVAL
    } else {
        // SAFETY: both names are C strings.
        let result = unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                libc::AT_FDCWD,
                from.as_ptr(),
                libc::AT_FDCWD,
                to.as_ptr(),
                libc::RENAME_NOREPLACE,
            )
        };
        if result == 0 {
            return Ok(());
        }
        sys::errno()
    };
    if !matches!(errno, libc::EINVAL | libc::ENOSYS | libc::EPERM) {
        return Err(errno);
    }
    // NFS and old kernels: a link does not replace either.
    // SAFETY: both names are C strings.
    unsafe {
        if libc::link(from.as_ptr(), to.as_ptr()) == -1 {
            return Err(sys::errno());
        }
        libc::unlink(from.as_ptr());
    }
    Ok(())
}

/// Removes the file under its temporary name, if there is one.
pub(crate) fn remove_partial(exchange: &Exchange) {
    let Some(partial) = exchange.partial() else {
        return;
    };
    if let Ok(name) = c_path(&partial) {
        // SAFETY: the name is a C string.
        unsafe { libc::unlink(name.as_ptr()) };
    }
    exchange.clear_partial();
}

/// Deletes earlier dumps of this process, as long as they are still the files that it published.
pub(crate) fn remove_obsolete(dumps: &[Published]) {
    for dump in dumps {
        let Ok(name) = c_path(&dump.path) else {
            continue;
        };
        // SAFETY: a stat is plain data; the name is a C string.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            if libc::lstat(name.as_ptr(), &raw mut stat) == 0
                && (stat.st_dev, stat.st_ino) == (dump.device, dump.inode)
            {
                libc::unlink(name.as_ptr());
            }
        }
    }
}

fn exists(path: &Path) -> bool {
    let Ok(name) = c_path(path) else {
        return false;
    };
    // SAFETY: a stat is plain data; the name is a C string.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::lstat(name.as_ptr(), &raw mut stat) == 0
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn c_path(path: &Path) -> Result<CString, Refusal> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| (Failure::Create, libc::EINVAL))
}
