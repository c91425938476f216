//! Wrong files: each must give an error that names the place, and none may panic.

mod format_support;

use std::path::Path;

use format_support::read;
use memdump_format::{Dump, ReadError};
use memdump_tests::kind;
use memdump_tests::wrong::{self, Blame};

/// Whether the error names what is to blame.
fn names(error: &ReadError, blame: Blame) -> bool {
    let text = error.to_string();
    let index = || text.contains("index");
    match blame {
        Blame::Header => matches!(error, ReadError::NotADump { .. } | ReadError::Header { .. }),
        Blame::Version => matches!(error, ReadError::Newer { .. }),
        Blame::Trailer => matches!(error, ReadError::CutOff { .. }),
        Blame::Index => {
            index() || matches!(error, ReadError::CutOff { .. } | ReadError::Block { .. })
        }
        Blame::Block(number, kind) => {
            text.contains(&format!("block {number} ({}", kind::name(kind)))
        }
    }
}

#[test]
fn every_wrong_file_gives_an_error_that_names_the_place() {
    let mut failures = Vec::new();
    for file in wrong::files() {
        match read(&file.bytes) {
            Ok(_) => failures.push(format!("{}: is read without an error", file.name)),
            Err(error) if !names(&error, file.blame) => {
                failures.push(format!("{}: {:?}, but: {error}", file.name, file.blame))
            }
            Err(error) => assert!(error.to_string().starts_with("test.dump: "), "{error}"),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_newer_version_is_told_as_such() {
    let newer = wrong::files()
        .into_iter()
        .find(|file| file.blame == Blame::Version)
        .unwrap();
    let error = read(&newer.bytes).unwrap_err().to_string();
    assert!(
        error.contains("version 2.0") && error.contains("newer memdump"),
        "{error}"
    );
}

/// What is sound of a wrong file is read: all of it is consistent, or names the block that is not.
#[test]
fn wrong_files_can_be_recovered_from() {
    for file in wrong::files() {
        let recovered = Dump::recover_bytes(Path::new("test.dump"), file.bytes.clone());
        let (dump, damage) = match (recovered, file.blame) {
            (Ok(both), _) => both,
            (Err(_), Blame::Header | Blame::Version) => continue,
            (Err(error), _) => panic!("{}: {error}", file.name),
        };
        assert!(
            damage.bytes_not_read <= file.bytes.len() as u64,
            "{}: {damage}",
            file.name
        );
        // Reading on may fail where checksums match and values do not; it must not panic.
        let verified = dump
            .blocks()
            .iter()
            .try_for_each(|block| dump.verify_block(block.number));
        let _ = (
            verified,
            dump.types(),
            dump.roots(),
            dump.faults(),
            dump.metadata().is_ok(),
        );
    }
}
