//! Blocks of programs that do not leave it at the standard library's containers: enums full of payloads, arenas, small vectors, shared bytes,
//! concurrent maps, lists and trees of their own, trait objects, closures and futures. All of them are held by one static variable.

use std::cell::RefCell;
use std::collections::{BTreeMap, LinkedList};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use dashmap::DashMap;
use smallvec::SmallVec;

use crate::names::{Names, counted, many, mixed, nodes, of, one, text, value};
use crate::recorder::making;

const ROUNDS: u64 = 60;

pub struct Item {
    name: String,
    weight: u32,
}

/// As JSON has them.
pub enum Value {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

pub enum Expression {
    Constant(i64),
    Name(Box<str>),
    Sum(Box<Expression>, Box<Expression>),
    Call {
        function: Rc<str>,
        arguments: Vec<Expression>,
    },
    Not(Box<Expression>),
}

pub enum Failure {
    Closed,
    Code(u16),
    Because(String),
}

pub trait Shape {
    fn area(&self) -> f64;
}

pub struct Circle {
    radius: f64,
}

pub struct Named<S> {
    label: String,
    inside: S,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.radius * self.radius
    }
}

impl<S: Shape> Shape for Named<S> {
    fn area(&self) -> f64 {
        self.inside.area() + self.label.len() as f64
    }
}

pub struct Tree<K, V> {
    root: Option<Box<Branch<K, V>>>,
}

pub struct Branch<K, V> {
    key: K,
    value: V,
    left: Option<Box<Branch<K, V>>>,
    right: Option<Box<Branch<K, V>>>,
}

impl<K: Ord + Copy, V> Tree<K, V> {
    fn insert(&mut self, key: K, value: V) {
        let mut place = &mut self.root;
        while let Some(branch) = place {
            place = match key < branch.key {
                true => &mut branch.left,
                false => &mut branch.right,
            };
        }
        let (left, right) = (None, None);
        let branch = Branch {
            key,
            value,
            left,
            right,
        };
        *place = Some(making(one::<Branch<K, V>>(), || Box::new(branch)));
    }

    fn depth(&self) -> usize {
        let mut depth = 0;
        let mut at = &self.root;
        while let Some(branch) = at {
            depth += 1;
            at = &branch.left;
        }
        depth
    }
}

pub struct Link {
    item: Item,
    next: Option<Box<Link>>,
}

/// What knows who holds it.
pub struct Member {
    name: String,
    team: Weak<RefCell<Team>>,
}

#[derive(Default)]
pub struct Team {
    members: Vec<Rc<Member>>,
    leader: Option<Rc<Member>>,
}

type Task = Pin<Box<dyn Future<Output = usize>>>;

#[derive(Default)]
pub struct Zoo {
    values: Vec<Value>,
    expressions: Vec<Box<Expression>>,
    results: Vec<Result<Box<Item>, Failure>>,
    maybe: Vec<Option<Option<Box<Item>>>>,
    small: Vec<SmallVec<[Item; 2]>>,
    short: Vec<SmallVec<[u32; 4]>>,
    arenas: Vec<typed_arena::Arena<Item>>,
    bumps: Vec<bumpalo::Bump>,
    bytes: Vec<Bytes>,
    buffers: Vec<BytesMut>,
    concurrent: Option<DashMap<u64, Item>>,
    lists: Vec<Option<Box<Link>>>,
    linked: LinkedList<Item>,
    by_number: Vec<Tree<u64, String>>,
    by_weight: Vec<Tree<u32, Vec<u16>>>,
    shapes: Vec<Box<dyn Shape>>,
    shared_shapes: Vec<Rc<dyn Shape>>,
    calls: Vec<Box<dyn Fn(usize) -> usize>>,
    tasks: Vec<Task>,
    teams: Vec<Rc<RefCell<Team>>>,
    spare: Vec<Vec<Box<Item>>>,
    words: Vec<Vec<u64>>,
}

