//! A live process that has memdump in it, as `/proc` shows it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use memdump_format::status_page::{STATUS_PAGE_NAME, StatusPage};

use super::SendError;

/// A process with a status page.
pub(super) struct Target {
    pid: u32,
    proc: PathBuf,
    page: File,
}

impl Target {
    /// Looks for the status page among the process's open files.
    pub(super) fn find(pid: u32) -> Result<Target, SendError> {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let inside = own_id(&proc).ok_or(SendError::NoSuchProcess { pid })?;
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound => SendError::NoSuchProcess { pid },
            _ => SendError::NoPermission { pid, cause },
        };
        let link = format!("/memfd:{STATUS_PAGE_NAME}");
        for entry in fs::read_dir(proc.join("fd")).map_err(refused)? {
            let file = entry.map_err(refused)?.path();
            let Ok(target) = fs::read_link(&file) else {
                continue; // closed meanwhile
            };
            let target = target.to_string_lossy();
            if target.strip_suffix(" (deleted)").unwrap_or(&target) != link {
                continue;
            }
            let page = File::open(&file).map_err(refused)?;
            let found = Target {
                pid,
                proc: proc.clone(),
                page,
            };
            match found.page() {
                Ok(page) if page.pid == inside => return Ok(found),
                // A forked worker inherits its parent's page, and has another of its own.
                Ok(_) => {}
                // Made, and nothing written to it yet.
                Err(SendError::Page { cause, .. })
                    if cause.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(error),
            }
        }
        Err(SendError::NotInstalled { pid })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The page as it is now.
    pub(super) fn page(&self) -> Result<StatusPage, SendError> {
        let pid = self.pid;
        let page = StatusPage::read(|bytes| self.page.read_exact_at(bytes, 0))
            .map_err(|cause| SendError::Page { pid, cause })?;
        // The open file outlives the process.
        if own_id(&self.proc).is_none() || is_zombie(&self.proc) {
            return Err(SendError::Ended { pid });
        }
        Ok(page)
    }

    /// The thread that has the id `agent` in the target's pid namespace, by the id that it has here.
    pub(super) fn thread(&self, agent: u32) -> Result<u32, SendError> {
        let tasks = fs::read_dir(self.proc.join("task")).map_err(|cause| self.refused(cause))?;
        tasks
            .filter_map(Result::ok)
            .find(|task| own_id(&task.path()) == Some(agent))
            .and_then(|task| task.file_name().to_str()?.parse().ok())
            .ok_or(SendError::NotReady {
                pid: self.pid,
                why: "its agent thread is gone; the process may be forking or ending",
            })
    }

    /// A path of the target's as this process can open it.
    pub(super) fn path_from_here(&self, path: &Path) -> PathBuf {
        let same = |what: &str| {
            let identity = |proc: &Path| {
                let found = fs::metadata(proc.join(what)).ok()?;
                Some((found.dev(), found.ino()))
            };
            identity(&self.proc) == identity(Path::new("/proc/self"))
        };
        if same("ns/mnt") && same("root") {
            return path.to_owned();
        }
        let inside = path.strip_prefix("/").unwrap_or(path);
        self.proc.join("root").join(inside)
    }

    /// What an error of the system means for a request.
    pub(super) fn refused(&self, cause: io::Error) -> SendError {
        let pid = self.pid;
        match cause.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => SendError::Ended { pid },
            _ => SendError::NoPermission { pid, cause },
        }
    }
}

/// The id of a process or thread in its own pid namespace.
fn own_id(proc: &Path) -> Option<u32> {
    status_field(proc, "NSpid:")
        .or_else(|| status_field(proc, "Pid:"))?
        .parse()
        .ok()
}

fn is_zombie(proc: &Path) -> bool {
    let status = fs::read_to_string(proc.join("status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && line.contains('Z'))
}

/// The last word of a field of the status file: of ids, that of the innermost namespace.
fn status_field(proc: &Path, name: &str) -> Option<String> {
    let status = fs::read_to_string(proc.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().last().map(str::to_owned)
}
