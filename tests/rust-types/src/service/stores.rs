//! Stores: maps and sets of all kinds, behind locks and swapped whole, persistent ones and caches.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hint::black_box;
use std::sync::{Arc, LazyLock, OnceLock, RwLock};

use arc_swap::ArcSwap;
use indexmap::IndexMap;
use lru::LruCache;
use slab::Slab;
use slotmap::{DefaultKey, SlotMap};

use crate::made::{behind, boxed, push};
use crate::names::{Names, by_size, many, nodes, of, one, shared, table, text};
use crate::recorder::making;

use super::{Page, Right, Session, boxed_page, length, page, session, string, weight};

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Clone)]
pub enum Key {
    Number(u64),
    Name(String),
    Pair(u32, Right),
}

pub struct Order {
    customer: Arc<Session>,
    lines: Vec<(u32, Box<Page>)>,
    total: u128,
}

pub struct Connection {
    peer: String,
    queue: std::collections::VecDeque<Box<[u8]>>,
    session: Option<Arc<Session>>,
}

pub struct Entity {
    parts: thin_vec::ThinVec<Part>,
    parent: Option<DefaultKey>,
}

pub struct Part {
    name: String,
    mass: f64,
}

pub struct Settings {
    hosts: Vec<String>,
    limits: BTreeMap<String, u64>,
}

#[derive(Clone)]
pub struct Change {
    who: Arc<Session>,
    what: String,
}

type Extensions = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

pub struct Stores {
    users: parking_lot::RwLock<HashMap<String, Arc<Session>>>,
    orders: IndexMap<String, Order>,
    connections: Slab<Connection>,
    entities: SlotMap<DefaultKey, Entity>,
    recent: Option<LruCache<u64, Page>>,
    settings: Option<ArcSwap<Settings>>,
    history: im::HashMap<u64, Arc<Session>>,
    versions: Vec<im::HashMap<u64, Arc<Session>>>,
    changes: im::Vector<Change>,
    totals: im::OrdMap<String, u64>,
    ledger: BTreeMap<u64, [u64; 20]>,
    groups: BTreeMap<(u32, Right), BTreeSet<String>>,
    by_key: HashMap<Key, Box<[u16]>>,
    words: HashSet<Arc<str>>,
    by_city: HashMap<String, Vec<Arc<Session>>>,
    extensions: Vec<Extensions>,
    images: Arc<RwLock<HashMap<[u8; 16], Box<Page>>>>,
}

impl Default for Stores {
    fn default() -> Stores {
        Stores {
            users: Default::default(),
            orders: IndexMap::new(),
            connections: Slab::new(),
            entities: making(slots(), SlotMap::new),
            recent: None,
            settings: None,
            history: Default::default(),
            versions: Vec::new(),
            changes: Default::default(),
            totals: Default::default(),
            ledger: BTreeMap::new(),
            groups: BTreeMap::new(),
            by_key: HashMap::new(),
            words: HashSet::new(),
            by_city: HashMap::new(),
            extensions: Vec::new(),
            images: making(
                shared::<RwLock<HashMap<[u8; 16], Box<Page>>>>(),
                Arc::default,
            ),
        }
    }
}

static LIMITS: OnceLock<HashMap<&'static str, Vec<u64>>> = OnceLock::new();
static PATTERNS: LazyLock<parking_lot::Mutex<Vec<Arc<dyn Fn(&str) -> usize + Send + Sync>>>> =
    LazyLock::new(Default::default);

thread_local! {
    static SCRATCH: RefCell<Vec<Box<Page>>> = const { RefCell::new(Vec::new()) };
}

/// Fills the other static variables, one of them of the thread.
pub fn fill_statics() {
    let mut limits = HashMap::new();
    for name in ["requests", "bytes", "users", "threads", "seconds"] {
        let numbers = making(many::<u64>(), || vec![1, 2, 3, name.len() as u64]);
        making(table::<(&'static str, Vec<u64>)>(), || {
            limits.insert(name, numbers)
        });
    }
    black_box(LIMITS.get_or_init(|| limits));
    for number in 0..20 {
        let word = string(number);
        let pattern = move |text: &str| text.matches(word.as_str()).count();
        let names = behind("alloc::sync::Arc", &pattern);
        let pattern: Arc<dyn Fn(&str) -> usize + Send + Sync> = making(names, || Arc::new(pattern));
        black_box(pattern("some text"));
        push(&mut PATTERNS.lock(), pattern);
    }
    SCRATCH.with_borrow_mut(|scratch| {
        for number in 0..20 {
            let page = boxed_page(number);
            push(scratch, page);
        }
    });
}

pub fn add(stores: &mut Stores, round: u64) {
    sessions(stores, round);
    orders(stores, round);
    slabs(stores, round);
    swapped(stores, round);
    persistent(stores, round);
    trees(stores, round);
    keys(stores, round);
}

