//! Small heaps, written as people read them, and the command run on them.

#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use memdump_format::{
    Address, Dump, Label, Object, ObjectFlags, ObjectId, Reference, Root, RootKind, Strength,
    StringId, Type, TypeFlags, TypeId, Writer,
};

/// A heap. Objects are written in the order in which they are described.
#[derive(Default, Clone, Debug)]
pub struct Heap {
    metadata: Vec<(String, String)>,
    objects: Vec<Described>,
    references: Vec<(u64, u64, String, Strength)>,
    /// By the source's number, which tells objects of one address apart.
    numbered: Vec<(u32, u64, String, Strength)>,
    roots: Vec<DescribedRoot>,
    faults: Vec<(u64, String)>,
}

#[derive(Clone, Debug)]
struct Described {
    address: u64,
    type_name: String,
    size: u64,
    refcount: Option<u64>,
    serial: Option<u64>,
    value: Option<String>,
}

#[derive(Clone, Debug)]
struct DescribedRoot {
    kind: RootKind,
    name: Option<String>,
    thread: Option<String>,
    line: u32,
    label: String,
    target: u64,
}

impl Heap {
    /// The heap of process 7 on host `box`, dumped as number `sequence`, so many minutes after its start.
    pub fn of_process(sequence: u64) -> Heap {
        let mut heap = Heap::default();
        for (key, value) in [
            ("producer", "memdump-cpython 0.1.0".to_owned()),
            ("runtime", "CPython 3.11.7".to_owned()),
            ("host", "box".to_owned()),
            ("pid", "7".to_owned()),
            ("program", "manage.py".to_owned()),
            ("time", format!("2026-11-22T10:{sequence:02}:00.000000Z")),
            ("uptime_ms", (sequence * 60_000).to_string()),
            ("sequence", sequence.to_string()),
            ("identity", "address".to_owned()),
            ("rss_bytes", "4096".to_owned()),
        ] {
            heap = heap.metadata(key, &value);
        }
        heap
    }

    pub fn metadata(mut self, key: &str, value: &str) -> Heap {
        self.metadata.push((key.to_owned(), value.to_owned()));
        self
    }

    /// `module.Type`, `module:Outer.Type` or, for builtins, `Type`. Nothing is known of its reference count.
    pub fn object(mut self, address: u64, type_name: &str, size: u64) -> Heap {
        self.objects.push(Described {
            address,
            type_name: type_name.to_owned(),
            size,
            refcount: None,
            serial: None,
            value: None,
        });
        self
    }

    /// Sets what the last object held.
    pub fn holding(mut self, value: &str) -> Heap {
        self.objects.last_mut().expect("an object").value = Some(value.to_owned());
        self
    }

    /// Sets the reference count of the last object.
    pub fn counted(mut self, refcount: u64) -> Heap {
        self.objects.last_mut().expect("an object").refcount = Some(refcount);
        self
    }

    /// Sets the birth serial of the last object.
    pub fn born(mut self, serial: u64) -> Heap {
        self.objects.last_mut().expect("an object").serial = Some(serial);
        self
    }

    /// A dump that tells births.
    pub fn exact(self, watermark: u64, marked_since: u64) -> Heap {
        self.metadata("identity", "exact")
            .metadata("watermark", &watermark.to_string())
            .metadata("marked_since", &marked_since.to_string())
    }

    pub fn refers(mut self, source: u64, target: u64, label: &str) -> Heap {
        self.references
            .push((source, target, label.to_owned(), Strength::Strong));
        self
    }

    pub fn object_refers(mut self, number: u32, target: u64, label: &str) -> Heap {
        self.numbered
            .push((number, target, label.to_owned(), Strength::Strong));
        self
    }

    pub fn refers_weakly(mut self, source: u64, target: u64, label: &str) -> Heap {
        self.references
            .push((source, target, label.to_owned(), Strength::Weak));
        self
    }

