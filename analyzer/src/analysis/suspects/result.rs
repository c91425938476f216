//! What the verdict consists of.

use memdump_format::Address;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::chain::{Chain, ChainShape};
use super::super::identity::Identity;
use super::super::json_form;
use super::super::trend::Trend;
use crate::snapshot::TypeName;

/// The verdict over a series of dumps.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Suspects {
    /// How the first dump's objects were found again in the last.
    pub identity: Identity,
    /// The dumps, in their order.
    pub series: Vec<Taken>,
    /// The memory of the process, and how long it will do.
    pub memory: Memory,
    /// What leaks, or may: the surest first, and among equally sure ones those that keep the most bytes.
    pub suspects: Vec<Suspect>,
    /// What grew or was busy and is no suspect, with the reason.
    pub cleared: Vec<Cleared>,
    /// What one dump tells: memory that something unusual keeps.
    pub notes: Vec<Note>,
}

/// One dump of the series.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Taken {
    /// The file.
    pub file: String,
    /// Minutes since the first dump; none where times are not told or do not rise.
    pub minutes: Option<f64>,
    /// Objects.
    pub objects: u64,
    /// Their shallow bytes.
    pub bytes: u64,
    /// Resident memory of the process in bytes.
    pub rss_bytes: Option<u64>,
    /// Whether it is of the process of the last dump.
    pub same_process: bool,
    /// Whether the process hardly worked since the dump before.
    pub quiet: bool,
}

/// The memory of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Memory {
    /// Resident bytes in the last dump.
    pub rss_bytes: Option<u64>,
    /// What the process may use at most: its control group's limit, or the machine's memory.
    pub limit_bytes: Option<u64>,
    /// How fast it fills: the growth of resident memory or, if that is more, of what the suspects keep. None without time or growth.
    pub bytes_per_minute: Option<f64>,
    /// Minutes until the limit is reached at this rate; none where it is not known.
    pub minutes_left: Option<f64>,
}

/// How sure a suspicion is. The rule stands in `docs/commands.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It may also be a cache that still fills, or chance.
    Unclear,
    /// It grows steadily, but over few dumps, or some of it goes again.
    Likely,
    /// It grows steadily over at least four dumps, and nothing of it ever goes.
    Certain,
}

/// In which way objects accumulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspectKind {
    /// A container has more and more of them.
    Container,
    /// They hang on one another, as in a linked list.
    Linked,
    /// They refer to one another and nothing else does: only the collector could free them.
    Cycles,
    /// Threads that stand at one place become more.
    StuckThreads,
}

/// What leaks.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Suspect {
    /// How sure that is.
    pub confidence: Confidence,
    /// In which way.
    pub kind: SuspectKind,
    /// What accumulates.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Where: the container, the beginning of the list, one of the cycles, the frame.
    pub holder: Place,
    /// How many containers of the same kind there are; 1 for one.
    pub holders: u64,
    /// Other containers that hold the same objects.
    pub also_held_by: Vec<Place>,
    /// How many there are in each dump; none where the holder was not found.
    pub counts: Vec<Option<u64>>,
    /// How many more there are in the end.
    pub growth: u64,
    /// Bytes that would be freed if the new ones were: their own, and of what only they keep alive.
    pub retained: u64,
    /// New ones per minute; none where the time is not known.
    pub per_minute: Option<f64>,
    /// Retained bytes per minute.
    pub bytes_per_minute: Option<f64>,
    /// How the number went.
    pub trend: Trend,
    /// What speaks for and against it.
    pub reasons: Vec<Reason>,
    /// Of cycles: their kinds, the greatest first.
    pub parts: Vec<NotePart>,
    /// What shows more.
    pub commands: Vec<String>,
}

/// An object, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Place {
    /// What it is.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Where it lies in the last dump.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
    pub address: Address,
    /// The chain to it.
    pub chain: Chain,
    /// Where several are meant, of which this is one: the shape of their chains.
    pub shape: Option<ChainShape>,
}

/// What speaks for or against a suspicion.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Two dumps cannot tell growth that goes on from a single step.
    SteadinessUnknown,
    /// It grew in so many of the intervals that count.
    Grew {
        /// In which it grew.
        grew: usize,
        /// All that count.
        intervals: usize,
    },
    /// All that were there at first still are.
    AllStayed {
        /// So many.
        kept: u64,
    },
    /// Some that were there at first no longer are.
    SomeWent {
        /// So many were there.
        of: u64,
        /// So many of them still are.
        kept: u64,
    },
    /// It grows more slowly than before.
    Slowing,
    /// It grows now and then.
    Uneven,
    /// Nearly all of its growth is in the last interval.
    JustNow,
    /// The dumps that were compared are of different processes.
    DifferentProcesses,
    /// In so many intervals the process hardly worked; they do not count.
    Quiet {
        /// How many.
        intervals: usize,
    },
    /// A thread holds it that stands at the same place in every dump.
    StandsStill {
        /// The thread; for several threads, one of them.
        thread: String,
        /// The function of the application, file and line.
        place: String,
        /// In how many dumps.
        dumps: usize,
    },
    /// Objects of this type have a finaliser.
    Finaliser {
        /// The type.
        #[serde(rename = "type")]
        type_name: TypeName,
    },
    /// So many of the objects that only the collector could free have been there for at least one whole interval.
    NotCollected {
        /// How many.
        objects: u64,
    },
    /// Most of what is retained hangs on tracebacks: frames, and their local variables.
    ThroughTracebacks {
        /// Retained bytes that do.
        bytes: u64,
    },
}

/// What is no suspect.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Cleared {
    /// What it holds.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// The container.
    pub holder: Place,
    /// How many there are in each dump; none where the holder was not found.
    pub counts: Vec<Option<u64>>,
    /// Why not.
    pub because: Acquittal,
}

/// Why something is no suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Acquittal {
    /// It grew, and no longer does although the process went on: a pool that is warm, a cache that is full.
    Stopped,
    /// It grew once.
    OneStep,
    /// It rises and falls.
    UpAndDown,
    /// Its members are replaced, and their number stays the same: a bounded cache.
    Replaced {
        /// Members that are new since the first dump.
        new: u64,
    },
}

/// Something unusual that keeps memory. Needs no growth.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Note {
    /// What it is.
    pub kind: NoteKind,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
    /// The greatest parts of it.
    pub parts: Vec<NotePart>,
    /// What shows more.
    pub commands: Vec<String>,
}

/// A part of what a [`Note`] tells.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct NotePart {
    /// Which part: types, a place, a container.
    pub what: String,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
    /// One of the objects; left out where one says nothing of the others.
    #[serde(
        serialize_with = "json_form::optional_address",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub example: Option<Address>,
}

/// Kinds of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Cycles, and what hangs on them, that only the collector could free.
    Unreachable,
    /// Kept alive only by frames and threads.
    OnlyFrames,
    /// Kept alive only by tracebacks of exceptions.
    OnlyTracebacks,
    /// Kept alive only by native code.
    OnlyNative,
    /// Room that containers have and do not use.
    HalfEmpty,
    /// Objects that hold a value which another of their type holds, where the dump tells values.
    Duplicates,
}
