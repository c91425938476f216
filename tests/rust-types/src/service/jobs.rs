//! Background tasks and what passes between them: two runtimes of tokio, its channels and locks, and the channels of others.

use std::collections::HashMap;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as of_std;
use std::time::Duration;

use crossbeam_channel as crossbeam;
use crossbeam_queue::SegQueue;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::made::push;
use crate::names::{Names, by_size, many, of, shared, table, value};
use crate::recorder::{self, making};

use super::{Page, Session, boxed_page, length, page, session, string, weight};

pub struct Job {
    number: u64,
    page: Page,
    reply: Option<oneshot::Sender<Reply>>,
    urgent: bool,
}

pub enum Reply {
    Done(Box<Page>),
    Failed(String),
    Later,
}

#[derive(Clone)]
pub struct News {
    title: String,
    page: Arc<Page>,
}

pub struct Config {
    hosts: Vec<String>,
    retries: u32,
}

/// What all tasks have in common.
pub struct Context {
    sessions: RwLock<HashMap<u64, Session>>,
    counts: Mutex<Vec<u64>>,
    never: Notify,
    slots: Semaphore,
}

type BoxedFuture = Pin<Box<dyn Future<Output = usize> + Send>>;

#[derive(Default)]
pub struct Jobs {
    runtime: Option<Runtime>,
    threads: Option<Runtime>,
    context: Option<Arc<Context>>,
    queues: Vec<mpsc::Sender<Job>>,
    endless: Vec<mpsc::UnboundedSender<Vec<u8>>>,
    replies: Vec<oneshot::Receiver<Reply>>,
    news: Option<broadcast::Sender<News>>,
    config: Option<watch::Sender<Config>>,
    handles: Vec<JoinHandle<usize>>,
    set: JoinSet<usize>,
    boxed: Vec<BoxedFuture>,
    outside: Vec<(crossbeam::Sender<Job>, crossbeam::Receiver<Job>)>,
    bounded: Vec<(crossbeam::Sender<Page>, crossbeam::Receiver<Page>)>,
    std: Vec<(of_std::Sender<Page>, of_std::Receiver<Page>)>,
    idle: SegQueue<Box<Page>>,
}

/// How many tasks of the runtime with threads are where they stay.
static SETTLED: AtomicUsize = AtomicUsize::new(0);

fn current_thread<F: Future>(_: &F) -> Names {
    of::<F>(|name| cell(name, "current_thread"))
}

fn many_threads<F: Future>(_: &F) -> Names {
    of::<F>(|name| cell(name, "multi_thread::handle"))
}

fn cell(future: &str, scheduler: &str) -> String {
    format!(
        "tokio::runtime::task::core::Cell<{future}, alloc::sync::Arc<tokio::runtime::scheduler::{scheduler}::Handle>>"
    )
}

fn spawn<F>(jobs: &mut Jobs, future: F)
where
    F: Future<Output = usize> + Send + 'static,
{
    let names = current_thread(&future);
    let runtime = jobs.runtime.as_ref().expect("a runtime");
    let handle = making(names, || runtime.spawn(future));
    push(&mut jobs.handles, handle);
}

fn context(jobs: &mut Jobs) -> Arc<Context> {
    if let Some(context) = &jobs.context {
        return Arc::clone(context);
    }
    jobs.runtime = Builder::new_current_thread().enable_time().build().ok();
    let context = Context {
        sessions: Default::default(),
        counts: Default::default(),
        never: Notify::new(),
        slots: Semaphore::new(3),
    };
    let context = making(shared::<Context>(), || Arc::new(context));
    jobs.context = Some(Arc::clone(&context));
    jobs.news = Some(making(broadcast_of(), || broadcast::Sender::new(16)));
    let config = Config {
        hosts: Vec::new(),
        retries: 3,
    };
    let names =
        of::<Config>(|name| format!("alloc::sync::Arc<tokio::sync::watch::Shared<{name}>>"));
    jobs.config = Some(making(names, || watch::Sender::new(config)));
    context
}

/// A sender makes the slots, which are as many as it is told, and what all share.
fn broadcast_of() -> Names {
    let slots = 16 * (8 + 8 + 8 + size_of::<Option<News>>());
    let news = std::any::type_name::<News>();
    let slot = format!("[tokio::loom::std::mutex::Mutex<tokio::sync::broadcast::Slot<{news}>>]");
    let shared = format!("alloc::sync::Arc<tokio::sync::broadcast::Shared<{news}>>");
    by_size([(slots, slot), (0, shared)])
}

