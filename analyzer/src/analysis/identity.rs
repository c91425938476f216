//! How two dumps know an object to be the same.

use std::ops::Range;

use memdump_format::{Dump, Metadata, ObjectId, ReadError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::snapshot::{Near, ObjectSet, Snapshot, TypeKey, printable};

/// How two dumps know an object to be the same.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Identity {
    /// The same address and the same type, and not born after the earlier of the dumps: they have birth serials.
    Exact,
    /// The same address and the same type: as good as addresses are not reused.
    ByAddress,
    /// Not at all.
    Unavailable {
        /// Why not.
        reason: String,
    },
}

impl Identity {
    /// Whether objects of the two dumps can be told to be the same.
    pub fn is_available(&self) -> bool {
        matches!(self, Identity::Exact | Identity::ByAddress)
    }

    /// Between the objects of two dumps.
    pub fn between(before: &Dump, after: &Dump) -> Result<Identity, ReadError> {
        let (before, after) = (
            Process::of(&before.metadata()?),
            Process::of(&after.metadata()?),
        );
        Ok(before.identity(&after))
    }
}

/// What a dump with birth serials says of them, by FORMAT.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Births {
    /// Whatever was born after the dump has a greater serial.
    pub watermark: u64,
    /// Births are known since the dump with this watermark.
    pub marked_since: u64,
}

impl Births {
    /// From a dump's metadata, by key.
    pub fn of<'t>(metadata: impl Fn(&str) -> Option<&'t str>) -> Option<Births> {
        let number = |key| metadata(key)?.parse().ok();
        let exact = metadata("identity") == Some("exact");
        exact.then_some(Births {
            watermark: number("watermark")?,
            marked_since: number("marked_since")?,
        })
    }

    /// Whether all births between two dumps of one process are known, in whichever order they come.
    fn are_known_between(self, other: Births) -> bool {
        let (earlier, later) = match self.watermark <= other.watermark {
            true => (self, other),
            false => (other, self),
        };
        earlier.watermark >= later.marked_since
    }
}

/// Which process a dump is of, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The machine.
    pub host: Option<String>,
    /// The process id.
    pub pid: Option<u32>,
    /// When it started.
    pub started: Option<OffsetDateTime>,
    /// When the dump was taken.
    pub dumped: Option<OffsetDateTime>,
    /// The number of the dump in its process.
    pub sequence: Option<u64>,
    /// What it says of births; none if its objects have no serials.
    pub births: Option<Births>,
}

impl Process {
    /// Reads what the metadata tell.
    pub fn of(metadata: &Metadata) -> Process {
        let number = |key| metadata.get(key).and_then(|text| text.parse::<u64>().ok());
        let dumped = metadata
            .get("time")
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let uptime = number("uptime_ms")
            .and_then(|ms| i64::try_from(ms).ok())
            .map(time::Duration::milliseconds);
        Process {
            // As it is printed: reasons name it, and a loaded file has it so.
            host: metadata
                .get("host")
                .map(|host| printable(host).into_owned()),
            pid: number("pid").and_then(|pid| u32::try_from(pid).ok()),
            started: dumped.zip(uptime).and_then(|(at, up)| at.checked_sub(up)),
            dumped,
            sequence: number("sequence"),
            births: Births::of(|key| metadata.get(key)),
        }
    }

    /// How objects of the two dumps are known to be the same.
    pub fn identity(&self, other: &Process) -> Identity {
        if let Some(reason) = self.difference(other) {
            return Identity::Unavailable { reason };
        }
        match self.births.zip(other.births) {
            Some((ours, theirs)) if ours.are_known_between(theirs) => Identity::Exact,
            _ => Identity::ByAddress,
        }
    }

    /// Why the other dump is of another process; `None` if nothing says so.
    pub fn difference(&self, other: &Process) -> Option<String> {
        /// Clocks are read at different moments, and set now and then.
        const TOLERANCE: time::Duration = time::Duration::seconds(5);
        if let (Some(a), Some(b)) = (&self.host, &other.host)
            && a != b
        {
            return Some(format!("the dumps are of different hosts, {a} and {b}"));
        }
        if let (Some(a), Some(b)) = (self.pid, other.pid)
            && a != b
        {
            return Some(format!("the dumps are of different processes, {a} and {b}"));
        }
        if let (Some(a), Some(b)) = (self.started, other.started)
            && (a - b).abs() > TOLERANCE
        {
            return Some("the process was restarted between the dumps".to_owned());
        }
        None
    }
}

