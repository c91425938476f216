//! Which statements are complete, and how names go on.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::view::schema::Schema;

/// What the line editor asks.
pub(super) struct Words {
    words: Vec<String>,
}

const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "DESC",
    "ASC",
    "AS",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "IS",
    "IN",
    "LIKE",
    "GLOB",
    "BETWEEN",
    "EXISTS",
    "DISTINCT",
    "UNION ALL",
    "WITH",
    "RECURSIVE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CREATE TABLE",
    "CREATE VIEW",
    "INSERT INTO",
    "UPDATE",
    "DELETE FROM",
    "DROP TABLE",
    "VALUES",
    "EXPLAIN QUERY PLAN",
    "count(",
    "sum(",
    "min(",
    "max(",
    "avg(",
    "round(",
    "coalesce(",
    "printf(",
];

/// What the shell itself understands.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    (".tables", "the tables"),
    (".views", "the views"),
    (".functions", "the functions that give tables"),
    (
        ".schema",
        "every column with a sentence; `.schema NAME` of one table, view or function",
    ),
    (".help", "this"),
    (".quit", "leave; so does Ctrl-D"),
];

impl Words {
    pub(super) fn new() -> Words {
        let schema = Schema::new();
        let mut words: Vec<String> = KEYWORDS.iter().map(|&word| word.to_owned()).collect();
        for (what, entry) in schema.entries() {
            let open = if what == "function" { "(" } else { "" };
            words.push(format!("{}{open}", entry.name));
            words.extend(entry.columns.iter().map(|column| column.name.clone()));
        }
        words.extend(COMMANDS.iter().map(|(name, _)| (*name).to_owned()));
        words.sort();
        words.dedup();
        Words { words }
    }

    /// Where the word before the cursor begins, and the words that begin so.
    fn completions(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = &line[..cursor];
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let begin = before.rfind(|c| !is_part(c)).map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
        // Of `o.add` only the column is looked for; a command of the shell begins the line.
        let begin = match before[begin..].rfind('.') {
            Some(0) if begin == 0 => begin,
            Some(at) => begin + at + 1,
            None => begin,
        };
        let part = &before[begin..];
        let begins = |word: &&String| {
            !part.is_empty()
                && word
                    .get(..part.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(part))
        };
        (begin, self.words.iter().filter(begins).cloned().collect())
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.completions(line, cursor))
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Helper for Words {}

/// Whether an input can be run: it is empty, a command of the shell, or ends with a semicolon outside of quotes and comments.
pub(super) fn is_complete(input: &str) -> bool {
    let text = input.trim();
    if text.is_empty() || text.starts_with('.') {
        return true;
    }
    let mut ended = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' | '`' | '[' => {
                let close = if c == '[' { ']' } else { c };
                ended = false;
                if !rest.any(|other| other == close) {
                    return false;
                }
            }
            '-' if rest.peek() == Some(&'-') => {
                while rest.next_if(|&other| other != '\n').is_some() {}
            }
            '/' if rest.peek() == Some(&'*') => {
                rest.next();
                let mut star = false;
                if !rest.any(|other| std::mem::replace(&mut star, other == '*') && other == '/') {
                    return false;
                }
            }
            ';' => ended = true,
            c if c.is_whitespace() => {}
            _ => ended = false,
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_of_quotes_and_comments() {
        for complete in [
            "",
            "  ",
            ".help",
            "SELECT 1;",
            "SELECT ';';",
            "SELECT 1; -- done",
            "SELECT 1; /* x */",
            "SELECT 'it''s';",
        ] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in [
            "SELECT 1",
            "SELECT ';",
            "SELECT 1 -- ;",
            "SELECT 1 /* ;",
            "SELECT 1; SELECT",
            "SELECT [a;",
            "/**",
        ] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn names_go_on_where_the_cursor_is() {
        let words = Words::new();
        let of = |line: &str| words.completions(line, line.len());
        assert_eq!(
            of("SELECT * FROM biggest"),
            (14, vec!["biggest_dominators".to_owned()])
        );
        assert_eq!(of("SELECT o.is_stat"), (9, vec!["is_static".to_owned()]));
        assert_eq!(
            of("SELECT * FROM dominated_"),
            (14, vec!["dominated_by(".to_owned()])
        );
        assert_eq!(of(".sch"), (0, vec![".schema".to_owned()]));
        assert_eq!(of("größe recurs"), (8, vec!["RECURSIVE".to_owned()]));
        assert!(of("SELECT ").1.is_empty());
    }
}
