//! Blocks of many types, made as programs make them.

use std::any::{Any, type_name};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use crate::names::{counted, many, nodes, of, one, shared, table, text};
use crate::recorder::making;

const ROUNDS: u64 = 20;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    name: String,
    number: u64,
    next: Option<Box<Row>>,
}

/// As long as [`Row`], so that LLVM merges what is compiled for both.
#[derive(Clone)]
pub struct Twin {
    weight: f64,
    tags: Vec<u16>,
    other: Option<Arc<Row>>,
}

pub enum Event {
    Named(String, u8),
    Row(Box<Row>),
    Nothing,
    Shared {
        row: Arc<Row>,
        numbers: Vec<Rc<u64>>,
    },
    Pair((u32, Box<[Twin]>)),
}

pub trait Shape {
    fn area(&self) -> f64;
}

pub struct Square(f64);
pub struct Polygon {
    points: Vec<(f64, f64)>,
}

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Shape for Polygon {
    fn area(&self) -> f64 {
        self.points.iter().map(|(x, y)| x * y).sum()
    }
}

pub struct Tree {
    value: Row,
    children: Vec<Tree>,
    parent: std::cell::RefCell<std::rc::Weak<Tree>>,
}

pub struct Generic<T> {
    inner: T,
    log: Mutex<Vec<T>>,
}

fn string(number: u64) -> String {
    making(text(), || format!("row number {number}"))
}

fn row(number: u64) -> Row {
    Row {
        name: string(number),
        number,
        next: None,
    }
}

fn twin(number: u64) -> Twin {
    let tags = making(many::<u16>(), || vec![number as u16; 3]);
    Twin {
        weight: number as f64,
        tags,
        other: None,
    }
}

/// An enum that threads may share.
pub enum Signal {
    Named(String),
    Row(Box<Row>),
    Off(u64),
}

/// What only static variables hold.
#[derive(Default)]
pub struct Cache {
    rows: HashMap<u64, Box<Row>>,
    signals: Vec<Signal>,
    by_name: BTreeMap<String, Arc<Row>>,
    twins: VecDeque<Twin>,
    slice: Option<Arc<[Row]>>,
    lists: Vec<Vec<u64>>,
}

static CACHE: std::sync::LazyLock<Mutex<Cache>> = std::sync::LazyLock::new(Default::default);

fn fill_statics() {
    let mut cache = CACHE.lock().expect("no panic");
    for number in 0..100 {
        let mut value = row(number);
        let (next, name, shared_row) = (row(number), string(number), row(number));
        value.next = Some(making(one::<Row>(), || Box::new(next)));
        let value = making(one::<Row>(), || Box::new(value));
        making(table::<(u64, Box<Row>)>(), || {
            cache.rows.insert(number, value)
        });
        let shared_row = making(shared::<Row>(), || Arc::new(shared_row));
        making(nodes::<String, Arc<Row>>(), || {
            cache.by_name.insert(name, shared_row)
        });
        let twin = twin(number);
        making(many::<Twin>(), || cache.twins.push_back(twin));
        let signal = match number % 3 {
            0 => Signal::Named(string(number)),
            1 => {
                let inner = row(number);
                Signal::Row(making(one::<Row>(), || Box::new(inner)))
            }
            _ => Signal::Off(number),
        };
        making(many::<Signal>(), || cache.signals.push(signal));
        let list = making(many::<u64>(), || vec![number; 3]);
        making(many::<Vec<u64>>(), || cache.lists.push(list));
    }
    let mut rows: Vec<Row> = making(many::<Row>(), || Vec::with_capacity(9));
    rows.extend((0..9).map(row));
    cache.slice = Some(making(shared::<[Row]>(), || rows.into()));
    let used = cache.signals.iter().map(|signal| match signal {
        Signal::Named(name) => name.len() as u64,
        Signal::Row(row) => row.number,
        Signal::Off(number) => *number,
    });
    black_box(used.sum::<u64>() + u64::from(cache.slice.is_some()));
}

/// Everything that is kept, of any type.
pub type Kept = Vec<Box<dyn Any>>;

fn keep<T: 'static>(kept: &mut Kept, value: T) {
    kept.push(making(one::<T>(), || Box::new(value) as Box<dyn Any>));
}

pub fn build() -> Kept {
    let mut kept = Kept::new();
    fill_statics();
    for round in 0..ROUNDS {
        plain(&mut kept, round);
        sequences(&mut kept, round);
        maps(&mut kept, round);
        counted_ones(&mut kept, round);
        payloads(&mut kept, round);
        clones(&mut kept, round);
        texts(&mut kept, round);
    }
    kept
}

