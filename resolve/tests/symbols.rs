//! Debug information is found by build id and by nothing else, and what is damaged in it costs types, never the process.
#![allow(clippy::expect_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use memdump_format::Dump;
use memdump_resolve::{BuildId, Program, Source, Symbols, SymbolsError, write_typed};
use support::{Content, RELEASE};

fn strip(from: &Path, to: &Path) {
    let stripped = Command::new("strip").arg(from).arg("-o").arg(to).status();
    assert!(stripped.expect("strip runs").success());
}

#[test]
fn a_stripped_program_finds_its_debug_information_by_build_id() {
    let built = support::build(RELEASE);
    let id = BuildId::of_file(&built).expect("readable").expect("an id");
    let directory = tempfile::tempdir().expect("a directory");
    let deployed = directory.path().join("service");
    strip(&built, &deployed);

    let nowhere = Symbols::default().with_debug_directory(directory.path().join("none"));
    let error = nowhere
        .find(&deployed, Some(&id))
        .err()
        .expect("no debug information");
    let told = error.to_string();
    assert!(
        told.contains("of that build, but has no debug information"),
        "{told}"
    );
    assert!(told.contains("--symbols"), "{told}");

    let given = Symbols::new(vec![built.clone()]);
    assert_eq!(
        given.find(&deployed, Some(&id)).expect("found").path(),
        built
    );

    let digits = id.to_string();
    let place = directory.path().join("debug/.build-id").join(&digits[..2]);
    fs::create_dir_all(&place).expect("a directory");
    let place = place.join(format!("{}.debug", &digits[2..]));
    fs::copy(&built, &place).expect("copied");
    let kept = Symbols::default().with_debug_directory(directory.path().join("debug"));
    assert_eq!(
        kept.find(&deployed, Some(&id)).expect("found").path(),
        place
    );
}

/// The path is the dump's to name; opening a pipe to which nobody writes would never end.
#[test]
fn a_module_that_is_a_named_pipe_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let pipe = directory.path().join("service");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let id = BuildId::from_hex("00ff00ff").expect("an id");
    let error = Symbols::default().find(&pipe, Some(&id)).err();
    let told = error.expect("no debug information").to_string();
    assert!(told.contains("no regular file"), "{told}");
}

#[test]
fn a_file_of_another_build_is_refused() {
    let built = support::build(RELEASE);
    let other = BuildId::from_hex("00ff00ff").expect("an id");
    let error = Symbols::new(vec![built.clone()])
        .find(&built, Some(&other))
        .err();
    let told = error.expect("refused").to_string();
    assert!(told.contains("is of another build"), "{told}");

    let error = Symbols::default()
        .find(&built, None)
        .err()
        .expect("refused");
    assert!(matches!(error, SymbolsError::NoBuildId(_)), "{error}");

    let error = Symbols::new(vec!["/no/such/file".into()])
        .find(&built, Some(&other))
        .err();
    let error = error.expect("refused");
    assert!(matches!(error, SymbolsError::Unreadable { .. }), "{error}");
}

#[test]
fn damaged_debug_information_costs_types_and_nothing_else() {
    let built = support::build(RELEASE);
    let native = support::dump(&built, Content::Heap, true);
    let sound = fs::read(&built).expect("readable");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("damaged");
    // The same places in every run; enough of them to meet all sections of a file this size.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..12 {
        let mut bytes = sound.clone();
        for _ in 0..(1 << round) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Not the headers in front, which tell the build id.
            let at = 4096 + (state >> 20) as usize % (bytes.len() - 4096);
            bytes[at] = (state >> 8) as u8;
        }
        fs::write(&file, &bytes).expect("written");
        let symbols = Symbols::new(vec![file.clone()]);
        let modules = support::modules(&native.dump).into_iter();
        let sources: Vec<Source> = modules
            .map(|mut module| {
                module.path = directory.path().join("nowhere");
                Source::find(module, &symbols)
            })
            .collect();
        let sections: Vec<_> = sources.iter().map(Source::sections).collect();
        let program = Program::new(&sections);
        let typed = write_typed(&native.dump, &program, &[], Vec::new());
        let (bytes, _) = typed.expect("a typed dump");
        let dump = Dump::from_bytes("typed.dump".as_ref(), bytes).expect("a dump");
        assert_eq!(dump.counts().objects, native.dump.counts().objects);
    }
}
