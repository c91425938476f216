//! What asks for a dump.

use std::fmt;
use std::time::Duration;

/// What asked for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The signal of the settings, by number.
    Signal(i32),
    /// The second signal, by number: `memdump send`.
    Send(i32),
    /// A direct call.
    Call,
    /// Resident memory reached a level. Bytes.
    Memory {
        /// Resident memory when it was looked at.
        resident: u64,
        /// The level that it reached.
        level: u64,
    },
    /// Resident memory rose fast.
    Rise {
        /// By so many bytes.
        bytes: u64,
        /// In this time.
        within: Duration,
    },
    /// The runtime ran out of memory.
    MemoryError,
    /// The process is about to end.
    Exit,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Send(number) => write!(f, "signal {number} (send)"),
            Self::Call => f.write_str("call"),
            Self::Memory { resident, level } => write!(
                f,
                "memory {} MiB, level {} MiB",
                mebibytes(*resident),
                mebibytes(*level)
            ),
            Self::Rise { bytes, within } => write!(
                f,
                "rise of {} MiB in {} s",
                mebibytes(*bytes),
                within.as_secs()
            ),
            Self::MemoryError => f.write_str("MemoryError"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

/// Rounded down: what is told as reached was reached.
fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}
