//! Dumps whose every record is allowed by the format and makes no sense: numbers at the ends of their ranges, objects on one another, roots
//! that lead nowhere, strings in place of numbers, modules all over the address space. Every command answers, or says why not by a documented
//! exit code; none panics, hangs, or ends by a signal.
//!
//! `MEMDUMP_HOSTILE_SEEDS` says how many pairs of dumps.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use memdump_tests::{Contents, Rng, random};

/// Each command with its arguments; `A` and `B` are the dumps, `OUT` a file that does not exist yet, `AT` the address of an object of B.
const COMMANDS: &[&str] = &[
    "verify A B",
    "info A B",
    "info --json A",
    "diff A B",
    "diff --retained A B",
    "diff --json A B B",
    "new A B --limit 0",
    "new A B B",
    "survivors A B A",
    "chain --type * A B -o OUT.svg",
    "chain --type * --all B --json",
    "top --retained B",
    "top --objects --limit 0 B",
    "show B AT --graph OUT.png",
    "show B AT --json",
    "leaks A B",
    "suspects A B B",
    "suspects --json A B",
    "report A B -o OUT.html",
    "load A B -o OUT.db",
    "export A B -o OUT.parquet",
    "sql A B QUERIES",
];

/// Every table, view and function with all of its columns.
const QUERIES: &str = "SELECT count(*), max(size), min(address), max(distance), max(retained) FROM object;
    SELECT * FROM reference; SELECT * FROM root; SELECT * FROM type; SELECT * FROM dump; SELECT * FROM value;
    SELECT * FROM instance; SELECT * FROM growth; SELECT * FROM suspects; SELECT * FROM duplicates;
    SELECT * FROM object, chain(object.dump, object.id) LIMIT 1000;
    SELECT * FROM object, referrers(object.dump, object.id) LIMIT 1000;";

/// Facts that commands decide by; their values are whatever comes.
fn facts(rng: &mut Rng) -> Vec<(String, String)> {
    const NAMES: [&str; 18] = [
        "native",
        "identity",
        "watermark",
        "marked_since",
        "pid",
        "host",
        "time",
        "uptime_ms",
        "sequence",
        "rss_bytes",
        "memory_limit",
        "cpu_ms",
        "cpu_us",
        "runtime",
        "program",
        "arguments",
        "pause_us",
        "values",
    ];
    let mut facts = Vec::new();
    for name in NAMES {
        let value = match (name, rng.below(8)) {
            (_, 0) => continue,
            (_, 1) => String::new(),
            (_, 2) => u64::MAX.to_string(),
            (_, 3) => "\u{202e}-1e400\n".to_owned(),
            ("native", _) => "conservative".to_owned(),
            ("identity", 4) => "address".to_owned(),
            ("identity", _) => "exact".to_owned(),
            ("time", 4) => "2026-02-30T25:61:61Z".to_owned(),
            ("time", _) => format!("2026-11-22T12:00:{:02}.5Z", rng.below(60)),
            ("host", _) => "host".to_owned(),
            ("pid", _) => "7".to_owned(),
            _ => rng.below(1 << 40).to_string(),
        };
        facts.push((name.to_owned(), value));
    }
    facts
}

/// The same heap later: some objects gone, some moved, the rest as it was.
fn later(before: &Contents, other: Contents, rng: &mut Rng) -> Contents {
    if rng.once_in(3) {
        return other;
    }
    let mut after = before.clone();
    for object in &mut after.objects {
        if rng.once_in(6) {
            object.type_id = rng.below(after.types.len() as u64);
        }
        if rng.once_in(6) {
            object.size = *rng.one_of(&[0, 1, u64::MAX, 1 << 63]);
        }
    }
    after.roots = other.roots;
    for root in &mut after.roots {
        // Strings of the other heap are not there.
        let strings = after.strings.len() as u64;
        root.name = root.name.map(|id| id % strings);
        root.thread = root.thread.map(|id| id % strings);
        if root.label.names_a_string() {
            root.label.value %= strings;
        }
        if let Some(object) = after.objects.first() {
            root.target = object.address;
        }
    }
    after
}

struct Told {
    code: Option<i32>,
    /// What it printed on stderr.
    error: String,
}

fn run(place: &Path, words: Vec<String>) -> Told {
    let output = Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(assert_cmd::cargo::cargo_bin("memdump"))
        .args(words)
        .current_dir(place)
        .output()
        .expect("timeout runs the command");
    Told {
        code: output.status.code(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn no_command_panics_on_what_the_format_allows() {
    let seeds = std::env::var("MEMDUMP_HOSTILE_SEEDS");
    let seeds: u64 = seeds.map_or(25, |text| text.parse().expect("a number"));
    let mut codes: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in 0..seeds {
        let mut rng = Rng::new(seed);
        let place = tempfile::tempdir().expect("a directory");
        let plan = random::plan(seed);
        let size = *rng.one_of(&[3, 20, 200]);
        let mut a = random::contents(rng.number(), size, &plan);
        a.metadata = facts(&mut rng);
        let mut b = later(&a, random::contents(rng.number(), size, &plan), &mut rng);
        b.metadata = facts(&mut rng);
        fs::write(place.path().join("a.dump"), a.bytes(&plan)).expect("written");
        fs::write(place.path().join("b.dump"), b.bytes(&plan)).expect("written");
        let address = b.objects.last().map_or(16, |object| object.address);
        for (number, command) in COMMANDS.iter().enumerate() {
            let words = command.split(' ').map(|word| match word {
                "A" => "a.dump".to_owned(),
                "B" => "b.dump".to_owned(),
                "AT" => format!("{address:#x}"),
                "QUERIES" => QUERIES.to_owned(),
                _ => word.replace("OUT", &format!("out{number}")),
            });
            let begun = std::time::Instant::now();
            let told = run(place.path(), words.collect());
            let code = told.code.unwrap_or(-1);
            *codes.entry((command, code)).or_default() += 1;
            let is_documented = [0, 2, 3, 4].contains(&code);
            if !is_documented || told.error.contains("panicked") {
                failures.push(format!(
                    "seed {seed}: memdump {command}: {code}\n{}",
                    told.error
                ));
            }
            if begun.elapsed() > Duration::from_secs(20) {
                println!("seed {seed}: memdump {command} took {:?}", begun.elapsed());
            }
        }
    }
    for ((command, code), count) in &codes {
        println!("{count:5} × {code}  memdump {command}");
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures[..failures.len().min(20)].join("\n")
    );
    // Commands that refuse everything would test nothing.
    for command in COMMANDS {
        assert!(
            codes.contains_key(&(command, 0)),
            "memdump {command} never answers"
        );
    }
}
