//! The interactive shell: lines with history and completion, statements over several lines, Ctrl-C for the query only.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::complete::{COMMANDS, Words};
use super::run::Runner;
use crate::view::schema::{self, Schema};

/// Reads and runs statements until the user leaves.
pub(super) fn run(runner: &Runner<'_>) -> anyhow::Result<()> {
    interrupt_queries(runner)?;
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .build();
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Words::new()));
    let history = history_file();
    // A shell without history is better than none.
    let _ = history.as_ref().map(|file| editor.load_history(file));
    greet(runner);
    loop {
        match editor.readline("memdump> ") {
            Ok(line) => {
                let line = line.trim();
                if line.is_empty() {
                    continue;
                }
                let _ = editor.add_history_entry(line);
                if !obey(runner, line) {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(file) = history {
        let _ = file.parent().map(std::fs::create_dir_all);
        let _ = editor.save_history(&file);
    }
    Ok(())
}

/// Lets Ctrl-C end the query that runs. Between queries the editor takes it as a key.
fn interrupt_queries(runner: &Runner<'_>) -> anyhow::Result<()> {
    let query = runner.database.connection().get_interrupt_handle();
    let mut signals = Signals::new([SIGINT])?;
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || signals.forever().for_each(|_| query.interrupt()))?;
    Ok(())
}

/// `memdump/sql_history` in the directory for state.
fn history_file() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(absolute);
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("memdump").join("sql_history"))
}

fn greet(runner: &Runner<'_>) {
    let dumps = runner.database.connection().query_row(
        "SELECT count(*), sum(objects) FROM dump",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)),
    );
    if let Ok((dumps, objects)) = dumps {
        let objects = crate::view::number::count(objects.unwrap_or(0).unsigned_abs());
        let s = if dumps == 1 { "" } else { "s" };
        anstream::eprintln!(
            "{dumps} dump{s}, {objects} objects; .help for help, .views for what can be asked"
        );
    }
}

/// Runs what was entered; false to leave.
fn obey(runner: &Runner<'_>, line: &str) -> bool {
    let mut words = line.trim_end_matches(';').split_whitespace();
    let schema = Schema::new();
    match words.next().unwrap_or_default() {
        ".quit" | ".exit" | ".q" => return false,
        ".help" => {
            for (name, what) in COMMANDS {
                anstream::println!("{name:12} {what}");
            }
            anstream::println!(
                "Statements end with a semicolon and may take several lines; Tab completes names."
            );
        }
        ".tables" => anstream::print!("{}", schema::names(&schema, "table")),
        ".views" => anstream::print!("{}", schema::names(&schema, "view")),
        ".functions" => anstream::print!("{}", schema::names(&schema, "function")),
        ".schema" => {
            let name = words.next();
            let text = schema::text(&schema, name);
            match (text.is_empty(), name) {
                (true, Some(name)) => {
                    anstream::eprintln!("{}", super::explain::NoSuchName::new(&schema, name));
                }
                _ => anstream::print!("{text}"),
            }
        }
        command if command.starts_with('.') => {
            anstream::eprintln!("there is no {command}; .help lists what there is");
        }
        _ => {
            if let Err(error) = runner.script(line) {
                anstream::eprintln!("{error:#}");
            }
        }
    }
    true
}
