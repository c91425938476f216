//! Between the synthesiser's records and those of `memdump-format`.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::path::Path;

use memdump_format::{
    Address, Dump, Fault, Label, Limits, Module, Object, ObjectBatch, ObjectColumns, ObjectFlags,
    ObjectId, ReadError, Reference, ReferenceBatch, ReferenceColumns, Root, RootKind, Site,
    Strength, StringId, Type, TypeFlags, TypeId, Vtable, WriteError, Writer,
};
use memdump_tests::{Contents, Rng, record};

/// Opens a file, verifies every block and reads every record.
pub(crate) fn read(bytes: &[u8]) -> Result<Contents, ReadError> {
    let dump = Dump::from_bytes(Path::new("test.dump"), bytes.to_vec())?;
    for block in dump.blocks() {
        dump.verify_block(block.number)?;
    }
    contents(&dump)
}

/// Every record of an open dump.
pub(crate) fn contents(dump: &Dump) -> Result<Contents, ReadError> {
    let metadata = dump.metadata()?;
    let strings = dump.strings();
    let mut read = Contents {
        metadata: metadata
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        types: dump.types()?.iter().map(type_from).collect(),
        roots: dump.roots()?.iter().map(root_from).collect(),
        faults: dump.faults()?.iter().map(fault_from).collect(),
        sites: dump.sites()?.iter().map(site_from).collect(),
        modules: dump.modules()?.iter().map(module_from).collect(),
        vtables: dump.vtables()?.iter().map(vtable_from).collect(),
        ..Contents::default()
    };
    for id in 0..dump.counts().strings {
        read.strings
            .push(strings.get(StringId(id as u32))?.to_owned());
    }
    let mut batch = ObjectBatch::default();
    for block in dump.object_blocks() {
        block.decode(ObjectColumns::ALL, &mut batch)?;
        assert_eq!(batch.first.index(), read.objects.len());
        assert_eq!(batch.addresses.len(), block.len());
        read.births.extend(&batch.serials);
        read.objects.extend(
            (0..block.len())
                .map(|place| object_from(&batch.object(place).expect("it is in the batch"))),
        );
    }
    let mut batch = ReferenceBatch::default();
    for block in dump.reference_blocks() {
        block.decode(ReferenceColumns::ALL, &mut batch)?;
        // References that are lost leave a gap in these numbers; ids of objects do not have gaps.
        assert!(dump.is_recovered() || block.first() == read.references.len() as u64);
        // Of a recovered dump those of lost objects are left out.
        assert!(dump.is_recovered() || batch.len() == block.len());
        let sources = batch
            .groups
            .iter()
            .flat_map(|group| vec![group.source; group.count as usize]);
        read.references
            .extend(sources.zip(0..).map(|(source, place)| {
                reference_from(source, &batch.reference(place).expect("it is in the batch"))
            }));
    }
    for block in dump.value_blocks() {
        let values = block.decode()?;
        let told = values.iter();
        read.values
            .extend(told.map(|(object, text)| (u64::from(object.0), text.to_owned())));
    }
    let counts = dump.counts();
    assert!(dump.is_recovered() || counts.values == read.values.len() as u64);
    assert_eq!(counts.objects, read.objects.len() as u64);
    assert!(dump.is_recovered() || counts.references == read.references.len() as u64);
    assert_eq!(counts.types, read.types.len() as u64);
    assert_eq!(counts.roots, read.roots.len() as u64);
    assert_eq!(counts.faults, read.faults.len() as u64);
    assert!(dump.is_recovered() || counts.sites == read.sites.len() as u64);
    assert_eq!(counts.modules, read.modules.len() as u64);
    assert_eq!(counts.vtables, read.vtables.len() as u64);
    Ok(read)
}

/// What of a file's contents the reader tells: of metadata the last value of each key.
pub(crate) fn told(contents: Contents) -> Contents {
    let metadata = contents
        .metadata
        .into_iter()
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect();
    Contents {
        metadata,
        ..contents
    }
}

