//! A program whose debug information lies in files beside it tells the same as one that has it in itself.
#![allow(clippy::expect_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use memdump_resolve::{LoadedModule, Program, Source, Symbols, SymbolsError, write_typed};
use object::{Object, ObjectSection};
use support::{Content, Native};

/// What only debug information tells.
const OF_ROWS: &str = "[memdump_types_target::heap::Row]";

/// What the target that knows its types has of the standard library, as a package of its own: little to compile.
fn package(directory: &Path) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rust-types/src");
    let modules = ["heap", "names", "recorder", "report"].map(|name| {
        let path = sources.join(name).with_extension("rs");
        format!("#[path = {path:?}]\n#[allow(dead_code, unexpected_cfgs)]\nmod {name};\n")
    });
    let main = "#[global_allocator]\nstatic HEAP: recorder::Recorder = recorder::Recorder;\n\
                fn main() { recorder::begin(); let kept = heap::build(); report::print(); drop(kept); }\n";
    let manifest = "[package]\nname = \"memdump_types_target\"\nedition = \"2024\"\n[workspace]\n\
                    [dependencies]\nlibc = \"0.2\"\n[profile.release]\ndebug = \"full\"\n";
    fs::create_dir(directory.join("src")).expect("a directory");
    fs::write(directory.join("src/main.rs"), modules.concat() + main).expect("written");
    let file = directory.join("Cargo.toml");
    fs::write(&file, manifest).expect("written");
    file
}

/// Compiles it in a directory of its own; with the directories that what was split off lies in.
fn build(directory: &Path, options: &str) -> (PathBuf, [PathBuf; 2]) {
    let target = directory.join("target");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--manifest-path"])
        .arg(package(directory))
        .arg("--target-dir")
        .arg(&target)
        .env(
            "RUSTFLAGS",
            format!("-Cforce-frame-pointers=yes -Clink-arg=-Wl,--build-id {options}"),
        )
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.expect("cargo runs").success(), "it does not compile");
    let release = target.join("release");
    let program = release.join("memdump_types_target");
    (program, [release.join("deps"), release])
}

/// How many blocks there are of each type, which static variables of the program hold some, and what is missing.
struct Told {
    types: BTreeMap<String, usize>,
    roots: BTreeSet<String>,
    missing: Option<SymbolsError>,
}

fn told(native: &Native, symbols: &Symbols) -> Told {
    let modules = support::modules(&native.dump);
    let sources: Vec<Source> = modules
        .into_iter()
        .map(|module: LoadedModule| Source::find(module, symbols))
        .collect();
    let sections: Vec<_> = sources.iter().map(Source::sections).collect();
    let program = Program::new(&sections);
    let (bytes, _) = write_typed(&native.dump, &program, &[], Vec::new()).expect("a typed dump");
    let dump = memdump_format::Dump::from_bytes("typed.dump".as_ref(), bytes).expect("a dump");
    let mut types = BTreeMap::new();
    for (name, _) in support::types(&dump).into_values() {
        *types.entry(name).or_default() += 1;
    }
    let strings = dump.strings();
    let roots = dump.roots().expect("roots").into_iter();
    let names = roots.filter_map(|root| Some(strings.get(root.name?).expect("a name").to_owned()));
    let roots = names
        .filter(|name| name.starts_with("memdump_types_target::"))
        .collect();
    drop(program);
    drop(sections);
    Told {
        types,
        roots,
        missing: sources.into_iter().find_map(Source::into_error),
    }
}