/// A queue of tokio is a list of blocks of 32 values; both ends share the rest of it.
fn queue_of<T>(semaphore: &str) -> Names {
    let value = std::any::type_name::<T>();
    let block = format!("tokio::sync::mpsc::block::Block<{value}>");
    let shared = format!(
        "alloc::sync::Arc<tokio::sync::mpsc::chan::Chan<{value}, tokio::sync::mpsc::{semaphore}>>"
    );
    by_size([(32 * size_of::<T>() + 32, block), (0, shared)])
}

/// Those of crossbeam and of the standard library are lists of blocks of 31 values, each with a word for its state.
fn list_of<T>(module: &str, counter: &str) -> Names {
    let value = std::any::type_name::<T>();
    let slot = (size_of::<T>() + 8).next_multiple_of(8);
    let block = format!("{module}::list::Block<{value}>");
    let shared = format!("{counter}::counter::Counter<{module}::list::Channel<{value}>>");
    by_size([(31 * slot + 8, block), (0, shared)])
}

pub fn add(jobs: &mut Jobs, round: u64) {
    let context = context(jobs);
    queues(jobs, &context, round);
    waiting(jobs, &context, round);
    listening(jobs, round);
    in_boxes(jobs, &context, round);
    other_queues(jobs, round);
}

async fn worker(mut queue: mpsc::Receiver<Job>, context: Arc<Context>, name: String) -> usize {
    let mut batch = Vec::new();
    let mut by_number = HashMap::new();
    while let Some(job) = queue.recv().await {
        if job.urgent {
            let page = handle(&job, &context).await;
            making(table::<(u64, Box<Page>)>(), || {
                by_number.insert(job.number, page)
            });
        }
        push(&mut batch, job);
    }
    let held = batch.iter().filter(|job| job.reply.is_some()).count();
    name.len() + by_number.len() + held
}

async fn handle(job: &Job, context: &Context) -> Box<Page> {
    let title = look_up(job.number, context).await;
    let mut page = boxed_page(job.number);
    page.title = title;
    black_box(length(&page) + length(&job.page));
    page
}

async fn look_up(number: u64, context: &Context) -> String {
    let sessions = context.sessions.read().await;
    let known = sessions.get(&number).map_or(0, weight);
    string(number + known as u64 % 2)
}

fn queues(jobs: &mut Jobs, context: &Arc<Context>, round: u64) {
    if round.is_multiple_of(4) {
        let (sender, receiver) =
            making(queue_of::<Job>("bounded::Semaphore"), || mpsc::channel(64));
        push(&mut jobs.queues, sender);
        spawn(jobs, worker(receiver, Arc::clone(context), string(round)));
        let (sender, receiver) = making(
            queue_of::<Vec<u8>>("unbounded::Semaphore"),
            mpsc::unbounded_channel,
        );
        push(&mut jobs.endless, sender);
        spawn(jobs, drain(receiver));
    }
    let session = session(round);
    let mut sessions = context.sessions.try_write().expect("nobody reads");
    making(table::<(u64, Session)>(), || {
        sessions.insert(round, session)
    });
    drop(sessions);
    push(
        &mut context.counts.try_lock().expect("nobody counts"),
        round,
    );
    for number in 0..9 {
        let reply =
            of::<Reply>(|name| format!("alloc::sync::Arc<tokio::sync::oneshot::Inner<{name}>>"));
        let (sender, receiver) = making(reply, oneshot::channel);
        let mut reply = Some(sender);
        if number % 3 == 0 {
            let answer = match number {
                0 => Reply::Done(boxed_page(number)),
                3 => Reply::Failed(string(number)),
                _ => Reply::Later,
            };
            black_box(read(&answer));
            assert!(
                reply
                    .take()
                    .is_some_and(|sender| sender.send(answer).is_ok())
            );
        }
        push(&mut jobs.replies, receiver);
        let job = Job {
            number,
            page: page(number),
            reply,
            urgent: number % 4 == 1,
        };
        let queue = jobs.queues.last().expect("a queue");
        making(queue_of::<Job>("bounded::Semaphore"), || {
            assert!(queue.try_send(job).is_ok())
        });
        let bytes = making(many::<u8>(), || vec![3; number as usize + 20]);
        let queue = jobs.endless.last().expect("a queue");
        making(queue_of::<Vec<u8>>("unbounded::Semaphore"), || {
            assert!(queue.send(bytes).is_ok())
        });
    }
}

