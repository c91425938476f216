//! Values of all shapes: niches, alignments, wrapped queues, borrowed or owned, behind traits, and iterators that are under way.

use std::any::type_name;
use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, LinkedList, VecDeque};
use std::error::Error;
use std::ffi::{CString, OsString};
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use arrayvec::ArrayVec;

use crate::made::{behind, boxed, push};
use crate::names::{by_size, counted, many, of, one, shared, text, value};
use crate::recorder::making;

use super::{Page, Session, boxed_page, length, page, session, string, weight};

/// Lanes do not share lines of the cache.
#[repr(align(64))]
pub struct Lane {
    name: String,
    counts: [u32; 4],
}

#[derive(Clone)]
#[repr(align(32))]
pub struct Vector([f32; 8]);

pub enum State {
    New,
    Waiting {
        since: u64,
        reason: Option<Box<Page>>,
    },
    Running(Vec<Step>),
    Failed(Result<Box<str>, Cow<'static, [u16]>>),
    Done(Box<Outcome>, NonZeroU32),
}

pub enum Step {
    Load(Option<Option<Rc<Page>>>),
    Wait(u16),
    Store(String, Option<NonZeroU32>),
}

pub struct Outcome {
    pages: ArrayVec<Box<Page>, 4>,
    log: Cow<'static, str>,
}

pub struct Metres;
pub struct Seconds;

/// A number of a unit that is in no byte of it.
pub struct Measure<T, Unit> {
    values: Vec<T>,
    best: Option<Box<T>>,
    unit: PhantomData<Unit>,
}

pub struct Matrix<const N: usize> {
    rows: [Box<[f64]>; N],
}

pub trait Plugin {
    fn run(&self, page: &Page) -> usize;
}

pub struct Counting {
    seen: std::cell::Cell<usize>,
}

pub struct Chain<A, B> {
    first: A,
    then: Option<B>,
    name: Cow<'static, str>,
}

impl Plugin for Counting {
    fn run(&self, page: &Page) -> usize {
        self.seen.set(self.seen.get() + 1);
        self.seen.get() + length(page)
    }
}

impl<A: Plugin, B: Plugin> Plugin for Chain<A, B> {
    fn run(&self, page: &Page) -> usize {
        let then = self.then.as_ref().map_or(0, |then| then.run(page));
        self.first.run(page) + then + self.name.len()
    }
}

impl<P: Plugin + ?Sized> Plugin for Box<P> {
    fn run(&self, page: &Page) -> usize {
        (**self).run(page)
    }
}

#[derive(Debug)]
pub struct Failure {
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.source.is_some())
    }
}

impl Error for Failure {}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    at: u64,
    name: String,
}

pub struct Alarm {
    name: String,
    page: Page,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        black_box(self.name.len() + length(&self.page));
    }
}

#[derive(Default)]
pub struct Values {
    lanes: Vec<Box<Lane>>,
    in_a_row: Vec<Lane>,
    vectors: Vec<Vec<Vector>>,
    large: Vec<Box<(u128, String)>>,
    states: Vec<State>,
    lengths: Vec<Measure<f64, Metres>>,
    times: Vec<Measure<u16, Seconds>>,
    matrices: Vec<Box<Matrix<3>>>,
    plugin: Vec<Option<Box<dyn Plugin>>>,
    failures: Vec<Box<dyn Error + Send + Sync>>,
    reports: Vec<anyhow::Error>,
    timers: BinaryHeap<Reverse<Timer>>,
    sessions: LinkedList<Session>,
    queue: VecDeque<(u32, Page)>,
    counted: Vec<Box<[Option<Rc<Page>>]>>,
    c_texts: Vec<CString>,
    system_texts: Vec<OsString>,
    borrowed: Vec<Cow<'static, [Page]>>,
    wakers: Vec<Option<Waker>>,
    numbers: Vec<Box<dyn Iterator<Item = u64>>>,
    words: Vec<Box<dyn Iterator<Item = String>>>,
    deep: Vec<Vec<Vec<u32>>>,
    twice: Vec<Box<Box<Page>>>,
    pairs: Vec<(Arc<str>, Option<Box<[u8]>>)>,
    callbacks: Vec<Arc<dyn Fn(&str) -> usize + Send + Sync>>,
}

pub fn add(values: &mut Values, round: u64) {
    aligned(values, round);
    states(values, round);
    measures(values, round);
    traits(values, round);
    sequences(values, round);
    texts(values, round);
    iterators(values, round);
}

