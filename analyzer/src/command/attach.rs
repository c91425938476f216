use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use memdump_attach::{Installation, Patience, Value, attach, sees_our_files};
use schemars::JsonSchema;
use serde::Serialize;

use super::session::Session;
use super::sources::CannotStart;
use crate::send::{SendError, status};

/// Brings memdump into a running CPython that was not prepared; then `kill -USR1 PID` makes it dump
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump attach 4711 --dir /var/tmp/dumps --keep 5
  memdump attach 4711 && memdump send 4711
  memdump attach 4711 --package /opt/memdump
                                   made by: pip install --target /opt/memdump ./dumper/cpython
  memdump attach 4711 --set labels=false --set deadline=120")]
pub(super) struct Attach {
    /// The process
    pid: u32,
    /// Where it writes dumps [default: its MEMDUMP_DIR, or its working directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// First part of the files' names [default: its MEMDUMP_NAME, or its script's name]
    #[arg(long)]
    name: Option<String>,
    /// How many of its own dumps it leaves
    #[arg(long, value_name = "N")]
    keep: Option<u64>,
    /// The signal that makes it dump, by number or name [default: its MEMDUMP_SIGNAL, or SIGUSR1]
    #[arg(long)]
    signal: Option<String>,
    /// Any other argument of memdump.install; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, Value)>,
    /// The directory that has the Python package `memdump` in it [default: what it can import itself, else MEMDUMP_PACKAGE, else beside this
    /// command]
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// Give up if it runs no Python code for so long: 10s, 1m
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: humantime::Duration,
    /// If it sleeps, send it this signal, which runs a handler that it has: by number or name
    #[arg(long, value_name = "SIGNAL", value_parser = signal_number)]
    wake: Option<i32>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Outcome {
    pid: u32,
    /// Of its Python; absent if memdump was in it before.
    version: Option<String>,
    /// Whether memdump was in it before, and nothing was done.
    already: bool,
    /// The signal that makes it dump.
    signal: Option<u32>,
    /// From the request to the answer, in seconds.
    seconds: f64,
    /// For how long its threads stood still at most, in seconds.
    held_seconds: f64,
}

impl Attach {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let pid = self.pid;
        if let Ok(page) = status(pid)
            && page.agent.is_some()
        {
            return self.give(session, Some(page.signal), None);
        }
        let installation = self.installation()?;
        let patience = Patience {
            timeout: self.timeout.into(),
            wake: self.wake,
            stop: Arc::new(AtomicBool::new(false)),
        };
        // So that the request is taken back; a second Ctrl-C ends at once.
        for signal in [
            signal_hook::consts::SIGINT,
            signal_hook::consts::SIGTERM,
            signal_hook::consts::SIGHUP,
        ] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&patience.stop))?;
            signal_hook::flag::register(signal, Arc::clone(&patience.stop))?;
        }
        let attached = attach(pid, &installation, patience)?;
        let signal = match status(pid) {
            Ok(page) => Some(page.signal),
            // Its descriptors may be hidden from us; it has answered that all is well.
            Err(SendError::NoPermission { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        self.give(session, signal, Some(attached))
    }

    fn give(
        &self,
        session: &Session,
        signal: Option<u32>,
        attached: Option<memdump_attach::Attached>,
    ) -> anyhow::Result<()> {
        let outcome = Outcome {
            pid: self.pid,
            version: attached.map(|attached| attached.version.to_string()),
            already: attached.is_none(),
            signal,
            seconds: attached.map_or(0.0, |attached| attached.took.as_secs_f64()),
            held_seconds: attached.map_or(0.0, |attached| attached.held.as_secs_f64()),
        };
        session.give(&[], &outcome, |outcome, _| text(outcome))
    }

    fn installation(&self) -> anyhow::Result<Installation> {
        let shared = sees_our_files(self.pid)?;
        let mut arguments = self.settings.clone();
        if let Some(directory) = &self.dir {
            // Where paths mean something else there, only whole ones mean anything.
            if !shared && directory.is_relative() {
                let why = format!(
                    "process {} has another file system (a container), so this must be an absolute path in there",
                    self.pid
                );
                return Err(unusable("--dir", directory, why).into());
            }
            let directory = std::path::absolute(directory)?;
            arguments.push(("directory".to_owned(), Value::Path(directory)));
        }
        if let Some(name) = &self.name {
            arguments.push(("name".to_owned(), Value::Text(name.clone())));
        }
        if let Some(keep) = self.keep {
            arguments.push(("keep".to_owned(), Value::Integer(keep)));
        }
        if let Some(signal) = &self.signal {
            arguments.push(("signal".to_owned(), Value::Text(signal.clone())));
        }
        Ok(Installation {
            package: self.package.as_deref().map(package).transpose()?,
            fallback: fallback(),
            arguments,
        })
    }
}

fn text(outcome: &Outcome) -> String {
    let pid = outcome.pid;
    let mut text = match &outcome.version {
        None => format!(
            "process {pid} has memdump in it already, with its own settings; nothing was done\n"
        ),
        Some(version) => format!(
            "process {pid} (Python {version}) has memdump in it now, after {:.0} ms; its threads stood still for {:.2} ms\n",
            1e3 * outcome.seconds,
            1e3 * outcome.held_seconds
        ),
    };
    if let Some(signal) = outcome.signal {
        let name = signal_hook::low_level::signal_name(signal as i32);
        let signal = name.map_or(signal.to_string(), |name| {
            name.trim_start_matches("SIG").to_owned()
        });
        let _ = writeln!(
            text,
            "take a dump with: memdump send {pid}   or: kill -{signal} {pid}"
        );
    }
    text
}

/// A directory that has the package in it, as a whole path.
fn package(directory: &Path) -> anyhow::Result<PathBuf> {
    let directory = std::path::absolute(directory)?;
    if !has_package(&directory) {
        let why = format!(
            "there is no memdump/__init__.py in it; make such a directory in memdump's sources with `pip install --target {} ./dumper/cpython`",
            directory.display()
        );
        return Err(unusable("--package", &directory, why).into());
    }
    Ok(directory)
}

fn unusable(option: &'static str, value: &Path, why: String) -> CannotStart {
    CannotStart::Unusable {
        option,
        value: value.display().to_string(),
        why,
    }
}

fn fallback() -> Option<PathBuf> {
    let named = std::env::var_os("MEMDUMP_PACKAGE").map(PathBuf::from);
    let command = std::env::current_exe().ok();
    let beside = command.as_deref().and_then(Path::parent);
    let places = beside.map(|beside| [beside.to_owned(), beside.join("../lib/memdump")]);
    named
        .into_iter()
        .chain(places.into_iter().flatten())
        .filter_map(|place| std::path::absolute(place).ok())
        .find(|place| has_package(place))
}

fn has_package(directory: &Path) -> bool {
    directory.join("memdump/__init__.py").is_file()
}

/// `NAME=VALUE`, the value as Python would read it where it is a number or a truth value, else a text.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("NAME=VALUE is wanted, as of memdump.install")?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !is_name {
        return Err(format!("{name:?} is no argument of memdump.install"));
    }
    let value = match value {
        "true" | "True" => Value::Flag(true),
        "false" | "False" => Value::Flag(false),
        _ => match (value.parse(), value.parse()) {
            (Ok(number), _) => Value::Integer(number),
            (_, Ok(seconds)) if f64::is_finite(seconds) => Value::Seconds(seconds),
            _ => Value::Text(value.to_owned()),
        },
    };
    Ok((name.to_owned(), value))
}

fn signal_number(text: &str) -> Result<i32, String> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    (1..32)
        .find(|&number| {
            signal_hook::low_level::signal_name(number).is_some_and(|known| &known[3..] == name)
        })
        .ok_or_else(|| format!("{text} is no signal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_they_look_like() {
        let value = |text| setting(text).map(|(_, value)| value);
        assert_eq!(value("labels=false"), Ok(Value::Flag(false)));
        assert_eq!(value("keep=5"), Ok(Value::Integer(5)));
        assert_eq!(value("deadline=1.5"), Ok(Value::Seconds(1.5)));
        assert_eq!(value("identity=exact"), Ok(Value::Text("exact".to_owned())));
        assert_eq!(value("name="), Ok(Value::Text(String::new())));
        assert!(setting("labels").is_err() && setting("a b=1").is_err() && setting("=1").is_err());
    }

    #[test]
    fn signals_have_names_and_numbers() {
        assert_eq!(signal_number("USR2"), Ok(12));
        assert_eq!(signal_number("sigwinch"), Ok(28));
        assert_eq!(signal_number("10"), Ok(10));
        assert!(signal_number("SIGNAL").is_err());
    }
}