/// Writes contents by the real writer, kinds of records mixed at random; those of one kind stay in order.
pub(crate) fn write(
    contents: &Contents,
    shift: u8,
    limits: Limits,
    seed: u64,
) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::with_limits(Vec::new(), shift, limits)?;
    if !contents.births.is_empty() {
        writer = writer.with_births();
    }
    if !contents.values.is_empty() {
        writer = writer.with_values();
    }
    let has_offsets = contents.references.iter().any(|one| one.offset != 0);
    let left = contents.sites.len() + contents.modules.len() + contents.vtables.len();
    if has_offsets || left > 0 {
        writer = writer.with_native();
    }
    let mut births = contents.births.iter();
    let mut rng = Rng::new(seed);
    let mut metadata = contents.metadata.iter();
    let mut strings = contents.strings.iter().zip(0..);
    let mut types = contents.types.iter().zip(0..);
    let mut objects = contents.objects.iter().zip(0..);
    let mut references = contents.references.iter();
    let mut roots = contents.roots.iter();
    let mut faults = contents.faults.iter();
    let mut values = contents.values.iter();
    let mut sites = contents.sites.iter();
    let mut modules = contents.modules.iter();
    let mut vtables = contents.vtables.iter();
    let mut left = left
        + contents.metadata.len()
        + contents.strings.len()
        + contents.types.len()
        + contents.objects.len();
    left += contents.references.len() + contents.roots.len() + contents.faults.len();
    left += contents.values.len();
    while left > 0 {
        // Whole runs, so that long groups of references are met.
        for _ in 0..1 + rng.below(40) {
            left -= 1;
            let taken = match rng.below(11) {
                0 => metadata
                    .next()
                    .map(|(key, value)| writer.metadata(key, value)),
                1 => strings.next().map(|(text, id)| {
                    writer
                        .string(text)
                        .map(|given| assert_eq!(given, StringId(id)))
                }),
                2 => types.next().map(|(one, id)| {
                    writer
                        .define_type(&type_to(one))
                        .map(|given| assert_eq!(given, TypeId(id)))
                }),
                3 => objects.next().map(|(one, id)| {
                    writer
                        .object(&object_to(one, births.next().copied()))
                        .map(|given| assert_eq!(given, ObjectId(id)))
                }),
                4 => references
                    .next()
                    .map(|one| writer.reference(ObjectId(one.source as u32), &reference_to(one))),
                5 => roots.next().map(|one| writer.root(&root_to(one))),
                6 => faults.next().map(|one| writer.fault(&fault_to(one))),
                7 => values
                    .next()
                    .map(|(object, text)| writer.value(ObjectId(*object as u32), text)),
                8 => sites.next().map(|one| writer.site(&site_to(one))),
                9 => modules.next().map(|one| writer.module(&module_to(one))),
                _ => vtables
                    .next()
                    .map(|&(place, vtable)| writer.vtable(&Vtable { place, vtable })),
            };
            match taken {
                Some(result) => result?,
                None => left += 1,
            }
            if left == 0 {
                break;
            }
        }
    }
    let written = writer.bytes_written();
    let (bytes, counts) = writer.finish()?;
    assert!(written <= bytes.len() as u64);
    assert_eq!(counts.objects, contents.objects.len() as u64);
    assert_eq!(counts.references, contents.references.len() as u64);
    Ok(bytes)
}

fn vtable_from(one: &Vtable) -> (u64, u64) {
    (one.place, one.vtable)
}

fn label_to(raw: record::RawLabel) -> Label {
    let name = StringId(raw.value as u32);
    match raw.kind {
        0 => Label::None,
        1 => Label::Attribute(name),
        2 => Label::Key(name),
        3 => Label::KeyObject(name),
        4 => Label::Index(raw.value),
        5 => Label::IntegerKey(raw.value as i64),
        6 => Label::Closure(name),
        7 => Label::Local(name),
        8 => Label::Stack(raw.value),
        9 => Label::Type,
        10 => Label::Internal(name),
        11 => Label::Element,
        12 => Label::Offset(raw.value),
        kind => panic!("FORMAT.md has no label kind {kind}"),
    }
}

