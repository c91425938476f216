//! A signal's number and its names.

use std::str::FromStr;

use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level;

use crate::settings::SettingsError;

/// A signal that a process may handle, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// SIGUSR1.
    pub const USR1: Self = Self(libc::SIGUSR1);
    pub(crate) const ALLOWED: &'static str =
        "a signal that a process may handle, such as SIGUSR1, USR2, RTMIN+3 or 10";

    /// The signal of this number; `None` if a process cannot handle it or memdump must leave it alone
    /// (SIGKILL, SIGSTOP, SIGCHLD, those that faults raise, and those that libc keeps for itself).
    pub fn new(number: i32) -> Option<Self> {
        let taken = [libc::SIGBUS, libc::SIGABRT, libc::SIGTRAP, libc::SIGCHLD];
        let standard =
            (1..=31).contains(&number) && !FORBIDDEN.contains(&number) && !taken.contains(&number);
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
            (1..=31).find(|&n| {
                low_level::signal_name(n).and_then(|known| known.strip_prefix("SIG")) == Some(name)
            })
        };
        number.and_then(Self::new).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read() {
        let number = |text: &str| text.parse::<Signal>().map(Signal::number);
        for text in ["SIGUSR1", "usr1", " USR1 ", "10"] {
            assert_eq!(number(text), Ok(libc::SIGUSR1), "{text}");
        }
        assert_eq!(number("SIGRTMIN+9"), Ok(libc::SIGRTMIN() + 9));
        assert_eq!(number("rtmin"), Ok(libc::SIGRTMIN()));
        assert_eq!(number("RTMAX-2"), Ok(libc::SIGRTMAX() - 2));
    }

    #[test]
    fn what_no_process_may_handle_is_refused() {
        for text in [
            "",
            "KILL",
            "9",
            "SIGSTOP",
            "SEGV",
            "CHLD",
            "17",
            "0",
            "-1",
            "32",
            "33",
            "65",
            "RTMIN-1",
            "RTMAX+1",
            "RTMIN+x",
            "USR3",
            "99999999999",
        ] {
            let error = text.parse::<Signal>().unwrap_err();
            assert_eq!(error.value, text);
            assert!(error.to_string().contains("such as SIGUSR1"), "{error}");
        }
    }
}
