//! The facts about the target that every dump carries as metadata. Collected in the snapshot process, so that the live one opens no file.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use memdump_format::{WriteError, Writer};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::arena;
use crate::census::{Census, TypeCount};
use crate::child;
use crate::exchange::Exchange;
use crate::memory::{self, of_process};
use crate::settings::Values;
use crate::sys;
use crate::trigger::Trigger;

/// What the snapshot process knows about the target and the request.
#[derive(Clone, Debug)]
pub struct SnapshotContext {
    /// Name of the machine.
    pub host: String,
    /// Process id of the target.
    pub pid: u32,
    /// Path of the target's executable; empty if unknown.
    pub program: String,
    /// The target's arguments, shell-quoted, separated by a space; `None` if they are to be left out or unknown.
    pub arguments: Option<String>,
    /// When the snapshot was taken.
    pub time: SystemTime,
    /// How long the target had been running; `None` if unknown.
    pub uptime: Option<Duration>,
    /// Number of this dump in its process.
    pub sequence: u64,
    /// What asked for it.
    pub trigger: Trigger,
    /// Resident memory of the target, bytes; `None` if unknown.
    pub rss_bytes: Option<u64>,
    /// Memory that the target may use at most, bytes: the least of its control groups' limits and the machine's memory.
    pub memory_limit_bytes: Option<u64>,
    /// CPU time that the target had used.
    pub target_cpu: Option<Duration>,
    /// How long it took until the runtime held still.
    pub wait: Duration,
    /// How long the clone took, as seen from the snapshot process; the target's own measure is written with the cost.
    pub pause: Duration,
    /// Whether texts of keys may be written as labels.
    pub labels: bool,
    /// What of texts and numbers is to be written.
    pub values: Values,
    /// When the snapshot process must be through.
    pub deadline: Instant,
    started: Instant,
    census: Option<Arc<Census>>,
    previous: Option<Arc<Census>>,
}

/// What only the caller knows.
pub(crate) struct Facts {
    pub(crate) target: libc::pid_t,
    pub(crate) sequence: u64,
    pub(crate) trigger: Trigger,
    pub(crate) wait: Duration,
    pub(crate) pause: Duration,
    pub(crate) labels: bool,
    pub(crate) values: Values,
    pub(crate) arguments: bool,
    pub(crate) deadline: Instant,
    pub(crate) census: Option<Arc<Census>>,
    pub(crate) previous: Option<Arc<Census>>,
}

impl SnapshotContext {
    /// Never fails: a fact that cannot be had is left out.
    pub(crate) fn collect(facts: &Facts) -> Self {
        let started = Instant::now();
        Self {
            host: host(),
            pid: facts.target.unsigned_abs(),
            program: sys::read_link(c"/proc/self/exe")
                .map(|path| String::from_utf8_lossy(&path).into_owned())
                .unwrap_or_default(),
            // The clone's are the target's.
            arguments: facts
                .arguments
                .then(|| sys::read_file(c"/proc/self/cmdline").ok())
                .flatten()
                .map(|line| quoted(&line)),
            time: SystemTime::now() - facts.pause,
            uptime: uptime(facts.target),
            sequence: facts.sequence,
            trigger: facts.trigger,
            rss_bytes: memory::resident(facts.target),
            memory_limit_bytes: memory::limit(facts.target),
            target_cpu: used_cpu(facts.target),
            wait: facts.wait,
            pause: facts.pause,
            labels: facts.labels,
            values: facts.values,
            deadline: facts.deadline,
            started,
            census: facts.census.clone(),
            previous: facts.previous.clone(),
        }
    }

    /// Writes the metadata that does not depend on the kind of target. The walk adds `producer`, `runtime` and `identity`.
    ///
    /// # Errors
    ///
    /// Of the writer.
    pub fn write_metadata<W: Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteError> {
        writer.metadata("host", &self.host)?;
        writer.metadata("pid", &self.pid.to_string())?;
        if !self.program.is_empty() {
            writer.metadata("program", &self.program)?;
        }
        if let Some(arguments) = &self.arguments {
            writer.metadata("arguments", arguments)?;
        }
        writer.metadata("time", &rfc3339(self.time))?;
        if let Some(uptime) = self.uptime {
            writer.metadata("uptime_ms", &uptime.as_millis().to_string())?;
        }
        writer.metadata("sequence", &self.sequence.to_string())?;
        writer.metadata("trigger", &self.trigger.to_string())?;
        if let Some(bytes) = self.rss_bytes {
            writer.metadata("rss_bytes", &bytes.to_string())?;
        }
        if let Some(bytes) = self.memory_limit_bytes {
            writer.metadata("memory_limit_bytes", &bytes.to_string())?;
        }
        if let Some(cpu) = self.target_cpu {
            writer.metadata("target_cpu_ms", &cpu.as_millis().to_string())?;
        }
        writer.metadata("wait_us", &self.wait.as_micros().to_string())?;
        writer.metadata("pause_us", &self.pause.as_micros().to_string())?;
        writer.metadata("labels", if self.labels { "on" } else { "off" })
    }

