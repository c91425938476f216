//! Errors of SQL with the place where they are, and what there is instead.

use crate::sql::{Database, Sources, SqlError};
use crate::view::schema::Schema;

/// A statement that SQLite refuses.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct WrongStatement {
    message: String,
}

/// A name that nothing has.
#[derive(Debug, thiserror::Error)]
#[error("nothing is called `{name}`{}; `memdump sql --schema` lists everything", did_you_mean(.near))]
pub struct NoSuchName {
    name: String,
    near: Vec<String>,
}

impl NoSuchName {
    pub(super) fn new(schema: &Schema, name: &str) -> NoSuchName {
        let names = schema.entries().map(|(_, entry)| entry.name.as_str());
        NoSuchName {
            name: name.to_owned(),
            near: near(name, names),
        }
    }
}

/// What an error says to people. What failed in a dump stays what it is.
pub(crate) fn explained(
    error: rusqlite::Error,
    script: &str,
    database: &Database,
    sources: Option<&Sources>,
) -> anyhow::Error {
    let error = match sources {
        Some(sources) => sources.told(error),
        None => SqlError::Sqlite(error),
    };
    let message = match &error {
        SqlError::Sqlite(rusqlite::Error::SqlInputError {
            msg, sql, offset, ..
        }) => {
            let place = usize::try_from(*offset).ok().map(|offset| {
                // SQLite was given what was left of the script.
                let before = script.len().saturating_sub(sql.len());
                place(script, before + offset)
            });
            format!("{msg}{}{}", hint(msg, database), place.unwrap_or_default())
        }
        SqlError::Sqlite(rusqlite::Error::SqliteFailure(_, Some(message))) => {
            format!("{message}{}", hint(message, database))
        }
        SqlError::Sqlite(rusqlite::Error::ModuleError(message)) => message.clone(),
        _ => return error.into(),
    };
    WrongStatement { message }.into()
}

/// The line where it is, and a mark below the place.
fn place(script: &str, offset: usize) -> String {
    let offset = (0..=offset.min(script.len()))
        .rev()
        .find(|&at| script.is_char_boundary(at))
        .unwrap_or(0);
    let begin = script[..offset].rfind('\n').map_or(0, |at| at + 1);
    let end = script[offset..]
        .find('\n')
        .map_or(script.len(), |at| offset + at);
    let number = script[..begin].matches('\n').count() + 1;
    let line = &script[begin..end];
    let mark = " ".repeat(script[begin..offset].chars().count());
    let lead = format!("  line {number}: ");
    format!("\n{lead}{line}\n{}{mark}^", " ".repeat(lead.len()))
}

/// What there is instead of a table or column that is not.
fn hint(message: &str, database: &Database) -> String {
    let schema = Schema::new();
    let names = |wanted: &str| -> Vec<String> {
        let entries = schema.entries().filter(|(what, _)| *what == wanted);
        entries.map(|(_, entry)| entry.name.clone()).collect()
    };
    if let Some(name) = message.strip_prefix("no such table: ") {
        let is_function = names("function").iter().any(|function| function == name);
        if is_function && !database.has_functions() {
            return "; functions need the dumps themselves: `memdump sql A.dump …`".to_owned();
        }
        let all = schema.entries().map(|(_, entry)| entry.name.as_str());
        let tables = names("table").join(", ");
        let views = names("view").join(", ");
        return format!(
            "{}\n  tables: {tables}\n  views: {views}",
            did_you_mean(&near(name, all))
        );
    }
    if let Some(name) = message.strip_prefix("no such column: ") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let columns = schema.entries().flat_map(|(_, entry)| &entry.columns);
        let near = near(name, columns.map(|column| column.name.as_str()));
        let near = did_you_mean(&near);
        return format!("{near}; `--schema NAME` lists the columns of a table or view");
    }
    String::new()
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// The names that are most like one.
fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    const LIKE_ENOUGH: f64 = 0.8;
    let name = name.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .map(|other| (strsim::jaro_winkler(&name, other), other))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.truncate(2);
    near.into_iter().map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_below_its_line() {
        let script = "SELECT 1;\nSELECT größe, x FROM t";
        let at = script.find('x').expect("there");
        let expected = "\n  line 2: SELECT größe, x FROM t\n                        ^";
        assert_eq!(place(script, at), expected);
        assert_eq!(place("", 5), "\n  line 1: \n          ^");
    }
}
