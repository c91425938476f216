//! Which dumps a command works on. Where none are given: the newest ones of one process in the current directory.

use std::path::{Path, PathBuf};

use memdump_format::{Dump, ReadError};

use crate::analysis::identity::Process;

/// The command line lacks something.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// No dumps were given, and there are too few to be found.
    #[error(
        "no dumps were given, and of one process {found} of the {wanted} that are needed lie in the current directory; \
         name the dumps, or take them with `kill -USR1 PID` or `memdump send PID`"
    )]
    TooFewDumps {
        /// How many there are.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// Some dumps were given, but not as many as are needed.
    #[error(
        "this command needs {wanted} dumps, {given} was given; name them, the earlier first, or none at all"
    )]
    WrongNumber {
        /// How many were given.
        given: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// What should be an address is none.
    #[error("`{0}` is no address; write it as memdump prints it, 0x7f3a1c0042d0, or in decimal")]
    NoAddress(String),
    /// The current directory cannot be read.
    #[error("the current directory cannot be searched for dumps: {0}")]
    Directory(#[from] std::io::Error),
}

/// The `N` dumps that were given, or the newest.
pub(super) fn given_or_newest<const N: usize>(
    given: &[PathBuf],
) -> Result<[PathBuf; N], CannotStart> {
    if given.is_empty() {
        return newest(Path::new("."));
    }
    given
        .to_vec()
        .try_into()
        .map_err(|_| CannotStart::WrongNumber {
            given: given.len(),
            wanted: N,
        })
}

/// Tells if two dumps of one process are not in the order in which they were taken.
pub(super) fn tell_if_reversed(before: &Dump, after: &Dump) -> Result<(), ReadError> {
    let (a, b) = (
        Process::of(&before.metadata()?),
        Process::of(&after.metadata()?),
    );
    if a.difference(&b).is_none() && (a.dumped, a.sequence) > (b.dumped, b.sequence) {
        let (a, b) = (before.path().display(), after.path().display());
        anstream::eprintln!(
            "memdump: {a} was taken after {b}; `memdump … {b} {a}` tells what grew"
        );
    }
    Ok(())
}

/// The newest dumps of the process that dumped last, the earlier first.
fn newest<const N: usize>(directory: &Path) -> Result<[PathBuf; N], CannotStart> {
    let mut dumps: Vec<(Process, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "dump")
        {
            let metadata = Dump::open(&path).and_then(|dump| dump.metadata());
            match metadata {
                Ok(metadata) => dumps.push((Process::of(&metadata), path)),
                Err(error) => anstream::eprintln!("memdump: left out: {error}"),
            }
        }
    }
    dumps.sort_by(|(a, a_path), (b, b_path)| {
        (a.dumped, a.sequence, a_path).cmp(&(b.dumped, b.sequence, b_path))
    });
    if let Some((last, _)) = dumps.last().cloned() {
        dumps.retain(|(process, _)| process.difference(&last).is_none());
    }
    let found = dumps.len();
    let chosen: Vec<PathBuf> = dumps
        .into_iter()
        .skip(found.saturating_sub(N))
        .map(|(_, path)| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path))
        .collect();
    let chosen: [PathBuf; N] = chosen
        .try_into()
        .map_err(|_| CannotStart::TooFewDumps { found, wanted: N })?;
    let names: Vec<String> = chosen
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    anstream::eprintln!("memdump: using {}, the newest here", names.join(" and "));
    Ok(chosen)
}
