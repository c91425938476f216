//! Damaged dumps: an error or an answer about what is sound, never a panic.

#![allow(missing_docs)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use memdump_analyzer::analysis::chain::{ChainQuestion, explain_all};
use memdump_analyzer::analysis::show::show;
use memdump_analyzer::analysis::verify::verify;
use memdump_analyzer::graph::RootFilter;
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_analyzer::view::{Width, chain::text};
use memdump_format::Dump;
use support::service;

/// Asks everything of what is left of a dump. How many objects that is; `None` if nothing could be read.
fn asked(bytes: Vec<u8>) -> Option<usize> {
    let (dump, _) = Dump::recover_bytes(Path::new("damaged.dump"), bytes).ok()?;
    let snapshot = Snapshot::load(dump, &Silent).ok()?;
    let question = ChainQuestion {
        pattern: "*".parse().expect("a pattern"),
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: None,
    };
    if let Ok(answer) = explain_all(&snapshot, &question, &Silent) {
        assert_eq!(answer.objects, snapshot.ids().count() as u64);
        assert_eq!(
            answer.explained, answer.objects,
            "every object is explained, if only as unreachable"
        );
        text(&answer, Width::Columns(80));
        for group in &answer.groups {
            let last = group.example.steps.last().expect("a step").address;
            show(&snapshot, last, None, &Silent).expect("an object that was named can be shown");
        }
    }
    Some(snapshot.ids().count())
}

#[test]
fn what_remains_of_a_cut_off_dump_can_be_asked() {
    let whole = service(50).bytes();
    let all = asked(whole.clone()).expect("all of it");
    assert_eq!(all, 55);
    let remains: Vec<_> = (0..whole.len())
        .step_by(7)
        .map(|end| asked(whole[..end].to_vec()))
        .collect();
    assert!(remains.contains(&None), "a file without a header");
    assert!(remains.contains(&Some(0)) && remains.contains(&Some(55)));
}

#[test]
fn a_flipped_bit_costs_a_block_and_no_more() {
    let whole = service(50).bytes();
    for place in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        asked(damaged.clone());
        // Whoever asks whether it is whole hears that it is not, unless the byte is one that nobody reads.
        if let Ok(dump) = Dump::from_bytes(Path::new("damaged.dump"), damaged) {
            let verified = verify(dump, &Silent);
            assert!(
                verified.is_err() || !verified.is_ok_and(|v| v.is_whole()),
                "byte {place}"
            );
        }
    }
}

#[test]
fn a_dump_that_is_cut_off_while_it_is_read_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.dump");
    fs::write(&path, service(50).bytes()).expect("written");
    let mut shell = Command::new(env!("CARGO_BIN_EXE_memdump"))
        .arg("sql")
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let maps = format!("/proc/{}/maps", shell.id());
    let is_mapped = || {
        let maps = fs::read_to_string(&maps).expect("it reads what is to be asked");
        maps.contains(path.to_str().expect("text"))
    };
    while !is_mapped() {
        assert!(shell.try_wait().expect("a child").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    File::create(&path).expect("cut off");
    let mut question = shell.stdin.take().expect("a pipe");
    // It may have met the end already.
    let _ = question.write_all(b"SELECT count(*) FROM reference WHERE label = 'x';");
    drop(question);
    let output = shell.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("was cut off while it was read"), "{told}");
}