fn shared_session(number: u64) -> Arc<Session> {
    let session = session(number);
    black_box(weight(&session));
    making(shared::<Session>(), || Arc::new(session))
}

fn sessions(stores: &mut Stores, round: u64) {
    for number in 0..5 {
        let number = 5 * round + number;
        let (user, session) = (string(number), shared_session(number));
        let mut users = stores.users.write();
        making(table::<(String, Arc<Session>)>(), || {
            users.insert(user, Arc::clone(&session))
        });
        let city = string(number % 17);
        let here = making(table::<(String, Vec<Arc<Session>>)>(), || {
            stores.by_city.entry(city).or_default()
        });
        push(here, session);
    }
}

fn orders(stores: &mut Stores, round: u64) {
    for number in 0..4 {
        let mut lines = Vec::new();
        for line in 0..number + 1 {
            push(&mut lines, (line as u32, boxed_page(number)));
        }
        let order = Order {
            customer: shared_session(number),
            lines,
            total: u128::from(round) << 70,
        };
        black_box(order.total + order.lines.len() as u128 + u128::from(order.customer.seen));
        let key = making(text(), || format!("order {}", 4 * round + number));
        making(entries(), || stores.orders.insert(key, order));
    }
}

/// The table of indices of an `IndexMap` of 3 to 224 entries has one of these sizes, its entries none.
fn entries() -> Names {
    static ENTRIES: OnceLock<Names> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let tables = (2..9).map(|bits| (1_usize << bits, 8 * (1 << bits) + (1 << bits) + 16));
        let mut names: Vec<(usize, &'static str)> =
            tables.map(|(_, size)| (size, "hashbrown::raw::RawTable<usize>")).collect();
        names.push((0, "[indexmap::Bucket<alloc::string::String, memdump_types_target::service::stores::Order>]"));
        names.leak()
    })
}

fn slots() -> Names {
    of::<Entity>(|name| format!("[slotmap::basic::Slot<{name}>]"))
}

fn slabs(stores: &mut Stores, round: u64) {
    for number in 0..3 {
        let mut connection = Connection {
            peer: string(number),
            queue: Default::default(),
            session: None,
        };
        for length in 0..number + round % 3 {
            let bytes = making(many::<u8>(), || {
                vec![1; length as usize + 1].into_boxed_slice()
            });
            making(many::<Box<[u8]>>(), || connection.queue.push_back(bytes));
        }
        if number == 1 {
            connection.session = Some(shared_session(round));
        }
        black_box(
            connection.peer.len()
                + connection.queue.len()
                + usize::from(connection.session.is_some()),
        );
        let entries = of::<Connection>(|name| format!("[slab::Entry<{name}>]"));
        let key = making(entries, || stores.connections.insert(connection));
        if number == 2 {
            stores.connections.remove(key);
        }
        let parts = (0..number + 1).map(|part| Part {
            name: string(part),
            mass: part as f64,
        });
        let parts: thin_vec::ThinVec<Part> = parts.collect();
        black_box(
            parts
                .iter()
                .map(|part| part.mass + part.name.len() as f64)
                .sum::<f64>(),
        );
        let parent = stores.entities.keys().next();
        let entity = Entity { parts, parent };
        black_box(entity.parts.len() + usize::from(entity.parent.is_some()));
        let key = making(slots(), || stores.entities.insert(entity));
        if number == 0 && round.is_multiple_of(4) {
            stores.entities.remove(key);
        }
    }
}

fn swapped(stores: &mut Stores, round: u64) {
    let pages = stores.recent.get_or_insert_with(|| {
        making(cached(), || {
            LruCache::new(std::num::NonZeroUsize::new(50).expect("not zero"))
        })
    });
    for number in 0..3 {
        let page = page(number);
        black_box(length(&page));
        making(cached(), || pages.put(3 * round + number, page));
    }
    let mut hosts = Vec::new();
    let mut limits = BTreeMap::new();
    for number in 0..round % 5 + 1 {
        push(&mut hosts, string(number));
        let key = string(number);
        making(nodes::<String, u64>(), || limits.insert(key, number));
    }
    let settings = Settings { hosts, limits };
    black_box(settings.hosts.len() + settings.limits.len());
    let settings = making(shared::<Settings>(), || Arc::new(settings));
    match &stores.settings {
        Some(swap) => swap.store(settings),
        None => stores.settings = Some(ArcSwap::new(settings)),
    }
}

/// An entry lies in a box of its own; the table has but pointers.
fn cached() -> Names {
    static CACHED: OnceLock<Names> = OnceLock::new();
    CACHED.get_or_init(|| {
        let entry = "lru::LruEntry<u64, memdump_types_target::service::Page>";
        let table = format!(
            "hashbrown::raw::RawTable<(lru::KeyRef<u64>, core::ptr::non_null::NonNull<{entry}>)>"
        );
        vec![(8 + size_of::<Page>() + 16, entry), (0, table.leak())].leak()
    })
}