/// The program has one thread.
struct OneThread<T>(T);
// SAFETY: see there.
unsafe impl<T> Send for OneThread<T> {}

static ZOO: LazyLock<Mutex<OneThread<Zoo>>> =
    LazyLock::new(|| Mutex::new(OneThread(Zoo::default())));

pub fn build() {
    let mut zoo = ZOO.lock().expect("no panic");
    let zoo = &mut zoo.0;
    zoo.concurrent = Some(making(of::<u64>(|_| SHARDS.into()), DashMap::new));
    for round in 0..ROUNDS {
        enums(zoo, round);
        vectors(zoo, round);
        arenas(zoo, round);
        shared_bytes(zoo, round);
        maps(zoo, round);
        nodes_of_our_own(zoo, round);
        objects(zoo, round);
        teams(zoo, round);
        rooms_to_spare(zoo, round);
    }
    black_box(zoo);
}

/// How dashmap 6 calls what it keeps its shards in.
const SHARDS: &str = "[crossbeam_utils::cache_padded::CachePadded<lock_api::rwlock::RwLock<dashmap::lock::RawRwLock, \
                      hashbrown::raw::inner::RawTable<(u64, dashmap::util::SharedValue<memdump_types_target::zoo::Item>)>>>]";

fn string(number: u64) -> String {
    making(text(), || format!("animal number {number}"))
}

fn item(number: u64) -> Item {
    Item {
        name: string(number),
        weight: number as u32,
    }
}

fn boxed<T>(value: T) -> Box<T> {
    making(one::<T>(), || Box::new(value))
}

fn push<T>(all: &mut Vec<T>, value: T) {
    making(many::<T>(), || all.push(value));
}

fn enums(zoo: &mut Zoo, round: u64) {
    let mut list = Vec::new();
    let mut object = BTreeMap::new();
    for number in 0..6 + round % 4 {
        let value = match (number + round) % 5 {
            0 => Value::Null,
            1 => Value::Flag(number % 2 == 0),
            2 => Value::Number(number as f64),
            3 => Value::Text(string(number)),
            _ => {
                let mut inner = Vec::new();
                push(&mut inner, Value::Text(string(number)));
                push(&mut inner, Value::Number(1.0));
                Value::List(inner)
            }
        };
        if number % 2 == 0 {
            push(&mut list, value);
        } else {
            let key = string(number);
            making(nodes::<String, Value>(), || object.insert(key, value));
        }
    }
    push(&mut list, Value::Object(object));
    push(&mut zoo.values, Value::List(list));
    for value in &zoo.values {
        if let Value::List(list) = value {
            black_box(list.iter().map(size_of_value).sum::<usize>());
        }
    }
    let mut expression = Expression::Constant(round as i64);
    for number in 0..5 {
        expression = match (round + number) % 4 {
            0 => {
                let name = making(text(), || format!("name {number}").into_boxed_str());
                Expression::Sum(boxed(expression), boxed(Expression::Name(name)))
            }
            1 => Expression::Not(boxed(expression)),
            2 => {
                let function = making(of::<str>(|_| "alloc::rc::Rc<str>".into()), || {
                    Rc::from("function")
                });
                let mut arguments = Vec::new();
                push(&mut arguments, expression);
                push(&mut arguments, Expression::Constant(1));
                Expression::Call {
                    function,
                    arguments,
                }
            }
            _ => Expression::Sum(boxed(Expression::Constant(2)), boxed(expression)),
        };
    }
    black_box(depth(&expression));
    let expression = boxed(expression);
    push(&mut zoo.expressions, expression);
    let result = match round % 4 {
        0 => Err(Failure::Closed),
        1 => Err(Failure::Code(round as u16)),
        2 => Err(Failure::Because(string(round))),
        _ => Ok(boxed(item(round))),
    };
    let length = match &result {
        Ok(item) => item.name.len(),
        Err(Failure::Because(reason)) => reason.len(),
        Err(Failure::Code(code)) => usize::from(*code),
        Err(Failure::Closed) => 0,
    };
    black_box(length);
    push(&mut zoo.results, result);
    let maybe = match round % 3 {
        0 => None,
        1 => Some(None),
        _ => Some(Some(boxed(item(round)))),
    };
    push(&mut zoo.maybe, maybe);
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Flag(flag) => usize::from(*flag),
        Value::Number(number) => *number as usize,
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Object(object) => object.len(),
    }
}

