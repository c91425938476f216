//! What the user reads: events on stderr, and failures with cause and cure.

use std::fmt;
use std::io;
use std::path::Path;

use crate::census::TypeGrowth;
use crate::exchange::{Failure, Told};
use crate::report::{DumpError, Report};
use crate::settings::Settings;
use crate::snapshot::{Destination, Trouble};
use crate::trigger::Trigger;

/// A line of the log.
pub(crate) enum Event<'a> {
    Begin { sequence: u64, trigger: Trigger },
    End { report: &'a Report, ignored: u64 },
    Failed { error: &'a DumpError },
    Busy { sequence: u64 },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { sequence, trigger } => {
                write!(f, "begin sequence={sequence} trigger=\"{trigger}\"")
            }
            Self::End { report, ignored } => {
                write!(
                    f,
                    "end file={} objects={} references={} bytes={} pause={:.3}ms wait={:.3}ms duration={:.3}s",
                    Plain(&report.path),
                    report.summary.objects,
                    report.summary.references,
                    report.summary.bytes,
                    report.pause.as_secs_f64() * 1e3,
                    report.wait.as_secs_f64() * 1e3,
                    report.duration.as_secs_f64(),
                )?;
                if let Some(growth) = &report.growth {
                    f.write_str(" growth=")?;
                    write_growth(growth, f)?;
                }
                if report.summary.faults > 0 {
                    write!(f, " faults={}", report.summary.faults)?;
                }
                if *ignored > 0 {
                    write!(f, " ignored={ignored}")?;
                }
                Ok(())
            }
            Self::Failed { error } => write!(f, "failed {error}"),
            Self::Busy { sequence } => write!(
                f,
                "busy dump {sequence} is being taken, so this request is ignored; ask again when its end line is there"
            ),
        }
    }
}

fn write_growth(growth: &[TypeGrowth], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if growth.is_empty() {
        return f.write_str("none");
    }
    for (n, TypeGrowth { name, objects }) in growth.iter().enumerate() {
        write!(f, "{}{name} +{objects}", if n == 0 { "\"" } else { ", " })?;
    }
    f.write_str("\"")
}

/// A path on one line: quoted where it would break the line or its words.
struct Plain<'a>(&'a Path);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_str() {
            Some(text) if !text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                f.write_str(text)
            }
            _ => write!(f, "{:?}", self.0),
        }
    }
}

/// Says what happened and what to do.
pub(crate) fn explain(
    trouble: &Trouble,
    settings: &Settings,
    destination: &Destination,
) -> DumpError {
    let (cause, cure, errno) = match trouble {
        Trouble::Map(errno) => (
            format!("no memory for a page: {}", system(*errno)),
            "raise the memory limit or free memory",
            *errno,
        ),
        Trouble::Clone(errno) => (
            format!("the system refused a snapshot process: {}", system(*errno)),
            match *errno {
                libc::ENOMEM => "allow overcommit (vm.overcommit_memory) or free memory",
                _ => "raise the limit on processes (ulimit -u, pids.max, TasksMax)",
            },
            *errno,
        ),
        Trouble::Target(why) => (
            format!("the runtime could not be held still: {why}"),
            "try again",
            0,
        ),
        Trouble::Told(told) => (
            told_cause(told, settings, destination),
            told_cure(told),
            told.errno,
        ),
        Trouble::Overdue => (overdue(settings), OVERDUE_CURE, libc::ETIMEDOUT),
        Trouble::Killed(libc::SIGKILL) => (
            "the snapshot process was killed (signal 9)".into(),
            "look for the out-of-memory killer in the kernel's log; raise the memory limit",
            0,
        ),
        Trouble::Killed(signal) => (
            format!("the snapshot process died of signal {signal}"),
            REPORT,
            0,
        ),
        Trouble::Exited(code) if *code > 128 => (
            format!("the walk ran into a memory fault (signal {})", code - 128),
            REPORT,
            0,
        ),
        Trouble::Exited(code) => (
            format!("the snapshot process ended with code {code} without saying why"),
            REPORT,
            0,
        ),
    };
    DumpError { cause, cure, errno }
}

const REPORT: &str = "this is a fault of memdump, please report it";
const OVERDUE_CURE: &str = "raise MEMDUMP_DEADLINE, or look what slows the disk";

fn overdue(settings: &Settings) -> String {
    format!("the dump took longer than {:?}", settings.deadline)
}

fn told_cause(told: &Told, settings: &Settings, destination: &Destination) -> String {
    let place = match destination {
        Destination::Series => settings.directory.as_path(),
        Destination::Exact(path) => path.as_path(),
    };
    let place = Plain(place);
    let why = system(told.errno);
    match told.failure {
        Failure::SetUp => format!("the snapshot process could not be set up: {why}"),
        Failure::OutOfMemory => "the snapshot process got no more memory".into(),
        Failure::Panicked => format!("the walk panicked at {}", told.detail),
        Failure::Directory => format!("cannot make the directory {place}: {why}"),
        Failure::Create => format!("cannot make a dump in {place}: {why}"),
        Failure::AlreadyExists => match destination {
            Destination::Series => format!("no free number for a dump in {place}"),
            Destination::Exact(_) => {
                format!("{place} exists, or {place}.partial does, and nothing is overwritten")
            }
        },
        Failure::MinFree => format!(
            "less than {} bytes are free on the file system of {place}",
            settings.min_free
        ),
        Failure::Write => format!("cannot write the dump in {place}: {why}"),
        Failure::Sync => format!("cannot bring the dump in {place} to the disk: {why}"),
        Failure::Rename => format!("cannot give the dump in {place} its name: {why}"),
        Failure::Deadline => overdue(settings),
        Failure::Heap => format!("the heap cannot be written: {}", told.detail),
        Failure::LowMemory => format!(
            "only {} MiB are left of the limit of memory, and a dump must not be what exceeds it",
            told.detail
        ),
    }
}

fn told_cure(told: &Told) -> &'static str {
    match told.failure {
        Failure::OutOfMemory | Failure::LowMemory => {
            "raise the memory limit, or take dumps earlier"
        }
        Failure::SetUp | Failure::Panicked | Failure::Heap => REPORT,
        Failure::AlreadyExists => "remove it, or choose another name or directory",
        Failure::MinFree => "free space, lower MEMDUMP_MIN_FREE, or set MEMDUMP_DIR elsewhere",
        Failure::Deadline => OVERDUE_CURE,
        Failure::Directory | Failure::Create | Failure::Write | Failure::Sync | Failure::Rename => {
            match told.errno {
                libc::ENOSPC | libc::EDQUOT => "free space, or set MEMDUMP_DIR elsewhere",
                libc::EACCES | libc::EPERM => {
                    "let this user write there, or set MEMDUMP_DIR to a directory where it may"
                }
                libc::ENOENT | libc::ENOTDIR => "make the directory, or set MEMDUMP_DIR elsewhere",
                libc::EFBIG => "raise the limit on file sizes (ulimit -f)",
                _ => "set MEMDUMP_DIR to a directory that can be written",
            }
        }
    }
}

fn system(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