fn aligned(values: &mut Values, round: u64) {
    let lane = |number| Lane {
        name: string(number),
        counts: [number as u32; 4],
    };
    let one_lane = lane(round);
    black_box(one_lane.counts[0] as usize + one_lane.name.len());
    push(
        &mut values.lanes,
        making(one::<Lane>(), || Box::new(one_lane)),
    );
    push(&mut values.in_a_row, lane(round));
    let vectors = making(many::<Vector>(), || vec![Vector([round as f32; 8]); 3]);
    black_box(vectors[0].0[0]);
    push(&mut values.vectors, vectors);
    let large = (u128::from(round) << 100, string(round));
    push(
        &mut values.large,
        making(one::<(u128, String)>(), || Box::new(large)),
    );
}

fn states(values: &mut Values, round: u64) {
    for number in 0..4 {
        let state = match (round + number) % 7 {
            0 => State::New,
            1 => State::Waiting {
                since: round,
                reason: number.is_multiple_of(2).then(|| boxed_page(number)),
            },
            2 | 3 => {
                let mut steps = Vec::new();
                let page = page(number);
                let page = making(counted::<Page>(), || Rc::new(page));
                push(&mut steps, Step::Load(Some(Some(page))));
                push(&mut steps, Step::Wait(3));
                push(&mut steps, Step::Store(string(number), NonZeroU32::new(7)));
                push(&mut steps, Step::Load(Some(None)));
                State::Running(steps)
            }
            4 => State::Failed(Ok(making(text(), || format!("failed {number}").into()))),
            5 => State::Failed(Err(match number % 2 {
                0 => Cow::Borrowed(&[1, 2, 3]),
                _ => Cow::Owned(making(many::<u16>(), || vec![4, 5, 6, 7])),
            })),
            _ => {
                let mut pages = ArrayVec::new();
                for page in 0..number {
                    pages.push(boxed_page(page));
                }
                let log = match number % 2 {
                    0 => Cow::Borrowed("all is well"),
                    _ => Cow::Owned(string(number)),
                };
                let outcome = Outcome { pages, log };
                black_box(outcome.pages.len() + outcome.log.len());
                State::Done(boxed(outcome), NonZeroU32::MIN)
            }
        };
        black_box(read(&state));
        push(&mut values.states, state);
    }
}

fn read(state: &State) -> usize {
    match state {
        State::New => 0,
        State::Waiting { since, reason } => *since as usize + reason.as_deref().map_or(0, length),
        State::Running(steps) => steps.iter().map(read_step).sum(),
        State::Failed(Ok(reason)) => reason.len(),
        State::Failed(Err(codes)) => codes.len(),
        State::Done(outcome, code) => outcome.pages.len() + code.get() as usize,
    }
}

fn read_step(step: &Step) -> usize {
    match step {
        Step::Load(page) => page.iter().flatten().map(|page| length(page)).sum(),
        Step::Wait(time) => usize::from(*time),
        Step::Store(name, code) => name.len() + code.map_or(0, |code| code.get() as usize),
    }
}

fn measures(values: &mut Values, round: u64) {
    let mut lengths = Measure {
        values: making(many::<f64>(), || vec![round as f64; 4]),
        best: None,
        unit: PhantomData,
    };
    lengths.best = Some(making(one::<f64>(), || Box::new(0.5)));
    black_box((lengths.values.len(), lengths.best.is_some(), lengths.unit));
    push(&mut values.lengths, lengths);
    let times = Measure {
        values: making(many::<u16>(), || vec![round as u16; 8]),
        best: Some(making(one::<u16>(), || Box::new(3))),
        unit: PhantomData,
    };
    black_box((times.values.len(), times.best.is_some(), times.unit));
    push(&mut values.times, times);
    let rows =
        std::array::from_fn(|row| making(many::<f64>(), || vec![row as f64; 3].into_boxed_slice()));
    let matrix = Matrix { rows };
    black_box(matrix.rows[0].len());
    push(
        &mut values.matrices,
        making(one::<Matrix<3>>(), || Box::new(matrix)),
    );
}

fn counting() -> Counting {
    Counting {
        seen: Default::default(),
    }
}

