//! What the user may choose: argument beats environment beats default.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Settings of an installation; made by [`SettingsBuilder`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The signal that asks for a dump. `MEMDUMP_SIGNAL`; SIGUSR1.
    pub signal: Signal,
    /// The signal of `memdump send`; `None`: the first free one of SIGRTMIN+9 and those behind it. `MEMDUMP_SECOND_SIGNAL`.
    pub second_signal: Option<Signal>,
    /// Where dumps are written; made (mode 0700) when a dump is written and only its last part is missing.
    /// `MEMDUMP_DIR`; the working directory at the time of the installation.
    pub directory: PathBuf,
    /// First part of the dumps' names. `MEMDUMP_NAME`; the name of the executable.
    pub name: String,
    /// How many of its own dumps a process leaves in the directory; `None`: all. `MEMDUMP_KEEP`.
    pub keep: Option<NonZeroU32>,
    /// Bytes that must stay free on the file system. `MEMDUMP_MIN_FREE`; 256 MiB.
    pub min_free: u64,
    /// After this time the snapshot process is killed. `MEMDUMP_DEADLINE`; 10 minutes.
    pub deadline: Duration,
    /// Whether texts of keys are written as labels. `MEMDUMP_LABELS`; yes.
    pub labels: bool,
    /// Whether the target's arguments are written in the dump. `MEMDUMP_ARGUMENTS`; yes.
    pub arguments: bool,
    /// How much the snapshot process lowers its priority, 0 to 19. `MEMDUMP_NICE`; 10.
    pub nice: u8,
}

/// A setting cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: `{value}` is not {allowed}")]
pub struct SettingsError {
    /// The variable or argument: `MEMDUMP_KEEP`, `keep`.
    pub setting: String,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// A signal that a process may handle, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// SIGUSR1.
    pub const USR1: Self = Self(libc::SIGUSR1);
    const ALLOWED: &'static str =
        "a signal that a process may handle, such as SIGUSR1, USR2, RTMIN+3 or 10";

    /// The signal of this number; `None` if a process cannot handle it or memdump must leave it alone
    /// (SIGKILL, SIGSTOP, faults, SIGCHLD, SIGALRM, and those that libc keeps for itself).
    pub fn new(number: i32) -> Option<Self> {
        let taken = [
            libc::SIGKILL,
            libc::SIGSTOP,
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGCHLD,
        ];
        let standard = (1..=31).contains(&number) && !taken.contains(&number);
        let real_time = (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
        (standard || real_time).then_some(Self(number))
    }

    /// Its number on this machine.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl FromStr for Signal {
    type Err = SettingsError;

    /// Reads `SIGUSR1`, `usr1`, `10`, `SIGRTMIN+9`, `RTMAX-2`.
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let bad = || SettingsError {
            setting: "signal".into(),
            value: text.into(),
            allowed: Self::ALLOWED,
        };
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let offset = |rest: &str| match rest {
            "" => Some(0),
            _ => rest.parse::<i32>().ok().filter(|n| n.abs() < 64),
        };
        let number = if let Some(rest) = name.strip_prefix("RTMIN") {
            offset(rest).map(|n| libc::SIGRTMIN() + n)
        } else if let Some(rest) = name.strip_prefix("RTMAX") {
            offset(rest).map(|n| libc::SIGRTMAX() + n)
        } else if let Ok(number) = name.parse() {
            Some(number)
        } else {
            NAMES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|&(_, n)| n)
        };
        number.and_then(Self::new).ok_or_else(bad)
    }
}

const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CONT", libc::SIGCONT),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("POLL", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

/// Settings as given by the caller; what is not given comes from the environment, then from the defaults.
#[derive(Clone, Debug, Default)]
pub struct SettingsBuilder {
    signal: Option<Signal>,
    second_signal: Option<Signal>,
    directory: Option<PathBuf>,
    name: Option<String>,
    default_name: Option<String>,
    keep: Option<u32>,
    min_free: Option<u64>,
    deadline: Option<Duration>,
    labels: Option<bool>,
    arguments: Option<bool>,
    nice: Option<u8>,
}

macro_rules! given {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, value: $type) -> Self {
            self.$name = Some(value);
            self
        }
    )*};
}

impl SettingsBuilder {
    /// Nothing given yet.
    pub fn new() -> Self {
        Self::default()
    }

    given! {
        /// Gives [`Settings::signal`].
        signal: Signal;
        /// Gives [`Settings::second_signal`].
        second_signal: Signal;
        /// Gives [`Settings::directory`].
        directory: PathBuf;
        /// Gives [`Settings::name`].
        name: String;
        /// What [`Settings::name`] is when neither argument nor environment gives it (a Python target: its script's name).
        default_name: String;
        /// Gives [`Settings::keep`]; 0 keeps all.
        keep: u32;
        /// Gives [`Settings::min_free`].
        min_free: u64;
        /// Gives [`Settings::deadline`].
        deadline: Duration;
        /// Gives [`Settings::labels`].
        labels: bool;
        /// Gives [`Settings::arguments`].
        arguments: bool;
        /// Gives [`Settings::nice`].
        nice: u8;
    }

    /// The settings, with what is missing from this process's environment and the defaults.
    ///
    /// # Errors
    ///
    /// Names the variable or argument that cannot be used, and what it may be.
    pub fn build(self) -> Result<Settings, SettingsError> {
        self.build_from(|name| std::env::var_os(name))
    }

