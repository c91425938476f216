//! The commands that tell what the sections tell.

use std::sync::Arc;

use memdump_format::Dump;

use crate::analysis::suspects::quoted;

/// Builds command lines on the dumps of a report.
pub(super) struct Commands {
    /// As a shell takes them.
    files: Vec<String>,
    /// Whether the first and the last are of one process.
    comparable: bool,
}

/// Of more dumps than this the first and the last are named.
const NAMED: usize = 12;

impl Commands {
    pub(super) fn new(dumps: &[Arc<Dump>], comparable: bool) -> Commands {
        let names = dumps.iter().map(|dump| dump.path().display().to_string());
        Commands {
            files: names.map(|name| quoted(&name)).collect(),
            comparable,
        }
    }

    /// The files, as they were named.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// On all dumps.
    pub(super) fn of_all(&self, command: &str) -> String {
        match &self.files[..] {
            [first, .., last] if self.files.len() > NAMED => {
                format!("memdump {command} {first} … {last}")
            }
            files => format!("memdump {command} {}", files.join(" ")),
        }
    }

    /// On the last dump.
    pub(super) fn of_last(&self, command: &str) -> String {
        format!("memdump {command} {}", self.files[self.files.len() - 1])
    }

    /// A query on the last dump.
    pub(super) fn query_last(&self, query: &str) -> String {
        format!("{} \"{query}\"", self.of_last("sql"))
    }

    /// A query on all dumps.
    pub(super) fn query_all(&self, query: &str) -> String {
        format!("{} \"{query}\"", self.of_all("sql"))
    }

    /// What keeps objects of a type alive: the new ones, if it can be known which they are.
    pub(super) fn chain(&self, name: &str) -> String {
        let question = format!("chain --type {}", quoted(name));
        match &self.files[..] {
            [first, .., last] if self.comparable => format!("memdump {question} {first} {last}"),
            _ => self.of_last(&question),
        }
    }
}