fn read(reply: &Reply) -> usize {
    match reply {
        Reply::Done(page) => length(page),
        Reply::Failed(reason) => reason.len(),
        Reply::Later => 0,
    }
}

async fn drain(mut queue: mpsc::UnboundedReceiver<Vec<u8>>) -> usize {
    let mut longest: Option<Vec<u8>> = None;
    while let Some(bytes) = queue.recv().await {
        if longest
            .as_ref()
            .is_none_or(|longest| longest.len() < bytes.len())
        {
            longest = Some(bytes);
        }
    }
    longest.map_or(0, |longest| longest.len())
}

async fn request(context: Arc<Context>, body: Box<Page>, number: u64) -> usize {
    let Ok(permit) = context.slots.acquire().await else {
        return 0;
    };
    let answer = ask(&context, number).await;
    drop(permit);
    length(&body) + answer
}

async fn ask(context: &Context, number: u64) -> usize {
    let question = string(number);
    let pages = {
        let mut pages = Vec::new();
        push(&mut pages, page(number));
        pages
    };
    let counts = context.counts.lock().await;
    let count = counts.len();
    drop(counts);
    context.never.notified().await;
    question.len() + pages.len() + count
}

async fn tick(mut log: Vec<String>, number: u64) -> usize {
    loop {
        push(&mut log, string(number));
        tokio::time::sleep(Duration::from_secs(100_000 + number)).await;
    }
}

fn waiting(jobs: &mut Jobs, context: &Arc<Context>, round: u64) {
    for number in 0..3 {
        let body = boxed_page(number);
        spawn(jobs, request(Arc::clone(context), body, round));
    }
    spawn(jobs, tick(Vec::new(), round));
    let (title, context) = (string(round), Arc::clone(context));
    spawn(jobs, async move {
        let session = session(round);
        context.never.notified().await;
        title.len() + weight(&session)
    });
}

async fn listen(mut news: broadcast::Receiver<News>, mut read: Vec<News>) -> usize {
    while let Ok(one) = news.recv().await {
        push(&mut read, one);
    }
    read.iter()
        .map(|news| news.title.len() + length(&news.page))
        .sum()
}

async fn follow(mut config: watch::Receiver<Config>) -> usize {
    let mut hosts: Vec<String> = Vec::new();
    while config.changed().await.is_ok() {
        let now = config.borrow_and_update();
        let list = now.hosts.len() * size_of::<String>();
        let both = by_size([(list, "[alloc::string::String]".into()), (0, "str".into())]);
        hosts = making(both, || now.hosts.clone());
        black_box(now.retries);
    }
    hosts.len()
}

fn listening(jobs: &mut Jobs, round: u64) {
    if let Some(news) = &jobs.news
        && let Some(config) = &jobs.config
    {
        let (news, config) = (news.subscribe(), config.subscribe());
        if round.is_multiple_of(3) {
            spawn(jobs, listen(news, Vec::new()));
            spawn(jobs, follow(config));
        }
    }
}

/// Goes down by calls of itself, each in a box.
fn walk(depth: u64, path: String, context: Arc<Context>) -> BoxedFuture {
    let future = async move {
        let here = boxed_page(depth);
        let below = match depth {
            0 => {
                context.never.notified().await;
                0
            }
            _ => walk(depth - 1, string(depth), Arc::clone(&context)).await,
        };
        path.len() + length(&here) + below
    };
    let names = value(&future);
    making(names, || Box::pin(future))
}

async fn retry<F: Future<Output = usize>>(first: F, attempts: u32, name: String) -> usize {
    let result = first.await;
    result + attempts as usize + name.len()
}

fn in_boxes(jobs: &mut Jobs, context: &Arc<Context>, round: u64) {
    let future = walk(round % 5, string(round), Arc::clone(context));
    push(&mut jobs.boxed, future);
    spawn(jobs, walk(round % 3, string(round), Arc::clone(context)));
    let asked = request(Arc::clone(context), boxed_page(round), round);
    spawn(jobs, retry(asked, 3, string(round)));
    let future = retry(tick(Vec::new(), round), 2, string(round));
    let names = value(&future);
    let future: BoxedFuture = making(names, || Box::pin(future));
    push(&mut jobs.boxed, future);
    // Not one that has been begun.
    let future = request(Arc::clone(context), boxed_page(round), round);
    let names = value(&future);
    let future: BoxedFuture = making(names, || Box::pin(future));
    push(&mut jobs.boxed, future);
}

