//! Results as pictures: boxes and arrows, laid out and written without any other program.
//!
//! An analysis' result becomes a [`Picture`] ([`of_chains`], [`of_object`]), folded so far that it can be taken in at a glance; that
//! is laid out ([`layout`], [`route`]) and written as [`svg`], [`png`] or [`dot`].

pub mod dot;
pub mod layout;
pub mod of_chains;
pub mod of_object;
pub mod png;
pub mod route;
pub mod svg;
mod text;

use layout::{Placed, place};

use crate::analysis::chain::{Holder, HolderKind};
use crate::snapshot::TypeName;
use crate::view::Width;
use crate::view::chain::{holder_text, with_line};

/// What is drawn: boxes, and arrows between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// What it shows, in a line.
    pub headline: String,
    /// What it does not show.
    pub notes: Vec<String>,
    /// The boxes.
    pub nodes: Vec<Node>,
    /// The arrows.
    pub edges: Vec<Edge>,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// What stands in it.
    pub lines: Vec<Line>,
    /// All that could be said of it, for those who point at it.
    pub tooltip: String,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// What holds objects from outside of the heap.
    Root,
    /// An object, or objects at the same place of chains.
    Object,
    /// What was asked about.
    Target,
    /// What is not drawn one by one.
    More,
}

/// A line in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text; cut when it is drawn if it is too long.
    pub text: String,
    /// What is drawn instead if it is too long, if that is known.
    pub brief: Option<String>,
    /// Whether it is what most readers look for.
    pub strong: bool,
}

impl Line {
    fn strong(text: impl Into<String>) -> Line {
        Line {
            text: text.into(),
            brief: None,
            strong: true,
        }
    }

    fn faint(text: impl Into<String>) -> Line {
        Line {
            text: text.into(),
            brief: None,
            strong: false,
        }
    }

    /// The line names a type of a language that has paths in such names.
    fn of_type(self) -> Line {
        Line {
            brief: Some(without_paths(&self.text)),
            ..self
        }
    }
}

/// The number of a box in its picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub usize);

/// An arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The box that refers.
    pub from: NodeId,
    /// The box that it refers to.
    pub to: NodeId,
    /// What the reference is called; empty where it has no name.
    pub label: String,
    /// Whether it keeps its target alive.
    pub strong: bool,
}

impl Picture {
    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// Cuts what is told to those who point at something. What is drawn is cut in any case.
    pub(crate) fn shorten(&mut self, width: Width) {
        let nodes = self.nodes.iter_mut().map(|node| &mut node.tooltip);
        let edges = self.edges.iter_mut().map(|edge| &mut edge.label);
        for text in nodes.chain(edges).chain([&mut self.headline]) {
            *text = width.fit(text, 0);
        }
    }

    fn link(&mut self, from: NodeId, to: NodeId, label: impl Into<String>) {
        self.edges.push(Edge {
            from,
            to,
            label: label.into(),
            strong: true,
        });
    }
}

/// How large a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many boxes it may have.
    pub nodes: usize,
    /// How wide and how high it may be, in CSS pixels.
    pub pixels: u32,
}

/// Fewer boxes than this tell nothing; a picture of so few that is still too large is made smaller as a whole.
const FEWEST: usize = 6;

/// Makes the picture of as many boxes as fit into the bounds, and lays it out.
pub fn fitted(bounds: Bounds, picture_of: impl Fn(usize) -> Picture) -> (Picture, Placed) {
    let mut nodes = bounds.nodes.max(FEWEST);
    loop {
        let picture = picture_of(nodes);
        let placed = place(&picture, f64::from(bounds.pixels));
        let fits = placed.width.max(placed.height) <= f64::from(bounds.pixels);
        if fits || nodes <= FEWEST {
            return (picture, placed);
        }
        // Fewer than are there: a picture may have less than it may.
        nodes = (nodes.min(picture.nodes.len()) * 4 / 5).max(FEWEST);
    }
}

/// A type in a box: where it is from, and what it is called there.
fn type_lines(name: &TypeName) -> Vec<Line> {
    let full = name.to_string();
    let module = full
        .strip_suffix(name.qualified())
        .and_then(|module| module.strip_suffix('.'));
    let mut lines: Vec<Line> = module.map(Line::faint).into_iter().collect();
    lines.push(Line::strong(name.qualified()).of_type());
    lines
}

/// `Arc<Receipt>` for `alloc::sync::Arc<shop::receipts::Receipt>`. What has no name of its own (`{async_block_env#0}`) keeps that of what it
/// is in.
fn without_paths(name: &str) -> String {
    let mut kept = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("::") {
        let head = match before.strip_suffix('}') {
            Some(inner) => inner.rsplit_once('{').map_or(before, |(head, _)| head),
            None => before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_'),
        };
        kept += head;
        if head.len() == before.len() || after.starts_with('{') {
            kept += &before[head.len()..];
            kept += "::";
        }
        rest = after;
    }
    kept + rest
}

/// A holder in a box: of which kind it is, and what it is called.
fn holder_lines(holder: &Holder) -> Vec<Line> {
    let text = holder_text(holder);
    // `<held by native code: NAME>`, `<unreachable: only a collection can free it>`
    if let Some(inner) = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return match inner.split_once(": ") {
            Some((what, more)) => vec![Line::strong(what), Line::faint(more)],
            None => vec![Line::strong(inner)],
        };
    }
    let name = holder.name.as_deref().unwrap_or_default();
    let name = match holder.kind {
        HolderKind::Frame => with_line(name, holder.line),
        _ => name.to_owned(),
    };
    let kind = text.strip_suffix(&*name).filter(|kind| !kind.is_empty());
    let Some(kind) = kind else {
        return vec![Line::strong(text)];
    };
    let mut lines = vec![Line::faint(kind.trim_end())];
    // `handle (views.py:42)`: beside its file a function's name would have little room.
    let file = name
        .split_once(" (")
        .filter(|_| holder.kind == HolderKind::Frame);
    match file.and_then(|(function, file)| Some((function, file.strip_suffix(')')?))) {
        Some((function, file)) => lines.extend([Line::strong(function), Line::faint(file)]),
        None => lines.push(Line::strong(name)),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_left_out_where_there_is_no_room() {
        for (name, brief) in [
            ("alloc::sync::Arc<shop::receipts::Receipt>", "Arc<Receipt>"),
            (
                "hashbrown::raw::RawTable<(u64, alloc::sync::Arc<shop::Receipt>)>",
                "RawTable<(u64, Arc<Receipt>)>",
            ),
            (
                "axum::serve::{impl#3}::into_future::{async_block_env#0}<tokio::net::TcpListener>",
                "serve::into_future::{async_block_env#0}<TcpListener>",
            ),
            (
                "<alloc::vec::Vec<u8> as core::iter::IntoIterator>::IntoIter",
                "<Vec<u8> as IntoIterator>::IntoIter",
            ),
            (
                "a.very.long.name.of.Python.and.no.path",
                "a.very.long.name.of.Python.and.no.path",
            ),
        ] {
            assert_eq!(without_paths(name), brief);
        }
    }
}
