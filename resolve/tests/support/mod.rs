//! A target that knows the types of its blocks, built in a profile, run, and made a native dump of.

// Each test that includes this uses its part of it.
#![allow(unreachable_pub, dead_code)]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use memdump_format::{
    Address, Dump, Label, Module, Object, ObjectColumns, ObjectFlags, ObjectId, Reference,
    ReferenceColumns, Root, RootKind, Site, Strength, Type, TypeFlags, Vtable, Writer,
};
use memdump_resolve::{BuildId, LoadedModule};

/// How the target is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub directory: &'static str,
    pub has_frame_pointers: bool,
    /// Whether it is compiled with [`Content::Service`].
    pub has_service: bool,
}

pub const DEV: Profile = Profile {
    name: "dev",
    directory: "debug",
    has_frame_pointers: true,
    has_service: true,
};
pub const RELEASE: Profile = Profile {
    name: "release",
    directory: "release",
    has_frame_pointers: true,
    has_service: true,
};
pub const LINES: Profile = Profile {
    name: "lines",
    directory: "lines",
    has_frame_pointers: true,
    has_service: false,
};
pub const FAT: Profile = Profile {
    name: "fat",
    directory: "fat",
    has_frame_pointers: true,
    has_service: false,
};
pub const BARE: Profile = Profile {
    has_frame_pointers: false,
    has_service: false,
    ..RELEASE
};

/// What the target makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// What the standard library has.
    Heap,
    /// Enums, arenas, small vectors and what else programs have.
    Zoo,
    /// What a service has: tasks, channels, caches, documents.
    Service,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Content::Heap => "heap",
            Content::Zoo => "zoo",
            Content::Service => "service",
        }
    }
}

/// A native dump of the target.
pub struct Native {
    pub dump: Dump,
    pub truths: Truths,
}

/// What the target knows of its blocks.
#[derive(Default)]
pub struct Truths {
    /// By address; only of blocks whose type the target knows.
    pub types: HashMap<Address, String>,
    /// What looks like references, from block to block, and is left of earlier blocks; without pairs that have a reference as well.
    pub stale: HashSet<(Address, Address)>,
    /// How many references there are to look at, stale ones included.
    pub references: usize,
}

/// Builds the target; its own directory in the workspace's, so that nothing is built twice over.
pub fn build(profile: Profile) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => root.join("target"),
    };
    let (directory, pointers) = match profile.has_frame_pointers {
        true => ("rust-types", "yes"),
        false => ("rust-types-bare", "no"),
    };
    let target = target.join(directory);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--profile", profile.name])
        .args([
            "--features",
            if profile.has_service { "service" } else { "" },
        ])
        .arg("--manifest-path")
        .arg(root.join("tests/rust-types/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env(
            "RUSTFLAGS",
            format!("-C force-frame-pointers={pointers} -C link-arg=-Wl,--build-id"),
        )
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the target does not compile");
    target.join(profile.directory).join("memdump-types-target")
}

/// Runs the target and makes a native dump of what it says; `stacks` off leaves out who allocated.
pub fn dump(program: &Path, content: Content, stacks: bool) -> Native {
    let (bytes, truths) = bytes(program, content, stacks);
    let dump = Dump::from_bytes(Path::new("native.dump"), bytes).expect("a dump");
    Native { dump, truths }
}

/// As [`dump`], as bytes of a file.
pub fn bytes(program: &Path, content: Content, stacks: bool) -> (Vec<u8>, Truths) {
    let output = Command::new(program).arg(content.name()).output();
    let output = output.expect("the target runs");
    assert!(output.status.success(), "the target failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let build_id = build_id(program);
    let mut writer = Writer::new(Vec::new(), 3).expect("a writer").with_native();
    let empty = writer.string("").expect("a string");
    let path = writer
        .string(&program.display().to_string())
        .expect("a string");
    let id = writer.string(&build_id).expect("a string");
    let mut sites = HashMap::new();
    let mut objects = HashMap::new();
    let mut truths = Truths::default();
    let mut references = HashSet::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        match words.as_slice() {
            ["module", bias, first, end, ..] => {
                let (bias, first, end) = (hex(bias), hex(first), hex(end));
                let length = end - first;
                let module = Module {
                    bias,
                    first,
                    length,
                    path,
                    build_id: id,
                };
                writer.module(&module).expect("a module");
            }
            ["block", address, size, alignment, frames, truth] => {
                let address = Address(hex(address));
                let log2_alignment = number(alignment).trailing_zeros() as u8;
                let frames: Vec<u64> = if stacks {
                    frames.split(',').map(hex).collect()
                } else {
                    Vec::new()
                };
                let type_id = *sites.entry((log2_alignment, frames)).or_insert_with_key(
                    |(log2_alignment, frames)| {
                        let record = Type {
                            address: Address(0),
                            module: empty,
                            name: empty,
                            flags: TypeFlags::default(),
                        };
                        let site = Site {
                            log2_alignment: *log2_alignment,
                            frames,
                        };
                        writer.site(&site).expect("a site");
                        writer.define_type(&record).expect("a type")
                    },
                );
                let object = Object {
                    address,
                    type_id,
                    size: number(size),
                    refcount: None,
                    flags: ObjectFlags::default(),
                    serial: None,
                };
                objects.insert(address, writer.object(&object).expect("an object"));
                if *truth != "-" {
                    truths.types.insert(address, (*truth).to_owned());
                }
            }
            [kind @ ("reference" | "stale"), source, at, target, offset] => {
                let pair = (Address(hex(source)), Address(hex(target)));
                truths.references += 1;
                match *kind {
                    "stale" => truths.stale.insert(pair),
                    _ => references.insert(pair),
                };
                let reference = Reference {
                    target: Address(hex(target)),
                    label: Label::Offset(number(at)),
                    strength: Strength::Strong,
                    offset: number(offset),
                };
                let source = objects[&Address(hex(source))];
                writer.reference(source, &reference).expect("a reference");
            }
            ["vtable", place, vtable] => {
                let (place, vtable) = (hex(place), hex(vtable));
                writer.vtable(&Vtable { place, vtable }).expect("a vtable");
            }
            [kind @ ("root" | "thread"), at, target, offset] => {
                let kind = match *kind {
                    "root" => RootKind::Static,
                    _ => RootKind::Thread,
                };
                let name = program.file_name().expect("a name").to_string_lossy();
                let name = writer.string(&format!("{name}+0x{at}")).expect("a string");
                let root = Root {
                    kind,
                    name: Some(name),
                    thread: None,
                    line: 0,
                    depth: 0,
                    label: Label::None,
                    target: Address(hex(target)),
                    offset: number(offset),
                };
                writer.root(&root).expect("a root");
            }
            _ => panic!("the target said {line}"),
        }
    }
    writer.metadata("native", "conservative").expect("metadata");
    truths.stale.retain(|pair| !references.contains(pair));
    (writer.finish().expect("a dump").0, truths)
}

