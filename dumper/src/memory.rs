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
    let groups = of_process(pid, "cgroup").unwrap_or_default();
    let limits = limit_files(&groups)
        .into_iter()
        .filter_map(|path| text_of(&path)?.trim().parse().ok());
    let machine = text_of("/proc/meminfo").and_then(|text| total_memory(&text));
    limits.chain(machine).min()
}

/// A file of `/proc/PID`.
pub(crate) fn of_process(pid: libc::pid_t, file: &str) -> Option<String> {
    text_of(&format!("/proc/{pid}/{file}"))
}

fn text_of(path: &str) -> Option<String> {
    let bytes = sys::read_file(&CString::new(path).ok()?).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files that limit the memory of a process whose `/proc/PID/cgroup` is given: of its group and of all groups above, of
/// version 2 and 1. Where they are mounted elsewhere, nothing is found.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(mut path)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mount, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        loop {
            path = path.trim_end_matches('/');
            files.push(format!("{mount}{path}/{file}"));
            match path.rsplit_once('/') {
                Some((above, _)) => path = above,
                None => break,
            }
        }
    }
    files
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
    fn limits_of_all_groups_above_count() {
        assert_eq!(
            limit_files("0::/system.slice/shop.service\n"),
            [
                "/sys/fs/cgroup/system.slice/shop.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            limit_files("9:cpu,cpuacct:/a\n5:memory:/docker/x\n0::/\nodd\n"),
            [
                "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let meminfo = "MemTotal:       16318468 kB\nMemFree: 1 kB\n";
        assert_eq!(total_memory(meminfo), Some(16_318_468 * 1024));
        assert_eq!(total_memory("MemTotal: many\n"), None);
    }
}