#[test]
fn split_debug_information_tells_what_whole_debug_information_does() {
    let place = tempfile::tempdir().expect("a directory");
    let made = |name: &str, options: &str| {
        let directory = place.path().join(name);
        fs::create_dir(&directory).expect("a directory");
        let (program, split) = build(&directory, options);
        (split, support::dump(&program, Content::Heap, true))
    };
    let (_, whole) = made("whole", "-Csplit-debuginfo=off");
    let whole = told(&whole, &Symbols::default());
    assert!(whole.missing.is_none());
    let cache = "memdump_types_target::heap::CACHE";
    assert!(whole.roots.contains(cache), "{:?}", whole.roots);
    assert!(whole.types.contains_key(OF_ROWS), "{:?}", whole.types);

    // DWARF 4, with the extension that came before DWARF 5, is what rustc writes by default.
    for (name, options) in [
        ("packed", "-Csplit-debuginfo=packed -Cdwarf-version=4"),
        ("packed-5", "-Csplit-debuginfo=packed -Cdwarf-version=5"),
        ("objects", "-Csplit-debuginfo=unpacked -Cdwarf-version=4"),
    ] {
        let (directories, native) = made(name, options);
        let split = told(&native, &Symbols::default());
        assert!(split.missing.is_none(), "{name}: {:?}", split.missing);
        assert_eq!(split.types, whole.types, "{name}");
        assert_eq!(split.roots, whole.roots, "{name}");

        // Kept elsewhere, as symbols are.
        let kept = place.path().join(format!("{name}-kept"));
        fs::create_dir(&kept).expect("a directory");
        let entries = directories
            .iter()
            .flat_map(|directory| fs::read_dir(directory).expect("entries"));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path
                .extension()
                .is_some_and(|kind| kind == "dwp" || kind == "dwo")
            {
                let to = kept.join(path.file_name().expect("a name"));
                fs::rename(path, to).expect("moved");
            }
        }
        let without = told(&native, &Symbols::default());
        let why = without.missing.expect("something is missing").to_string();
        assert!(
            why.contains("units of") && why.contains("--symbols"),
            "{why}"
        );
        assert!(!without.types.contains_key(OF_ROWS), "{name}");
        let found = told(&native, &Symbols::new(vec![kept]));
        assert!(found.missing.is_none(), "{name}: {:?}", found.missing);
        assert_eq!(found.types, whole.types, "{name}");
    }
}

/// Packages and objects are known by the ids of their units, whatever they are called.
#[test]
fn split_debug_information_of_another_build_is_left_alone() {
    let place = tempfile::tempdir().expect("a directory");
    let directories = ["own", "other"].map(|name| place.path().join(name));
    directories
        .iter()
        .for_each(|directory| fs::create_dir(directory).expect("a directory"));
    let (program, _) = build(&directories[0], "-Csplit-debuginfo=packed");
    let own = fs::read(program.with_extension("dwp")).expect("a package");
    let (other, _) = build(&directories[1], "-Csplit-debuginfo=packed -Copt-level=1");
    let native = support::dump(&program, Content::Heap, true);
    let package = |program: &Path| program.with_extension("dwp");
    fs::copy(package(&other), package(&program)).expect("copied");
    let mixed = told(&native, &Symbols::default());
    assert!(
        matches!(mixed.missing, Some(SymbolsError::SplitMissing { lacking, all, .. }) if lacking == all)
    );
    // Damaged, too, it costs types and no more.
    let bytes = fs::read(package(&other)).expect("a package");
    for cut in [0, 1, 64, bytes.len() / 2, bytes.len() - 1] {
        fs::write(package(&program), &bytes[..cut]).expect("written");
        assert!(told(&native, &Symbols::default()).missing.is_some());
    }
    // One that leads every unit to one and the same would be gone through again and again.
    fs::write(package(&program), with_one_unit_for_all(own.clone())).expect("written");
    let looped = told(&native, &Symbols::default());
    assert!(looped.missing.is_none() && !looped.types.contains_key(OF_ROWS));
    fs::write(package(&program), own).expect("written");
    let sound = told(&native, &Symbols::default());
    assert!(sound.types.contains_key(OF_ROWS));
}

/// A package whose index leads each unit to the longest one. DWARF 5, section 7.3.5.3.
fn with_one_unit_for_all(mut package: Vec<u8>) -> Vec<u8> {
    let file = object::File::parse(&*package).expect("a package");
    let index = file.section_by_name(".debug_cu_index").expect("an index");
    let start = index.file_range().expect("bytes").0 as usize;
    let number = |package: &[u8], at: usize| {
        let bytes = &package[start + at..start + at + 4];
        u32::from_le_bytes(bytes.try_into().expect("four bytes"))
    };
    let [columns, units, slots] = [4, 8, 12].map(|at| number(&package, at) as usize);
    let rows_of_slots = 16 + 8 * slots;
    let kinds = rows_of_slots + 4 * slots;
    let sizes = kinds + 4 * columns * (1 + units);
    const DEBUG_INFO: u32 = 1;
    let column = (0..columns).find(|column| number(&package, kinds + 4 * column) == DEBUG_INFO);
    let column = column.expect("units");
    let size = |row: &usize| number(&package, sizes + 4 * (row * columns + column));
    let longest = (0..units).max_by_key(size).expect("a unit");
    for slot in 0..slots {
        let at = rows_of_slots + 4 * slot;
        if number(&package, at) != 0 {
            let row = (longest as u32 + 1).to_le_bytes();
            package[start + at..start + at + 4].copy_from_slice(&row);
        }
    }
    package
}
