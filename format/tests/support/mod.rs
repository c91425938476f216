//! Heaps as plain vectors, to be written to a dump and read back.
#![allow(dead_code, unreachable_pub)] // Each test includes it and uses a part of it.

use std::path::Path;

use memdump_format::*;
use proptest::prelude::*;

/// The shift of the generated addresses.
pub const SHIFT: u8 = 3;

/// Everything that a dump holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heap {
    pub strings: Vec<String>,
    pub types: Vec<Type>,
    pub objects: Vec<Object>,
    /// Sorted by source.
    pub references: Vec<(ObjectId, Reference)>,
    pub roots: Vec<Root>,
    pub faults: Vec<Fault>,
    pub metadata: Vec<(String, String)>,
    /// Alignments and frames.
    pub sites: Vec<(u8, Vec<u64>)>,
    pub modules: Vec<Module>,
    pub vtables: Vec<Vtable>,
}

impl Heap {
    fn is_native(&self) -> bool {
        let mut references = self.references.iter();
        !self.sites.is_empty()
            || !self.modules.is_empty()
            || !self.vtables.is_empty()
            || references.any(|(_, one)| one.offset != 0)
    }
}

/// Writes a heap; records of different kinds come in turns, as they do from a walker.
pub fn write(heap: &Heap, shift: u8, limits: Limits) -> Vec<u8> {
    let mut writer = Writer::with_limits(Vec::new(), shift, limits).unwrap();
    if heap.objects.iter().any(|object| object.serial.is_some()) {
        writer = writer.with_births();
    }
    if heap.is_native() {
        writer = writer.with_native();
    }
    let mut references = heap.references.iter();
    let mut objects = heap.objects.iter().enumerate();
    let mut strings = heap.strings.iter().enumerate();
    let mut types = heap.types.iter().enumerate();
    loop {
        let before = writer.counts();
        for (id, text) in strings.by_ref().take(2) {
            assert_eq!(writer.string(text).unwrap(), StringId(id as u32));
        }
        for (id, record) in types.by_ref().take(1) {
            assert_eq!(writer.define_type(record).unwrap(), TypeId(id as u32));
        }
        for (id, record) in objects.by_ref().take(3) {
            assert_eq!(writer.object(record).unwrap(), ObjectId(id as u32));
        }
        for (source, reference) in references.by_ref().take(5) {
            writer.reference(*source, reference).unwrap();
        }
        if writer.counts() == before {
            break;
        }
    }
    heap.roots
        .iter()
        .for_each(|root| writer.root(root).unwrap());
    heap.faults
        .iter()
        .for_each(|fault| writer.fault(fault).unwrap());
    for (log2_alignment, frames) in &heap.sites {
        let log2_alignment = *log2_alignment;
        writer
            .site(&Site {
                log2_alignment,
                frames,
            })
            .unwrap();
    }
    heap.modules
        .iter()
        .for_each(|module| writer.module(module).unwrap());
    heap.vtables
        .iter()
        .for_each(|vtable| writer.vtable(vtable).unwrap());
    heap.metadata
        .iter()
        .for_each(|(key, value)| writer.metadata(key, value).unwrap());
    let (bytes, counts) = writer.finish().unwrap();
    assert_eq!(counts, counts_of(heap));
    bytes
}

pub fn counts_of(heap: &Heap) -> Counts {
    Counts {
        objects: heap.objects.len() as u64,
        references: heap.references.len() as u64,
        types: heap.types.len() as u64,
        strings: heap.strings.len() as u64,
        roots: heap.roots.len() as u64,
        faults: heap.faults.len() as u64,
        values: 0,
        sites: heap.sites.len() as u64,
        modules: heap.modules.len() as u64,
        vtables: heap.vtables.len() as u64,
    }
}

