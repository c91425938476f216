//! How much memory this process has taken, and how much there is to be had.

use std::fs;

/// Bytes of memory that this process has had at most, the mapped files included; `None` where the system does not tell.
pub(super) fn peak() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// Bytes that can be had without that something else must go: of the machine, or of the container if that has less.
pub(super) fn available() -> Option<u64> {
    let machine = kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some(machine.min(left_in_container().unwrap_or(u64::MAX)))
}

/// The number in a line such as `VmHWM:    1234 kB`, in bytes.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number = line.trim().strip_suffix("kB")?.trim_end();
    number.parse::<u64>().ok()?.checked_mul(1024)
}

/// A container sees its own control group as the root one, which has no limit elsewhere.
fn left_in_container() -> Option<u64> {
    let read = |name| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    Some(read("memory.max")?.saturating_sub(read("memory.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_and_its_number() {
        let text = "Name:\tmemdump\nVmPeak:\t  9 kB\nVmHWM:\t    1234 kB\n";
        assert_eq!(kibibytes(text, "VmHWM:"), Some(1234 * 1024));
        assert_eq!(kibibytes(text, "VmSwap:"), None);
        assert_eq!(kibibytes("VmHWM: many kB", "VmHWM:"), None);
    }

    #[test]
    fn this_process_has_some() {
        assert!(peak().is_some_and(|bytes| bytes > 1 << 20));
        assert!(available().is_some());
    }
}
