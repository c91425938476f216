//! Faults injected by name: `MEMDUMP_FAILPOINTS=clone-refused,no-space-after=100000`, read at each dump before the clone.
//! Without the feature `failpoints` every check is the constant "no", and the names do not reach the binary.

/// Where a fault can be injected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failpoint {
    /// The system refuses the clone.
    CloneRefused,
    /// The system refuses a mapping.
    MapFails,
    /// The snapshot process is killed before it made its file.
    KilledAtStart,
    /// The snapshot process with this number (from 1, counted on in forked processes) stops itself before it made its file, and goes on with SIGCONT.
    StopsAtStart,
    /// The snapshot process is killed in the middle of its file.
    KilledMidway,
    /// The snapshot process stops in the middle of its file and never goes on.
    Hangs,
    /// The walk runs into a memory fault outside of any landing.
    WalkFaults,
    /// The walk panics.
    WalkPanics,
    /// The disk is full after so many bytes.
    NoSpaceAfter,
    /// The finished file cannot be renamed.
    RenameFails,
    /// The kernel or file system knows no rename without replacing.
    RenameUnsupported,
    /// The file of a killed snapshot process cannot be removed for as long as this is on.
    RemoveHangs,
}

#[cfg(feature = "failpoints")]
mod enabled {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Failpoint;

    const OFF: u64 = u64::MAX;
    const NAMES: [(&str, Failpoint); 12] = [
        ("clone-refused", Failpoint::CloneRefused),
        ("mmap-fails", Failpoint::MapFails),
        ("child-killed-at-start", Failpoint::KilledAtStart),
        ("child-stops", Failpoint::StopsAtStart),
        ("child-killed", Failpoint::KilledMidway),
        ("child-hangs", Failpoint::Hangs),
        ("walk-faults", Failpoint::WalkFaults),
        ("walk-panics", Failpoint::WalkPanics),
        ("no-space-after", Failpoint::NoSpaceAfter),
        ("rename-fails", Failpoint::RenameFails),
        ("rename-unsupported", Failpoint::RenameUnsupported),
        ("remove-hangs", Failpoint::RemoveHangs),
    ];
    static VALUES: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(OFF) }; NAMES.len()];

    /// Snapshot processes so far, those of the process that this was forked from included.
    static SNAPSHOTS: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn load() {
        SNAPSHOTS.fetch_add(1, Ordering::Relaxed);
        let list = std::env::var("MEMDUMP_FAILPOINTS").unwrap_or_default();
        for (name, point) in NAMES {
            let value = list.split(',').find_map(|item| {
                let (key, value) = item.split_once('=').unwrap_or((item, "0"));
                (key.trim() == name).then(|| value.trim().parse().unwrap_or(0))
            });
            VALUES[point as usize].store(value.unwrap_or(OFF), Ordering::Relaxed);
        }
    }

    pub(crate) fn is_turn(point: Failpoint) -> bool {
        value(point) == Some(SNAPSHOTS.load(Ordering::Relaxed))
    }

    pub(crate) fn value(point: Failpoint) -> Option<u64> {
        Some(VALUES[point as usize].load(Ordering::Relaxed)).filter(|&value| value != OFF)
    }
}

/// Reads the environment.
pub(crate) fn load() {
    #[cfg(feature = "failpoints")]
    enabled::load();
}

/// The number given with the point (0 where none was), if it is on.
pub(crate) fn value(point: Failpoint) -> Option<u64> {
    #[cfg(feature = "failpoints")]
    return enabled::value(point);
    #[cfg(not(feature = "failpoints"))]
    {
        let _ = point;
        None
    }
}

/// Whether the point is on.
pub(crate) fn is_on(point: Failpoint) -> bool {
    value(point).is_some()
}

/// Whether the point is on for just this snapshot process.
pub(crate) fn is_turn(point: Failpoint) -> bool {
    #[cfg(feature = "failpoints")]
    return enabled::is_turn(point);
    #[cfg(not(feature = "failpoints"))]
    {
        let _ = point;
        false
    }
}
