//! Graphs: by numbers, by counted pointers with weak ones back, and by raw pointers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::{Arc, OnceLock, Weak as SharedWeak};

use petgraph::graph::DiGraph;

use crate::made::{behind, boxed, push};
use crate::names::{any_size, counted, many, of, one, shared, table, text};
use crate::recorder::making;

use super::{Page, length, page, string};

#[derive(Default)]
pub struct Graphs {
    routes: Vec<DiGraph<Host, Link>>,
    widgets: Vec<Rc<RefCell<Widget>>>,
    regions: Vec<Arc<Region>>,
    rings: Vec<Ring>,
    parsed: Vec<Syntax>,
}

pub struct Host {
    name: String,
    ports: Box<[u16]>,
}

pub struct Link {
    weight: f32,
    note: Option<Box<str>>,
}

pub struct Widget {
    title: String,
    parent: Option<Weak<RefCell<Widget>>>,
    children: Vec<Rc<RefCell<Widget>>>,
    listeners: Vec<Rc<dyn Fn(u32) -> u32>>,
    clicks: Cell<u32>,
}

pub struct Region {
    pages: HashMap<u32, Page>,
    above: OnceLock<SharedWeak<Region>>,
    inside: parking_lot::Mutex<Vec<Arc<Region>>>,
}

/// A ring of links that Rust knows nothing of.
#[derive(Default)]
pub struct Ring {
    first: Option<NonNull<Spoke>>,
    length: usize,
}

pub struct Spoke {
    before: Option<NonNull<Spoke>>,
    after: Option<NonNull<Spoke>>,
    page: Page,
}

/// Leaves that hold their text, and branches of two kinds.
pub enum Syntax {
    Leaf(Token),
    Pair(Box<(Syntax, Syntax)>),
    Block { open: Token, inside: Vec<Syntax> },
}

pub enum Token {
    Word(Rc<str>),
    Number(u64),
    Quoted(Box<Quoted>),
    End,
}

pub struct Quoted {
    text: String,
    from: (u32, u32),
}

pub fn add(graphs: &mut Graphs, round: u64) {
    routes(graphs, round);
    widgets(graphs, round);
    regions(graphs, round);
    rings(graphs, round);
    let mut inside = Vec::new();
    for number in 0..round % 4 + 1 {
        let branch = branch(round + number, 3);
        push(&mut inside, branch);
    }
    let open = token(round);
    let tree = Syntax::Block { open, inside };
    black_box(size(&tree));
    push(&mut graphs.parsed, tree);
}

fn routes(graphs: &mut Graphs, round: u64) {
    let mut graph = DiGraph::new();
    let node = of::<Host>(|name| format!("[petgraph::graph_impl::Node<{name}, u32>]"));
    let edge = of::<Link>(|name| format!("[petgraph::graph_impl::Edge<{name}, u32>]"));
    let mut before = None;
    for number in 0..6 + round % 5 {
        let name = string(number);
        let ports = making(many::<u16>(), || vec![number as u16; 3].into_boxed_slice());
        let host = Host { name, ports };
        black_box(host.name.len() + host.ports.len());
        let index = making(node, || graph.add_node(host));
        if let Some(before) = before {
            let note = (number % 2 == 0).then(|| making(text(), || "a note".into()));
            let link = Link { weight: 0.5, note };
            black_box(link.weight + link.note.as_ref().map_or(0, |note| note.len()) as f32);
            making(edge, || graph.add_edge(before, index, link));
        }
        before = Some(index);
    }
    let name = "[petgraph::graph_impl::Graph<memdump_types_target::service::graphs::Host, \
                memdump_types_target::service::graphs::Link, petgraph::Directed, u32>]";
    making(any_size(name.into()), || graphs.routes.push(graph));
}

fn widget(number: u64, parent: Option<&Rc<RefCell<Widget>>>) -> Rc<RefCell<Widget>> {
    let mut widget = Widget {
        title: string(number),
        parent: parent.map(Rc::downgrade),
        children: Vec::new(),
        listeners: Vec::new(),
        clicks: Cell::new(0),
    };
    let (page, label) = (page(number), string(number));
    let listener = move |more: u32| more + length(&page) as u32 + label.len() as u32;
    let names = behind("alloc::rc::Rc", &listener);
    let listener: Rc<dyn Fn(u32) -> u32> = making(names, || Rc::new(listener));
    push(&mut widget.listeners, listener);
    making(counted::<RefCell<Widget>>(), || {
        Rc::new(RefCell::new(widget))
    })
}

