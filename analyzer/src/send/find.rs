//! Finds processes by their command lines, as `pgrep -f` does.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;

use super::SendError;
use super::target::Target;

/// A process whose command line has the text in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pid: u32,
    command: String,
    /// Whether memdump is in it; an error where that may not be looked at.
    prepared: bool,
}

/// Lists are cut here, and command lines there.
const LISTED: usize = 12;
const COMMAND_LENGTH: usize = 100;

/// The prepared processes whose full command lines have `text` in them, lowest pid first. At least one; shells, supervisors and others that are
/// not prepared are left out.
///
/// # Errors
/// Nothing matches, or nothing that matches has memdump in it.
pub fn find_all(text: &str) -> Result<Vec<u32>, SendError> {
    let candidates = candidates(text);
    if candidates.is_empty() {
        return Err(SendError::NoMatch {
            text: text.to_owned(),
        });
    }
    let prepared: Vec<_> = candidates
        .iter()
        .filter(|c| c.prepared)
        .map(|c| c.pid)
        .collect();
    if prepared.is_empty() {
        return Err(SendError::NoneInstalled {
            text: text.to_owned(),
            list: list(&candidates),
        });
    }
    Ok(prepared)
}

/// The one such process.
///
/// # Errors
/// As of [`find_all`]; or there are several.
pub fn find_one(text: &str) -> Result<u32, SendError> {
    match find_all(text)?[..] {
        [pid] => Ok(pid),
        _ => Err(SendError::Ambiguous {
            text: text.to_owned(),
            list: list(
                &candidates(text)
                    .into_iter()
                    .filter(|c| c.prepared)
                    .collect::<Vec<_>>(),
            ),
        }),
    }
}

fn candidates(text: &str) -> Vec<Candidate> {
    // The shell, sudo or watch that this command runs under has the same text in its command line.
    let own = ancestors(std::process::id());
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<Candidate> = pids
        .filter(|pid| !own.contains(pid))
        .filter_map(|pid| {
            let command = command_line(pid)?;
            command.contains(text).then(|| Candidate {
                pid,
                command,
                prepared: Target::find(pid).is_ok(),
            })
        })
        .collect();
    found.sort_by_key(|candidate| candidate.pid);
    found
}

/// Its arguments with spaces between them; `None` for a process without any (of the kernel, a zombie).
fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&bytes)
        .trim_end_matches('\0')
        .replace('\0', " ");
    (!line.is_empty()).then_some(line)
}

fn ancestors(mut pid: u32) -> HashSet<u32> {
    let mut found = HashSet::new();
    while pid != 0 && found.insert(pid) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        pid = parent
            .and_then(|parent| parent.trim().parse().ok())
            .unwrap_or(0);
    }
    found
}

fn list(candidates: &[Candidate]) -> String {
    let mut text = String::new();
    for candidate in candidates.iter().take(LISTED) {
        let command: String = candidate
            .command
            .chars()
            .take(COMMAND_LENGTH)
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        let more = if command.len() < candidate.command.len() {
            "…"
        } else {
            ""
        };
        let _ = write!(text, "\n  {:>7}  {command}{more}", candidate.pid);
    }
    if candidates.len() > LISTED {
        let _ = write!(text, "\n  and {} more", candidates.len() - LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short_and_printable() {
        let candidate = |pid| Candidate {
            pid,
            command: format!("python\x1b[31m {}", "x".repeat(200)),
            prepared: true,
        };
        let text = list(&(0..20).map(candidate).collect::<Vec<_>>());
        assert_eq!(text.lines().count(), 1 + LISTED + 1);
        assert!(
            text.ends_with("and 8 more") && text.contains("python?[31m") && text.contains('…'),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() < 120));
    }

    #[test]
    fn this_command_and_what_runs_it_are_not_found() {
        let own = std::process::id();
        assert!(ancestors(own).contains(&own) && ancestors(own).len() > 1);
        let line = command_line(own).expect("a command line");
        assert!(
            candidates(&line)
                .iter()
                .all(|candidate| candidate.pid != own)
        );
    }
}
