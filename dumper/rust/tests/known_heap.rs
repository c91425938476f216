//! A program with known blocks, dumped by itself and read back: every block, who refers to it and from which place, and what holds it.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use memdump_format::{
    Address, Dump, Label, Object, ObjectBatch, ObjectColumns, Reference, ReferenceBatch,
    ReferenceColumns, Root, RootKind,
};

#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

static CACHE: Mutex<Option<HashMap<u64, Box<[u64; 5]>>>> = Mutex::new(None);

thread_local! {
    static LOCAL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// What a dump says, by address.
struct Heap {
    dump: Dump,
    objects: HashMap<u64, Object>,
    /// By source's address.
    references: HashMap<u64, Vec<Reference>>,
    roots: Vec<Root>,
}

impl Heap {
    fn take(path: &Path) -> Heap {
        let settings = memdump::SettingsBuilder::new().build().unwrap();
        let report = memdump::dump(path, &settings).unwrap();
        let heap = Heap::read(path);
        assert_eq!(report.summary.objects, heap.objects.len() as u64);
        heap
    }

    fn read(path: &Path) -> Heap {
        let dump = Dump::open(path).unwrap();
        for block in dump.blocks() {
            dump.verify_block(block.number).unwrap();
        }
        let mut addresses = Vec::new();
        let mut objects = HashMap::new();
        let mut batch = ObjectBatch::default();
        for block in dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut batch).unwrap();
            for place in 0..block.len() {
                let object = batch.object(place).unwrap();
                addresses.push(object.address.0);
                assert!(objects.insert(object.address.0, object).is_none());
            }
        }
        let mut references = HashMap::<u64, Vec<Reference>>::new();
        let mut batch = ReferenceBatch::default();
        for block in dump.reference_blocks() {
            block.decode(ReferenceColumns::ALL, &mut batch).unwrap();
            let mut place = 0;
            for group in &batch.groups {
                for _ in 0..group.count {
                    let reference = batch.reference(place).unwrap();
                    let target = objects[&reference.target.0];
                    assert!(reference.offset < target.size);
                    let source = addresses[group.source.index()];
                    references.entry(source).or_default().push(reference);
                    place += 1;
                }
            }
        }
        let roots = dump.roots().unwrap();
        Heap {
            dump,
            objects,
            references,
            roots,
        }
    }

    fn object<T: ?Sized>(&self, block: *const T) -> Object {
        let address = block.cast::<u8>().addr() as u64;
        *self
            .objects
            .get(&address)
            .unwrap_or_else(|| panic!("no block at {address:#x}"))
    }

    /// Addresses of the objects that refer to this one.
    fn referrers<T: ?Sized>(&self, block: *const T) -> Vec<(u64, Label, u64)> {
        let target = Address(block.cast::<u8>().addr() as u64);
        let all = self.references.iter();
        all.flat_map(|(&source, references)| {
            references
                .iter()
                .filter(|one| one.target == target)
                .map(move |one| (source, one.label, one.offset))
        })
        .collect()
    }

    fn roots_of<T: ?Sized>(&self, block: *const T) -> Vec<Root> {
        let target = Address(block.cast::<u8>().addr() as u64);
        let all = self.roots.iter().filter(|root| root.target == target);
        all.copied().collect()
    }

    fn text(&self, id: Option<memdump_format::StringId>) -> String {
        id.map_or(String::new(), |id| {
            self.dump.strings().get(id).unwrap().to_owned()
        })
    }

    /// Everything that a root reaches.
    fn reached(&self) -> BTreeSet<u64> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<u64> = self.roots.iter().map(|root| root.target.0).collect();
        while let Some(address) = next.pop() {
            if reached.insert(address) {
                let references = self.references.get(&address).into_iter().flatten();
                next.extend(references.map(|one| one.target.0));
            }
        }
        reached
    }

    fn number(&self, key: &str) -> u64 {
        let metadata = self.dump.metadata().unwrap();
        metadata.get(key).unwrap().parse().unwrap()
    }
}

/// Overwrites what earlier calls have left on the stack.
#[inline(never)]
fn scrub() {
    std::hint::black_box([0u64; 4096]);
}

