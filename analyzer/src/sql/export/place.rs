//! Where the file of a dump's table lies: `DIR/TABLE/host=HOST/pid=PID/NAME.parquet`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::sql::sources::OpenDump;

/// What Hive, and so everybody, writes for a value that is unknown.
const UNKNOWN: &str = "__HIVE_DEFAULT_PARTITION__";
/// File names are at most 255 bytes nearly everywhere; the rest is for numbers and endings.
const LONGEST: usize = 200;

/// The partition and the name of a dump's files, the same for each table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    host: String,
    pid: String,
    name: String,
}

impl Place {
    pub(super) fn of(dump: &OpenDump, number: i64) -> Place {
        let metadata = dump.metadata();
        // As the table `dump` tells it: none if it is no number.
        let pid = metadata.get("pid").and_then(|pid| pid.parse().ok());
        Place::new(metadata.get("host"), pid, dump.dump().path(), number)
    }

    /// The name begins with the dump's, for people; its number makes it differ from those of other dumps, of the same name too.
    fn new(host: Option<&str>, pid: Option<u64>, dump: &Path, number: i64) -> Place {
        let stem = dump.file_stem().unwrap_or_default().to_string_lossy();
        Place {
            host: host.map_or_else(|| UNKNOWN.to_owned(), |host| shortened(escaped(host))),
            pid: pid.map_or_else(|| UNKNOWN.to_owned(), |pid| pid.to_string()),
            name: format!("{}.{number:016x}.parquet", shortened(escaped(&stem))),
        }
    }

    pub(super) fn of_table(&self, directory: &Path, table: &str) -> PathBuf {
        directory
            .join(table)
            .join(format!("host={}", self.host))
            .join(format!("pid={}", self.pid))
            .join(&self.name)
    }
}

/// As Hive escapes: a `%` and two digits for each byte that a path or a partition could be misread by.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    // A name of dots alone is a directory; one with a dot in front is hidden from those who list it.
    match escaped.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => escaped,
    }
}

fn shortened(mut escaped: String) -> String {
    escaped.truncate(LONGEST);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(host: Option<&str>, pid: Option<u64>, dump: &str) -> String {
        let place = Place::new(host, pid, Path::new(dump), 0x2a);
        place
            .of_table(Path::new("heaps"), "type")
            .display()
            .to_string()
    }

    #[test]
    fn a_file_lies_under_its_table_host_and_process() {
        assert_eq!(
            path(Some("web-1.example"), Some(7), "dumps/app.7.3.dump"),
            "heaps/type/host=web-1.example/pid=7/app.7.3.000000000000002a.parquet"
        );
    }

    #[test]
    fn what_is_unknown_is_read_as_null() {
        assert_eq!(
            path(None, None, "a.dump"),
            "heaps/type/host=__HIVE_DEFAULT_PARTITION__/pid=__HIVE_DEFAULT_PARTITION__/a.000000000000002a.parquet"
        );
    }

    #[test]
    fn a_hostile_host_cannot_leave_the_directory() {
        assert_eq!(
            path(Some("../../etc/cron.d=x"), Some(1), "ü.dump"),
            "heaps/type/host=%2E.%2F..%2Fetc%2Fcron.d%3Dx/pid=1/%C3%BC.000000000000002a.parquet"
        );
    }

    #[test]
    fn no_name_is_too_long_for_a_file_system() {
        let path = path(Some(&"%".repeat(9000)), Some(1), &"x".repeat(300));
        assert!(path.split('/').all(|part| part.len() <= 255), "{path}");
    }
}
