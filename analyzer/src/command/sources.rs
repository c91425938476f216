//! Which dumps a command works on. Where none are given: the newest ones of one process in the current directory.

use std::path::{Path, PathBuf};

use memdump_format::{Dump, ReadError};

use crate::analysis::identity::Process;
use crate::analysis::timeline::Timeline;

/// The command line lacks something.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// No dumps were given, and there are too few to be found.
    #[error(
        "no dumps were given, and {}; name the dumps, or take them with `kill -USR1 PID` or `memdump send PID`",
        lying_here(*found, *wanted)
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
    /// Of so few dumps nothing can be found that would fail.
    #[error(
        "--fail-on {level} needs {wanted} dumps or more, {given} {} given: of fewer no suspect is {level}",
        if *given == 1 { "was" } else { "were" }
    )]
    TooFewToFail {
        /// How sure a suspect must be.
        level: &'static str,
        /// How many dumps that takes.
        wanted: usize,
        /// How many there are.
        given: usize,
    },
    /// New objects are told of two dumps.
    #[error(
        "new objects of a type, and what they retain, are told where two dumps are compared; \
         of more, `memdump survivors` tells in which of them objects are new"
    )]
    NewOfSeries,
    /// What should be an address is none.
    #[error("`{0}` is no address; write it as memdump prints it, 0x7f3a1c0042d0, or in decimal")]
    NoAddress(String),
    /// The file's ending says nothing that a picture is written as.
    #[error("{}: a picture is written as .svg, .png or .dot", .0.display())]
    NoPicture(PathBuf),
    /// The file is somebody's.
    #[error("{} exists; name another file, or replace it with --force", .0.display())]
    FileExists(PathBuf),
    /// What is there is no file.
    #[error("{} is no file that could be replaced", .0.display())]
    NoFile(PathBuf),
    /// A database was named where dumps are wanted.
    #[error("{}: is a database, not a dump", .0.display())]
    NoDump(PathBuf),
    /// An option has a value that cannot be used here.
    #[error("{option} {value}: {why}")]
    Unusable {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// Why not, and what can.
        why: String,
    },
    /// A file or directory that was named cannot be read.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable {
        /// What was named.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// A statement has a parameter and was given nothing for it.
    #[error("no value was given for the parameter `{parameter}`; `--parameters` takes them all")]
    NoValue {
        /// As the statement has it.
        parameter: String,
    },
    /// The current directory cannot be read.
    #[error("the current directory cannot be searched for dumps")]
    Directory(#[from] std::io::Error),
    /// The directory of a file that is to be written.
    #[error("{}: there is no directory {}; make it, or name another file", file.display(), directory.display())]
    NoDirectory {
        /// The file.
        file: PathBuf,
        /// Where it should lie.
        directory: PathBuf,
    },
}

fn lying_here(found: usize, wanted: usize) -> String {
    match found {
        0 => "there are none in the current directory".to_owned(),
        _ => format!(
            "of the newest process only {found} of the {wanted} that are needed lies in the current directory"
        ),
    }
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

/// How many of the newest dumps are taken where none are named.
#[derive(clap::Args, Debug)]
pub(super) struct Newest {
    /// Where no dumps are named, take the newest N of the process; 0 for all
    #[arg(
        short = 'n',
        long = "newest",
        value_name = "N",
        value_parser = all_or_some,
        conflicts_with = "dumps"
    )]
    newest: Option<usize>,
}

/// A number of dumps of a series: 0 for all, or two or more.
fn all_or_some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(1) => Err("one dump is no series; 0 takes all".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

impl Newest {
    /// The dumps that were given, or the newest: as many as were asked for, or else `or_else` (0 for all). At least two.
    pub(super) fn or_given(
        &self,
        given: &[PathBuf],
        or_else: usize,
    ) -> Result<Vec<PathBuf>, CannotStart> {
        if given.len() == 1 {
            return Err(CannotStart::WrongNumber {
                given: 1,
                wanted: 2,
            });
        }
        self.at_least(2, given, or_else)
    }

    /// The same, for what one dump, too, has something to tell of.
    pub(super) fn or_any_given(&self, given: &[PathBuf]) -> Result<Vec<PathBuf>, CannotStart> {
        const ALL: usize = 0;
        self.at_least(1, given, ALL)
    }

    fn at_least(
        &self,
        least: usize,
        given: &[PathBuf],
        or_else: usize,
    ) -> Result<Vec<PathBuf>, CannotStart> {
        if !given.is_empty() {
            return Ok(given.to_vec());
        }
        let dumps = dumps_of_newest_process(Path::new("."))?;
        let found = dumps.len();
        let wanted = match self.newest.unwrap_or(or_else) {
            0 => found,
            some => some,
        };
        if found.min(wanted) < least {
            return Err(CannotStart::TooFewDumps {
                found,
                wanted: least,
            });
        }
        let chosen = &dumps[found.saturating_sub(wanted)..];
        tell_chosen(chosen);
        Ok(chosen.to_vec())
    }
}

/// All dumps of the newest process.
pub(super) fn all_of_newest() -> Result<Vec<PathBuf>, CannotStart> {
    let dumps = dumps_of_newest_process(Path::new("."))?;
    if dumps.is_empty() {
        return Err(CannotStart::TooFewDumps {
            found: 0,
            wanted: 1,
        });
    }
    tell_chosen(&dumps);
    Ok(dumps)
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

/// Puts the dumps of one process in order of time, and tells if they were not: shells sort `a.10.dump` before `a.9.dump`.
pub(super) fn in_order_of_time(dumps: Vec<Dump>) -> Result<Vec<Dump>, ReadError> {
    let Some(order) = Timeline::of(&dumps)?.order() else {
        return Ok(dumps);
    };
    if order.is_sorted() {
        return Ok(dumps);
    }
    let mut dumps: Vec<Option<Dump>> = dumps.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|number| dumps[number].take());
    let sorted: Vec<Dump> = sorted.collect();
    let names = listed(sorted.iter().map(Dump::path));
    anstream::eprintln!("memdump: taken in order of time: {names}");
    Ok(sorted)
}

/// The newest dumps of the process that dumped last, the earlier first.
fn newest<const N: usize>(directory: &Path) -> Result<[PathBuf; N], CannotStart> {
    let dumps = dumps_of_newest_process(directory)?;
    let found = dumps.len();
    let newest = dumps[found.saturating_sub(N)..].to_vec();
    let chosen: [PathBuf; N] = newest
        .try_into()
        .map_err(|_| CannotStart::TooFewDumps { found, wanted: N })?;
    tell_chosen(&chosen);
    Ok(chosen)
}

fn tell_chosen(chosen: &[PathBuf]) {
    let names = listed(chosen.iter().map(PathBuf::as_path));
    anstream::eprintln!("memdump: using {names}, the newest here");
}

/// `a, b and c`; of many, how many there are and which is the first and the last.
fn listed<'p>(paths: impl Iterator<Item = &'p Path>) -> String {
    const FEW: usize = 4;
    let names: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    if names.len() > FEW {
        return format!(
            "{} dumps, {} to {}",
            names.len(),
            names[0],
            names[names.len() - 1]
        );
    }
    match names.split_last() {
        Some((last, before @ [_, ..])) => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

/// Every dump of the process that dumped last, the earlier first.
fn dumps_of_newest_process(directory: &Path) -> Result<Vec<PathBuf>, CannotStart> {
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
    let name = |path: PathBuf| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
    Ok(dumps.into_iter().map(|(_, path)| name(path)).collect())
}