/// Reads all of a dump. Metadata comes sorted and without repeated keys.
pub fn read(dump: &Dump) -> Result<Heap, ReadError> {
    let mut heap = Heap::default();
    for id in 0..dump.counts().strings {
        heap.strings
            .push(dump.strings().get(StringId(id as u32))?.to_owned());
    }
    heap.types = dump.types()?;
    let mut batch = ObjectBatch::default();
    for block in dump.object_blocks() {
        block.decode(ObjectColumns::ALL, &mut batch)?;
        assert_eq!(block.first().index(), heap.objects.len());
        assert_eq!(
            (batch.first, batch.types.len()),
            (block.first(), block.len())
        );
        heap.objects
            .extend((0..block.len()).map(|place| batch.object(place).unwrap()));
    }
    let mut batch = ReferenceBatch::default();
    for block in dump.reference_blocks() {
        block.decode(ReferenceColumns::ALL, &mut batch)?;
        let sources = batch
            .groups
            .iter()
            .flat_map(|group| (0..group.count).map(|_| group.source));
        let all = sources
            .enumerate()
            .map(|(place, source)| (source, batch.reference(place).unwrap()));
        heap.references.extend(all);
        assert!(batch.reference(batch.len()).is_none());
    }
    heap.roots = dump.roots()?;
    heap.faults = dump.faults()?;
    heap.sites = sites_of(dump)?;
    heap.modules = dump.modules()?;
    heap.vtables = dump.vtables()?;
    heap.metadata = dump
        .metadata()?
        .iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    Ok(heap)
}

/// Alignments and frames of all sites.
pub fn sites_of(dump: &Dump) -> Result<Vec<(u8, Vec<u64>)>, ReadError> {
    let sites = dump.sites()?;
    Ok(sites
        .iter()
        .map(|site| (site.log2_alignment, site.frames.to_vec()))
        .collect())
}

pub fn open(bytes: Vec<u8>) -> Result<Dump, ReadError> {
    Dump::from_bytes(Path::new("test.dump"), bytes)
}

/// Opens a dump and decodes every column of every block.
pub fn verify(bytes: Vec<u8>) -> Result<(), ReadError> {
    let dump = open(bytes)?;
    dump.blocks()
        .iter()
        .try_for_each(|block| dump.verify_block(block.number))
}

/// Numbers of all magnitudes.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift)
}

fn address() -> impl Strategy<Value = Address> {
    number().prop_map(|value| Address(value >> SHIFT << SHIFT))
}

fn string_id(strings: usize) -> impl Strategy<Value = StringId> {
    (0..strings as u32).prop_map(StringId)
}

fn label(strings: usize) -> impl Strategy<Value = Label> {
    prop_oneof![
        Just(Label::None),
        string_id(strings).prop_map(Label::Attribute),
        string_id(strings).prop_map(Label::Key),
        string_id(strings).prop_map(Label::KeyObject),
        number().prop_map(Label::Index),
        any::<i64>().prop_map(Label::IntegerKey),
        string_id(strings).prop_map(Label::Closure),
        string_id(strings).prop_map(Label::Local),
        number().prop_map(Label::Stack),
        Just(Label::Type),
        string_id(strings).prop_map(Label::Internal),
        Just(Label::Element),
        number().prop_map(Label::Offset),
    ]
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 1 => number()]
}

fn site() -> impl Strategy<Value = (u8, Vec<u64>)> {
    (0u8..64, prop::collection::vec(number(), 0..=64))
}

fn vtable() -> impl Strategy<Value = Vtable> {
    (number(), number()).prop_map(|(place, vtable)| Vtable { place, vtable })
}

fn module(strings: usize) -> impl Strategy<Value = Module> {
    (
        number(),
        number(),
        number(),
        string_id(strings),
        string_id(strings),
    )
        .prop_map(|(bias, first, length, path, build_id)| Module {
            bias,
            first,
            length: length.min(u64::MAX - first),
            path,
            build_id,
        })
}

fn reference(strings: usize) -> impl Strategy<Value = Reference> {
    let strength = prop_oneof![Just(Strength::Strong), Just(Strength::Weak)];
    (address(), label(strings), strength, offset()).prop_map(|(target, label, strength, offset)| {
        Reference {
            target,
            label,
            strength,
            offset,
        }
    })
}

