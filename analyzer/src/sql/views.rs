//! The views, each a file that answers one question and documents itself: a sentence, then one for each column.

use std::sync::LazyLock;

/// A documented view.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is called.
    pub name: &'static str,
    /// What a row is.
    pub doc: String,
    /// Its columns and a sentence for each.
    pub columns: Vec<(&'static str, String)>,
    /// The statement that makes it, without its documentation.
    pub sql: &'static str,
}

/// All views.
pub static VIEWS: LazyLock<Vec<View>> =
    LazyLock::new(|| FILES.iter().map(|&(name, file)| read(name, file)).collect());

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$( ($name, include_str!(concat!("views/", $name, ".sql"))) ),+]
    };
}

const FILES: &[(&str, &str)] = files![
    "instance",
    "edge",
    "memory",
    "growth",
    "suspects",
    "accumulators",
    "new_objects",
    "chains",
    "holders",
    "ages",
    "survivors",
    "top_types",
    "top_retained",
    "biggest_dominators",
    "modules",
    "threads",
    "native_held",
    "garbage",
    "duplicates",
];

impl View {
    /// The statement that makes it, with its documentation inside, where the database keeps it.
    pub fn documented_sql(&self) -> String {
        let (head, body) = self.sql.split_once(" AS\n").unwrap_or((self.sql, ""));
        let mut sql = format!("{head} AS\n-- {}\n--\n", self.doc);
        for (column, sentence) in &self.columns {
            sql += &format!("-- {column}: {sentence}\n");
        }
        sql + body
    }

    /// The statement that makes it for one connection only.
    pub fn temporary_sql(&self) -> String {
        self.sql.replacen("CREATE VIEW", "CREATE TEMP VIEW", 1)
    }
}

/// Takes the comment at the head of a file apart: a paragraph about the view, and `column: sentence` for each column.
fn read(name: &'static str, file: &'static str) -> View {
    let body = file.find("CREATE VIEW").unwrap_or(file.len());
    let mut view = View {
        name,
        doc: String::new(),
        columns: Vec::new(),
        sql: file[body..].trim_end().trim_end_matches(';'),
    };
    let mut lines = file[..body]
        .lines()
        .map(|line| line.trim_start_matches("--").trim());
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        if !view.doc.is_empty() {
            view.doc.push(' ');
        }
        view.doc += line;
    }
    view.columns = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(column, sentence)| (column, sentence.to_owned()))
        .collect();
    view
}