    pub fn root(mut self, kind: RootKind, name: &str, label: &str, target: u64) -> Heap {
        self.roots.push(DescribedRoot {
            kind,
            name: (!name.is_empty()).then(|| name.to_owned()),
            thread: None,
            line: 0,
            label: label.to_owned(),
            target,
        });
        self
    }

    /// An imported module, and the root that holds it.
    pub fn module(self, address: u64, name: &str) -> Heap {
        self.object(address, "module", 72)
            .root(RootKind::Module, name, "", address)
    }

    pub fn frame(mut self, thread: &str, name: &str, line: u32, label: &str, target: u64) -> Heap {
        self = self.root(RootKind::Frame, name, label, target);
        let root = self.roots.last_mut().expect("a root");
        root.thread = Some(thread.to_owned());
        root.line = line;
        self
    }

    pub fn fault(mut self, address: u64, message: &str) -> Heap {
        self.faults.push((address, message.to_owned()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 3).expect("a writer");
        if self.objects.iter().any(|object| object.serial.is_some()) {
            writer = writer.with_births();
        }
        if self.objects.iter().any(|object| object.value.is_some()) {
            writer = writer.with_values();
        }
        for (key, value) in &self.metadata {
            writer.metadata(key, value).expect("written");
        }
        let mut types: BTreeMap<String, TypeId> = BTreeMap::new();
        let mut ids: BTreeMap<u64, ObjectId> = BTreeMap::new();
        for object in &self.objects {
            let type_id = *types.entry(object.type_name.clone()).or_insert_with(|| {
                let name = &object.type_name;
                let (module, name) = name
                    .split_once(':')
                    .or_else(|| name.rsplit_once('.'))
                    .unwrap_or(("builtins", name));
                let record = Type {
                    address: Address(0),
                    module: writer.string(module).expect("written"),
                    name: writer.string(name).expect("written"),
                    flags: TypeFlags::default(),
                };
                writer.define_type(&record).expect("written")
            });
            let id = writer.object(&Object {
                address: Address(object.address),
                type_id,
                size: object.size,
                refcount: object.refcount,
                flags: ObjectFlags::TRACKED,
                serial: object.serial,
            });
            let id = id.expect("written");
            if let Some(value) = &object.value {
                writer.value(id, value).expect("written");
            }
            ids.entry(object.address).or_insert(id);
        }
        let by_address = self.references.iter().cloned();
        let mut references: Vec<_> = by_address
            .map(|(source, target, label, strength)| (ids[&source], target, label, strength))
            .collect();
        let by_number = self.numbered.iter().cloned();
        references.extend(by_number.map(|(n, target, label, s)| (ObjectId(n), target, label, s)));
        references.sort_by_key(|reference| reference.0);
        for (source, target, label, strength) in references {
            let label = label_of(&mut writer, &label);
            let reference = Reference {
                target: Address(target),
                label,
                strength,
                offset: 0,
            };
            writer.reference(source, &reference).expect("written");
        }
        for root in &self.roots {
            let label = label_of(&mut writer, &root.label);
            let mut text = |text: &Option<String>| {
                text.as_ref()
                    .map(|text| writer.string(text).expect("written"))
            };
            let (name, thread) = (text(&root.name), text(&root.thread));
            let record = Root {
                kind: root.kind,
                name,
                thread,
                line: root.line,
                depth: 0,
                label,
                target: Address(root.target),
                offset: 0,
            };
            writer.root(&record).expect("written");
        }
        for (address, message) in &self.faults {
            let message = writer.string(message).expect("written");
            let fault = memdump_format::Fault {
                address: Address(*address),
                message,
            };
            writer.fault(&fault).expect("written");
        }
        writer.finish().expect("finished").0
    }

    pub fn dump(&self) -> Dump {
        Dump::from_bytes(Path::new("test.dump"), self.bytes()).expect("a whole dump")
    }

    pub fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.bytes()).expect("written");
        path.to_owned()
    }
}

