//! What a kind of target has to bring: how its runtime is held still, and how its heap is walked.

use crate::context::SnapshotContext;
use crate::dump_file::DumpFile;

/// A runtime whose heap can be dumped: CPython, or a Rust program.
pub trait Target: Send + Sync + 'static {
    /// Brings the runtime into a state that can be copied (CPython: takes the GIL), calls `clone_now` exactly once, and
    /// lets go again. Runs in the live process, on the agent's thread or, for a direct call, on the caller's.
    ///
    /// # Errors
    ///
    /// Why the runtime cannot be held still: it is shutting down, refuses, …; told to the user as it stands.
    fn hold_still(&self, clone_now: &mut dyn FnMut()) -> Result<(), String>;

    /// Called once on the agent's thread, before anything else happens there.
    fn enter_agent(&self) {}

    /// Writes the heap. Runs in the snapshot process: alone, single-threaded, with memory of its own, on the stack of the
    /// thread that called [`hold_still`](Self::hold_still), while other threads' locks may be held for ever. So it must take no lock, start no thread,
    /// and call nothing of libc that allocates. `out` is not buffered.
    ///
    /// # Errors
    ///
    /// Why there is no dump. What costs only a part of the dump belongs into its faults instead.
    fn walk(&self, out: DumpFile, context: &SnapshotContext) -> Result<WalkSummary, WalkError>;
}

/// What a finished walk wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    /// Objects.
    pub objects: u64,
    /// References between them.
    pub references: u64,
    /// Bytes of the dump file.
    pub bytes: u64,
    /// What could not be read.
    pub faults: u64,
}

/// Why a walk gave up. Small and without memory of its own, because it crosses from the snapshot process to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// A system call on the dump failed with this `errno`.
    #[error("cannot write the dump: {}", std::io::Error::from_raw_os_error(*.0))]
    Io(i32),
    /// The heap cannot be written; at most 255 bytes of the text reach the user.
    #[error("{0}")]
    Heap(&'static str),
}

impl From<std::io::Error> for WalkError {
    fn from(error: std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => Self::Io(errno),
            None => Self::Heap("writing the dump failed without an error of the system"),
        }
    }
}

impl From<memdump_format::WriteError> for WalkError {
    fn from(error: memdump_format::WriteError) -> Self {
        use memdump_format::WriteError;
        match error {
            WriteError::Io(error) => error.into(),
            WriteError::TooMany { .. } => Self::Heap("more objects than 32-bit ids can name"),
            _ => Self::Heap("the walk gave the writer a record that it refuses"),
        }
    }
}
