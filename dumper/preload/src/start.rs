//! What happens when the library is loaded: it installs itself if this process is meant.
//!
//! `LD_PRELOAD` goes down to every child process. `MEMDUMP_INSTALL` says which are meant, as for Python: `on`, `off`, `match:TEXT`
//! of the command line, `pid:NUMBER`. Without it all are, unless the library was not preloaded but linked: then the program
//! says by [`crate::interface`] when.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use memdump::{Builder, InstallError, Runtime, malloc};

use crate::{exports, fork};

/// As `LD_PRELOAD` names it, perhaps with a directory and a version.
const FILE: &[u8] = b"memdump_preload";

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

extern "C" fn at_start() {
    malloc::own(|| {
        let meant = match Meant::of_environment() {
            Ok(meant) => meant,
            Err(why) => return stay_out(&why),
        };
        match meant {
            Meant::Yes => {
                if let Err(error) = install() {
                    stay_out(&error.to_string());
                }
            }
            Meant::No => exports::become_passive(),
            Meant::ByProgram => {}
        }
    });
}

/// The program goes on as if the library were not there.
fn stay_out(why: &str) {
    exports::become_passive();
    memdump_dumper::notice(&format_args!("not installed: {why}"));
}

/// Installs; the settings come from the environment.
///
/// # Errors
///
/// As [`Builder::install`].
pub(crate) fn install() -> Result<(), InstallError> {
    exports::become_active();
    malloc::enter_thread(false);
    fork::prepare().map_err(InstallError::Fork)?;
    Builder::new().runtime(Runtime::Malloc).install()
}

/// Which processes are to be installed in.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Yes,
    No,
    /// The program says when.
    ByProgram,
}

impl Meant {
    fn of_environment() -> Result<Meant, String> {
        let preload = std::env::var_os("LD_PRELOAD").unwrap_or_default();
        let is_preloaded = preload
            .as_bytes()
            .windows(FILE.len())
            .any(|part| part == FILE);
        let value = std::env::var_os("MEMDUMP_INSTALL").unwrap_or_default();
        Meant::by(value.as_bytes().trim_ascii(), is_preloaded, command_line)
    }

    fn by(
        value: &[u8],
        is_preloaded: bool,
        command_line: impl FnOnce() -> Vec<u8>,
    ) -> Result<Meant, String> {
        let when = |is_meant| if is_meant { Meant::Yes } else { Meant::No };
        if let Some(text) = value
            .strip_prefix(b"match:")
            .filter(|text| !text.is_empty())
        {
            let line = command_line();
            return Ok(when(line.windows(text.len()).any(|part| part == text)));
        }
        if let Some(number) = value.strip_prefix(b"pid:")
            && let Some(number) = std::str::from_utf8(number)
                .ok()
                .and_then(|n| n.parse().ok())
        {
            return Ok(when(std::process::id() == number));
        }
        match value.to_ascii_lowercase().as_slice() {
            b"" if is_preloaded => Ok(Meant::Yes),
            b"" => Ok(Meant::ByProgram),
            b"1" | b"on" | b"true" | b"yes" => Ok(Meant::Yes),
            b"0" | b"off" | b"false" | b"no" => Ok(Meant::No),
            _ => Err(format!(
                "MEMDUMP_INSTALL: `{}` is not on, off, match:TEXT or pid:NUMBER",
                OsStr::from_bytes(value).display()
            )),
        }
    }
}

/// As `pgrep -f` sees it.
fn command_line() -> Vec<u8> {
    let mut line = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    while line.last() == Some(&0) {
        line.pop();
    }
    for byte in line.iter_mut().filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_who_is_meant() {
        let by = |value: &str, is_preloaded| {
            Meant::by(value.as_bytes(), is_preloaded, || {
                b"/usr/bin/shop --port 80".to_vec()
            })
        };
        assert_eq!(by("", true), Ok(Meant::Yes));
        assert_eq!(by("", false), Ok(Meant::ByProgram));
        assert_eq!(by("ON", false), Ok(Meant::Yes));
        assert_eq!(by("0", true), Ok(Meant::No));
        assert_eq!(by("match:shop --p", true), Ok(Meant::Yes));
        assert_eq!(by("match:gunicorn", true), Ok(Meant::No));
        assert_eq!(
            by(&format!("pid:{}", std::process::id()), false),
            Ok(Meant::Yes)
        );
        assert_eq!(by("pid:1", true), Ok(Meant::No));
        for wrong in ["match:", "pid:x", "maybe"] {
            assert!(by(wrong, true).unwrap_err().contains(wrong));
        }
    }
}