fn plain(kept: &mut Kept, round: u64) {
    let mut first = row(round);
    let inner = row(round + 1);
    first.next = Some(making(one::<Row>(), || Box::new(inner)));
    keep(kept, first);
    let twin = twin(round);
    keep(kept, making(one::<Twin>(), || Box::new(twin)));
    keep(kept, making(one::<u64>(), || Box::new(round)));
    keep(
        kept,
        making(one::<[u32; 7]>(), || Box::new([round as u32; 7])),
    );
    keep(
        kept,
        making(one::<(u8, String)>(), || Box::new((1u8, String::new()))),
    );
    let square: Box<dyn Shape> = making(one::<Square>(), || Box::new(Square(2.0)));
    let points = making(many::<(f64, f64)>(), || vec![(1.0, round as f64); 5]);
    let polygon: Box<dyn Shape> = making(one::<Polygon>(), || Box::new(Polygon { points }));
    black_box(square.area() + polygon.area());
    keep(kept, (square, polygon));
    let log = making(many::<Row>(), || Vec::with_capacity(2));
    let generic = Generic {
        inner: row(round),
        log: Mutex::new(log),
    };
    let generic = making(one::<Generic<Row>>(), || Box::new(generic));
    black_box(generic.inner.number + generic.log.lock().map_or(0, |log| log.len() as u64));
    keep(kept, generic);
}

fn sequences(kept: &mut Kept, round: u64) {
    let mut rows = Vec::new();
    let mut twins = Vec::new();
    for number in 0..7 {
        let (row, twin) = (row(number), twin(number));
        making(many::<Row>(), || rows.push(row));
        making(many::<Twin>(), || twins.push(twin));
    }
    keep(kept, making(many::<Row>(), || rows.into_boxed_slice()));
    keep(
        kept,
        making(many::<Twin>(), || {
            twins.shrink_to_fit();
            twins
        }),
    );
    keep(
        kept,
        making(many::<u64>(), || (0..round + 3).collect::<Vec<u64>>()),
    );
    keep(
        kept,
        making(many::<u32>(), || {
            (0..round as u32 + 3)
                .filter(|n| n % 2 == 0)
                .collect::<Vec<u32>>()
        }),
    );
    keep(
        kept,
        making(many::<Option<u64>>(), || {
            (0..9_u64).map(Some).collect::<Vec<_>>()
        }),
    );
    let mut queue = VecDeque::new();
    let mut heap = BinaryHeap::new();
    let mut list = LinkedList::new();
    for number in 0..9_u64 {
        let row = row(number);
        making(many::<(u64, Row)>(), || queue.push_back((number, row)));
        making(many::<(u64, u32)>(), || heap.push((number, 7_u32)));
        let name = string(number);
        making(
            of::<String>(|name| format!("alloc::collections::linked_list::Node<{name}>")),
            || list.push_back(name),
        );
    }
    keep(kept, (queue, heap, list));
    keep(
        kept,
        making(many::<Vec<Row>>(), || vec![Vec::<Row>::new(); 4]),
    );
    let mut more: Vec<u16> = Vec::new();
    making(many::<u16>(), || more.extend_from_slice(&[1, 2, 3]));
    making(many::<u16>(), || more.reserve(100));
    keep(kept, more);
    keep(kept, making(many::<bool>(), || vec![true; 33]));
    keep(kept, making(many::<u8>(), || vec![7_u8; 100]));
}

fn maps(kept: &mut Kept, round: u64) {
    let mut rows = HashMap::new();
    let mut names = HashMap::new();
    let mut set = HashSet::new();
    let mut tree = BTreeMap::new();
    let mut words = BTreeSet::new();
    for number in 0..20 + round % 3 {
        let (value, name, other, word) =
            (row(number), string(number), string(number), string(number));
        let shared_row = row(number);
        let shared_row = making(shared::<Row>(), || Arc::new(shared_row));
        making(table::<(u64, Row)>(), || rows.insert(number, value));
        making(table::<(String, Arc<Row>)>(), || {
            names.insert(name, shared_row)
        });
        making(table::<(String, ())>(), || set.insert(other));
        let value = twin(number);
        making(nodes::<u64, Twin>(), || tree.insert(number, value));
        making(
            of::<String>(|name| {
                format!("btree<{name}, alloc::collections::btree::set_val::SetValZST>")
            }),
            || words.insert(word),
        );
    }
    let guarded = making(shared::<RwLock<HashMap<u64, Row>>>(), || {
        Arc::new(RwLock::new(rows))
    });
    keep(kept, (guarded, names, set));
    keep(kept, (tree, words));
}

