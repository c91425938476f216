//! Finds the file with the debug information of a loaded module, by its build id.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::elf::Elf;

/// Where distributions put debug information that is kept apart.
const DEBUG_DIRECTORY: &str = "/usr/lib/debug";

/// What a linker wrote into a module to tell it from every other build.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BuildId(Vec<u8>);

impl BuildId {
    /// Of the bytes of the note.
    pub fn from_bytes(bytes: &[u8]) -> BuildId {
        BuildId(bytes.to_vec())
    }

    /// Of the digits that a dump has; `None` if these are none, or not hexadecimal.
    pub fn from_hex(digits: &str) -> Option<BuildId> {
        let digit = |c: u8| char::from(c).to_digit(16).map(|value| value as u8);
        let pairs = digits.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = pairs
            .map(|pair| match *pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect();
        bytes.filter(|bytes| !bytes.is_empty()).map(BuildId)
    }

    /// Of an ELF file; `None` if its linker wrote none.
    ///
    /// # Errors
    /// If it cannot be read or is no ELF file.
    pub fn of_file(path: &Path) -> io::Result<Option<BuildId>> {
        Ok(Elf::open(path)?.build_id())
    }

    /// `.build-id/ab/cdef….debug` below a debug directory.
    fn below(&self, directory: &Path) -> PathBuf {
        let digits = self.to_string();
        let (first, rest) = digits.split_at(digits.len().min(2));
        directory
            .join(".build-id")
            .join(first)
            .join(format!("{rest}.debug"))
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a module has no debug information.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolsError {
    /// The dump does not say which build it was; any file of that name might be another.
    #[error(
        "{} has no build id, so no file can be known to belong to it; link it with `-C link-arg=-Wl,--build-id`",
        .0.display()
    )]
    NoBuildId(PathBuf),
    /// A file that was named by hand cannot be read.
    #[error("cannot read the symbols {}: {why}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// No file of that build was found.
    #[error(
        "no debug information for {} (build id {id}); {tried}. Give the file that was built with it: --symbols PATH",
        .module.display()
    )]
    NotFound {
        /// The module.
        module: PathBuf,
        /// Its build id.
        id: BuildId,
        /// What was looked at, and why it was not right.
        tried: Tried,
    },
    /// The debug information of some of its units lies in files of their own, which were not found.
    #[error(
        "{lacking} of {all} units of {} have their debug information in files that are not here, {} for one; give the package that was \
         built with it: --symbols {}",
        .module.display(), .object.display(), packed(.module).display()
    )]
    SplitMissing {
        /// The module.
        module: PathBuf,
        /// Units without their file.
        lacking: usize,
        /// Units that have a file.
        all: usize,
        /// Where the compiler put the file of the first one that is missing.
        object: PathBuf,
    },
}

/// What was looked at, and why it was not taken.
#[derive(Debug, Default)]
pub struct Tried(Vec<(PathBuf, String)>);

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing of that name is on this machine");
        }
        for (at, (path, why)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {why}", path.display())?;
        }
        Ok(())
    }
}

/// A file whose build id is the one that was asked for, with debug information.
pub struct SymbolFile(pub(crate) Elf);

impl SymbolFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Where to look for debug information.
#[derive(Clone, Debug)]
pub struct Symbols {
    /// Files, and directories of files, named by hand.
    given: Vec<PathBuf>,
    debug_directory: PathBuf,
}

impl Default for Symbols {
    fn default() -> Symbols {
        Symbols::new(Vec::new())
    }
}

impl Symbols {
    /// Files, and directories whose files are looked at, come before the places where debug information is looked for anyway.
    pub fn new(given: Vec<PathBuf>) -> Symbols {
        Symbols {
            given,
            debug_directory: PathBuf::from(DEBUG_DIRECTORY),
        }
    }

    /// Another directory than `/usr/lib/debug`.
    #[must_use]
    pub fn with_debug_directory(mut self, directory: PathBuf) -> Symbols {
        self.debug_directory = directory;
        self
    }

    /// Files named by hand that are none of those that were found.
    pub(crate) fn unused(&self, found: &[PathBuf]) -> Vec<PathBuf> {
        let given = self.given.iter().filter(|given| given.is_file());
        given
            .filter(|given| !found.contains(given))
            .cloned()
            .collect()
    }

