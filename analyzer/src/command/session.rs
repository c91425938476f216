//! What commands have in common: opening dumps, giving results.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use memdump_format::Dump;

use super::native::NativeTypes;
use super::progress::Shown;
use super::sources::{in_order_of_time, tell_if_reversed};
use crate::analysis::AnalysisError;
use crate::progress::Progress;
use crate::snapshot::Snapshot;
use crate::view::json::Document;
use crate::view::{self, Width};

/// One run of the command.
pub(super) struct Session {
    pub(super) json: bool,
    recover: bool,
    verbose: bool,
    native_types: NativeTypes,
    progress: Shown,
}

/// A dump that turned out to be damaged. What is wrong with it has been told.
#[derive(Debug, thiserror::Error)]
#[error("{} is damaged; take another dump, or read what is sound of it with --recover", .0.display())]
pub struct Damaged(pub PathBuf);

impl Session {
    pub(super) fn new(
        json: bool,
        recover: bool,
        verbose: bool,
        native_types: NativeTypes,
    ) -> Session {
        Session {
            json,
            recover,
            verbose,
            native_types,
            progress: Shown::new(verbose),
        }
    }

    /// Progress of its own for work that outlives a borrow of the session, or is one of several.
    pub(super) fn new_progress(&self) -> Shown {
        Shown::new(self.verbose)
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        &self.progress
    }

    /// Whether damaged dumps are read, as far as they are sound.
    pub(super) fn recovers(&self) -> bool {
        self.recover
    }

    /// Opens a dump: one of a native heap with the types that its program's debug information tells; of a damaged one what is sound, if
    /// that is wanted.
    pub(super) fn open(&self, path: &Path) -> anyhow::Result<Dump> {
        if !self.recover {
            return self.native_types.give(Dump::open(path)?);
        }
        let (dump, damage) = Dump::recover(path)?;
        if !damage.is_none() {
            anstream::eprintln!("memdump: {} is damaged: {damage}", path.display());
        }
        Ok(dump)
    }

    /// Opens a dump and reads its objects.
    pub(super) fn load(&self, path: &Path) -> anyhow::Result<Snapshot> {
        let dump = self.open(path)?;
        self.progress.memory(Snapshot::memory_to_load(&dump));
        self.read(dump)
    }

    fn read(&self, dump: Dump) -> anyhow::Result<Snapshot> {
        Ok(Snapshot::load(dump, self.progress()).map_err(AnalysisError::from)?)
    }

    /// Opens two dumps and reads their objects.
    pub(super) fn load_both(&self, before: &Path, after: &Path) -> anyhow::Result<[Snapshot; 2]> {
        let (before, after) = (self.open(before)?, self.open(after)?);
        let held = Snapshot::memory(&before);
        let second = held.saturating_add(Snapshot::memory_to_load(&after));
        self.progress
            .memory(second.max(Snapshot::memory_to_load(&before)));
        let both = [self.read(before)?, self.read(after)?];
        tell_if_reversed(both[0].dump(), both[1].dump())?;
        Ok(both)
    }

    /// Opens the dumps of a series, to be read one after the other, in order of time.
    pub(super) fn open_series(&self, paths: &[PathBuf]) -> anyhow::Result<Vec<Dump>> {
        let dumps: Vec<Dump> = paths
            .iter()
            .map(|path| self.open(path))
            .collect::<anyhow::Result<_>>()?;
        Ok(in_order_of_time(dumps)?)
    }

    /// Reads the objects of each dump when it is asked for it.
    pub(super) fn load_each(
        &self,
        dumps: Vec<Dump>,
    ) -> impl Iterator<Item = anyhow::Result<Snapshot>> {
        let load = |dump| Snapshot::load(dump, self.progress()).map_err(AnalysisError::from);
        dumps.into_iter().map(move |dump| Ok(load(dump)?))
    }

    /// Prints a result: as a JSON document, or as text fitted to the terminal.
    pub(super) fn give<T: Document>(
        &self,
        dumps: &[&Path],
        result: &T,
        text: impl FnOnce(&T, Width) -> String,
    ) -> anyhow::Result<()> {
        self.progress.end();
        let mut out = anstream::stdout().lock();
        if self.json {
            view::json::write(&mut out, dumps, result)?;
        } else {
            let text = text(result, width());
            out.write_all(text.as_bytes())?;
        }
        Ok(out.flush()?)
    }
}

/// The width to fit: that of the terminal. Nothing is cut in a pipe.
pub(super) fn width() -> Width {
    let is_terminal = std::io::stdout().is_terminal();
    match comfy_table::Table::new().width() {
        Some(columns) if is_terminal => Width::Columns(columns),
        _ => Width::Unlimited,
    }
}
