//! The open dumps, and what is known of each as far as somebody asked for it.

mod births;
mod kept_blocks;
mod kept_values;
mod once;
mod open_dump;
mod reach;
mod type_names;

use std::sync::{Arc, Mutex};

use memdump_format::{Dump, ReadError};

use births::Earlier;
pub(super) use births::LoadedObjects;
pub(super) use kept_blocks::reference_place;
pub(crate) use once::Once;
pub(crate) use open_dump::OpenDump;
pub(super) use reach::Held;

use super::error::SqlError;
use crate::progress::Progress;

/// What a dump's new objects are told against.
pub(super) enum Previous {
    /// Nothing: it is the first of its process.
    None,
    /// Another open dump, by its place.
    Open(usize),
    /// A dump that was loaded into a file earlier.
    Loaded(Box<LoadedDump>),
}

/// A dump of which only a loaded file is left.
pub(super) struct LoadedDump {
    /// Its number.
    pub(super) number: u32,
    /// The first dump of its process.
    pub(super) series: u32,
    pub(super) objects: LoadedObjects,
}

/// The dumps that are open. Their numbers rise.
pub struct Sources {
    dumps: Vec<OpenDump>,
    progress: Arc<dyn Progress + Send>,
    /// What failed within SQLite, which passes on only its text.
    failure: Mutex<Option<SqlError>>,
}

impl Sources {
    /// Takes open dumps, and numbers them in this order from 1.
    ///
    /// # Errors
    /// If the metadata of one cannot be read.
    pub fn new(
        dumps: impl IntoIterator<Item = Dump>,
        progress: Arc<dyn Progress + Send>,
    ) -> Result<Sources, SqlError> {
        let mut open: Vec<OpenDump> = (1..)
            .zip(dumps)
            .map(|(number, dump)| OpenDump::new(number, dump))
            .collect::<Result<_, ReadError>>()?;
        for place in 0..open.len() {
            if let Some(previous) = previous(&open, place) {
                open[place].set_previous(Previous::Open(previous));
            }
        }
        Ok(Sources {
            dumps: open,
            progress,
            failure: Mutex::new(None),
        })
    }

    /// Frees what the rows of a dump needed, and what it was told against: for who goes through dumps in the order of time and is done
    /// with this one. Its objects stay, for the next dump of its process.
    pub(super) fn release(&mut self, place: usize) {
        self.dumps[place].release_graph();
        if let Previous::Open(previous) = *self.dumps[place].previous() {
            self.dumps[previous].release_objects();
        }
    }

    /// Takes one dump, which is to have a number, and the dump before it of the same process, if that was loaded.
    pub(super) fn one(
        number: u32,
        dump: Dump,
        previous: Option<LoadedDump>,
        progress: Arc<dyn Progress + Send>,
    ) -> Result<Sources, SqlError> {
        let mut dump = OpenDump::new(number, dump)?;
        if let Some(previous) = previous {
            dump.set_previous(Previous::Loaded(Box::new(previous)));
        }
        Ok(Sources {
            dumps: vec![dump],
            progress,
            failure: Mutex::new(None),
        })
    }

    /// Keeps what failed, and gives SQLite its text.
    pub(super) fn keep(&self, error: SqlError) -> rusqlite::Error {
        match error {
            SqlError::Sqlite(error) => error,
            other => {
                let text = other.to_string();
                *self.failure.lock().unwrap_or_else(|held| held.into_inner()) = Some(other);
                rusqlite::Error::ModuleError(text)
            }
        }
    }

    /// What really failed when SQLite tells of an error.
    pub fn told(&self, error: rusqlite::Error) -> SqlError {
        let kept = self
            .failure
            .lock()
            .unwrap_or_else(|held| held.into_inner())
            .take();
        kept.unwrap_or(SqlError::Sqlite(error))
    }

    pub(crate) fn progress(&self) -> &dyn Progress {
        &*self.progress
    }

    pub(crate) fn len(&self) -> usize {
        self.dumps.len()
    }

    /// How many values all of them tell.
    pub(super) fn value_count(&self) -> u64 {
        self.dumps
            .iter()
            .map(|dump| dump.dump().counts().values)
            .fold(0, u64::saturating_add)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenDump> {
        self.dumps.iter()
    }

    /// The dump at a place, from 0.
    pub(crate) fn at(&self, place: usize) -> &OpenDump {
        &self.dumps[place]
    }

    /// The place of the dump with a number.
    pub(super) fn place(&self, number: i64) -> Option<usize> {
        let first = i64::from(self.dumps.first()?.number());
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        (place < self.dumps.len()).then_some(place)
    }

    /// Places of the dumps that are meant: one by its number, or all.
    pub(super) fn chosen(&self, number: Option<i64>) -> std::ops::Range<usize> {
        match number {
            None => 0..self.dumps.len(),
            Some(number) => self.place(number).map_or(0..0, |place| place..place + 1),
        }
    }

    /// The number of the dump before one, of the same process.
    pub(super) fn previous(&self, dump: &OpenDump) -> Option<u32> {
        match dump.previous() {
            Previous::None => None,
            Previous::Open(place) => Some(self.at(*place).number()),
            Previous::Loaded(loaded) => Some(loaded.number),
        }
    }

    /// The number of the first dump of the same process.
    pub(super) fn series(&self, dump: &OpenDump) -> u32 {
        let mut dump = dump;
        loop {
            match dump.previous() {
                Previous::None => return dump.number(),
                Previous::Open(place) => dump = self.at(*place),
                Previous::Loaded(loaded) => return loaded.series,
            }
        }
    }

    /// By object: the number of the earliest dump of the process that has it.
    pub(super) fn births(&self, dump: &OpenDump) -> Result<Arc<[u32]>, SqlError> {
        // Not recursive: a series may be long.
        let mut series = vec![dump];
        while let Some(earliest) = series.last()
            && let (Previous::Open(place), None) = (earliest.previous(), earliest.births_known())
        {
            series.push(self.at(*place));
        }
        let mut births = None;
        while let Some(dump) = series.pop() {
            let earlier = match (dump.previous(), births) {
                (Previous::Open(place), Some(births)) => {
                    let before = self.at(*place);
                    Some(Earlier::Open {
                        process: before.process(),
                        snapshot: before.snapshot(self.progress())?,
                        births,
                    })
                }
                _ => None,
            };
            births = Some(dump.births(earlier, self.progress())?);
        }
        Ok(births.unwrap_or_default())
    }
}

/// The place of the dump before one: of the same process, and taken last before it.
fn previous(open: &[OpenDump], place: usize) -> Option<usize> {
    let dump = &open[place];
    let time = |place: usize| {
        let process = open[place].process();
        (process.dumped, process.sequence, place)
    };
    (0..open.len())
        .filter(|&other| other != place && time(other) < time(place))
        .filter(|&other| open[other].process().difference(dump.process()).is_none())
        .max_by_key(|&other| time(other))
}