fn counted_ones(kept: &mut Kept, round: u64) {
    let value = row(round);
    let arc = making(shared::<Row>(), || Arc::new(value));
    let number = making(counted::<u64>(), || Rc::new(round));
    let text: Arc<str> = making(shared::<str>(), || "some text".into());
    let rows = making(many::<Row>(), || Vec::with_capacity(4));
    let mut rows: Vec<Row> = rows;
    for number in 0..4 {
        rows.push(row(number));
    }
    let slice: Rc<[Row]> = making(counted::<[Row]>(), || rows.into());
    let numbers: Arc<[u64]> = making(shared::<[u64]>(), || Arc::from([1, 2, round].as_slice()));
    let shape: Arc<dyn Shape> = making(shared::<Square>(), || Arc::new(Square(3.0)));
    black_box(shape.area());
    let value = row(round);
    let tree = Tree {
        value,
        children: Vec::new(),
        parent: Default::default(),
    };
    let root = making(counted::<Tree>(), || Rc::new(tree));
    let value = row(round + 1);
    let child = Tree {
        value,
        children: Vec::new(),
        parent: Default::default(),
    };
    child.parent.replace(Rc::downgrade(&root));
    black_box(root.children.len() as u64 + root.value.number);
    let child = making(counted::<Tree>(), || Rc::new(child));
    let value = row(round);
    let cyclic = making(counted::<Tree>(), || {
        Rc::new_cyclic(|weak: &std::rc::Weak<Tree>| Tree {
            value,
            children: Vec::new(),
            parent: weak.clone().into(),
        })
    });
    keep(kept, (arc, number, text, slice));
    keep(kept, (numbers, shape, root, child, cyclic));
}

fn payloads(kept: &mut Kept, round: u64) {
    let mut events: Vec<Event> = making(many::<Event>(), || Vec::with_capacity(8));
    events.push(Event::Nothing);
    events.push(Event::Named(string(round), 3));
    let inner = row(round);
    events.push(Event::Row(making(one::<Row>(), || Box::new(inner))));
    let inner = row(round);
    let inner = making(shared::<Row>(), || Arc::new(inner));
    let number = making(counted::<u64>(), || Rc::new(round));
    let numbers = making(many::<Rc<u64>>(), || {
        let mut all = Vec::with_capacity(3);
        all.push(number);
        all
    });
    events.push(Event::Shared {
        row: inner,
        numbers,
    });
    let twin = twin(round);
    let twins = making(many::<Twin>(), || {
        let mut all = Vec::with_capacity(1);
        all.push(twin);
        all.into_boxed_slice()
    });
    events.push(Event::Pair((4, twins)));
    for event in &events {
        match event {
            Event::Named(name, number) => black_box(name.len() + usize::from(*number)),
            Event::Row(row) => black_box(row.number as usize + usize::from(row.next.is_some())),
            Event::Nothing => 0,
            Event::Shared { row, numbers } => black_box(row.name.len() + numbers.len()),
            Event::Pair((number, twins)) => black_box(*number as usize + twins.len()),
        };
    }
    keep(kept, events);
    let (length, other) = (round as usize, row(round));
    // The closure's type has no name that both sides write alike.
    let called: Box<dyn Fn() -> usize> = Box::new(move || length + other.name.len());
    black_box(called());
    keep(kept, called);
}

fn clones(kept: &mut Kept, round: u64) {
    let mut rows: Vec<Vec<u64>> = making(many::<Vec<u64>>(), || Vec::with_capacity(5));
    for _ in 0..5 {
        rows.push(making(many::<u64>(), || vec![round; 2]));
    }
    const BOTH: &[(usize, &str)] = &[(5 * 24, "[alloc::vec::Vec<u64>]"), (16, "[u64]")];
    keep(kept, making(BOTH, || rows.clone()));
    keep(kept, rows);
    let twin = twin(round);
    let twin = making(one::<Twin>(), || Box::new(twin));
    let size = size_of::<Twin>();
    let names = vec![(size, type_name::<Twin>()), (6, "[u16]")].leak();
    keep(kept, making(names, || twin.clone()));
    black_box(twin.weight + twin.tags.len() as f64 + f64::from(u8::from(twin.other.is_some())));
    keep(kept, twin);
    let map: HashMap<u64, u32> =
        making(table::<(u64, u32)>(), || (0..10).map(|n| (n, 1)).collect());
    keep(kept, making(table::<(u64, u32)>(), || map.clone()));
    keep(kept, map);
}

fn texts(kept: &mut Kept, round: u64) {
    let name = string(round);
    keep(kept, making(text(), || name.clone()));
    keep(kept, making(text(), || name.to_uppercase()));
    keep(kept, making(text(), || name.clone().into_boxed_str()));
    keep(
        kept,
        making(text(), || std::path::PathBuf::from(name.as_str())),
    );
    keep(kept, making(text(), || name.replace("row", "line")));
    let joined = making(text(), || [name.as_str(), "and", "more"].join(" "));
    keep(kept, joined);
}