    /// Takes down how many objects there are of each type, for the end line and for comparison with the next dump. `name` writes the
    /// name of a type; it is called for a few only. Changes the order of `types`.
    pub fn count_types(
        &self,
        types: &mut Vec<TypeCount>,
        name: &mut dyn FnMut(u32, &mut dyn std::fmt::Write),
    ) {
        if let Some(census) = &self.census {
            census.take(types, self.previous.as_deref(), name);
        }
    }

    /// Writes what the dump cost so far; to be called last before the writer is finished.
    ///
    /// # Errors
    ///
    /// Of the writer.
    pub fn write_cost<W: Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteError> {
        if let Some(pause) = child::exchange().and_then(Exchange::pause) {
            writer.metadata("pause_us", &pause.as_micros().to_string())?;
        }
        let duration = self.started.elapsed();
        writer.metadata("duration_us", &duration.as_micros().to_string())?;
        writer.metadata("cpu_us", &cpu_time().as_micros().to_string())?;
        writer.metadata("child_memory_bytes", &arena::mapped_bytes().to_string())
    }
}

/// The machine's name.
pub(crate) fn host() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: writes at most the given length; the last byte stays 0.
    unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    CStr::from_bytes_until_nul(&name)
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// CPU time of this process so far: the clone starts with none.
fn cpu_time() -> Duration {
    sys::clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// A field of `/proc/PID/stat`, numbered as in proc(5), from the 3rd on: the second is the name in parentheses and may hold
/// anything.
fn stat_field(stat: &str, number: usize) -> Option<u64> {
    let rest = stat.rsplit_once(')')?.1;
    let mut fields = rest.split_ascii_whitespace();
    fields.nth(number.checked_sub(3)?)?.parse().ok()
}

fn of_ticks(ticks: u64) -> Option<Duration> {
    let millis = ticks.checked_mul(1000)? / sys::system_value(libc::_SC_CLK_TCK)?;
    Some(Duration::from_millis(millis))
}

fn uptime(pid: libc::pid_t) -> Option<Duration> {
    let started = of_ticks(stat_field(&of_process(pid, "stat")?, 22)?)?;
    Some(sys::clock(libc::CLOCK_BOOTTIME).saturating_sub(started))
}

/// User and system time of all threads.
fn used_cpu(pid: libc::pid_t) -> Option<Duration> {
    let stat = of_process(pid, "stat")?;
    of_ticks(stat_field(&stat, 14)?.checked_add(stat_field(&stat, 15)?)?)
}

/// Arguments as `/proc/PID/cmdline` has them, each followed by a zero, as a shell would take them.
fn quoted(line: &[u8]) -> String {
    let line = line.strip_suffix(&[0]).unwrap_or(line);
    let mut text = String::new();
    for argument in line.split(|&byte| byte == 0) {
        if !text.is_empty() {
            text.push(' ');
        }
        let argument = String::from_utf8_lossy(argument);
        let plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            text.push_str(&argument);
        } else {
            text.push('\'');
            text.push_str(&argument.replace('\'', "'\\''"));
            text.push('\'');
        }
    }
    text
}

fn rfc3339(time: SystemTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    OffsetDateTime::from(time)
        .format(format)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(
            quoted(b"python3\0-m\0my app\0it's\0\0"),
            r"python3 -m 'my app' 'it'\''s' ''"
        );
        assert_eq!(quoted(b"a=b\0"), "a=b");
    }

    #[test]
    fn time_has_microseconds_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 1_234_567);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.001234Z");
    }

    #[test]
    fn this_process_has_an_age() {
        let own = sys::process_id();
        assert!(uptime(own).unwrap() < Duration::from_secs(86_400));
        assert!(used_cpu(own).unwrap() < Duration::from_secs(86_400));
    }

    #[test]
    fn fields_are_counted_after_a_name_that_may_hold_anything() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 2 0 250 31 0 0 20 0 1 0 8800 1";
        assert_eq!(
            [14, 15, 22].map(|number| stat_field(stat, number)),
            [Some(250), Some(31), Some(8800)]
        );
        assert_eq!(stat_field(stat, 99), None);
    }
}