fn label_from(label: Label) -> record::RawLabel {
    let (kind, value) = match label {
        Label::None => (0, 0),
        Label::Attribute(name) => (1, u64::from(name.0)),
        Label::Key(text) => (2, u64::from(text.0)),
        Label::KeyObject(text) => (3, u64::from(text.0)),
        Label::Index(position) => (4, position),
        Label::IntegerKey(integer) => (5, integer as u64),
        Label::Closure(name) => (6, u64::from(name.0)),
        Label::Local(name) => (7, u64::from(name.0)),
        Label::Stack(position) => (8, position),
        Label::Type => (9, 0),
        Label::Internal(name) => (10, u64::from(name.0)),
        Label::Element => (11, 0),
        Label::Offset(bytes) => (12, bytes),
    };
    record::RawLabel { kind, value }
}

fn type_to(one: &record::Type) -> Type {
    Type {
        address: Address(one.address),
        module: StringId(one.module as u32),
        name: StringId(one.name as u32),
        flags: TypeFlags(one.flags as u32),
    }
}

fn type_from(one: &Type) -> record::Type {
    record::Type {
        address: one.address.0,
        module: one.module.0.into(),
        name: one.name.0.into(),
        // A reader may pass on flags that FORMAT.md has no meaning for.
        flags: u64::from(one.flags.0) & 3,
    }
}

fn object_to(one: &record::Object, serial: Option<u64>) -> Object {
    Object {
        address: Address(one.address),
        type_id: TypeId(one.type_id as u32),
        size: one.size,
        refcount: Some(one.refcount).filter(|&count| count != 0),
        flags: ObjectFlags(one.flags),
        serial,
    }
}

fn object_from(one: &Object) -> record::Object {
    record::Object {
        address: one.address.0,
        type_id: one.type_id.0.into(),
        size: one.size,
        refcount: one.refcount.unwrap_or(0),
        flags: one.flags.0 & 3,
    }
}

fn reference_to(one: &record::Reference) -> Reference {
    let strength = if one.weak {
        Strength::Weak
    } else {
        Strength::Strong
    };
    Reference {
        target: Address(one.target),
        label: label_to(one.label),
        strength,
        offset: one.offset,
    }
}

fn reference_from(source: ObjectId, one: &Reference) -> record::Reference {
    record::Reference {
        source: source.0.into(),
        target: one.target.0,
        label: label_from(one.label),
        weak: one.strength == Strength::Weak,
        offset: one.offset,
    }
}

fn root_to(one: &record::Root) -> Root {
    let id = |id: u64| StringId(id as u32);
    Root {
        kind: match one.kind {
            1 => RootKind::Module,
            2 => RootKind::Frame,
            3 => RootKind::Thread,
            4 => RootKind::Interpreter,
            5 => RootKind::Static,
            6 => RootKind::Native,
            kind => panic!("FORMAT.md has no root kind {kind}"),
        },
        name: one.name.map(id),
        thread: one.thread.map(id),
        line: one.line as u32,
        depth: one.depth as u32,
        label: label_to(one.label),
        target: Address(one.target),
        offset: one.offset,
    }
}

fn root_from(one: &Root) -> record::Root {
    let id = |id: StringId| u64::from(id.0);
    record::Root {
        kind: one.kind as u8,
        name: one.name.map(id),
        thread: one.thread.map(id),
        line: one.line.into(),
        depth: one.depth.into(),
        label: label_from(one.label),
        target: one.target.0,
        offset: one.offset,
    }
}

fn fault_to(one: &record::Fault) -> Fault {
    Fault {
        address: Address(one.address),
        message: StringId(one.message as u32),
    }
}

fn fault_from(one: &Fault) -> record::Fault {
    record::Fault {
        address: one.address.0,
        message: one.message.0.into(),
    }
}

fn site_to(one: &record::Site) -> Site<'_> {
    Site {
        log2_alignment: one.alignment,
        frames: &one.frames,
    }
}

fn site_from(one: Site<'_>) -> record::Site {
    record::Site {
        alignment: one.log2_alignment,
        frames: one.frames.to_vec(),
    }
}

fn module_to(one: &record::Module) -> Module {
    Module {
        bias: one.bias,
        first: one.first,
        length: one.length,
        path: StringId(one.path as u32),
        build_id: StringId(one.build_id as u32),
    }
}

fn module_from(one: &Module) -> record::Module {
    record::Module {
        bias: one.bias,
        first: one.first,
        length: one.length,
        path: one.path.0.into(),
        build_id: one.build_id.0.into(),
    }
}
