//! The commands that show more.

use super::clock::Clock;
use super::garbage::Garbage;
use super::look::Look;
use crate::snapshot::TypeName;

/// Builds command lines on the dumps of a series.
pub(super) struct Commands {
    files: Vec<String>,
    /// The first dump of the last one's process.
    first: usize,
}

impl Commands {
    pub(super) fn new(clock: &Clock) -> Commands {
        let files = clock.moments.iter().map(|moment| quoted(&moment.file));
        Commands {
            files: files.collect(),
            first: clock.first_of_last(),
        }
    }

    /// On the last dump.
    pub(super) fn of_last(&self, arguments: &[&str]) -> String {
        self.line(arguments, &self.files[self.files.len() - 1..])
    }

    /// On the first dump of the last one's process and the last.
    pub(super) fn of_both(&self, arguments: &[&str]) -> String {
        let last = self.files.len() - 1;
        if self.first == last {
            return self.of_last(arguments);
        }
        let both = [self.files[self.first].clone(), self.files[last].clone()];
        self.line(arguments, &both)
    }

    /// What keeps objects of a type alive: the new ones, if it can be known which they are.
    pub(super) fn chain(&self, name: &TypeName) -> String {
        self.of_both(&["chain", "--type", &quoted(&name.to_string())])
    }

    /// One object of the last dump.
    pub(super) fn show(&self, address: memdump_format::Address) -> String {
        format!("{} {address}", self.of_last(&["show"]))
    }

    /// The values that most bytes of duplicates hold.
    pub(super) fn duplicates(&self) -> String {
        const QUERY: &str = "SELECT * FROM duplicates ORDER BY wasted DESC LIMIT 20";
        format!("{} \"{QUERY}\"", self.of_last(&["sql"]))
    }

    /// What shows garbage: one of the greatest kind.
    pub(super) fn garbage(&self, look: &Look<'_>, garbage: &[Garbage]) -> Vec<String> {
        let kinds = garbage.iter().filter_map(|kind| kind.main_type(look));
        let names = kinds.map(|key| look.snapshot.types().name(key).to_string());
        let line = |name: String| self.of_last(&["chain", "--all", "--type", &quoted(&name)]);
        names.take(1).map(line).collect()
    }

    fn line(&self, arguments: &[&str], files: &[String]) -> String {
        format!("memdump {} {}", arguments.join(" "), files.join(" "))
    }
}

/// As a shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
