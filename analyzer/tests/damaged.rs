//! Damaged dumps: an error or an answer about what is sound, never a panic.

#![allow(missing_docs)]

mod support;

use std::path::Path;

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