/// The modules of a dump as the resolver wants them.
pub fn modules(dump: &Dump) -> Vec<LoadedModule> {
    memdump_resolve::loaded_modules(dump).expect("modules")
}

/// Addresses of the blocks of a type.
pub fn of_type(dump: &Dump, wanted: &str) -> Vec<Address> {
    let names = types(dump).into_iter();
    names
        .filter(|(_, (name, _))| name == wanted)
        .map(|(address, _)| address)
        .collect()
}

/// Addresses of the blocks that static variables of these names hold.
pub fn held_by(dump: &Dump, wanted: &[&str]) -> Vec<Address> {
    let is_wanted = |root: &Root| {
        root.name
            .is_some_and(|name| wanted.contains(&dump.strings().get(name).expect("a name")))
    };
    let roots = dump.roots().expect("roots").into_iter();
    roots.filter(is_wanted).map(|root| root.target).collect()
}

/// Addresses of the blocks that a chain of references leads to, these included.
pub fn reached(references: &[(Address, Address)], from: Vec<Address>) -> HashSet<Address> {
    let mut targets: HashMap<Address, Vec<Address>> = HashMap::new();
    for &(source, target) in references {
        targets.entry(source).or_default().push(target);
    }
    let mut waiting = from;
    let mut reached = HashSet::new();
    while let Some(address) = waiting.pop() {
        if reached.insert(address) {
            waiting.extend(targets.get(&address).into_iter().flatten());
        }
    }
    reached
}

/// The addresses of all objects of a dump, by their numbers.
pub fn addresses(dump: &Dump) -> Vec<Address> {
    let mut addresses = Vec::new();
    let mut batch = Default::default();
    for block in dump.object_blocks() {
        block
            .decode(ObjectColumns::ADDRESS, &mut batch)
            .expect("objects");
        addresses.extend_from_slice(&batch.addresses);
    }
    addresses
}

/// All references of a dump, from block to block.
pub fn references(dump: &Dump) -> Vec<(Address, Address)> {
    let addresses = addresses(dump);
    let mut found = Vec::new();
    let mut batch = Default::default();
    for block in dump.reference_blocks() {
        block
            .decode(ReferenceColumns::ALL, &mut batch)
            .expect("references");
        let mut rest = batch.targets.as_slice();
        for group in &batch.groups {
            let (own, others) = rest.split_at(group.count as usize);
            let source = addresses[group.source.index()];
            found.extend(own.iter().map(|&target| (source, target)));
            rest = others;
        }
    }
    found
}

/// Of each reference whose place has no name but its offset, the block that it lies in.
pub fn unnamed(dump: &Dump) -> Vec<ObjectId> {
    let mut found = Vec::new();
    let mut batch = Default::default();
    for block in dump.reference_blocks() {
        block
            .decode(ReferenceColumns::ALL, &mut batch)
            .expect("references");
        let groups = batch.groups.iter();
        let sources = groups.flat_map(|group| (0..group.count).map(|_| group.source));
        let is_offset = |place| {
            let reference = batch.reference(place).expect("a reference");
            matches!(reference.label, Label::Offset(_))
        };
        let places = sources.enumerate().filter(|&(place, _)| is_offset(place));
        found.extend(places.map(|(_, source)| source));
    }
    found
}

/// Names of the types of a dump's objects, and their sizes, by address.
pub fn types(dump: &Dump) -> HashMap<Address, (String, u64)> {
    let types = dump.types().expect("types");
    let mut found = HashMap::new();
    let mut batch = Default::default();
    for block in dump.object_blocks() {
        block
            .decode(ObjectColumns::ALL, &mut batch)
            .expect("objects");
        let rows = batch.addresses.iter().zip(&batch.types).zip(&batch.sizes);
        for ((address, id), &size) in rows {
            let name = dump.strings().get(types[id.index()].name).expect("a name");
            found.insert(*address, (name.to_owned(), size));
        }
    }
    found
}

fn build_id(program: &Path) -> String {
    let found = BuildId::of_file(program).expect("a readable file");
    found.expect("a build id").to_string()
}

fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
}

fn number(digits: &str) -> u64 {
    digits.parse().expect("digits")
}
