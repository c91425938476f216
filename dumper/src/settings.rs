//! What the user may choose: argument beats environment beats default.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::signal::Signal;
use crate::triggers::{
    EXIT_ALLOWED, EXIT_LIMIT, LEVELS_ALLOWED, RISE_ALLOWED, Triggers, parse_levels, parse_rise,
};
use crate::units::{parse_duration, parse_size};

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
    /// First part of the dumps' names. `{host}` stands for the machine's name, `{script}` for the default. `MEMDUMP_NAME`; the name of
    /// the executable.
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
    /// How two dumps are to know an object to be the same. `MEMDUMP_IDENTITY`; by address.
    pub identity: Identity,
    /// What of texts and numbers is written. `MEMDUMP_VALUES`; nothing.
    pub values: Values,
    /// How the snapshot process writes beside others. `MEMDUMP_IONICE`; the lowest best effort.
    pub io_priority: IoPriority,
    /// What asks for a dump by itself.
    pub triggers: Triggers,
}

/// How two dumps know an object to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// By address and type, as good as addresses are not reused. Costs nothing.
    #[default]
    Address,
    /// By marks of when each object was born, which the target keeps from the installation on.
    Exact,
}

impl FromStr for Identity {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text.to_ascii_lowercase().as_str() {
            "address" => Ok(Self::Address),
            "exact" => Ok(Self::Exact),
            _ => Err(bad("identity", text.to_owned(), IDENTITY_ALLOWED)),
        }
    }
}

/// What of the contents of texts and numbers is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// Nothing.
    #[default]
    Off,
    /// Their beginning, as the language prints it.
    Shortened,
    /// A keyed hash: equal contents can be told, the contents cannot. The key never leaves the process.
    Hashed,
}

impl FromStr for Values {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "shortened" => Ok(Self::Shortened),
            "hashed" => Ok(Self::Hashed),
            _ => Err(bad("values", text.to_owned(), VALUES_ALLOWED)),
        }
    }
}

impl fmt::Display for Values {
    /// As the setting takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Shortened => "shortened",
            Self::Hashed => "hashed",
        })
    }
}

