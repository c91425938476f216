//! Types for blocks whose stacks tell none, from the pointers of typed blocks.
//!
//! Each pointer to a block *claims* a type for it. A claim may be false: the memory of blocks is not in the dump, so a pointer in a variant
//! that is not the present one, or in the spare capacity of a vector, claims what was true once. So a claim is held against the block's size
//! and alignment, and against the references that the block itself has: they have to lie where the type has pointers, and to lead where
//! these can. Where claims are left that contradict each other, the block has no type: unknown is better than wrong.

mod claims;
mod verdict;

use std::collections::{HashMap, VecDeque};

use memdump_format::{Dump, ObjectId, ReadError};

use crate::blocks::Blocks;
use crate::edges::{Edge, Edges, Vtables};
use crate::fields::Pointer;
use crate::kinds::{KindId, Kinds};
use crate::leads::Target;
use crate::program::Program;
use crate::roots::Roots;

/// How often a block is judged anew when another claim appears; it keeps its last type then.
const MOST_JUDGEMENTS: u8 = 16;

struct Spread<'s, 'p, 'a> {
    blocks: &'s mut Blocks,
    program: &'p Program<'a>,
    kinds: &'s mut Kinds<'p, 'a>,
    edges: &'s Edges,
    /// Pointers of static variables, and where they lead.
    roots: HashMap<ObjectId, Vec<(Pointer, u64)>>,
    vtables: Vtables,
    /// The kinds that the blocks have by their stacks.
    first: Vec<KindId>,
    judgements: Vec<u8>,
    waiting: VecDeque<ObjectId>,
    is_waiting: Vec<bool>,
}

/// Gives types to the blocks whose stacks do not settle them.
///
/// # Errors
/// If the dump is damaged.
pub(crate) fn types<'p, 'a>(
    blocks: &mut Blocks,
    dump: &Dump,
    program: &'p Program<'a>,
    kinds: &mut Kinds<'p, 'a>,
    roots: &Roots,
) -> Result<(), ReadError> {
    let edges = Edges::read(dump, blocks, kinds)?;
    let vtables = Vtables::read(dump, blocks, program, kinds)?;
    let count = blocks.rows.len();
    let first = blocks.rows.iter().map(|block| block.kind).collect();
    let mut spread = Spread {
        blocks,
        program,
        kinds,
        edges: &edges,
        roots: HashMap::new(),
        vtables,
        first,
        judgements: vec![0; count],
        waiting: VecDeque::new(),
        is_waiting: vec![false; count],
    };
    spread.begin(roots);
    while let Some(block) = spread.waiting.pop_front() {
        spread.is_waiting[block.index()] = false;
        spread.judge(block);
    }
    spread.count();
    Ok(())
}

impl Spread<'_, '_, '_> {
    fn begin(&mut self, roots: &Roots) {
        for (root, either) in roots.pointers() {
            let Some(id) = self.blocks.find(root.target) else {
                continue;
            };
            if self.is_open(id) {
                let pointers = either.iter().map(|pointer| (pointer.clone(), root.offset));
                self.roots.entry(id).or_default().extend(pointers);
                self.wait(id);
            }
        }
        let has_type = |id: ObjectId| self.kinds.get(self.first[id.index()]).block.is_some();
        let tells = |edge: &&Edge| {
            has_type(edge.source) || !self.vtables.beside(edge.source, edge.place).is_empty()
        };
        let targets = self.edges.all().iter().filter(tells);
        let targets: Vec<ObjectId> = targets.map(|edge| edge.target).collect();
        let mut with_tables: Vec<ObjectId> = self.vtables.with_tables().collect();
        // In an order that is the same each time.
        with_tables.sort_unstable();
        for target in with_tables.into_iter().chain(targets) {
            self.wait(target);
        }
    }

    /// Whether its stack did not settle its type.
    fn is_open(&self, id: ObjectId) -> bool {
        let (first, block) = (self.first.get(id.index()), self.blocks.get(id));
        first
            .zip(block)
            .is_some_and(|(&kind, block)| self.kinds.is_open(kind, block.site))
    }

    /// Whether a block is to be judged when there is something new of it, and does not wait for that yet.
    fn may_wait(&self, id: ObjectId) -> bool {
        let place = id.index();
        !self.is_waiting[place] && self.judgements[place] < MOST_JUDGEMENTS && self.is_open(id)
    }

    fn wait(&mut self, id: ObjectId) {
        if self.may_wait(id) {
            let place = id.index();
            self.judgements[place] += 1;
            self.is_waiting[place] = true;
            self.waiting.push_back(id);
        }
    }

    fn count(&mut self) {
        let pairs = self.first.iter().zip(&self.blocks.rows);
        let changed = pairs.filter(|(first, block)| **first != block.kind);
        let lost = changed
            .clone()
            .filter(|(first, _)| self.kinds.get(**first).block.is_some());
        let (changed, lost) = (changed.count() as u64, lost.count() as u64);
        self.blocks.by_reference = changed;
        self.blocks.by_stack -= lost;
    }

    fn judge(&mut self, id: ObjectId) {
        let claims = self.claims(id);
        let kind = self.decide(id, &claims).unwrap_or(self.first[id.index()]);
        let before = std::mem::replace(&mut self.blocks.rows[id.index()].kind, kind);
        if self.kinds.are_same(before, kind) {
            return;
        }
        let is_first = before == self.first[id.index()];
        for &edge in self.edges.from(id) {
            if self.may_wait(edge.target) && (!is_first || self.says_something_new(edge)) {
                self.wait(edge.target);
            }
        }
    }

    /// Whether an edge claims another type for its target than that has, or may deny it.
    fn says_something_new(&mut self, edge: Edge) -> bool {
        if edge.offset > 0 {
            return true;
        }
        let mut claims = Vec::new();
        self.claim_of_edge(edge, &mut claims);
        let known = self.blocks.rows[edge.target.index()].kind;
        claims
            .iter()
            .any(|claim| !self.kinds.are_same(claim.kind, known))
    }

    fn target(&self, id: ObjectId, offset: u64) -> Target {
        self.blocks.rows[id.index()].as_target(self.kinds, offset)
    }
}