/// Two threads, each with a block that only it holds: one runs all the time, the other waits. Gives the blocks' addresses, hidden from the scan.
fn threads_with_blocks(end: &'static AtomicBool) -> [(&'static str, u64); 2] {
    let (tell, told) = mpsc::channel();
    let started = |name: &'static str, live: fn(&AtomicBool)| {
        let tell = tell.clone();
        let thread = std::thread::Builder::new().name(name.into());
        thread
            .spawn(move || {
                let block = Box::new([9u64; 11]);
                tell.send(!(block.as_ptr().addr() as u64)).unwrap();
                live(end);
                assert_eq!(std::hint::black_box(block)[3], 9);
            })
            .unwrap();
        (name, told.recv().unwrap())
    };
    [
        started("runs", |end| while !end.load(Ordering::Relaxed) {}),
        started("waits", |end| {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }),
    ]
}

struct Node {
    other: RefCell<Option<Rc<Node>>>,
    mark: u64,
}

/// Two nodes that only refer to each other; gives their addresses, hidden from the scan.
#[inline(never)]
fn leak_a_cycle() -> (u64, u64) {
    let node = |mark| {
        Rc::new(Node {
            other: RefCell::new(None),
            mark,
        })
    };
    let (one, other) = (node(1), node(2));
    *one.other.borrow_mut() = Some(Rc::clone(&other));
    *other.other.borrow_mut() = Some(Rc::clone(&one));
    // The block begins with the two counts.
    let hidden = |node: &Rc<Node>| !(Rc::as_ptr(node).addr() as u64 - 16);
    assert_eq!(one.mark + other.mark, 3);
    (hidden(&one), hidden(&other))
}

/// A signal's handler, which alone holds a block; gives the block's address, hidden from the scan.
#[inline(never)]
fn handler_with_a_flag() -> u64 {
    let flag = Arc::new(AtomicBool::new(false));
    // The block begins with the two counts.
    let hidden = !(Arc::as_ptr(&flag).addr() as u64 - 16);
    signal_hook::flag::register(signal_hook::consts::SIGWINCH, flag).unwrap();
    hidden
}

