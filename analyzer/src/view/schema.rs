//! What can be queried, as text.

use schemars::JsonSchema;
use serde::Serialize;

use super::style::{faint, strong};
use crate::sql::catalogue::{FUNCTIONS, TABLES, Table};
use crate::sql::views::VIEWS;

/// All tables, views and functions.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Schema {
    /// Tables.
    pub tables: Vec<Entry>,
    /// Views over them.
    pub views: Vec<Entry>,
    /// Table-valued functions, over open dumps only.
    pub functions: Vec<Entry>,
}

/// A table, a view or a function.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// What a row is.
    pub doc: String,
    /// The arguments of a function, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<ColumnEntry>,
    /// Its columns.
    pub columns: Vec<ColumnEntry>,
}

/// A column or an argument.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ColumnEntry {
    /// What it is called.
    pub name: String,
    /// Its type; none for a column of a view, which has that of what it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql_type: Option<&'static str>,
    /// One sentence.
    pub doc: String,
}

impl Schema {
    /// Of this version.
    pub fn new() -> Schema {
        Schema {
            tables: TABLES.iter().map(|table| entry(table)).collect(),
            views: VIEWS
                .iter()
                .map(|view| Entry {
                    name: view.name.to_owned(),
                    doc: view.doc.clone(),
                    arguments: Vec::new(),
                    columns: view
                        .columns
                        .iter()
                        .map(|(name, doc)| ColumnEntry {
                            name: (*name).to_owned(),
                            sql_type: None,
                            doc: doc.clone(),
                        })
                        .collect(),
                })
                .collect(),
            functions: FUNCTIONS.iter().map(|table| entry(table)).collect(),
        }
    }

    /// All entries with what they are.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &Entry)> {
        let tables = self.tables.iter().map(|entry| ("table", entry));
        let views = self.views.iter().map(|entry| ("view", entry));
        let functions = self.functions.iter().map(|entry| ("function", entry));
        tables.chain(views).chain(functions)
    }
}

impl Default for Schema {
    fn default() -> Schema {
        Schema::new()
    }
}

fn entry(table: &Table) -> Entry {
    let columns = |columns: &[crate::sql::catalogue::Column]| {
        let columns = columns.iter().map(|column| ColumnEntry {
            name: column.name.to_owned(),
            sql_type: Some(column.kind.sql_type()),
            doc: column.doc.to_owned(),
        });
        columns.collect()
    };
    Entry {
        name: table.name.to_owned(),
        doc: table.doc.to_owned(),
        arguments: columns(table.arguments()),
        columns: columns(table.results()),
    }
}

/// Everything, or one of them, with a sentence for each column; nothing if there is none of that name.
pub fn text(schema: &Schema, name: Option<&str>) -> String {
    let wanted = |entry: &Entry| name.is_none_or(|name| entry.name.eq_ignore_ascii_case(name));
    let mut text = String::new();
    for (what, entry) in schema.entries().filter(|(_, entry)| wanted(entry)) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &entry_text(what, entry);
    }
    text
}

fn entry_text(what: &str, entry: &Entry) -> String {
    let arguments: Vec<&str> = entry
        .arguments
        .iter()
        .map(|argument| argument.name.as_str())
        .collect();
    let mut usage = entry.name.clone();
    if !arguments.is_empty() {
        usage += &format!("({})", arguments.join(", "));
    }
    let mut text = format!("{} {}\n  {}\n", faint(what), strong(&usage), entry.doc);
    let all = || entry.arguments.iter().chain(&entry.columns);
    let wide = all().map(|column| column.name.len()).max().unwrap_or(0);
    for column in all() {
        text += &format!("  {:wide$}  {}\n", column.name, faint(&column.doc));
    }
    text
}

/// The names, a line each with what a row is.
pub fn names(schema: &Schema, what: &str) -> String {
    let chosen = || schema.entries().filter(|(kind, _)| *kind == what);
    let wide = chosen()
        .map(|(_, entry)| entry.name.len())
        .max()
        .unwrap_or(0);
    chosen()
        .map(|(_, entry)| format!("{:wide$}  {}\n", entry.name, faint(&entry.doc)))
        .collect()
}