fn depth(expression: &Expression) -> usize {
    match expression {
        Expression::Constant(number) => *number as usize,
        Expression::Name(name) => name.len(),
        Expression::Sum(left, right) => depth(left) + depth(right),
        Expression::Call {
            function,
            arguments,
        } => function.len() + arguments.iter().map(depth).sum::<usize>(),
        Expression::Not(inner) => 1 + depth(inner),
    }
}

fn vectors(zoo: &mut Zoo, round: u64) {
    let mut items = SmallVec::new();
    let mut numbers = SmallVec::new();
    for number in 0..1 + round % 6 {
        let item = item(number);
        making(many::<Item>(), || items.push(item));
        making(many::<u32>(), || numbers.push(number as u32));
    }
    push(&mut zoo.small, items);
    push(&mut zoo.short, numbers);
}

fn arenas(zoo: &mut Zoo, round: u64) {
    if !round.is_multiple_of(6) {
        return;
    }
    let arena = making(many::<Item>(), typed_arena::Arena::new);
    for number in 0..60 {
        let item = item(number);
        making(CHUNKS, || arena.alloc(item));
    }
    making(many::<typed_arena::Arena<Item>>(), || {
        zoo.arenas.push(arena)
    });
    let bump = making(mixed(), || {
        let bump = bumpalo::Bump::new();
        for number in 0..200 {
            bump.alloc((number, number as f32));
            bump.alloc_str("a text in an arena");
        }
        bump
    });
    push(&mut zoo.bumps, bump);
}

/// The list of chunks begins with room for four; no chunk is as long.
const CHUNKS: Names = &[
    (96, "[alloc::vec::Vec<memdump_types_target::zoo::Item>]"),
    (0, "[memdump_types_target::zoo::Item]"),
];

fn shared_bytes(zoo: &mut Zoo, round: u64) {
    let plain = of::<u8>(|_| "[u8]".into());
    let bytes = making(plain, || Bytes::from(vec![round as u8; 50]));
    // Only a second one makes the bytes shared.
    let other = making(of::<u8>(|_| "bytes::bytes::Shared".into()), || {
        bytes.clone()
    });
    push(&mut zoo.bytes, bytes);
    push(&mut zoo.bytes, other);
    let mut buffer = making(plain, || BytesMut::with_capacity(200));
    buffer.extend_from_slice(b"some bytes, and some more");
    let head = making(of::<u8>(|_| "bytes::bytes_mut::Shared".into()), || {
        buffer.split_to(10)
    });
    push(&mut zoo.buffers, buffer);
    push(&mut zoo.buffers, head);
}

fn maps(zoo: &mut Zoo, round: u64) {
    let Some(map) = &zoo.concurrent else {
        return;
    };
    let pairs = of::<Item>(|name| {
        format!("hashbrown::raw::RawTable<(u64, dashmap::util::SharedValue<{name}>)>")
    });
    for number in 0..5 {
        let item = item(number);
        making(pairs, || map.insert(10 * round + number, item));
    }
}