/// One test: it is about all blocks of this process.
#[test]
fn every_block_is_told_with_what_holds_it() {
    let directory = tempfile::tempdir().unwrap();

    // A static, a map, its boxes.
    let boxes: Vec<u64> = {
        let mut cache = CACHE.lock().unwrap();
        let map = cache.insert(HashMap::new());
        for key in 0..100 {
            map.insert(key, Box::new([key; 5]));
        }
        map.values()
            .map(|value| !(value.as_ptr().addr() as u64))
            .collect()
    };
    LOCAL.with_borrow_mut(|local| local.extend(0..33));
    let local = LOCAL.with_borrow(|local| local.as_ptr());
    let on_stack: Vec<u64> = vec![7; 77];
    let inner = Box::new([1u64; 4]);
    // Refers into the middle of `inner`, from its fourth word.
    let interior: Box<[usize; 6]> = Box::new([0, 0, 0, (&raw const inner[2]).addr(), 0, 0]);
    // A trait object that a block holds: the value, and behind it the vtable.
    let dynamic: Box<[Box<dyn std::fmt::Debug>]> = Box::new([Box::new([5u64; 9])]);
    // SAFETY: such a pointer is two words.
    let [_, vtable]: [usize; 2] = unsafe { std::mem::transmute_copy(&dynamic[0]) };
    let erased: Box<[usize; 8]> = Box::new([vtable, 0, vtable, 1, 2, 3, vtable, 4]);
    let text = "nothing in a text is a reference ".repeat(10);
    static END: AtomicBool = AtomicBool::new(false);
    let threads = threads_with_blocks(&END);
    let (one, other) = leak_a_cycle();
    scrub();

    let first = Heap::take(&directory.path().join("1.dump"));

    let place = dynamic.as_ptr().addr() as u64;
    let vtables = first.dump.vtables().unwrap();
    let found = vtables.iter().find(|one| one.place == place);
    assert_eq!(found.map(|one| one.vtable), Some(vtable as u64));
    // A block that begins with a table of functions, and one that has its address further in.
    let entry = |block: &[usize; 8], word: usize| {
        let place = (&raw const block[word]).addr().wrapping_sub(8) as u64;
        vtables.iter().find(|one| one.place == place)
    };
    assert_eq!(entry(&erased, 0).map(|one| one.vtable), Some(vtable as u64));
    assert_eq!(entry(&erased, 2).map(|one| one.vtable), Some(vtable as u64));
    assert_eq!(entry(&erased, 1), None);
    assert_eq!(entry(&erased, 6), None);
    // A reference that something else follows has none.
    let place = inner.as_ptr().addr() as u64;
    let pointer = (&raw const interior[3]).addr() as u64;
    let plain = |one: &memdump_format::Vtable| ![place, pointer].contains(&one.place);
    assert!(vtables.iter().all(plain));

    for hidden in &boxes {
        let value = std::ptr::without_provenance::<u8>(!hidden as usize);
        assert_eq!(first.object(value).size, 40);
        let held_by = first.referrers(value);
        assert!(
            held_by.iter().any(|(source, label, offset)| {
                let table = first.objects[source];
                table.size > 100 * 16 && matches!(label, Label::Offset(_)) && *offset == 0
            }),
            "{held_by:?}"
        );
    }
    // The table of the map is held by static memory of this program, and that is where CACHE lies.
    let place = (&raw const CACHE).addr();
    let table = first.referrers(std::ptr::without_provenance::<u8>(!boxes[0] as usize))[0].0;
    let modules = first.dump.modules().unwrap();
    let program = modules
        .iter()
        .find(|module| (module.first..module.first + module.length).contains(&(place as u64)))
        .unwrap();
    let path = std::env::current_exe().unwrap();
    assert_eq!(
        first.dump.strings().get(program.path).unwrap(),
        path.to_str().unwrap()
    );
    let names: Vec<String> = first
        .roots_of(std::ptr::without_provenance::<u8>(table as usize))
        .iter()
        .filter(|root| root.kind == RootKind::Static)
        .map(|root| first.text(root.name))
        .collect();
    let file = path.file_name().unwrap().to_str().unwrap();
    let within = (0..size_of_val(&CACHE)).any(|byte| {
        let in_file = (place + byte) as u64 - program.bias;
        names.contains(&format!("{file}+{in_file:#x}"))
    });
    assert!(within, "{names:?}, CACHE at {place:#x}");

    assert_eq!(first.object(on_stack.as_ptr()).size, 77 * 8);
    let frames = first.roots_of(on_stack.as_ptr());
    assert!(frames.iter().any(|root| root.kind == RootKind::Frame
        && (first.text(root.name) == "stack"
            || first.text(root.name).starts_with(&format!("{file}+0x")))
        && matches!(root.label, Label::Offset(_))));
    assert!(first.reached().contains(&(local.addr() as u64)));

    for (thread, hidden) in threads {
        let block = std::ptr::without_provenance::<u8>(!hidden as usize);
        assert_eq!(first.object(block).size, 88);
        let roots = first.roots_of(block);
        let holds = |root: &Root| first.text(root.thread) == thread;
        assert!(roots.iter().any(holds), "{thread}: {roots:?}");
    }
    END.store(true, Ordering::Relaxed);

    let held_by = first.referrers(&raw const *inner);
    let place = (&raw const *interior).addr() as u64;
    assert_eq!(held_by, [(place, Label::Offset(24), 16)]);
    let text = first.object(text.as_ptr());
    assert!(!first.references.contains_key(&text.address.0));
    let sites = first.dump.sites().unwrap();
    assert_eq!(sites.get(text.type_id).unwrap().log2_alignment, 0);
    let of_box = first.object(&raw const *inner).type_id;
    assert_eq!(sites.get(of_box).unwrap().log2_alignment, 3);

    // A cycle that nothing holds is there, and reached by nothing.
    let reached = first.reached();
    for (node, other) in [(!one, !other), (!other, !one)] {
        let node = std::ptr::without_provenance::<u8>(node as usize);
        assert!(first.objects.contains_key(&(node.addr() as u64)));
        assert!(first.referrers(node).iter().any(|held| held.0 == other));
        assert!(
            !reached.contains(&(node.addr() as u64)),
            "{:?}",
            first.roots_of(node)
        );
    }

    // Later blocks are told apart from earlier ones by their serials, even at an address that was used before.
    let watermark = first.number("watermark");
    assert!(
        first
            .objects
            .values()
            .all(|object| object.serial.unwrap() <= watermark)
    );
    let grown = {
        let mut grown = on_stack;
        grown.extend(0..10_000);
        grown
    };
    drop(inner);
    let again = Box::new([2u64; 4]);
    let second = Heap::take(&directory.path().join("2.dump"));
    assert!(second.object(&raw const *again).serial.unwrap() > watermark);
    assert!(
        second.object(grown.as_ptr()).serial.unwrap() <= watermark,
        "grown, not new"
    );
    assert_eq!(
        second.object(grown.as_ptr()).size,
        grown.capacity() as u64 * 8
    );
    assert!(second.number("watermark") > watermark);
    assert!(second.number("marked_since") <= watermark);
    assert_eq!(
        second.dump.metadata().unwrap().get("native"),
        Some("conservative")
    );
    assert!(second.dump.faults().unwrap().is_empty());

    // A block whose header was written over is a fault, and costs only itself.
    let victim = Box::new([3u64; 4]);
    let header = (&raw const *victim).cast::<u64>().cast_mut();
    // SAFETY: the two words in front of a block are the allocator's; they are put back before it looks.
    let damaged = unsafe {
        let saved = [header.sub(2).read(), header.sub(1).read()];
        header.sub(2).write_volatile(0x4141_4141_4141_4141);
        let damaged = Heap::take(&directory.path().join("damaged.dump"));
        header.sub(2).write_volatile(saved[0]);
        header.sub(1).write_volatile(saved[1]);
        damaged
    };
    let address = Address((&raw const *victim).addr() as u64);
    assert!(!damaged.objects.contains_key(&address.0));
    let faults = damaged.dump.faults().unwrap();
    assert_eq!(
        faults.iter().map(|fault| fault.address).collect::<Vec<_>>(),
        [address]
    );
    assert!(damaged.objects.len() + 100 > second.objects.len());

    drop(CACHE.lock().unwrap().take());

    // With stacks on, blocks of one place have one type, and its frames lie in loaded files.
    let settings = memdump::SettingsBuilder::new().directory(directory.path().to_owned());
    let installed = memdump::Builder::new()
        .settings(settings)
        .stacks(8)
        .install();
    installed.unwrap();
    // Of the program, in a table that is memdump's.
    let flag = handler_with_a_flag();
    scrub();
    let alike: Vec<Box<[u64; 7]>> = (0..10).map(|number| Box::new([number; 7])).collect();
    memdump::shutdown(&memdump::wait_plainly);
    let third = Heap::take(&directory.path().join("3.dump"));
    assert!(third.reached().contains(&!flag), "a handler's flag");
    let by_memdump =
        |root: &&Root| root.kind == RootKind::Native && third.text(root.name) == "memdump";
    assert!(third.roots.iter().filter(by_memdump).count() > 0);
    let gone = boxes
        .iter()
        .filter(|&&hidden| {
            let found = third.objects.get(&!hidden);
            found.is_none_or(|object| object.serial > Some(second.number("watermark")))
        })
        .count();
    assert_eq!(gone, boxes.len());

    let types: BTreeSet<u32> = alike
        .iter()
        .map(|block| third.object(&raw const **block).type_id.0)
        .collect();
    assert_eq!(types.len(), 1);
    let place = third.object(&raw const *alike[0]).type_id;
    assert_ne!(place, third.object(&raw const *again).type_id);
    let (sites, modules) = (third.dump.sites().unwrap(), third.dump.modules().unwrap());
    let site = sites.get(place).unwrap();
    assert_eq!(site.log2_alignment, 3);
    let innermost = site.frames[0];
    assert!(
        modules
            .iter()
            .any(|module| (module.first..module.first + module.length).contains(&innermost)),
        "{:#x?}",
        site.frames
    );
}