/// Objects of a dump that were born after another dump of the process was taken: they are none of its objects, though they may lie where
/// one was. `None` if births between the two are not known, or the other dump is the later one.
pub fn born_after(before: &Process, after: &Snapshot) -> Result<Option<ObjectSet>, ReadError> {
    let this = Process::of(&after.dump().metadata()?);
    match (before.identity(&this), before.births.zip(this.births)) {
        (Identity::Exact, Some((before, this))) if before.watermark <= this.watermark => {
            after.born_after(before.watermark).map(Some)
        }
        _ => Ok(None),
    }
}

/// The objects that are in both of two dumps.
pub struct Kept<'s> {
    before: &'s Snapshot,
    after: &'s Snapshot,
    /// For each type of the earlier dump, the later one's of the same name.
    keys: Vec<TypeKey>,
    /// Objects of the later dump that cannot be kept ones, as far as births tell.
    born: Option<ObjectSet>,
    /// The same of the earlier one, if it was taken later.
    born_in_before: Option<ObjectSet>,
}

impl<'s> Kept<'s> {
    /// Between the objects of two dumps of one process. Here, and only here, is said when two objects are the same.
    pub fn new(before: &'s Snapshot, after: &'s Snapshot) -> Result<Kept<'s>, ReadError> {
        let process = |snapshot: &Snapshot| Ok(Process::of(&snapshot.dump().metadata()?));
        Ok(Kept {
            born: born_after(&process(before)?, after)?,
            born_in_before: born_after(&process(after)?, before)?,
            before,
            after,
            keys: same_types(before, after),
        })
    }

    /// Whether objects that lie at the same address are the same.
    pub fn are_same(&self, old: ObjectId, new: ObjectId) -> bool {
        let is_born = |born: &Option<ObjectSet>, id| born.as_ref().is_some_and(|b| b.contains(id));
        self.keys[self.before.type_of(old).index()] == self.after.type_of(new)
            && !is_born(&self.born, new)
            && !is_born(&self.born_in_before, old)
    }

    /// Ranges that together are all of them, for [`walk`](Self::walk) in parallel.
    pub fn parts(&self) -> impl IndexedParallelIterator<Item = Range<usize>> + '_ {
        self.before.index().parts()
    }

    /// Gives every object of a part, as `(in the earlier, in the later)`.
    pub fn walk(&self, part: Range<usize>, mut each: impl FnMut(ObjectId, ObjectId)) {
        let (mut addresses, mut ids) = (Vec::new(), Vec::new());
        self.before.index().walk(part, |address, old| {
            addresses.push(address);
            ids.push(old);
        });
        let index = self.after.index();
        index.find_each(&addresses, &mut Near::default(), |at, found| {
            let old = ids[at];
            if let Some(new) = found
                && self.are_same(old, new)
            {
                each(old, new);
            }
        });
    }
}

impl Kept<'_> {
    /// Those of the earlier dump's objects that the later has, too; as the later's.
    pub fn of(&self, objects: &ObjectSet) -> ObjectSet {
        let kept = ObjectSet::new(self.after.id_limit());
        self.parts().for_each(|part| {
            self.walk(part, |old, new| {
                if objects.contains(old) {
                    kept.insert(new);
                }
            });
        });
        kept
    }
}

/// Objects that are in the later dump only.
pub fn new_objects(before: &Snapshot, after: &Snapshot) -> Result<ObjectSet, ReadError> {
    let old = ObjectSet::new(after.id_limit());
    let kept = Kept::new(before, after)?;
    kept.parts().for_each(|part| {
        kept.walk(part, |_, id| {
            old.insert(id);
        });
    });
    let new = ObjectSet::new(after.id_limit());
    for id in after.ids().filter(|&id| !old.contains(id)) {
        new.insert(id);
    }
    Ok(new)
}

/// For each type of the earlier dump, the later one's of the same name; `NONE` if it has none.
pub(super) fn same_types(before: &Snapshot, after: &Snapshot) -> Vec<TypeKey> {
    let by_name: std::collections::HashMap<_, _> = after
        .types()
        .iter()
        .map(|(key, name)| (name, key))
        .collect();
    before
        .types()
        .names()
        .iter()
        .map(|name| by_name.get(name).copied().unwrap_or(TypeKey::NONE))
        .collect()
}
