//! The directory through which the target is told what to do, and answers: `/tmp/memdump-attach-…` in the target's own file system.
//!
//! It belongs to the target's user and is closed to others. That user may put anything there, so nothing is followed: every file is made new or
//! opened without links, through descriptors.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::fs::{fchown, flock, fstat, mkdirat, openat, renameat, unlinkat};

use crate::error::AttachError;
use crate::process::Process;
use crate::script::{CALL, ERRAND, PREFIX, outcome_name};

/// Where a directory may be, the first in which it works.
const PARENTS: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/// More than any outcome has.
const LONGEST_OUTCOME: u64 = 8 << 10;

/// A directory with an errand in it. It is removed when this goes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// Its path in the target.
    pub(crate) path: String,
    parent: OwnedFd,
    name: String,
    directory: OwnedFd,
    token: String,
    owner: (u32, u32),
    /// Whether the directory stays, because the target may still come to it.
    keep: bool,
}

impl Mailbox {
    /// Makes a directory, or takes over `left`, the one of an `attach` that was killed: the target may still come to it.
    pub(crate) fn make(process: &Process, left: Option<&str>) -> Result<Self, AttachError> {
        let pid = process.pid();
        if let Some((parent, name)) = left.and_then(|left| left.rsplit_once('/'))
            && PARENTS.contains(&parent)
        {
            return match Self::at(process, parent, name) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Err(AttachError::Busy { pid })
                }
                Err(error) => Err(AttachError::NoDirectory {
                    pid,
                    tried: format!("{parent}/{name}, of an earlier attempt: {error}"),
                }),
                Ok(mailbox) => Ok(mailbox),
            };
        }
        let name = format!("{PREFIX}{}", random());
        let mut tried = Vec::new();
        for parent in PARENTS {
            match Self::at(process, parent, &name) {
                Ok(mailbox) => return Ok(mailbox),
                Err(error) => tried.push(format!("{parent}: {error}")),
            }
        }
        Err(AttachError::NoDirectory {
            pid,
            tried: tried.join("; "),
        })
    }

    fn at(process: &Process, parent: &str, name: &str) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut directory = openat(CWD, process.root(), flags, Mode::empty())?;
        for part in Path::new(parent).iter().skip(1) {
            directory = openat(&directory, part, flags | OFlags::NOFOLLOW, Mode::empty())?;
        }
        let parent_directory = directory;
        match mkdirat(&parent_directory, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let directory = openat(
            &parent_directory,
            name,
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        let owner = process.owner();
        let ours = rustix::process::geteuid().as_raw();
        let found = fstat(&directory)?;
        if found.st_uid != owner.0 && found.st_uid != ours {
            return Err(io::Error::other("it belongs to somebody else"));
        }
        flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        give_to(&directory, owner)?;
        Ok(Mailbox {
            path: format!("{parent}/{name}"),
            parent: parent_directory,
            name: name.to_owned(),
            directory,
            token: random(),
            owner,
            keep: false,
        })
    }

    /// What the outcome of this errand is called by.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Puts the errand there, whole or not at all.
    pub(crate) fn put_errand(&self, text: &str) -> io::Result<()> {
        self.put(ERRAND, text.as_bytes())
    }

    /// Puts the call there as a file, for versions that take one.
    pub(crate) fn put_call(&self, text: &[u8]) -> io::Result<String> {
        self.put(CALL, text)?;
        Ok(format!("{}/{CALL}", self.path))
    }

    fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let partial = format!("{name}-{}", self.token);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.directory, &partial, flags, Mode::RUSR | Mode::WUSR)?;
        give_to(&file, self.owner)?;
        File::from(file).write_all(content)?;
        renameat(&self.directory, &partial, &self.directory, name)?;
        Ok(())
    }

    /// Copies the package there, for a process that cannot see it where it is; the directory that has it then, in the process. It may go when it
    /// has been imported: what is mapped stays.
    pub(crate) fn put_package(&self, source: &Path) -> io::Result<String> {
        let package = make_directory(&self.directory, PACKAGE, self.owner)?;
        let memdump = make_directory(&package, "memdump", self.owner)?;
        copy(&source.join("memdump"), &memdump, self.owner, DEEPEST)?;
        Ok(format!("{}/{PACKAGE}", self.path))
    }

    /// What became of the errand, once that is known.
    pub(crate) fn outcome(&self) -> io::Result<Option<String>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(
            &self.directory,
            outcome_name(&self.token),
            flags,
            Mode::empty(),
        ) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("the outcome is no file"));
        }
        let mut bytes = Vec::new();
        File::from(file)
            .take(LONGEST_OUTCOME)
            .read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Whether the target has come for the errand.
    pub(crate) fn is_taken(&self) -> bool {
        rustix::fs::accessat(
            &self.directory,
            ERRAND,
            rustix::fs::Access::EXISTS,
            AtFlags::empty(),
        )
        .is_err()
    }

    /// Leaves the directory there.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // What cannot be removed stays in a directory for temporary files.
        let _ = empty(&self.directory, DEEPEST);
        let _ = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR);
    }
}

/// The name of the directory in it that the package is copied into.
const PACKAGE: &str = "package";

/// How deep directories are followed: more than a package has.
const DEEPEST: u32 = 5;

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn make_directory(parent: &OwnedFd, name: &str, owner: (u32, u32)) -> io::Result<OwnedFd> {
    mkdirat(parent, name, Mode::RWXU)?;
    let directory = openat(parent, name, DIRECTORY, Mode::empty())?;
    give_to(&directory, owner)?;
    Ok(directory)
}

/// Copies files and directories; leaves out what Python makes by itself.
fn copy(source: &Path, into: &OwnedFd, owner: (u32, u32), deepest: u32) -> io::Result<()> {
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.path().is_dir() {
            if deepest > 0 && name != "__pycache__" {
                copy(
                    &entry.path(),
                    &make_directory(into, &name, owner)?,
                    owner,
                    deepest - 1,
                )?;
            }
            continue;
        }
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(into, &name, flags, Mode::RUSR | Mode::WUSR)?;
        give_to(&file, owner)?;
        io::copy(&mut File::open(entry.path())?, &mut File::from(file))?;
    }
    Ok(())
}

/// Removes what is in a directory.
fn empty(directory: &OwnedFd, deepest: u32) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..")
            || unlinkat(directory, name, AtFlags::empty()).is_ok()
        {
            continue;
        }
        if deepest > 0 {
            empty(
                &openat(directory, name, DIRECTORY, Mode::empty())?,
                deepest - 1,
            )?;
            unlinkat(directory, name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

fn give_to(file: &OwnedFd, (user, group): (u32, u32)) -> io::Result<()> {
    let found = fstat(file)?;
    if (found.st_uid, found.st_gid) != (user, group) && rustix::process::geteuid().is_root() {
        fchown(file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    Ok(())
}

/// 64 bits that nobody can guess, as 16 digits.
fn random() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Each RandomState has keys of its own, taken from the system's randomness.
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