    /// Finds the debug information of the module that was loaded from `module`.
    ///
    /// # Errors
    /// If the module has no build id, a file that was named by hand cannot be read, or no file is of that build and has debug information.
    pub fn find(&self, module: &Path, id: Option<&BuildId>) -> Result<SymbolFile, SymbolsError> {
        let Some(id) = id else {
            return Err(SymbolsError::NoBuildId(module.to_path_buf()));
        };
        let mut tried = Tried::default();
        for path in self.candidates(module, id)? {
            match open(&path, id) {
                Ok(elf) => return Ok(SymbolFile(elf)),
                Err(Refusal::Absent) => {}
                Err(Refusal::Because(why)) => tried.0.push((path, why)),
            }
        }
        Err(SymbolsError::NotFound {
            module: module.to_path_buf(),
            id: id.clone(),
            tried,
        })
    }

    /// The file that the module was loaded from, for the names of its functions where there is no debug information. Only if it is of that build.
    pub(crate) fn find_names(&self, module: &Path, id: Option<&BuildId>) -> Option<Elf> {
        let places = self.candidates(module, id?).ok()?;
        places
            .iter()
            .filter_map(|path| Elf::open(path).ok())
            .find(|elf| elf.build_id().as_ref() == id && !elf.functions().is_empty())
    }

    /// Where the package with the split units of a module may lie, whose debug information is in `file`; likeliest first.
    pub(crate) fn packages(&self, module: &Path, file: &Path) -> Vec<PathBuf> {
        let name = module.file_name().map(|name| packed(Path::new(name)));
        let given = self.given.iter().map(|given| match &name {
            Some(name) if given.is_dir() => given.join(name),
            _ => given.clone(),
        });
        given.chain([packed(file), packed(module)]).collect()
    }

    /// Where the object of a split unit may lie that the compiler put at `recorded`.
    pub(crate) fn objects(&self, recorded: &Path) -> Vec<PathBuf> {
        let directories = self.given.iter().filter(|given| given.is_dir());
        let given = directories.filter_map(|given| Some(given.join(recorded.file_name()?)));
        given.chain([recorded.to_path_buf()]).collect()
    }

    /// Every place, likeliest first.
    fn candidates(&self, module: &Path, id: &BuildId) -> Result<Vec<PathBuf>, SymbolsError> {
        let mut places = Vec::new();
        for given in &self.given {
            let unreadable = |why| SymbolsError::Unreadable {
                file: given.clone(),
                why,
            };
            if std::fs::metadata(given).map_err(unreadable)?.is_dir() {
                places.push(id.below(given));
                if let Some(name) = module.file_name() {
                    places.push(given.join(name));
                    places.push(given.join(with_debug(name)));
                }
            } else {
                places.push(given.clone());
            }
        }
        places.push(module.to_path_buf());
        places.push(id.below(&self.debug_directory));
        if let Some(link) = Elf::open(module).ok().and_then(|elf| elf.debug_link())
            && let Some(directory) = module.parent()
        {
            places.push(directory.join(&link));
            places.push(directory.join(".debug").join(&link));
            let inside = directory.strip_prefix("/").unwrap_or(directory);
            places.push(self.debug_directory.join(inside).join(&link));
        }
        Ok(places)
    }
}

enum Refusal {
    Absent,
    Because(String),
}

fn open(path: &Path, id: &BuildId) -> Result<Elf, Refusal> {
    let elf = Elf::open(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Refusal::Absent,
        _ => Refusal::Because(why.to_string()),
    })?;
    match elf.build_id() {
        Some(own) if own == *id => {}
        Some(own) => return Err(Refusal::Because(format!("is of another build, {own}"))),
        None => return Err(Refusal::Because("has no build id".into())),
    }
    if elf.has_debug_info() {
        Ok(elf)
    } else {
        Err(Refusal::Because(
            "is of that build, but has no debug information".into(),
        ))
    }
}

fn with_debug(name: &std::ffi::OsStr) -> PathBuf {
    let mut name = name.to_os_string();
    name.push(".debug");
    PathBuf::from(name)
}

/// `service` → `service.dwp`.
fn packed(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".dwp");
    PathBuf::from(name)
}
