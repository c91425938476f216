//! Where the fields lie that decide about pending calls, in each version that has no remote debugging. All that differs between
//! versions is here; made by `layouts/offsets.c`, and checked against the live target before anything is written.

/// Offsets in bytes.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The 9 of 3.9.
    pub(crate) minor: u8,
    pub(crate) runtime: RuntimeFields,
    pub(crate) interpreter: InterpreterFields,
    pub(crate) thread: ThreadFields,
    pub(crate) ring: RingFields,
}

/// In `_PyRuntime`.
#[derive(Debug)]
pub(crate) struct RuntimeFields {
    pub(crate) initialized: u64,
    pub(crate) finalizing: u64,
    pub(crate) head: u64,
    pub(crate) main: u64,
    pub(crate) main_thread: u64,
}

/// In `PyInterpreterState`.
#[derive(Debug)]
pub(crate) struct InterpreterFields {
    pub(crate) next: u64,
    pub(crate) id: u64,
    pub(crate) threads: u64,
}

/// In `PyThreadState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadFields {
    pub(crate) next: u64,
    pub(crate) interpreter: u64,
    pub(crate) thread_id: u64,
    /// What `gettid` gives; from 3.11 on.
    pub(crate) native_id: Option<u64>,
}

/// The ring of pending calls, in `PyInterpreterState`.
#[derive(Debug)]
pub(crate) struct RingFields {
    pub(crate) calls: u64,
    pub(crate) entry_size: u64,
    pub(crate) capacity: u32,
    /// The oldest entry.
    pub(crate) first: u64,
    /// Behind the newest entry.
    pub(crate) last: u64,
    pub(crate) kind: RingKind,
}

/// How a ring says that it is in use and that something is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingKind {
    /// To 3.12. It is empty when `first` is `last`.
    Flagged {
        /// A pointer to a semaphore, which is 1 while nobody is at the ring.
        lock: u64,
        /// Set to 1 by who adds a call.
        calls_to_do: u64,
        /// Of the interpreter; the loop looks here.
        eval_breaker: u64,
    },
    /// 3.13. It has a count.
    Counted {
        /// A byte, which is 0 while nobody is at the ring.
        mutex: u64,
        /// Number of entries.
        count: u64,
        /// The greatest number of entries.
        max: u64,
        /// Of each thread (in `PyThreadState`): bits, of which this asks for pending calls.
        eval_breaker: u64,
        bit: u64,
    },
}

impl Layout {
    /// The layout of 3.`minor`.
    pub(crate) fn of(minor: u8) -> Option<&'static Layout> {
        LAYOUTS.iter().find(|layout| layout.minor == minor)
    }
}

const LAYOUTS: [Layout; 5] = [
    Layout {
        minor: 9,
        runtime: RuntimeFields {
            initialized: 12,
            finalizing: 16,
            head: 32,
            main: 40,
            main_thread: 72,
        },
        interpreter: InterpreterFields {
            next: 0,
            id: 24,
            threads: 8,
        },
        thread: ThreadFields {
            next: 8,
            interpreter: 16,
            thread_id: 176,
            native_id: None,
        },
        ring: RingFields {
            calls: 96,
            entry_size: 16,
            capacity: 32,
            first: 608,
            last: 612,
            kind: RingKind::Flagged {
                lock: 80,
                calls_to_do: 88,
                eval_breaker: 72,
            },
        },
    },
    Layout {
        minor: 10,
        runtime: RuntimeFields {
            initialized: 12,
            finalizing: 16,
            head: 32,
            main: 40,
            main_thread: 72,
        },
        interpreter: InterpreterFields {
            next: 0,
            id: 24,
            threads: 8,
        },
        thread: ThreadFields {
            next: 8,
            interpreter: 16,
            thread_id: 176,
            native_id: None,
        },
        ring: RingFields {
            calls: 96,
            entry_size: 16,
            capacity: 32,
            first: 608,
            last: 612,
            kind: RingKind::Flagged {
                lock: 80,
                calls_to_do: 88,
                eval_breaker: 68,
            },
        },
    },
    Layout {
        minor: 11,
        runtime: RuntimeFields {
            initialized: 16,
            finalizing: 24,
            head: 40,
            main: 48,
            main_thread: 80,
        },
        interpreter: InterpreterFields {
            next: 0,
            id: 48,
            threads: 16,
        },
        thread: ThreadFields {
            next: 8,
            interpreter: 16,
            thread_id: 152,
            native_id: Some(160),
        },
        ring: RingFields {
            calls: 128,
            entry_size: 16,
            capacity: 32,
            first: 640,
            last: 644,
            kind: RingKind::Flagged {
                lock: 112,
                calls_to_do: 120,
                eval_breaker: 100,
            },
        },
    },
    Layout {
        minor: 12,
        runtime: RuntimeFields {
            initialized: 16,
            finalizing: 24,
            head: 40,
            main: 48,
            main_thread: 64,
        },
        interpreter: InterpreterFields {
            next: 0,
            id: 8,
            threads: 72,
        },
        thread: ThreadFields {
            next: 8,
            interpreter: 16,
            thread_id: 136,
            native_id: Some(144),
        },
        ring: RingFields {
            calls: 424,
            entry_size: 16,
            capacity: 32,
            first: 936,
            last: 940,
            kind: RingKind::Flagged {
                lock: 408,
                calls_to_do: 416,
                eval_breaker: 368,
            },
        },
    },
    Layout {
        minor: 13,
        runtime: RuntimeFields {
            initialized: 600,
            finalizing: 608,
            head: 632,
            main: 640,
            main_thread: 656,
        },
        interpreter: InterpreterFields {
            next: 7264,
            id: 7272,
            threads: 7344,
        },
        thread: ThreadFields {
            next: 8,
            interpreter: 16,
            thread_id: 152,
            native_id: Some(160),
        },
        ring: RingFields {
            calls: 56,
            entry_size: 24,
            capacity: 300,
            first: 7256,
            last: 7260,
            kind: RingKind::Counted {
                mutex: 40,
                count: 44,
                max: 48,
                eval_breaker: 24,
                bit: 1 << 2,
            },
        },
    },
];