fn persistent(stores: &mut Stores, round: u64) {
    let node = of::<(u64, Arc<Session>)>(|name| {
        format!("alloc::sync::Arc<im::nodes::hamt::Node<{name}>>")
    });
    for number in 0..4 {
        let session = shared_session(number);
        making(node, || stores.history.insert(4 * round + number, session));
    }
    if round.is_multiple_of(5) {
        let version = stores.history.clone();
        push(&mut stores.versions, version);
    }
    for number in 0..6 {
        let change = Change {
            who: shared_session(number),
            what: string(number),
        };
        black_box(change.who.seen as usize + change.what.len());
        making(chunks(), || stores.changes.push_back(change));
    }
    // Where a node is taken apart, its keys are cloned.
    let name = std::any::type_name::<(String, u64)>();
    let node = format!("alloc::sync::Arc<im::nodes::btree::Node<{name}>>");
    let node = by_size([(11, "str".into()), (12, "str".into()), (0, node)]);
    for number in 0..5 {
        let key = string(5 * round + number);
        making(node, || stores.totals.insert(key, number));
    }
}

/// A persistent vector is a tree of chunks, each behind an `Arc`; the sizes of its parts differ.
fn chunks() -> Names {
    static CHUNKS: OnceLock<Names> = OnceLock::new();
    CHUNKS.get_or_init(|| {
        let (zero, one) = ("typenum::bit::B0", "typenum::bit::B1");
        let mut length = format!("typenum::uint::UInt<typenum::uint::UTerm, {one}>");
        for _ in 0..6 {
            length = format!("typenum::uint::UInt<{length}, {zero}>");
        }
        let chunk = |element: &str| -> &'static str {
            format!("alloc::sync::Arc<sized_chunks::sized_chunk::Chunk<{element}, {length}>>")
                .leak()
        };
        let change = "memdump_types_target::service::stores::Change";
        let node = format!("im::nodes::rrb::Node<{change}>");
        vec![
            (32 + 64 * size_of::<Change>(), chunk(change)),
            (32 + 64 * 24, chunk(&node)),
            (32 + 64 * 8, chunk("usize")),
            (16 + 24, &*format!("alloc::sync::Arc<{node}>").leak()),
        ]
        .leak()
    })
}

fn trees(stores: &mut Stores, round: u64) {
    for number in 0..6 {
        making(nodes::<u64, [u64; 20]>(), || {
            stores.ledger.insert(6 * round + number, [number; 20])
        });
        let right = match number % 2 {
            0 => Right::Read,
            _ => Right::Write {
                until: number as u32,
            },
        };
        let set = of::<(u32, Right)>(|name| {
            format!(
                "btree<{name}, alloc::collections::btree::set::BTreeSet<alloc::string::String>>"
            )
        });
        let members = making(set, || {
            stores.groups.entry((round as u32 / 4, right)).or_default()
        });
        let name = string(6 * round + number);
        let set = of::<String>(|name| {
            format!("btree<{name}, alloc::collections::btree::set_val::SetValZST>")
        });
        making(set, || members.insert(name));
    }
}

fn keys(stores: &mut Stores, round: u64) {
    for number in 0..4 {
        let number = 4 * round + number;
        let key = match number % 3 {
            0 => Key::Number(number),
            1 => Key::Name(string(number)),
            _ => Key::Pair(number as u32, Right::Read),
        };
        let numbers = making(many::<u16>(), || {
            (0..number as u16 % 9 + 1).collect::<Box<[u16]>>()
        });
        making(table::<(Key, Box<[u16]>)>(), || {
            stores.by_key.insert(key, numbers)
        });
        let word: Arc<str> = making(shared::<str>(), || Arc::from(format!("word {number}")));
        making(table::<(Arc<str>, ())>(), || stores.words.insert(word));
        let page = boxed_page(number);
        let mut images = stores.images.write().expect("no panic");
        making(table::<([u8; 16], Box<Page>)>(), || {
            images.insert(u128::from(number).to_le_bytes(), page)
        });
    }
    let mut extensions = Extensions::new();
    let entry = table::<(TypeId, Box<dyn Any + Send + Sync>)>();
    let session = session(round);
    let session: Box<dyn Any + Send + Sync> = boxed(session);
    making(entry, || {
        extensions.insert(TypeId::of::<Session>(), session)
    });
    let name: Box<dyn Any + Send + Sync> = boxed(string(round));
    making(entry, || extensions.insert(TypeId::of::<String>(), name));
    let number: Box<dyn Any + Send + Sync> = making(one::<u64>(), || Box::new(round));
    making(entry, || extensions.insert(TypeId::of::<u64>(), number));
    push(&mut stores.extensions, extensions);
}
