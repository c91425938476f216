//! The typed dump beside the native one: made when it is first needed, and again when one of both has changed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use memdump_format::{Dump, Metadata, ReadError};
use tempfile::NamedTempFile;

use crate::error::ResolveError;
use crate::program::{Program, Source, loaded_modules};
use crate::symbols::{Symbols, SymbolsError};
use crate::typed::{CONSERVATIVE, NATIVE, Summary, write_typed};

/// The key of the metadata that tells from which native dump, and by which version, a typed one was made.
const TYPED_FROM: &str = "typed_from";
/// The key that tells which files its types come from.
const SYMBOLS: &str = "symbols";
/// The key that tells which modules had no debug information: it may be there the next time.
const MISSING: &str = "symbols_missing";
/// Facts that differ from dump to dump.
const OF_THE_DUMP: [&str; 4] = ["time", "host", "pid", "sequence"];

/// What became of a native dump.
#[derive(Debug)]
pub enum Outcome {
    /// It has been given types before.
    Cached,
    /// It was given types.
    Typed {
        /// How many.
        summary: Summary,
        /// The files that they come from.
        symbols: Vec<PathBuf>,
        /// Where the result is kept.
        kept: Kept,
        /// Why modules of the program, not of the system, have no debug information.
        missing: Vec<SymbolsError>,
        /// Files that were named by hand and are of none of the program's builds.
        unused: Vec<PathBuf>,
    },
    /// No module has debug information, nor names of functions: it is what it was.
    Untyped(Vec<SymbolsError>),
}

/// Where a typed dump is kept for the next time.
#[derive(Debug)]
pub enum Kept {
    /// In this file.
    In(PathBuf),
    /// Nowhere: the file could not be written.
    Nowhere(PathBuf, io::Error),
}

/// Whether a dump is of a native heap and has no types yet.
pub fn is_native(metadata: &Metadata) -> bool {
    metadata.get(NATIVE) == Some(CONSERVATIVE)
}

/// The typed form of a native dump, called by the native one's path. `anew` makes it even if there is one.
///
/// It is kept in `NAME.dump.typed`, whose name no pattern for dumps matches; where that cannot be written, it is made in the directory for
/// temporary files and gone with the process.
///
/// # Errors
/// If the dump is damaged, or the typed one cannot be written anywhere.
pub fn open_typed(
    native: Dump,
    symbols: &Symbols,
    anew: bool,
) -> Result<(Dump, Outcome), ResolveError> {
    let path = native.path().to_path_buf();
    let place = beside(&path);
    let made_from = format!(
        "{} bytes by memdump {}",
        native.file_len(),
        env!("CARGO_PKG_VERSION")
    );
    let metadata = native.metadata()?;
    if !anew && let Some(dump) = cached(&place, &metadata, &made_from) {
        return Ok((dump.called(&path), Outcome::Cached));
    }
    let modules = loaded_modules(&native)?.into_iter();
    let sources: Vec<Source> = modules
        .map(|module| Source::find(module, symbols))
        .collect();
    let found: Vec<PathBuf> = sources
        .iter()
        .flat_map(Source::files)
        .map(Path::to_path_buf)
        .collect();
    if !sources.iter().any(Source::has_names) {
        return Ok((native, Outcome::Untyped(missing(sources))));
    }
    let lacking: Vec<String> = sources
        .iter()
        .filter_map(Source::error)
        .filter(|why| is_of_program(why))
        .map(SymbolsError::to_string)
        .collect();
    let (mut file, refused) = make(&place)?;
    let summary = {
        let sections: Vec<_> = sources.iter().map(Source::sections).collect();
        let program = Program::new(&sections);
        let names: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
        let mut facts = vec![(TYPED_FROM, made_from), (SYMBOLS, names.join(", "))];
        if !lacking.is_empty() {
            facts.push((MISSING, lacking.join("; ")));
        }
        let sink = BufWriter::new(file.as_file_mut());
        let (sink, summary) = write_typed(&native, &program, &facts, sink)?;
        sink.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.flush())
            .map_err(|why| cannot_write(&place, why))?;
        summary
    };
    let (dump, kept) = match refused {
        Some(why) => (Dump::open(file.path())?, Kept::Nowhere(place, why)),
        None => match file.persist(&place) {
            Ok(_) => (Dump::open(&place)?, Kept::In(place)),
            Err(refused) => {
                let dump = Dump::open(refused.file.path())?;
                (dump, Kept::Nowhere(place, refused.error))
            }
        },
    };
    let outcome = Outcome::Typed {
        summary,
        unused: symbols.unused(&found),
        symbols: found,
        kept,
        missing: missing(sources),
    };
    Ok((dump.called(&path), outcome))
}

/// `a.dump` → `a.dump.typed`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".typed");
    PathBuf::from(name)
}

/// The typed dump that is there, if it was made from this native one by this version.
fn cached(place: &Path, native: &Metadata, made_from: &str) -> Option<Dump> {
    let dump = Dump::open(place).ok()?;
    let metadata = dump.metadata().ok()?;
    let same = OF_THE_DUMP
        .iter()
        .all(|key| metadata.get(key) == native.get(key));
    let is_whole = metadata.get(MISSING).is_none();
    (same && is_whole && metadata.get(TYPED_FROM) == Some(made_from)).then_some(dump)
}

/// A file beside the place where it is to be, and if that is refused, elsewhere.
fn make(place: &Path) -> Result<(NamedTempFile, Option<io::Error>), ResolveError> {
    let directory = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let refused = match fs::symlink_metadata(place) {
        Ok(found) if !found.is_file() => Some(io::Error::other("it is no regular file")),
        Ok(_) if !is_ours(place) => Some(io::Error::other("there is something else")),
        _ => None,
    };
    let refused = match refused {
        Some(why) => why,
        None => match NamedTempFile::new_in(directory) {
            Ok(file) => return Ok((file, None)),
            Err(why) => why,
        },
    };
    let file = NamedTempFile::new().map_err(|why| cannot_write(place, why))?;
    Ok((file, Some(refused)))
}

/// Whether a file is a typed dump, perhaps a damaged one. Whatever else stands there stays.
fn is_ours(place: &Path) -> bool {
    match Dump::open(place).and_then(|dump| dump.metadata()) {
        Ok(metadata) => metadata.get(TYPED_FROM).is_some(),
        Err(ReadError::NotADump { .. } | ReadError::Io { .. }) => false,
        Err(_) => true,
    }
}

fn cannot_write(file: &Path, why: io::Error) -> ResolveError {
    ResolveError::File {
        file: file.to_path_buf(),
        why,
    }
}

/// Why modules of the program have no debug information.
fn missing(sources: Vec<Source>) -> Vec<SymbolsError> {
    let errors = sources.into_iter().filter_map(Source::into_error);
    errors.filter(is_of_program).collect()
}

/// Whether it is worth telling: the system's libraries hardly allocate, and hardly anyone has their debug information.
fn is_of_program(error: &SymbolsError) -> bool {
    const SYSTEM: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
    match error {
        SymbolsError::NoBuildId(module)
        | SymbolsError::NotFound { module, .. }
        | SymbolsError::SplitMissing { module, .. } => {
            !SYSTEM.iter().any(|directory| module.starts_with(directory))
        }
        SymbolsError::Unreadable { .. } => true,
    }
}
