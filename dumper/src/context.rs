//! The facts about the target that every dump carries as metadata.

use std::time::{Duration, Instant, SystemTime};

use crate::trigger::Trigger;

/// What the snapshot process knows about the target and the request. Collected in the snapshot process.
#[derive(Clone, Debug)]
pub struct SnapshotContext {
    /// Name of the machine.
    pub host: String,
    /// Process id of the target.
    pub pid: u32,
    /// Path of the target's executable.
    pub program: String,
    /// The target's arguments, shell-quoted, separated by a space.
    pub arguments: String,
    /// When the snapshot was taken.
    pub time: SystemTime,
    /// How long the target had been running.
    pub uptime: Duration,
    /// Number of this dump in its process.
    pub sequence: u64,
    /// What asked for it.
    pub trigger: Trigger,
    /// Resident memory of the target, bytes.
    pub rss_bytes: u64,
    /// How long it took until the runtime held still.
    pub wait: Duration,
    /// How long the clone took, as seen from the snapshot process.
    pub pause: Duration,
    /// Whether texts of keys may be written as labels.
    pub labels: bool,
    /// When the snapshot process must be through.
    pub deadline: Instant,
}
