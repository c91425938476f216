//! What SQL costs: loading in rows per second of CPU, and the questions of docs/sql.md in both homes.
//!
//! `cargo run --release -p memdump --example bench_sql -- EARLIER.dump LATER.dump FILE.db`; the file is made anew.

#![allow(missing_docs, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use memdump_analyzer::progress::{Progress, Silent};
use memdump_analyzer::sql::{Database, Sources, load};
use memdump_format::Dump;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [earlier, later, file] = &arguments[..] else {
        anyhow::bail!("two dumps and a file are needed");
    };
    let open =
        || -> anyhow::Result<Vec<Dump>> { Ok(vec![Dump::open(earlier)?, Dump::open(later)?]) };
    loading(open()?, file)?;
    let loaded = Database::loaded(file, false)?;
    let sources = Arc::new(Sources::new(open()?, Arc::new(Silent))?);
    let over = Database::over(sources)?;
    let (container, object) = subjects(&loaded)?;
    println!(
        "\n{:>10} {:>10} {:>10} {:>7}  question",
        "first s", "then s", "loaded s", "ratio"
    );
    for (heading, query) in questions(include_str!("../../docs/sql.md")) {
        // The document's example has three dumps and other addresses.
        let query = query
            .replace("dump = 3", "dump = 2")
            .replace("0x1200", &container.to_string())
            .replace("0x2000", &object.to_string());
        let first = timed(|| run(&over, &query))?;
        let then = timed(|| run(&over, &query))?;
        run(&loaded, &query)?;
        let in_file = timed(|| run(&loaded, &query))?;
        let ratio = then / in_file.max(1e-6);
        println!("{first:>10.4} {then:>10.4} {in_file:>10.4} {ratio:>7.2}  {heading}");
    }
    Ok(())
}

fn loading(dumps: Vec<Dump>, file: &Path) -> anyhow::Result<()> {
    let _ = std::fs::remove_file(file);
    let stages = Arc::new(Stages::default());
    let loaded = load(dumps, file, stages.clone())?;
    let rows: u64 = loaded.iter().map(|dump| dump.rows).sum();
    let length = std::fs::metadata(file)?.len();
    println!("{rows} rows, {} MB", length / 1_000_000);
    let mut all = 0.0;
    for (what, seconds) in stages.end() {
        all += seconds;
        let rate = rows as f64 / seconds / 1e6;
        println!("{what:>10} {seconds:>8.2} s of CPU {rate:>8.2} M rows/s");
    }
    let rate = rows as f64 / all / 1e6;
    println!("{:>10} {all:>8.2} s of CPU {rate:>8.2} M rows/s", "all");
    Ok(())
}

/// How much CPU went into rows ("loading"), indexes ("indexing"), the commit ("writing") and all that is computed.
#[derive(Default)]
struct Stages(Mutex<Spent>);

#[derive(Default)]
struct Spent {
    /// The stage that is under way, and when it began.
    current: Option<(&'static str, f64)>,
    seconds: BTreeMap<&'static str, f64>,
}

impl Stages {
    fn next(&self, what: Option<&'static str>) {
        let now = cpu();
        let mut spent = self.0.lock().expect("no panic");
        if let Some((what, begun)) = spent.current {
            *spent.seconds.entry(what).or_default() += now - begun;
        }
        spent.current = what.map(|what| (what, now));
    }

    fn end(&self) -> BTreeMap<&'static str, f64> {
        self.next(None);
        std::mem::take(&mut self.0.lock().expect("no panic").seconds)
    }
}

impl Progress for Stages {
    fn stage(&self, what: &'static str, _steps: u64) {
        self.next(Some(match what {
            "loading" | "indexing" | "writing" => what,
            _ => "computing",
        }));
    }

    fn advance(&self, _steps: u64) {}
}

/// The addresses of the greatest container and of a new object, which the questions ask about.
fn subjects(database: &Database) -> anyhow::Result<(i64, i64)> {
    let one = |query: &str| {
        database
            .connection()
            .query_row(query, [], |row| row.get::<_, i64>(0))
    };
    Ok((
        one(
            "SELECT address FROM object WHERE dump = 2 AND dominated > 0 ORDER BY dominated DESC LIMIT 1",
        )?,
        one("SELECT address FROM object WHERE dump = 2 AND is_new = 1 LIMIT 1")?,
    ))
}

fn run(database: &Database, query: &str) -> anyhow::Result<u64> {
    let mut statement = database.connection().prepare(query)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            std::hint::black_box(row.get_ref(column)?);
        }
        count += 1;
    }
    Ok(count)
}

fn questions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n### ")
        .skip(1)
        .filter(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|part| {
            let (heading, rest) = part.split_once('\n')?;
            let query = rest.split_once("```sql\n")?.1.split_once("```")?.0;
            Some((heading, query))
        })
}

fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let begun = cpu();
    work()?;
    Ok(cpu() - begun)
}

/// Seconds of CPU that this process has used: of the user and the system.
fn cpu() -> f64 {
    // Of each thread, in nanoseconds. None ends before the process does.
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let all: f64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum();
    all / 1e9
}
