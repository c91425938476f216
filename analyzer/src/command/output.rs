//! Files that people get, and nobody else's are replaced for.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::CannotStart;

/// A file that is to be written.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
    replace: bool,
}

impl OutputFile {
    /// Looks at the file before there is any work that would be in vain.
    pub(super) fn new(path: &Path, replace: bool) -> anyhow::Result<OutputFile> {
        let directory = directory_of(path);
        if !directory.is_dir() {
            return Err(CannotStart::NoDirectory {
                file: path.to_owned(),
                directory: directory.to_owned(),
            }
            .into());
        }
        if path.symlink_metadata().is_ok() {
            if !replace {
                return Err(CannotStart::FileExists(path.to_owned()).into());
            }
            if !path.is_file() {
                return Err(CannotStart::NoFile(path.to_owned()).into());
            }
        }
        Ok(OutputFile {
            path: path.to_owned(),
            replace,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file has its name only when it is whole. Readable for its owner only, as dumps are: names tell of what is in them.
    pub(super) fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        // Without the name that it has until it is whole.
        let told = |error: std::io::Error| match error.raw_os_error() {
            Some(number) => std::io::Error::from_raw_os_error(number),
            None => error,
        };
        self.publish(bytes).map_err(told).with_context(|| {
            format!(
                "{} cannot be written; free space, or name another place",
                self.path.display()
            )
        })
    }

    fn publish(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".memdump-")
            .suffix(".partial")
            .tempfile_in(directory_of(&self.path))?;
        file.write_all(bytes)?;
        let done = match self.replace {
            true => file.persist(&self.path),
            false => file.persist_noclobber(&self.path),
        };
        done.map(drop).map_err(|error| error.error)
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
