//! The lists of wrong and of odd files, against the text: the slow reader must refuse every wrong one, and read every odd one.

use std::collections::HashSet;

use memdump_tests::wrong::Blame;
use memdump_tests::{odd, slow_reader, wrong};

#[test]
fn every_wrong_file_is_wrong() {
    let files = wrong::files();
    let names: HashSet<_> = files.iter().map(|file| &file.name).collect();
    assert_eq!(names.len(), files.len(), "two files have the same name");
    for file in files {
        let Err(error) = slow_reader::read(&file.bytes) else {
            panic!("{} is sound", file.name)
        };
        if let Blame::Block(number, _) = file.blame {
            assert_eq!(
                error.block.map(|(number, _)| number),
                Some(number),
                "{}: {error}",
                file.name
            );
        }
    }
}

#[test]
fn every_odd_file_is_right() {
    for file in odd::files() {
        assert_eq!(
            slow_reader::read(&file.bytes),
            Ok(file.contents),
            "{}",
            file.name
        );
    }
}
