//! Numbers of dumps that are the same in every export: files of many exports lie beside each other, and are joined.

use std::collections::HashMap;
use std::hash::Hasher;

use twox_hash::XxHash64;

use crate::sql::sources::{OpenDump, Sources};

/// From the numbers that dumps have here to those that they have everywhere.
pub(super) struct Numbers(HashMap<i64, i64>);

impl Numbers {
    pub(super) fn of(sources: &Sources) -> Numbers {
        let number = |dump: &OpenDump| (i64::from(dump.number()), everywhere(dump));
        Numbers(sources.iter().map(number).collect())
    }

    /// The number that a dump has everywhere.
    pub(super) fn of_dump(&self, dump: &OpenDump) -> i64 {
        self.everywhere(dump.number().into())
    }

    /// The number that the dump with a number has everywhere.
    pub(super) fn everywhere(&self, number: i64) -> i64 {
        self.0.get(&number).copied().unwrap_or(number)
    }
}

/// Made of the process, the moment, and the size: of two files with the same, one is a copy of the other. Never negative.
fn everywhere(dump: &OpenDump) -> i64 {
    let mut hasher = XxHash64::with_seed(0);
    let mut part = |text: &str| {
        hasher.write(text.as_bytes());
        // Between parts, so that what ends one does not begin the next.
        hasher.write(&[0xff]);
    };
    for key in ["host", "pid", "time", "sequence", "uptime_ms"] {
        part(dump.metadata().get(key).unwrap_or_default());
    }
    part(&dump.dump().file_len().to_string());
    (hasher.finish() >> 1) as i64
}
