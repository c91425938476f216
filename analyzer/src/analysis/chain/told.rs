//! Chains of single objects, in words.

use std::borrow::Cow;

use memdump_format::{Address, Label, ObjectId, ReadError, Root, RootKind, StringId};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::label_text::{NAMESPACE, attribute_of_key, label_text};
use super::super::{ObjectRow, json_form};
use crate::graph::{Graph, PathNode, PathStep, Paths, RootFilter, Start};
use crate::snapshot::{Snapshot, TypeName};

/// What holds an object from outside of the heap.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Holder {
    /// What kind of holder.
    pub kind: HolderKind,
    /// What it is called: a module's name, a function and its file.
    pub name: Option<String>,
    /// The thread, for frames and for thread state.
    pub thread: Option<String>,
    /// The line that is being executed, for frames.
    pub line: Option<u32>,
    /// How it holds the object: `<local req>`; empty where it has no name.
    pub label: String,
}

/// Kinds of holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// An imported module.
    Module,
    /// A frame of a thread's stack.
    Frame,
    /// A thread's own state.
    Thread,
    /// The interpreter's tables.
    Interpreter,
    /// Static memory.
    Static,
    /// Native code.
    Native,
    /// Nothing: only a collection can free the object.
    Unreachable,
}

impl From<RootKind> for HolderKind {
    fn from(kind: RootKind) -> HolderKind {
        match kind {
            RootKind::Module => HolderKind::Module,
            RootKind::Frame => HolderKind::Frame,
            RootKind::Thread => HolderKind::Thread,
            RootKind::Interpreter => HolderKind::Interpreter,
            RootKind::Static => HolderKind::Static,
            RootKind::Native => HolderKind::Native,
        }
    }
}

impl Holder {
    /// A root record in words.
    pub fn of_root(snapshot: &Snapshot, root: &Root) -> Result<Holder, ReadError> {
        Ok(Holder {
            kind: root.kind.into(),
            name: owned_text(snapshot, root.name)?,
            thread: owned_text(snapshot, root.thread)?,
            line: (root.line > 0).then_some(root.line),
            label: label_text(snapshot, root.label)?,
        })
    }

    /// A holder without a record.
    pub(super) fn unnamed(start: Start) -> Holder {
        Holder {
            kind: match start {
                Start::Garbage => HolderKind::Unreachable,
                Start::Root | Start::Native => HolderKind::Native,
            },
            name: None,
            thread: None,
            line: None,
            label: String::new(),
        }
    }
}

fn owned_text(snapshot: &Snapshot, id: Option<StringId>) -> Result<Option<String>, ReadError> {
    id.map(|id| snapshot.text(id).map(Cow::into_owned))
        .transpose()
}

/// The chain to one object.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Chain {
    /// What holds the first object.
    pub holder: Holder,
    /// The objects from the one that is held to the one that was asked for.
    pub steps: Vec<ChainStep>,
    /// The chain as one expression, `app.views.cache['a'][17]`, if each of its labels can be written in a program.
    pub expression: Option<String>,
}

/// An object on a chain.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ChainStep {
    /// How the object before refers to it; empty where that has no name, and for the first.
    pub label: String,
    /// What it is.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// Where it lay.
    #[serde(serialize_with = "json_form::address")]
    #[schemars(with = "String")]
    pub address: Address,
    /// Its shallow size in bytes.
    pub size: u64,
}

/// The chains to some nodes of the paths.
pub fn chains_of(
    snapshot: &Snapshot,
    graph: &Graph,
    paths: &Paths,
    from: RootFilter,
    nodes: &[u32],
) -> Result<Vec<Chain>, ReadError> {
    let chains: Vec<Vec<PathNode>> = nodes.iter().map(|&node| paths.chain(node)).collect();
    let ids: Vec<ObjectId> = chains.iter().flatten().map(|node| node.object).collect();
    // Together, so that each block is decoded once.
    let mut rows = ObjectRow::read(snapshot, &ids)?.into_iter();
    chains
        .iter()
        .map(|chain| tell(snapshot, graph, from, chain, &mut rows))
        .collect()
}

fn tell(
    snapshot: &Snapshot,
    graph: &Graph,
    from: RootFilter,
    chain: &[PathNode],
    rows: impl Iterator<Item = ObjectRow>,
) -> Result<Chain, ReadError> {
    let mut holder = Holder::unnamed(Start::Garbage);
    let mut path = PathText::default();
    let mut steps: Vec<ChainStep> = Vec::new();
    for (node, row) in chain.iter().zip(rows) {
        let mut text = String::new();
        match node.from {
            PathStep::Held(start) => {
                let root = graph
                    .roots
                    .of(node.object)
                    .find(|root| from.admits(root.kind));
                holder = match (start, root) {
                    (Start::Root, Some(root)) => {
                        path.start(snapshot, root)?;
                        Holder::of_root(snapshot, root)?
                    }
                    _ => Holder::unnamed(start),
                };
            }
            PathStep::From { label, .. } => {
                text = label_text(snapshot, label)?;
                let last = steps.last().map(|step| step.label.as_str());
                if let (Label::Key(key), Some(true)) = (label, last.map(is_namespace))
                    && let Some(attribute) = attribute_of_key(&snapshot.text(key)?)
                {
                    steps.pop();
                    path.pop();
                    text = format!(".{attribute}");
                }
                path.push(label, &text);
            }
        }
        steps.push(ChainStep {
            label: text,
            type_name: row.type_name,
            address: row.address,
            size: row.size,
        });
    }
    Ok(Chain {
        holder,
        steps,
        expression: path.expression(),
    })
}

fn is_namespace(label: &str) -> bool {
    label.strip_prefix('.') == Some(NAMESPACE)
}

/// An expression that grows along a chain, until a label cannot be written in a program.
#[derive(Default)]
struct PathText {
    /// Where each part begins.
    parts: Vec<usize>,
    text: String,
    writable: bool,
}

impl PathText {
    fn start(&mut self, snapshot: &Snapshot, root: &Root) -> Result<(), ReadError> {
        let first = match (root.kind, root.label, root.name) {
            (RootKind::Module, Label::None, Some(name)) => Some(name),
            (RootKind::Frame, Label::Local(name), _) => Some(name),
            _ => None,
        };
        if let Some(name) = first {
            self.text = snapshot.text(name)?.into_owned();
            self.writable = true;
        }
        Ok(())
    }

    fn push(&mut self, label: Label, text: &str) {
        let writable = matches!(
            label,
            Label::Attribute(_)
                | Label::Key(_)
                | Label::Index(_)
                | Label::IntegerKey(_)
                | Label::Type
        );
        self.writable &= writable;
        self.parts.push(self.text.len());
        self.text.push_str(text);
    }

    fn pop(&mut self) {
        if let Some(begin) = self.parts.pop() {
            self.text.truncate(begin);
        }
    }

    fn expression(self) -> Option<String> {
        self.writable.then_some(self.text)
    }
}
