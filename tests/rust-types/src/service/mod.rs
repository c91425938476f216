//! Blocks of a service: what its requests, stores and background tasks keep, made by the libraries that such programs are built of.
//!
//! What these libraries allocate for themselves has a truth where their sources name the type: a task of tokio is a `Cell`, the queue of a
//! channel is made of `Block`s. What a runtime keeps besides (its own handles, drivers and queues) is left out, and so is a `ThinVec`'s memory,
//! which no type describes.

mod documents;
mod graphs;
mod jobs;
mod stores;
mod values;

use std::sync::{Arc, LazyLock, Mutex};

use crate::made::{boxed, push};
use crate::names::{many, shared, text};
use crate::recorder::making;

const ROUNDS: u64 = 40;

/// Someone who is logged in.
pub struct Session {
    user: String,
    token: Box<str>,
    rights: Vec<Right>,
    seen: u64,
    referrer: Option<Arc<Page>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    Read,
    Write { until: u32 },
}

#[derive(Clone)]
pub struct Page {
    title: String,
    body: Vec<u8>,
    links: Vec<u32>,
    number: u64,
}

/// All that is kept.
#[derive(Default)]
pub struct Service {
    documents: documents::Documents,
    graphs: graphs::Graphs,
    jobs: jobs::Jobs,
    stores: stores::Stores,
    values: values::Values,
}

/// What is not to be shared among threads is seen by one.
struct OneThread<T>(T);
// SAFETY: see there.
unsafe impl<T> Send for OneThread<T> {}

static SERVICE: LazyLock<Mutex<OneThread<Service>>> =
    LazyLock::new(|| Mutex::new(OneThread(Service::default())));

pub fn build() {
    let mut service = SERVICE.lock().expect("no panic");
    let service = &mut service.0;
    for round in 0..ROUNDS {
        documents::add(&mut service.documents, round);
        graphs::add(&mut service.graphs, round);
        stores::add(&mut service.stores, round);
        values::add(&mut service.values, round);
        jobs::add(&mut service.jobs, round);
    }
    stores::fill_statics();
    jobs::run(&mut service.jobs);
    std::hint::black_box(service);
}

fn string(number: u64) -> String {
    making(text(), || format!("customer {number}"))
}

fn page(number: u64) -> Page {
    let body = making(many::<u8>(), || {
        vec![number as u8; 40 + number as usize % 7]
    });
    let links = making(many::<u32>(), || (0..number as u32 % 5 + 1).collect());
    Page {
        title: string(number),
        body,
        links,
        number,
    }
}

fn session(number: u64) -> Session {
    let token = making(text(), || format!("token-{number:08x}").into_boxed_str());
    let mut rights = Vec::new();
    push(&mut rights, Right::Read);
    push(
        &mut rights,
        Right::Write {
            until: number as u32,
        },
    );
    let referrer = number.is_multiple_of(3).then(|| {
        let page = page(number);
        making(shared::<Page>(), || Arc::new(page))
    });
    Session {
        user: string(number),
        token,
        rights,
        seen: number,
        referrer,
    }
}

/// Reads all of a session, so that no field of it is without use.
fn weight(session: &Session) -> usize {
    let until = session.rights.iter().map(|right| match right {
        Right::Read => 0,
        Right::Write { until } => *until as usize,
    });
    let referrer = session.referrer.as_deref().map_or(0, length);
    session.user.len()
        + session.token.len()
        + until.sum::<usize>()
        + referrer
        + session.seen as usize
}

fn length(page: &Page) -> usize {
    page.title.len() + page.body.len() + page.links.len() + page.number as usize
}

fn boxed_page(number: u64) -> Box<Page> {
    boxed(page(number))
}
