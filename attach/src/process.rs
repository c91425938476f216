//! What `/proc` tells of a process before anything is done to it; says no where attaching could not work.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use procfs::ProcError;
use procfs::process::{MemoryMap, Status};

use crate::error::AttachError;

/// A process that is alive, and no thread, zombie or kernel thread.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    proc: procfs::process::Process,
    euid: u32,
    egid: u32,
}

impl Process {
    /// Looks whether it is there, and in a state in which code can run.
    pub(crate) fn look(pid: u32) -> Result<Self, AttachError> {
        let gone = |_| AttachError::NoSuchProcess { pid };
        let id = i32::try_from(pid).map_err(|_| AttachError::NoSuchProcess { pid })?;
        let proc = procfs::process::Process::new(id).map_err(gone)?;
        let status = proc.status().map_err(gone)?;
        let process = Process {
            pid,
            proc,
            euid: status.euid,
            egid: status.egid,
        };
        process.refuse(&status)?;
        Ok(process)
    }

    fn refuse(&self, status: &Status) -> Result<(), AttachError> {
        let pid = self.pid;
        if status.tgid != status.pid {
            return Err(AttachError::Thread {
                pid,
                process: status.tgid.unsigned_abs(),
            });
        }
        if status.tracerpid != 0 {
            let tracer = status.tracerpid.unsigned_abs();
            return Err(AttachError::Traced { pid, tracer });
        }
        match status.state.chars().next() {
            Some('Z' | 'X') => Err(AttachError::Zombie { pid }),
            Some('T' | 't') => Err(AttachError::Stopped { pid }),
            _ => Ok(()),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// User and group whose files it makes.
    pub(crate) fn owner(&self) -> (u32, u32) {
        (self.euid, self.egid)
    }

    /// Its root directory, as it is seen from here.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Whether paths mean the same files in the process as here.
    pub(crate) fn sees_our_files(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: PathBuf| fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        ["ns/mnt", "root"]
            .iter()
            .all(|what| identity(self.path(what)) == identity(Path::new("/proc/self").join(what)))
    }

    /// Whether there is a file of this path in the process's file system.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let inside = path.strip_prefix("/").unwrap_or(path);
        fs::symlink_metadata(self.root().join(inside)).is_ok()
    }

    /// Its status file as it is now; `None` once it is gone.
    pub(crate) fn status(&self) -> Option<Status> {
        let status = self.proc.status().ok()?;
        (!matches!(status.state.chars().next(), Some('Z' | 'X'))).then_some(status)
    }

    /// What its main thread sleeps in, as the kernel calls it; `None` if it does not sleep or that is not told.
    pub(crate) fn waiting_in(&self) -> Option<String> {
        let name = self.proc.wchan().ok()?;
        (!name.is_empty() && name != "0").then_some(name)
    }

    /// Its threads as of now, by the ids that they have here.
    pub(crate) fn threads(&self) -> Result<Vec<i32>, AttachError> {
        let tasks = self.proc.tasks().map_err(|error| self.refused(error))?;
        Ok(tasks.filter_map(|task| Some(task.ok()?.tid)).collect())
    }

    /// Whether a thread is in a system call that nothing interrupts.
    pub(crate) fn has_uninterruptible_thread(&self) -> Result<bool, AttachError> {
        let mut tasks = self.proc.tasks().map_err(|error| self.refused(error))?;
        Ok(tasks.any(|task| {
            task.and_then(|task| task.stat())
                .is_ok_and(|stat| stat.state == 'D')
        }))
    }

    /// The id that a thread has in its own pid namespace.
    pub(crate) fn id_inside(&self, thread: i32) -> Option<i32> {
        let status = self.proc.task_from_tid(thread).ok()?.status().ok()?;
        status.nspid?.last().copied()
    }

    /// What is mapped into it.
    pub(crate) fn maps(&self) -> Result<Vec<MemoryMap>, AttachError> {
        let maps = self.proc.maps().map_err(|error| self.refused(error))?;
        if maps.0.is_empty() {
            let why = "it has no memory of its own; it is a thread of the kernel, or just ending";
            return Err(self.not_python(why));
        }
        Ok(maps.0)
    }

    /// The executable, also if its file was deleted or replaced.
    pub(crate) fn executable(&self) -> Result<(File, PathBuf), AttachError> {
        let open = || {
            Ok((
                File::open(self.path("exe"))?,
                fs::read_link(self.path("exe"))?,
            ))
        };
        open().map_err(|cause| self.no_permission(cause))
    }

    /// A file by its path in the process, or by the range at which it is mapped if the path is another file by now.
    pub(crate) fn mapped_file(&self, map: &MemoryMap, path: &Path) -> io::Result<File> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        File::open(self.root().join(inside)).or_else(|error| {
            let (start, end) = map.address;
            File::open(self.path(&format!("map_files/{start:x}-{end:x}"))).map_err(|_| error)
        })
    }

    /// Its memory, for reading.
    pub(crate) fn memory(&self) -> Result<File, AttachError> {
        File::open(self.path("mem")).map_err(|cause| self.no_permission(cause))
    }

    fn path(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.pid))
    }

    pub(crate) fn not_python(&self, why: impl Into<String>) -> AttachError {
        AttachError::NotPython {
            pid: self.pid,
            why: why.into(),
        }
    }

    pub(crate) fn unsupported(&self, why: impl Into<String>) -> AttachError {
        AttachError::Unsupported {
            pid: self.pid,
            why: why.into(),
        }
    }

    /// What an error of the system means for somebody who wants to look into the process.
    pub(crate) fn no_permission(&self, cause: io::Error) -> AttachError {
        let pid = self.pid;
        match cause.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => AttachError::Ended { pid },
            _ => AttachError::NoPermission {
                pid,
                cure: crate::permission::cure(pid, self.euid),
                cause,
            },
        }
    }

    fn refused(&self, error: ProcError) -> AttachError {
        match error {
            ProcError::PermissionDenied(_) => {
                self.no_permission(io::Error::from_raw_os_error(libc::EACCES))
            }
            ProcError::NotFound(_) => AttachError::Ended { pid: self.pid },
            ProcError::Io(cause, _) => self.no_permission(cause),
            other => AttachError::Io {
                pid: self.pid,
                what: "its entry in /proc cannot be read".to_owned(),
                cause: io::Error::other(other),
            },
        }
    }
}
