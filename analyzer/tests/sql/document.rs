//! The documentation of SQL is true: its schema is the catalogue's, and its questions have answers in both homes.

use std::path::PathBuf;

use memdump_analyzer::view::schema::{Entry, Schema};

use crate::homes::{dumps, loaded_home, minutes, rows, virtual_home};

const BEGIN: &str = "<!-- From here on made by the tool; `UPDATE_DOCS=1 cargo test -p memdump --test sql` makes it again. -->\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).expect("docs/sql.md")
}

/// Questions and their SQL: a heading `### 7. …` and the next block.
fn questions(text: &str) -> Vec<(String, String)> {
    text.split("\n### ")
        .skip(1)
        .filter_map(|part| {
            let (heading, rest) = part.split_once('\n')?;
            let (_, block) = rest.split_once("```sql\n")?;
            let (query, _) = block.split_once("```")?;
            Some((heading.to_owned(), query.to_owned()))
        })
        .collect()
}

#[test]
fn twenty_questions_have_the_same_answers_in_both_homes() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = dumps(directory.path(), &minutes());
    let over = virtual_home(&paths);
    let loaded = loaded_home(&paths, &directory.path().join("heap.db"));
    let questions = questions(&document());
    let (both, open): (Vec<_>, Vec<_>) = questions
        .iter()
        .partition(|(heading, _)| heading.starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(both.len(), 20);
    assert!(!open.is_empty());
    for (heading, query) in both {
        let answer = rows(&over, query);
        assert!(!answer.is_empty(), "{heading}");
        assert_eq!(answer, rows(&loaded, query), "{heading}");
    }
    for (heading, query) in open {
        assert!(!rows(&over, query).is_empty(), "{heading}");
    }
}

#[test]
fn the_schema_in_the_document_is_that_of_the_tool() {
    let document = document();
    let (text, made) = document.split_once(BEGIN).expect("the part that is made");
    let wanted = reference(&Schema::new());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), format!("{text}{BEGIN}{wanted}")).expect("written");
    } else {
        assert_eq!(made, wanted);
    }
}

fn reference(schema: &Schema) -> String {
    let part = |heading: &str, entries: &[Entry]| {
        let entries: Vec<String> = entries.iter().map(entry).collect();
        format!("\n## {heading}\n\n{}", entries.join("\n"))
    };
    part("Tables", &schema.tables)
        + &part("Views", &schema.views)
        + &part("Functions", &schema.functions)
}

fn entry(entry: &Entry) -> String {
    let arguments: Vec<&str> = entry
        .arguments
        .iter()
        .map(|argument| argument.name.as_str())
        .collect();
    let usage = match &arguments[..] {
        [] => entry.name.clone(),
        arguments => format!("{}({})", entry.name, arguments.join(", ")),
    };
    let mut text = format!(
        "**`{usage}`**: {}\n\n| column | |\n| --- | --- |\n",
        entry.doc
    );
    for column in entry.arguments.iter().chain(&entry.columns) {
        text += &format!(
            "| `{}` | {} |\n",
            column.name,
            column.doc.replace('|', "\\|")
        );
    }
    text
}