    /// As [`build`](Self::build), with `environment` for the environment.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_from(
        self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Settings, SettingsError> {
        let environment = Environment(environment);
        let signal = match self.signal {
            Some(signal) => Some(signal),
            None => environment.read("MEMDUMP_SIGNAL", Signal::ALLOWED, |t| t.parse().ok())?,
        };
        let second_signal = match self.second_signal {
            Some(signal) => Some(signal),
            None => {
                environment.read("MEMDUMP_SECOND_SIGNAL", Signal::ALLOWED, |t| t.parse().ok())?
            }
        };
        let signal = signal.unwrap_or(Signal::USR1);
        if second_signal == Some(signal) {
            return Err(SettingsError {
                setting: "second_signal".into(),
                value: signal.number().to_string(),
                allowed: "another signal than the first one",
            });
        }
        let directory = self
            .directory
            .or_else(|| environment.path("MEMDUMP_DIR"))
            .unwrap_or_default();
        let directory = std::path::absolute(if directory.as_os_str().is_empty() {
            ".".into()
        } else {
            directory.clone()
        })
        .map_err(|_| SettingsError {
            setting: "directory".into(),
            value: directory.display().to_string(),
            allowed: "a directory, or the working directory is gone",
        })?;
        let name = match self.name {
            Some(name) => checked_name("name", name)?,
            None => match environment.read("MEMDUMP_NAME", NAME_ALLOWED, |t| Some(t.to_owned()))? {
                Some(name) => checked_name("MEMDUMP_NAME", name)?,
                None => default_name(self.default_name),
            },
        };
        let keep = match self.keep {
            Some(keep) => keep,
            None => environment
                .read("MEMDUMP_KEEP", "a number of dumps, or 0 to keep all", |t| {
                    t.parse().ok()
                })?
                .unwrap_or(0),
        };
        let min_free = match self.min_free {
            Some(bytes) => bytes,
            None => environment
                .read("MEMDUMP_MIN_FREE", SIZE_ALLOWED, parse_size)?
                .unwrap_or(256 << 20),
        };
        let deadline = match self.deadline {
            Some(deadline) => deadline,
            None => environment
                .read("MEMDUMP_DEADLINE", DURATION_ALLOWED, parse_duration)?
                .unwrap_or(Duration::from_secs(600)),
        };
        if deadline < Duration::from_millis(1) || deadline > Duration::from_secs(86_400) {
            return Err(SettingsError {
                setting: "deadline".into(),
                value: format!("{deadline:?}"),
                allowed: DURATION_ALLOWED,
            });
        }
        let labels = match self.labels {
            Some(labels) => labels,
            None => environment
                .read("MEMDUMP_LABELS", "on or off", parse_switch)?
                .unwrap_or(true),
        };
        let arguments = match self.arguments {
            Some(arguments) => arguments,
            None => environment
                .read("MEMDUMP_ARGUMENTS", "on or off", parse_switch)?
                .unwrap_or(true),
        };
        let nice = match self.nice {
            Some(nice) => nice,
            None => environment
                .read("MEMDUMP_NICE", NICE_ALLOWED, |t| t.parse().ok())?
                .unwrap_or(10),
        };
        if nice > 19 {
            return Err(SettingsError {
                setting: "nice".into(),
                value: nice.to_string(),
                allowed: NICE_ALLOWED,
            });
        }
        Ok(Settings {
            signal,
            second_signal,
            directory,
            name,
            keep: NonZeroU32::new(keep),
            min_free,
            deadline,
            labels,
            arguments,
            nice,
        })
    }
}

const SIZE_ALLOWED: &str = "a size such as 1048576, 512K, 256M or 2G (powers of 1024)";
const DURATION_ALLOWED: &str = "a time of 1ms to 24h such as 90, 90s, 500ms, 10m or 1h";
const NICE_ALLOWED: &str = "a number from 0 to 19";
const NAME_ALLOWED: &str = "a name of 1 to 100 bytes of UTF-8 without `/` or control characters that does not start with a dot";

/// Reads a size: `1048576`, `512K`, `256M`, `2G` (powers of 1024; `KiB`, `KB` and so on mean the same).
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_uppercase();
    let unit = unit
        .strip_suffix("IB")
        .or(unit.strip_suffix('B'))
        .unwrap_or(&unit);
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits
        .trim_end()
        .parse::<u64>()
        .ok()?
        .checked_mul(1 << shift)
}

/// Reads a time: `90` or `90s`, `0.5`, `500ms`, `10m`, `1h`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = digits.trim_end().parse::<f64>().ok()? * scale;
    Duration::try_from_secs_f64(seconds).ok()
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "1" | "true" | "yes" => Some(true),
        "off" | "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

fn name_is_allowed(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && !name.chars().any(|c| c == '/' || c.is_control())
}

fn checked_name(setting: &str, name: String) -> Result<String, SettingsError> {
    if name_is_allowed(&name) {
        return Ok(name);
    }
    Err(SettingsError {
        setting: setting.into(),
        value: name,
        allowed: NAME_ALLOWED,
    })
}

fn default_name(given: Option<String>) -> String {
    let of_executable = || {
        let executable = std::env::current_exe().ok()?;
        Some(executable.file_name()?.to_str()?.to_owned())
    };
    given
        .filter(|name| name_is_allowed(name))
        .or_else(of_executable)
        .filter(|name| name_is_allowed(name))
        .unwrap_or_else(|| "process".into())
}

struct Environment<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// The variable's path; an empty variable counts as not set.
    fn path(&self, variable: &str) -> Option<PathBuf> {
        (self.0)(variable)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    }

    fn read<T>(
        &self,
        variable: &str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = (self.0)(variable).filter(|v| !v.is_empty()) else {
            return Ok(None);
        };
        match value.to_str().and_then(|text| parse(text.trim())) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(SettingsError {
                setting: variable.into(),
                value: AsRef::<OsStr>::as_ref(&value)
                    .to_string_lossy()
                    .into_owned(),
                allowed,
            }),
        }
    }
}
