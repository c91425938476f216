//! What asks for a dump.

use std::fmt;

/// What asked for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The signal of the settings, by number.
    Signal(i32),
    /// The second signal, by number: `memdump send`.
    Send(i32),
    /// A direct call.
    Call,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Send(number) => write!(f, "signal {number} (send)"),
            Self::Call => f.write_str("call"),
        }
    }
}