fn type_record(strings: usize) -> impl Strategy<Value = Type> {
    (
        address(),
        string_id(strings),
        string_id(strings),
        any::<u32>(),
    )
        .prop_map(|(address, module, name, flags)| Type {
            address,
            module,
            name,
            flags: TypeFlags(flags),
        })
}

fn object(types: usize) -> impl Strategy<Value = Object> {
    (
        address(),
        0..types as u32,
        number(),
        prop::option::of(1..=u64::MAX),
        any::<u8>(),
        number(),
    )
        .prop_map(|(address, type_id, size, refcount, flags, serial)| Object {
            address,
            type_id: TypeId(type_id),
            size,
            refcount,
            flags: ObjectFlags(flags),
            serial: Some(serial),
        })
}

fn root(strings: usize) -> impl Strategy<Value = Root> {
    let kinds = [
        RootKind::Module,
        RootKind::Frame,
        RootKind::Thread,
        RootKind::Interpreter,
        RootKind::Static,
        RootKind::Native,
    ];
    let name = || prop::option::of(string_id(strings));
    let numbers = (any::<u32>(), any::<u32>());
    (
        prop::sample::select(kinds.to_vec()),
        name(),
        name(),
        numbers,
        label(strings),
        address(),
        offset(),
    )
        .prop_map(
            |(kind, name, thread, (line, depth), label, target, offset)| Root {
                kind,
                name,
                thread,
                line,
                depth,
                label,
                target,
                offset,
            },
        )
}

fn fault(strings: usize) -> impl Strategy<Value = Fault> {
    (address(), string_id(strings)).prop_map(|(address, message)| Fault { address, message })
}

/// Any heap of up to some hundred records.
pub fn heap() -> impl Strategy<Value = Heap> {
    (1usize..20, 1usize..300, 1usize..60).prop_flat_map(|(types, objects, strings)| {
        let source = (0..objects as u32).prop_map(ObjectId);
        // Some sources have long groups.
        let group = (source, prop_oneof![9 => 1usize..6, 1 => 6usize..200]);
        let group = group.prop_flat_map(move |(source, length)| {
            prop::collection::vec(
                reference(strings).prop_map(move |reference| (source, reference)),
                length,
            )
        });
        (
            prop::collection::vec(".{0,20}", strings),
            prop::collection::vec(type_record(strings), types),
            prop::collection::vec(object(types), objects),
            prop::collection::vec(group, 0..60),
            prop::collection::vec(root(strings), 0..30),
            prop::collection::vec(fault(strings), 0..10),
            prop::collection::btree_map("[a-z]{0,8}", ".{0,30}", 0..8),
            (any::<bool>(), any::<bool>()),
            prop::collection::vec(site(), 0..=types),
            (
                prop::collection::vec(module(strings), 0..9),
                prop::collection::vec(vtable(), 0..99),
            ),
        )
            .prop_map(
                |(
                    strings,
                    types,
                    mut objects,
                    groups,
                    roots,
                    faults,
                    metadata,
                    (births, native),
                    mut sites,
                    (mut modules, mut vtables),
                )| {
                    if !births {
                        objects.iter_mut().for_each(|object| object.serial = None);
                    }
                    let mut references = groups.concat();
                    if !native {
                        sites.clear();
                        modules.clear();
                        vtables.clear();
                        references.iter_mut().for_each(|(_, one)| one.offset = 0);
                    }
                    references.sort_by_key(|(source, _)| *source);
                    let metadata = metadata.into_iter().collect();
                    Heap {
                        strings,
                        types,
                        objects,
                        references,
                        roots,
                        faults,
                        metadata,
                        sites,
                        modules,
                        vtables,
                    }
                },
            )
    })
}

/// Small blocks of many sizes.
pub fn limits() -> impl Strategy<Value = Limits> {
    let records = || prop_oneof![1usize..5, 5usize..50, Just(usize::MAX)];
    (records(), records(), records(), records()).prop_map(
        |(objects, references, records, index)| Limits {
            objects,
            references,
            records,
            index,
        },
    )
}