fn label_of(writer: &mut Writer<Vec<u8>>, text: &str) -> Label {
    let mut string = |text: &str| -> StringId { writer.string(text).expect("written") };
    let inner = |open: &str, close: &str| {
        text.strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
    };
    if text.is_empty() {
        Label::None
    } else if text == ".__class__" {
        Label::Type
    } else if let Some(name) = text.strip_prefix('.') {
        Label::Attribute(string(name))
    } else if let Some(key) = inner("[", "]") {
        match (key.parse(), key.strip_prefix("key ")) {
            (_, Some(integer)) => Label::IntegerKey(integer.parse().expect("an integer")),
            (Ok(position), _) => Label::Index(position),
            _ => Label::Key(string(key)),
        }
    } else if let Some(name) = inner("<local ", ">") {
        Label::Local(string(name))
    } else if let Some(name) = inner("<closure ", ">") {
        Label::Closure(string(name))
    } else if let Some(key) = inner("<key ", ">") {
        Label::KeyObject(string(key))
    } else {
        Label::Internal(string(text))
    }
}

/// The service that leaks: `app.views.global_data['a']` is a list that grows.
pub fn service(leaked: u64) -> Heap {
    let mut heap = Heap::of_process(1 + leaked)
        .module(0x1000, "app.views")
        .object(0x1100, "dict", 232)
        .object(0x1200, "dict", 184)
        .object(0x1300, "list", 1200)
        .object(0x1400, "app.views.Request", 64)
        .refers(0x1000, 0x1100, ".__dict__")
        .refers(0x1100, 0x1200, "['global_data']")
        .refers(0x1200, 0x1300, "['a']")
        .frame(
            "MainThread",
            "handle (app/views.py)",
            42,
            "<local req>",
            0x1400,
        );
    for number in 0..leaked {
        let address = 0x2000 + number * 0x40;
        heap = heap.object(address, "app.models.SomeRef", 48).refers(
            0x1300,
            address,
            &format!("[{number}]"),
        );
    }
    heap
}

/// The service after so many minutes: it leaks two `SomeRef` a minute, fills a pool of up to 8 connections, and serves requests,
/// each at an address that no other has.
pub fn busy_service(minutes: u64) -> Heap {
    let requests = [5, 9, 4, 8, 3, 9, 6];
    let mut heap = service(2 * minutes)
        .metadata("time", &format!("2026-11-22T10:{minutes:02}:00Z"))
        .metadata("uptime_ms", &(minutes * 60_000).to_string())
        .metadata("sequence", &minutes.to_string());
    for number in 0..(3 * minutes).min(8) {
        heap = heap.object(0x8000 + number * 0x100, "app.pool.Connection", 512);
    }
    for number in 0..requests[minutes as usize % requests.len()] {
        let address = 0x10_0000 * minutes + number * 0x40;
        heap = heap.object(address, "app.views.Request", 64);
    }
    heap
}

/// What the command printed, and its exit code.
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: i32,
}

/// Variables that change how what is printed looks: they are of whoever runs the tests.
const LOOKS: [&str; 5] = ["COLUMNS", "LINES", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"];

/// Runs `memdump` in a directory.
pub fn memdump(directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = assert_cmd::Command::cargo_bin("memdump").expect("the command");
    for name in LOOKS {
        command.env_remove(name);
    }
    let output = command
        .current_dir(directory)
        .args(arguments)
        .output()
        .expect("it runs");
    let err = String::from_utf8(output.stderr).expect("text");
    let is_verbose = arguments
        .iter()
        .any(|&word| word == "-v" || word == "--verbose");
    Ran {
        out: String::from_utf8(output.stdout).expect("text"),
        err: if is_verbose {
            err
        } else {
            without_progress(&err)
        },
        code: output.status.code().expect("an exit code"),
    }
}

/// What is told on stderr, but for the stages of what takes longer than half a second: on a busy machine that is anything.
fn without_progress(err: &str) -> String {
    let lines = err.split_inclusive('\n');
    lines.filter(|line| !line.ends_with(" …\n")).collect()
}