fn other_queues(jobs: &mut Jobs, round: u64) {
    if round.is_multiple_of(8) {
        let crossbeams = "crossbeam_channel::flavors";
        let ends = making(
            list_of::<Job>(crossbeams, "crossbeam_channel"),
            crossbeam::unbounded,
        );
        push(&mut jobs.outside, ends);
        const SLOTS: &str =
            "[crossbeam_channel::flavors::array::Slot<memdump_types_target::service::Page>]";
        const SHARED: &str = "crossbeam_channel::counter::Counter<crossbeam_channel::flavors::array::Channel<memdump_types_target::service::Page>>";
        const NAMES: Names = &[(20 * (8 + size_of::<Page>()), SLOTS), (0, SHARED)];
        let ends = making(NAMES, || crossbeam::bounded(20));
        push(&mut jobs.bounded, ends);
        let ends = making(
            list_of::<Page>("std::sync::mpmc", "std::sync::mpmc"),
            of_std::channel,
        );
        push(&mut jobs.std, ends);
    }
    for number in 0..5 {
        let job = Job {
            number,
            page: page(number),
            reply: None,
            urgent: false,
        };
        let crossbeams = "crossbeam_channel::flavors";
        let (sender, _) = jobs.outside.last().expect("a queue");
        making(list_of::<Job>(crossbeams, "crossbeam_channel"), || {
            assert!(sender.send(job).is_ok())
        });
        let one = page(number);
        let (sender, receiver) = jobs.bounded.last().expect("a queue");
        if sender.is_full() {
            black_box(receiver.try_recv().is_ok());
        }
        assert!(sender.try_send(one).is_ok());
        let one = page(number);
        let (sender, _) = jobs.std.last().expect("a queue");
        making(
            list_of::<Page>("std::sync::mpmc", "std::sync::mpmc"),
            || assert!(sender.send(one).is_ok()),
        );
        let one = boxed_page(number);
        let block = of::<Box<Page>>(|name| format!("crossbeam_queue::seg_queue::Block<{name}>"));
        making(block, || jobs.idle.push(one));
    }
}

/// Lets all tasks run until they wait, and starts some that threads run.
pub fn run(jobs: &mut Jobs) {
    let runtime = jobs.runtime.as_ref().expect("a runtime");
    let context = jobs.context.as_ref().expect("a context");
    let entry = "alloc::sync::Arc<tokio::util::idle_notified_set::ListEntry<tokio::runtime::task::join::JoinHandle<usize>>>";
    for number in 0..30 {
        let future = request(Arc::clone(context), boxed_page(number), number);
        // An entry of the set is smaller than any task.
        let cell = current_thread(&future)[0].1;
        let names: Vec<(usize, &str)> = (4..=12)
            .map(|words| (8 * words, entry))
            .chain([(0, cell)])
            .collect();
        let names: Names = names.leak();
        making(names, || jobs.set.spawn_on(future, runtime.handle()));
    }
    let rest = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    runtime.block_on(rest);
    let (news, config) = (jobs.news.as_ref(), jobs.config.as_ref());
    let (news, config) = (news.expect("news"), config.expect("a config"));
    for number in 0..3 {
        let page = page(number);
        let page = making(shared::<Page>(), || Arc::new(page));
        let title = string(number);
        assert!(news.send(News { title, page }).is_ok());
        let mut hosts = Vec::new();
        push(&mut hosts, string(number));
        push(&mut hosts, string(number + 1));
        config.send_replace(Config { hosts, retries: 4 });
        let rest = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        // What a subscriber clones is a text.
        making(crate::names::text(), || runtime.block_on(rest));
    }
    let threads = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .on_thread_start(recorder::begin)
        .build();
    let threads = threads.expect("threads");
    for number in 0..60 {
        let (context, body) = (Arc::clone(context), boxed_page(number));
        let future = stay(context, body, number);
        let names = many_threads(&future);
        let handle = making(names, || threads.spawn(future));
        push(&mut jobs.handles, handle);
    }
    while SETTLED.load(Ordering::Acquire) < 60 {
        std::thread::yield_now();
    }
    jobs.threads = Some(threads);
    black_box(jobs.boxed.len());
}

async fn stay(context: Arc<Context>, body: Box<Page>, number: u64) -> usize {
    let mut pages = Vec::new();
    for number in 0..number % 4 + 1 {
        push(&mut pages, page(number));
        tokio::task::yield_now().await;
    }
    let sessions = context.sessions.read().await.len();
    SETTLED.fetch_add(1, Ordering::Release);
    std::future::pending::<()>().await;
    pages.len() + length(&body) + sessions
}