impl fmt::Display for IoPriority {
    /// As the setting takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BestEffort(level) => write!(f, "{level}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

/// How a process reads and writes beside others, as of ioprio_set(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoPriority {
    /// From 0, the highest, to 7.
    BestEffort(u8),
    /// Only when nobody else does: on a busy disk a dump may then never end before its deadline.
    Idle,
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
    identity: Option<Identity>,
    values: Option<Values>,
    ionice: Option<String>,
    on_memory: Option<String>,
    on_rise: Option<String>,
    on_memory_error: Option<bool>,
    on_exit: Option<String>,
    trigger_interval: Option<Duration>,
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
        /// Gives [`Settings::identity`].
        identity: Identity;
        /// Gives [`Settings::values`].
        values: Values;
        /// Gives [`Settings::io_priority`]: `idle`, or `0` to `7`.
        ionice: String;
        /// Gives [`Triggers::memory`]: `2G`, `80%`, `2G+512M`, `off`.
        on_memory: String;
        /// Gives [`Triggers::rise`]: `100M/min`, `off`.
        on_rise: String;
        /// Gives [`Triggers::memory_error`].
        on_memory_error: bool;
        /// Gives [`Triggers::exit`]: `on`, `off`, `20s`.
        on_exit: String;
        /// Gives [`Triggers::interval`].
        trigger_interval: Duration;
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
        let signal = |text: &str| text.parse().ok();
        let number = |text: &str| text.parse().ok();
        let settings = Settings {
            signal: environment
                .unless(self.signal, "MEMDUMP_SIGNAL", Signal::ALLOWED, signal)?
                .unwrap_or(Signal::USR1),
            second_signal: environment.unless(
                self.second_signal,
                "MEMDUMP_SECOND_SIGNAL",
                Signal::ALLOWED,
                signal,
            )?,
            directory: absolute(self.directory.or_else(|| environment.path("MEMDUMP_DIR")))?,
            name: environment
                .text(self.name, ("name", "MEMDUMP_NAME"), NAME_ALLOWED, |name| {
                    resolved_name(name, self.default_name.as_deref())
                })?
                .unwrap_or_else(|| default_name(self.default_name.as_deref())),
            keep: environment
                .unless(self.keep, "MEMDUMP_KEEP", KEEP_ALLOWED, |t| t.parse().ok())?
                .and_then(NonZeroU32::new),
            min_free: environment
                .unless(self.min_free, "MEMDUMP_MIN_FREE", SIZE_ALLOWED, parse_size)?
                .unwrap_or(256 << 20),
            deadline: environment
                .unless(
                    self.deadline,
                    "MEMDUMP_DEADLINE",
                    DURATION_ALLOWED,
                    parse_duration,
                )?
                .unwrap_or(Duration::from_secs(600)),
            labels: environment
                .unless(self.labels, "MEMDUMP_LABELS", SWITCH_ALLOWED, parse_switch)?
                .unwrap_or(true),
            arguments: environment
                .unless(
                    self.arguments,
                    "MEMDUMP_ARGUMENTS",
                    SWITCH_ALLOWED,
                    parse_switch,
                )?
                .unwrap_or(true),
            nice: environment
                .unless(self.nice, "MEMDUMP_NICE", NICE_ALLOWED, number)?
                .unwrap_or(10),
            identity: environment
                .unless(
                    self.identity,
                    "MEMDUMP_IDENTITY",
                    IDENTITY_ALLOWED,
                    |text| text.parse().ok(),
                )?
                .unwrap_or_default(),
            values: environment
                .unless(self.values, "MEMDUMP_VALUES", VALUES_ALLOWED, |text| {
                    text.parse().ok()
                })?
                .unwrap_or_default(),
            io_priority: environment
                .text(
                    self.ionice,
                    ("ionice", "MEMDUMP_IONICE"),
                    IONICE_ALLOWED,
                    parse_io_priority,
                )?
                .unwrap_or(IoPriority::BestEffort(7)),
            triggers: Triggers {
                memory: environment
                    .text(
                        self.on_memory,
                        ("on_memory", "MEMDUMP_ON_MEMORY"),
                        LEVELS_ALLOWED,
                        |text| unless_off(text, parse_levels),
                    )?
                    .flatten(),
                rise: environment
                    .text(
                        self.on_rise,
                        ("on_rise", "MEMDUMP_ON_RISE"),
                        RISE_ALLOWED,
                        |text| unless_off(text, parse_rise),
                    )?
                    .flatten(),
                memory_error: environment
                    .unless(
                        self.on_memory_error,
                        "MEMDUMP_ON_MEMORY_ERROR",
                        SWITCH_ALLOWED,
                        parse_switch,
                    )?
                    .unwrap_or(false),
                exit: environment
                    .text(
                        self.on_exit,
                        ("on_exit", "MEMDUMP_ON_EXIT"),
                        EXIT_ALLOWED,
                        parse_exit,
                    )?
                    .flatten(),
                interval: environment
                    .unless(
                        self.trigger_interval,
                        "MEMDUMP_TRIGGER_INTERVAL",
                        DURATION_ALLOWED,
                        parse_duration,
                    )?
                    .unwrap_or(Triggers::OFF.interval),
            },
        };
        settings.check()
    }
}

impl Settings {
    /// What neither an argument's type nor a variable's form rules out.
    fn check(self) -> Result<Self, SettingsError> {
        let limits = Duration::from_millis(1)..=Duration::from_secs(86_400);
        if self.second_signal == Some(self.signal) {
            let number = self.signal.number().to_string();
            return Err(bad(
                "second_signal",
                number,
                "another signal than the first one",
            ));
        }
        if !limits.contains(&self.deadline) {
            return Err(bad(
                "deadline",
                format!("{:?}", self.deadline),
                DURATION_ALLOWED,
            ));
        }
        if !limits.contains(&self.triggers.interval) {
            let interval = format!("{:?}", self.triggers.interval);
            return Err(bad("trigger_interval", interval, DURATION_ALLOWED));
        }
        if self.nice > 19 {
            return Err(bad("nice", self.nice.to_string(), NICE_ALLOWED));
        }
        Ok(self)
    }
}

fn bad(setting: &str, value: String, allowed: &'static str) -> SettingsError {
    SettingsError {
        setting: setting.into(),
        value,
        allowed,
    }
}

/// The directory from now on, wherever the process goes.
fn absolute(directory: Option<PathBuf>) -> Result<PathBuf, SettingsError> {
    let directory = directory
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| ".".into());
    std::path::absolute(&directory).map_err(|_| {
        let allowed = "usable: the working directory is gone; give an absolute path";
        bad("directory", directory.display().to_string(), allowed)
    })
}

const SIZE_ALLOWED: &str = "a size such as 1048576, 512K, 256M or 2G (powers of 1024)";
const DURATION_ALLOWED: &str = "a time of 1ms to 24h such as 90, 90s, 500ms, 10m or 1h";
const SWITCH_ALLOWED: &str = "on or off";
const KEEP_ALLOWED: &str = "a number of dumps, or 0 to keep all";
const NICE_ALLOWED: &str = "a number from 0 to 19";
const IDENTITY_ALLOWED: &str = "address or exact";
const VALUES_ALLOWED: &str = "off, shortened or hashed";
const IONICE_ALLOWED: &str = "idle, or a number from 0 to 7";
const NAME_ALLOWED: &str = "a name of 1 to 100 bytes of UTF-8 without `/` or control characters that does not start with a dot";

fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "1" | "true" | "yes" => Some(true),
        "off" | "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

fn unless_off<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match parse_switch(text) {
        Some(false) => Some(None),
        _ => parse(text).map(Some),
    }
}

fn parse_exit(text: &str) -> Option<Option<Duration>> {
    match parse_switch(text) {
        Some(on) => Some(on.then_some(EXIT_LIMIT)),
        None => parse_duration(text).map(|limit| (!limit.is_zero()).then_some(limit)),
    }
}

fn parse_io_priority(text: &str) -> Option<IoPriority> {
    match text {
        "idle" => Some(IoPriority::Idle),
        level => {
            let level = level.parse().ok().filter(|&level| level <= 7)?;
            Some(IoPriority::BestEffort(level))
        }
    }
}

/// The machine's name tells the dumps of containers apart which share a directory: all of them are process 1.
fn resolved_name(name: &str, script: Option<&str>) -> Option<String> {
    let name = name.replace("{host}", &crate::context::host());
    let name = match name.contains("{script}") {
        true => name.replace("{script}", &default_name(script)),
        false => name,
    };
    allowed_name(&name)
}

fn allowed_name(name: &str) -> Option<String> {
    let allowed = (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && !name.chars().any(|c| c == '/' || c.is_control());
    allowed.then(|| name.to_owned())
}

fn default_name(given: Option<&str>) -> String {
    let of_executable = || {
        let executable = std::env::current_exe().ok()?;
        Some(executable.file_name()?.to_str()?.to_owned())
    };
    given
        .map(String::from)
        .or_else(of_executable)
        .and_then(|name| allowed_name(&name))
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

    /// What was given as text under its name, or else what the variable says.
    fn text<T>(
        &self,
        given: Option<String>,
        (name, variable): (&str, &str),
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        match given {
            Some(text) => match parse(text.trim()) {
                Some(parsed) => Ok(Some(parsed)),
                None => Err(bad(name, text, allowed)),
            },
            None => self.unless(None, variable, allowed, parse),
        }
    }

    /// What was given, or else what the variable says.
    fn unless<T>(
        &self,
        given: Option<T>,
        variable: &str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        if given.is_some() {
            return Ok(given);
        }
        let Some(value) = (self.0)(variable).filter(|v| !v.is_empty()) else {
            return Ok(None);
        };
        let parsed = value.to_str().and_then(|text| parse(text.trim()));
        match parsed {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(bad(variable, value.to_string_lossy().into_owned(), allowed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(
        builder: SettingsBuilder,
        variables: &[(&str, &str)],
    ) -> Result<Settings, SettingsError> {
        builder.build_from(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.into())
        })
    }

    #[test]
    fn defaults() {
        let settings = built(SettingsBuilder::new().default_name("app".into()), &[]).unwrap();
        let expected = Settings {
            signal: Signal::USR1,
            second_signal: None,
            directory: std::env::current_dir().unwrap(),
            name: "app".into(),
            keep: None,
            min_free: 256 << 20,
            deadline: Duration::from_secs(600),
            labels: true,
            arguments: true,
            nice: 10,
            identity: Identity::Address,
            values: Values::Off,
            io_priority: IoPriority::BestEffort(7),
            triggers: Triggers::OFF,
        };
        assert_eq!(settings, expected);
    }

    const ALL: [(&str, &str); 18] = [
        ("MEMDUMP_SIGNAL", "SIGUSR2"),
        ("MEMDUMP_SECOND_SIGNAL", "RTMIN+1"),
        ("MEMDUMP_DIR", "/var/dumps"),
        ("MEMDUMP_NAME", "shop"),
        ("MEMDUMP_KEEP", "3"),
        ("MEMDUMP_MIN_FREE", "2G"),
        ("MEMDUMP_DEADLINE", "30s"),
        ("MEMDUMP_LABELS", "off"),
        ("MEMDUMP_ARGUMENTS", "no"),
        ("MEMDUMP_NICE", "0"),
        ("MEMDUMP_IDENTITY", "Exact"),
        ("MEMDUMP_VALUES", "hashed"),
        ("MEMDUMP_IONICE", "idle"),
        ("MEMDUMP_ON_MEMORY", "2G+512M"),
        ("MEMDUMP_ON_RISE", "100M/min"),
        ("MEMDUMP_ON_MEMORY_ERROR", "yes"),
        ("MEMDUMP_ON_EXIT", "5s"),
        ("MEMDUMP_TRIGGER_INTERVAL", "10m"),
    ];

    #[test]
    fn the_environment_beats_the_defaults() {
        let expected = Settings {
            signal: Signal::new(libc::SIGUSR2).unwrap(),
            second_signal: Signal::new(libc::SIGRTMIN() + 1),
            directory: "/var/dumps".into(),
            name: "shop".into(),
            keep: NonZeroU32::new(3),
            min_free: 2 << 30,
            deadline: Duration::from_secs(30),
            labels: false,
            arguments: false,
            nice: 0,
            identity: Identity::Exact,
            values: Values::Hashed,
            io_priority: IoPriority::Idle,
            triggers: Triggers {
                memory: parse_levels("2G+512M"),
                rise: parse_rise("100M/min"),
                memory_error: true,
                exit: Some(Duration::from_secs(5)),
                interval: Duration::from_secs(600),
            },
        };
        assert_eq!(built(SettingsBuilder::new(), &ALL), Ok(expected));
    }

    #[test]
    fn arguments_beat_the_environment_which_is_not_even_looked_at() {
        let builder = SettingsBuilder::new()
            .signal(Signal::USR1)
            .second_signal(Signal::new(libc::SIGUSR2).unwrap())
            .directory("/mine".into())
            .name("me".into())
            .keep(0)
            .min_free(1)
            .deadline(Duration::from_secs(1))
            .labels(true)
            .arguments(true)
            .nice(5)
            .identity(Identity::Address)
            .values(Values::Shortened)
            .ionice("3".into())
            .on_memory("off".into())
            .on_rise("off".into())
            .on_memory_error(false)
            .on_exit("on".into())
            .trigger_interval(Duration::from_secs(1));
        let expected = builder.clone().build_from(|_| None);
        let nonsense = ALL.map(|(variable, _)| (variable, "/"));
        assert_eq!(built(builder, &nonsense), expected);
        let expected = expected.unwrap();
        assert_eq!(expected.keep, None);
        assert_eq!(expected.triggers.exit, Some(EXIT_LIMIT));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (variable, value) in [
            ("MEMDUMP_SIGNAL", "KILL"),
            ("MEMDUMP_SECOND_SIGNAL", "?"),
            ("MEMDUMP_NAME", "../x"),
            ("MEMDUMP_KEEP", "-1"),
            ("MEMDUMP_MIN_FREE", "lots"),
            ("MEMDUMP_DEADLINE", "soon"),
            ("MEMDUMP_LABELS", "maybe"),
            ("MEMDUMP_ARGUMENTS", "2"),
            ("MEMDUMP_NICE", "-5"),
            ("MEMDUMP_IDENTITY", "serial"),
            ("MEMDUMP_VALUES", "on"),
            ("MEMDUMP_IONICE", "8"),
            ("MEMDUMP_ON_MEMORY", "110%"),
            ("MEMDUMP_ON_RISE", "fast"),
            ("MEMDUMP_ON_MEMORY_ERROR", "2"),
            ("MEMDUMP_ON_EXIT", "later"),
            ("MEMDUMP_TRIGGER_INTERVAL", "-1"),
        ] {
            let error = built(SettingsBuilder::new(), &[(variable, value)]).unwrap_err();
            assert_eq!(
                (error.setting.as_str(), error.value.as_str()),
                (variable, value)
            );
        }
        for (builder, setting) in [
            (SettingsBuilder::new().name("a/b".into()), "name"),
            (SettingsBuilder::new().nice(20), "nice"),
            (SettingsBuilder::new().name("{host}/x".into()), "name"),
            (SettingsBuilder::new().ionice("low".into()), "ionice"),
            (SettingsBuilder::new().on_memory("2X".into()), "on_memory"),
            (SettingsBuilder::new().on_rise("1G".into()), "on_rise"),
            (SettingsBuilder::new().on_exit("?".into()), "on_exit"),
            (
                SettingsBuilder::new().trigger_interval(Duration::ZERO),
                "trigger_interval",
            ),
            (SettingsBuilder::new().deadline(Duration::ZERO), "deadline"),
            (
                SettingsBuilder::new().second_signal(Signal::USR1),
                "second_signal",
            ),
        ] {
            assert_eq!(built(builder, &[]).unwrap_err().setting, setting);
        }
    }

    #[test]
    fn a_name_may_have_the_machine_and_the_script_in_it() {
        let builder = SettingsBuilder::new().default_name("shop".into());
        let named = built(builder, &[("MEMDUMP_NAME", "{script}-{host}-{x}")]).unwrap();
        let host = crate::context::host();
        assert_eq!(named.name, format!("shop-{host}-{{x}}"));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let empty = ALL.map(|(variable, _)| (variable, ""));
        let builder = SettingsBuilder::new();
        assert_eq!(built(builder.clone(), &empty), built(builder, &[]));
    }
}