fn nodes_of_our_own(zoo: &mut Zoo, round: u64) {
    let mut list = None;
    for number in 0..8 {
        let item = item(number);
        list = Some(boxed(Link { item, next: list }));
    }
    black_box(
        list.as_ref()
            .map(|link| link.item.weight + u32::from(link.next.is_some())),
    );
    push(&mut zoo.lists, list);
    let value = item(round);
    let node = of::<Item>(|name| format!("alloc::collections::linked_list::Node<{name}>"));
    making(node, || zoo.linked.push_back(value));
    let mut by_number = Tree { root: None };
    let mut by_weight = Tree { root: None };
    for number in 0..9_u64 {
        by_number.insert(number * 7 % 9, string(number));
        let tags = making(many::<u16>(), || vec![number as u16; 5]);
        by_weight.insert(number as u32 * 5 % 9, tags);
    }
    let used = by_number.root.iter().map(|branch| branch.value.len());
    black_box(used.sum::<usize>() + by_number.depth());
    let used = by_weight.root.iter().map(|branch| branch.value.len());
    black_box(used.sum::<usize>() + by_weight.depth());
    push(&mut zoo.by_number, by_number);
    push(&mut zoo.by_weight, by_weight);
}

async fn pause() {
    let mut once = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut once, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

async fn download(name: String, item: Box<Item>) -> usize {
    let parts = making(many::<u64>(), || vec![7_u64; 6]);
    pause().await;
    name.len() + parts.len() + item.name.len()
}

fn objects(zoo: &mut Zoo, round: u64) {
    let radius = round as f64;
    let shape: Box<dyn Shape> = boxed(Circle { radius });
    push(&mut zoo.shapes, shape);
    let named = |inside| Named {
        label: string(round),
        inside,
    };
    let twice = Named {
        label: string(round),
        inside: named(Circle { radius }),
    };
    let shape: Box<dyn Shape> = boxed(named(Circle { radius }));
    push(&mut zoo.shapes, shape);
    let shape: Box<dyn Shape> = boxed(twice);
    push(&mut zoo.shapes, shape);
    let shape = named(Circle { radius });
    let shape: Rc<dyn Shape> = making(counted::<Named<Circle>>(), || Rc::new(shape));
    black_box(zoo.shapes.iter().map(|shape| shape.area()).sum::<f64>() + shape.area());
    push(&mut zoo.shared_shapes, shape);

    let (text, items) = (string(round), boxed(item(round)));
    let call = move |more| text.len() + items.name.len() + items.weight as usize + more;
    let names = value(&call);
    let call: Box<dyn Fn(usize) -> usize> = making(names, || Box::new(call));
    black_box(call(2));
    push(&mut zoo.calls, call);

    let task = download(string(round), boxed(item(round)));
    let names = value(&task);
    let mut task: Task = making(names, || Box::pin(task));
    let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    push(&mut zoo.tasks, task);
}

fn teams(zoo: &mut Zoo, round: u64) {
    let team = making(counted::<RefCell<Team>>(), || {
        Rc::new(RefCell::new(Team::default()))
    });
    for number in 0..3 + round % 3 {
        let member = Member {
            name: string(number),
            team: Rc::downgrade(&team),
        };
        black_box(member.name.len() + member.team.strong_count());
        let member = making(counted::<Member>(), || Rc::new(member));
        let mut inside = team.borrow_mut();
        if number == 1 {
            inside.leader = Some(Rc::clone(&member));
        }
        black_box(inside.leader.is_some());
        push(&mut inside.members, member);
    }
    push(&mut zoo.teams, team);
}

/// Memory in which other blocks lay before, with room that nothing was written to.
fn rooms_to_spare(zoo: &mut Zoo, round: u64) {
    let mut before = Vec::new();
    for number in 0..40 {
        let item = boxed(item(number));
        push(&mut before, item);
        let link = item_and_link(number);
        black_box(&link);
    }
    drop(black_box(before));
    let mut items = making(many::<Box<Item>>(), || Vec::with_capacity(40));
    for number in 0..round % 5 {
        items.push(boxed(item(number)));
    }
    push(&mut zoo.spare, items);
    let mut words = making(many::<u64>(), || Vec::with_capacity(64));
    words.push(round);
    push(&mut zoo.words, words);
}

fn item_and_link(number: u64) -> Box<Link> {
    let item = item(number);
    boxed(Link { item, next: None })
}
