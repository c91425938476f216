//! A signal's number and its names.

use std::str::FromStr;

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
