//! Which dumps in a directory have not been looked at yet.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use memdump_format::{Dump, ReadError};

use crate::analysis::identity::Process;

/// What tells that a file is still the one that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    bytes: u64,
    modified: SystemTime,
}

/// A file that has not been looked at yet.
#[derive(Debug)]
pub enum Arrival {
    /// A dump that seems whole.
    Dump(PathBuf),
    /// A file that is no dump, or a damaged one.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: ReadError,
    },
}

/// The dumps of a directory; each is told once, and again if its file changes.
///
/// Dumps get their names when they are complete: whatever is called otherwise is not looked at.
#[derive(Debug)]
pub struct Arrivals {
    directory: PathBuf,
    settled: Duration,
    told: BTreeMap<PathBuf, Stamp>,
}

impl Arrivals {
    /// Of a directory. What is in it already will be told first. A file that cannot be read is left alone until its last change is
    /// `settled` ago: it may be on its way here, by a copy that does not rename.
    pub fn of(directory: &Path, settled: Duration) -> Arrivals {
        Arrivals {
            directory: directory.to_owned(),
            settled,
            told: BTreeMap::new(),
        }
    }

    /// What has come since the last look: unreadable files first, then dumps in the order in which they were taken.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that goes away meanwhile is no error.
    pub fn look(&mut self) -> io::Result<Vec<Arrival>> {
        let present = self.present()?;
        // What is gone may come again, and must not be remembered for ever.
        self.told.retain(|path, _| present.contains_key(path));
        let mut dumps = Vec::new();
        let mut arrivals = Vec::new();
        for (path, stamp) in present {
            if self.told.get(&path) == Some(&stamp) {
                continue;
            }
            match Dump::open(&path).and_then(|dump| dump.metadata()) {
                Ok(metadata) => dumps.push((Process::of(&metadata), path.clone())),
                Err(ReadError::Io { why, .. }) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(_) if stamp.is_younger_than(self.settled) => continue,
                Err(why) => {
                    let path = path.clone();
                    arrivals.push(Arrival::Unreadable { path, why });
                }
            }
            self.told.insert(path, stamp);
        }
        dumps.sort_by(|(a, a_path), (b, b_path)| {
            (a.dumped, a.sequence, a_path).cmp(&(b.dumped, b.sequence, b_path))
        });
        arrivals.extend(dumps.into_iter().map(|(_, path)| Arrival::Dump(path)));
        Ok(arrivals)
    }

    /// Tells a file once more at the next look.
    pub fn look_again_at(&mut self, path: &Path) {
        self.told.remove(path);
    }

    fn present(&self) -> io::Result<BTreeMap<PathBuf, Stamp>> {
        let mut present = BTreeMap::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "dump") {
                continue;
            }
            // Followed, if it is a link; gone already, if the dumper keeps only so many.
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            if metadata.is_file() {
                let (bytes, modified) = (metadata.len(), metadata.modified()?);
                present.insert(path, Stamp { bytes, modified });
            }
        }
        Ok(present)
    }
}

impl Stamp {
    fn is_younger_than(self, age: Duration) -> bool {
        // Clocks differ: a file from the future would be young for ever.
        SystemTime::now()
            .duration_since(self.modified)
            .is_ok_and(|past| past < age)
    }
}