fn widgets(graphs: &mut Graphs, round: u64) {
    let root = widget(round, None);
    for number in 0..round % 4 + 1 {
        let child = widget(number, Some(&root));
        let grandchild = widget(number, Some(&child));
        push(&mut child.borrow_mut().children, grandchild);
        push(&mut root.borrow_mut().children, child);
    }
    let window = root.borrow();
    window.clicks.set(window.clicks.get() + 1);
    let parents = window
        .children
        .iter()
        .filter(|child| child.borrow().parent.is_some());
    let called: u32 = window.listeners.iter().map(|listener| listener(1)).sum();
    black_box(parents.count() + called as usize + window.title.len());
    drop(window);
    push(&mut graphs.widgets, root);
}

fn region(number: u64) -> Arc<Region> {
    let mut pages = HashMap::new();
    for key in 0..number as u32 % 6 {
        let page = page(u64::from(key));
        making(table::<(u32, Page)>(), || pages.insert(key, page));
    }
    let region = Region {
        pages,
        above: OnceLock::new(),
        inside: Default::default(),
    };
    making(shared::<Region>(), || Arc::new(region))
}

fn regions(graphs: &mut Graphs, round: u64) {
    let whole = region(round);
    for number in 0..3 {
        let part = region(round + number);
        assert!(part.above.set(Arc::downgrade(&whole)).is_ok());
        black_box(part.pages.len());
        push(&mut whole.inside.lock(), part);
    }
    push(&mut graphs.regions, whole);
}

impl Ring {
    fn insert(&mut self, page: Page) {
        let spoke = boxed(Spoke {
            before: None,
            after: None,
            page,
        });
        let mut new = NonNull::from(Box::leak(spoke));
        // SAFETY: all spokes of a ring live as long as it does, and nobody else has a pointer to them.
        unsafe {
            let (before, after) = match self.first {
                Some(mut first) => (first.as_mut().before.replace(new), Some(first)),
                None => (Some(new), Some(new)),
            };
            new.as_mut().before = before;
            new.as_mut().after = after;
            if let Some(mut before) = before {
                before.as_mut().after = Some(new);
            }
            black_box(length(&new.as_ref().page));
        }
        self.first = Some(new);
        self.length += 1;
    }
}

fn rings(graphs: &mut Graphs, round: u64) {
    let mut ring = Ring::default();
    for number in 0..round % 7 {
        ring.insert(page(number));
    }
    black_box(ring.length);
    push(&mut graphs.rings, ring);
}

fn token(number: u64) -> Token {
    match number % 4 {
        0 => Token::Word(making(of::<str>(|_| "alloc::rc::Rc<str>".into()), || {
            Rc::from("a word")
        })),
        1 => Token::Number(number),
        2 => {
            let quoted = Quoted {
                text: string(number),
                from: (1, number as u32),
            };
            black_box(quoted.from);
            Token::Quoted(making(one::<Quoted>(), || Box::new(quoted)))
        }
        _ => Token::End,
    }
}

fn branch(number: u64, depth: u64) -> Syntax {
    if depth == 0 {
        return Syntax::Leaf(token(number));
    }
    match number % 3 {
        0 => Syntax::Leaf(token(number + depth)),
        1 => {
            let pair = (branch(number + 1, depth - 1), branch(number + 2, depth - 1));
            Syntax::Pair(making(one::<(Syntax, Syntax)>(), || Box::new(pair)))
        }
        _ => {
            let inner = branch(number + 2, depth - 1);
            let inside = making(many::<Syntax>(), || vec![inner]);
            Syntax::Block {
                open: token(number),
                inside,
            }
        }
    }
}

fn size(syntax: &Syntax) -> usize {
    let of_token = |token: &Token| match token {
        Token::Word(word) => word.len(),
        Token::Number(number) => *number as usize,
        Token::Quoted(quoted) => quoted.text.len(),
        Token::End => 0,
    };
    match syntax {
        Syntax::Leaf(token) => of_token(token),
        Syntax::Pair(pair) => size(&pair.0) + size(&pair.1),
        Syntax::Block { open, inside } => of_token(open) + inside.iter().map(size).sum::<usize>(),
    }
}
