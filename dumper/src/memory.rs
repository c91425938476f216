//! How much memory a process uses, and how much it may.

use std::ffi::CString;

use crate::sys;

/// Resident memory of a process, bytes; `None` if unknown.
pub(crate) fn resident(pid: libc::pid_t) -> Option<u64> {
    let pages: u64 = of_process(pid, "statm")?
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    pages.checked_mul(sys::system_value(libc::_SC_PAGESIZE)?)
}

/// What a process may use at most, bytes: the least of its control groups' limits and the machine's memory.
pub(crate) fn limit(pid: libc::pid_t) -> Option<u64> {
    let limits = groups_of(pid).into_iter().filter_map(|group| group.limit());
    let machine = text_of("/proc/meminfo").and_then(|text| total_memory(&text));
    limits.chain(machine).min()
}

/// What is left of the limits of a process's control groups. Where a group reaches its limit the kernel kills, and with
/// `memory.oom.group`, which container managers set, it kills all of the group: not only the snapshot process.
#[derive(Debug)]
pub(crate) struct Headroom {
    limited: Vec<(Group, u64)>,
}

impl Headroom {
    pub(crate) fn of(pid: libc::pid_t) -> Self {
        // Version 1 tells no limit by a number beyond all machines.
        const NONE: u64 = 1 << 60;
        let limited = groups_of(pid)
            .into_iter()
            .filter_map(|group| group.limit().map(|limit| (group, limit)))
            .filter(|&(_, limit)| limit < NONE)
            .collect();
        Self { limited }
    }

    /// The least number of bytes that is left in one of the groups, if that is too little to go on.
    pub(crate) fn too_little(&self) -> Option<u64> {
        let left = self.limited.iter().filter_map(|(group, limit)| {
            let left = limit.saturating_sub(group.used()?);
            (left < margin(*limit)).then_some(left)
        });
        left.min()
    }
}

/// What a service writes to meanwhile is copied, and this is looked at 20 times a second at most: a fast one still gets past it.
fn margin(limit: u64) -> u64 {
    (limit / 32).clamp(8 << 20, 256 << 20)
}

/// A control group, by the directory and the names of its files.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    directory: String,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Group {
    fn file(&self, one: &str, two: &str) -> Option<String> {
        let name = match self.version {
            Version::One => one,
            Version::Two => two,
        };
        text_of(&format!("{}/{name}", self.directory))
    }

    fn limit(&self) -> Option<u64> {
        let text = self.file("memory.limit_in_bytes", "memory.max")?;
        text.trim().parse().ok()
    }

    /// What cannot be had back by dropping files from the cache.
    fn used(&self) -> Option<u64> {
        let usage = self.file("memory.usage_in_bytes", "memory.current")?;
        let usage: u64 = usage.trim().parse().ok()?;
        let files = self
            .file("memory.stat", "memory.stat")
            .map_or(0, |stat| cached_files(&stat, self.version));
        Some(usage.saturating_sub(files))
    }
}

/// Bytes of files in the cache, as `memory.stat` tells them. Those of memory file systems are not among them.
fn cached_files(stat: &str, version: Version) -> u64 {
    let names = match version {
        Version::One => ["total_inactive_file", "total_active_file"],
        Version::Two => ["inactive_file", "active_file"],
    };
    stat.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| names.contains(name))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .sum()
}

fn groups_of(pid: libc::pid_t) -> Vec<Group> {
    groups(&of_process(pid, "cgroup").unwrap_or_default())
}

/// A file of `/proc/PID`.
pub(crate) fn of_process(pid: libc::pid_t, file: &str) -> Option<String> {
    text_of(&format!("/proc/{pid}/{file}"))
}

fn text_of(path: &str) -> Option<String> {
    let bytes = sys::read_file(&CString::new(path).ok()?).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The groups that may limit the memory of a process whose `/proc/PID/cgroup` is given: its own and all above, of version 2 and 1.
/// Where they are mounted elsewhere, nothing is found.
fn groups(text: &str) -> Vec<Group> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(mut path)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mount, version) = if controllers.is_empty() {
            ("/sys/fs/cgroup", Version::Two)
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", Version::One)
        } else {
            continue;
        };
        loop {
            path = path.trim_end_matches('/');
            found.push(Group {
                directory: format!("{mount}{path}"),
                version,
            });
            match path.rsplit_once('/') {
                Some((above, _)) => path = above,
                None => break,
            }
        }
    }
    found
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_less_than_it_may() {
        let own = sys::process_id();
        assert!(resident(own).unwrap() > 100_000);
        assert!(limit(own).unwrap() > resident(own).unwrap());
    }

    #[test]
    fn groups_above_count_too() {
        let found = |text: &str| -> Vec<(String, Version)> {
            let groups = groups(text).into_iter();
            groups
                .map(|group| (group.directory, group.version))
                .collect()
        };
        assert_eq!(
            found("0::/system.slice/shop.service\n"),
            [
                "/sys/fs/cgroup/system.slice/shop.service",
                "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup",
            ]
            .map(|directory| (directory.into(), Version::Two))
        );
        assert_eq!(
            found("9:cpu,cpuacct:/a\n5:memory:/docker/x\n0::/\nodd\n"),
            [
                ("/sys/fs/cgroup/memory/docker/x", Version::One),
                ("/sys/fs/cgroup/memory/docker", Version::One),
                ("/sys/fs/cgroup/memory", Version::One),
                ("/sys/fs/cgroup", Version::Two),
            ]
            .map(|(directory, version)| (directory.into(), version))
        );
    }

    fn group(version: Version, files: &[(&str, &str)]) -> (tempfile::TempDir, Headroom) {
        let place = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        let group = Group {
            directory: place.path().to_str().unwrap().into(),
            version,
        };
        let limited = group.limit().map(|limit| (group, limit)).into_iter();
        let limited = limited.collect();
        (place, Headroom { limited })
    }

    #[test]
    fn what_is_left_is_seen_in_both_versions_and_the_cache_counts_as_left() {
        let stat = "anon 1000\ninactive_file 600\nactive_file 300\nshmem 7\n";
        let two = |current| {
            let files = [
                ("memory.max", "1073741824\n"),
                ("memory.current", current),
                ("memory.stat", stat),
            ];
            group(Version::Two, &files).1.too_little()
        };
        // 32 MiB must be left.
        assert_eq!(two("1040188292"), None);
        assert_eq!(two("1040188293"), Some((32 << 20) - 1));
        assert_eq!(two("1073742724"), Some(0));
        let stat = "inactive_file 5\ntotal_inactive_file 600\ntotal_active_file 300\n";
        let files = [
            ("memory.limit_in_bytes", "1073741824\n"),
            ("memory.usage_in_bytes", "1040188293\n"),
            ("memory.stat", stat),
        ];
        assert_eq!(
            group(Version::One, &files).1.too_little(),
            Some((32 << 20) - 1)
        );
    }

    #[test]
    fn a_group_without_a_limit_leaves_enough() {
        let files = [("memory.max", "max\n"), ("memory.current", "5\n")];
        assert_eq!(group(Version::Two, &files).1.too_little(), None);
    }

    #[test]
    fn the_machine_limits_too() {
        let meminfo = "MemTotal:       16318468 kB\nMemFree: 1 kB\n";
        assert_eq!(total_memory(meminfo), Some(16_318_468 * 1024));
        assert_eq!(total_memory("MemTotal: many\n"), None);
    }
}