fn traits(values: &mut Values, round: u64) {
    let plugin: Option<Box<dyn Plugin>> = match round % 4 {
        0 => None,
        1 => Some(making(one::<Counting>(), || Box::new(counting()))),
        2 => {
            let name = Cow::Owned(string(round));
            let chain = Chain {
                first: counting(),
                then: Some(counting()),
                name,
            };
            Some(making(one::<Chain<Counting, Counting>>(), || {
                Box::new(chain)
            }))
        }
        _ => {
            let first: Box<dyn Plugin> = making(one::<Counting>(), || Box::new(counting()));
            let chain = Chain {
                first,
                then: None::<Counting>,
                name: Cow::Borrowed("the same again"),
            };
            Some(making(one::<Chain<Box<dyn Plugin>, Counting>>(), || {
                Box::new(chain)
            }))
        }
    };
    let page = page(round);
    black_box(plugin.iter().map(|plugin| plugin.run(&page)).sum::<usize>());
    push(&mut values.plugin, plugin);

    let inner = Failure {
        what: string(round),
        source: None,
    };
    let outer = Failure {
        what: string(round + 1),
        source: Some(making(one::<Failure>(), || Box::new(inner))),
    };
    black_box(outer.to_string());
    let failure: Box<dyn Error + Send + Sync> = making(one::<Failure>(), || outer.into());
    push(&mut values.failures, failure);

    let cause = Failure {
        what: string(round),
        source: None,
    };
    // Its table, the backtrace and the cause; a backtrace that is taken has blocks of its own.
    let size = size_of::<usize>() + size_of::<Option<Backtrace>>() + size_of::<Failure>();
    let name = format!("anyhow::error::ErrorImpl<{}>", type_name::<Failure>());
    let names = by_size([(size, name)]);
    let report = making(names, || anyhow::Error::new(cause));
    black_box(report.to_string());
    push(&mut values.reports, report);

    let alarm = Alarm {
        name: string(round),
        page,
    };
    let alarm = making(shared::<Alarm>(), || Arc::new(alarm));
    push(&mut values.wakers, Some(Waker::from(alarm)));

    let (prefix, limits) = (string(round), making(many::<u32>(), || vec![1_u32, 2, 3]));
    let callback = move |text: &str| text.len() + prefix.len() + limits.len();
    let names = behind("alloc::sync::Arc", &callback);
    let callback: Arc<dyn Fn(&str) -> usize + Send + Sync> = making(names, || Arc::new(callback));
    black_box(callback("a text"));
    push(&mut values.callbacks, callback);
}

fn sequences(values: &mut Values, round: u64) {
    for number in 0..3 {
        let (at, name) = ((round * 7 + number) % 31, string(number));
        making(many::<Reverse<Timer>>(), || {
            values.timers.push(Reverse(Timer { at, name }))
        });
        let page = page(number);
        making(many::<(u32, Page)>(), || {
            values.queue.push_back((number as u32, page))
        });
    }
    // The queue goes round in its memory.
    black_box(values.queue.pop_front());
    let session = session(round);
    black_box(weight(&session));
    let node = of::<Session>(|name| format!("alloc::collections::linked_list::Node<{name}>"));
    making(node, || values.sessions.push_front(session));
    let mut all = making(many::<Option<Rc<Page>>>(), || Vec::with_capacity(3));
    let shared_page = page(round);
    let shared_page = making(counted::<Page>(), || Rc::new(shared_page));
    all.push(Some(Rc::clone(&shared_page)));
    all.push(None);
    all.push(Some(shared_page));
    push(&mut values.counted, all.into_boxed_slice());
    let mut pages = Vec::new();
    for number in 0..round % 3 {
        push(&mut pages, page(number));
    }
    let borrowed = match pages.is_empty() {
        true => Cow::Borrowed(&[][..]),
        false => Cow::Owned(pages),
    };
    push(&mut values.borrowed, borrowed);
    let mut rows = Vec::new();
    for number in 0..round % 4 {
        let row = making(many::<u32>(), || vec![number as u32; 5]);
        push(&mut rows, row);
    }
    push(&mut values.deep, rows);
    let page = boxed_page(round);
    push(
        &mut values.twice,
        making(one::<Box<Page>>(), || Box::new(page)),
    );
}

fn texts(values: &mut Values, round: u64) {
    let c_text = making(text(), || {
        CString::new(format!("for C {round}")).expect("no zero")
    });
    push(&mut values.c_texts, c_text);
    let system = making(text(), || OsString::from(format!("of the system {round}")));
    push(&mut values.system_texts, system);
    let name: Arc<str> = making(shared::<str>(), || "shared text".into());
    let bytes = round
        .is_multiple_of(2)
        .then(|| making(many::<u8>(), || vec![7; 30].into_boxed_slice()));
    push(&mut values.pairs, (name, bytes));
}

fn iterators(values: &mut Values, round: u64) {
    let numbers = making(many::<u64>(), || (0..round + 9).collect::<Vec<u64>>());
    let least = round;
    let numbers = numbers
        .into_iter()
        .filter(move |number| *number >= least)
        .map(|number| number * 3)
        .peekable();
    let names = value(&numbers);
    let mut numbers: Box<dyn Iterator<Item = u64>> = making(names, || Box::new(numbers));
    black_box(numbers.next());
    push(&mut values.numbers, numbers);
    let mut titles = Vec::new();
    for number in 0..round % 4 + 1 {
        push(&mut titles, string(number));
    }
    let ends = [string(round), string(round + 1)];
    let words = titles
        .into_iter()
        .chain(ends)
        .enumerate()
        .map(|(place, text)| format!("{place}: {text}"));
    let names = value(&words);
    let words: Box<dyn Iterator<Item = String>> = making(names, || Box::new(words));
    push(&mut values.words, words);
}
