//! Types for blocks whose stacks tell none, from the pointers of typed blocks.
//!
//! Each pointer to a block *claims* a type for it. A claim may be false: the memory of blocks is not in the dump, so a pointer in a variant
//! that is not the present one, or in the spare capacity of a vector, claims what was true once. So a claim is held against the block's size
//! and alignment, and against the references that the block itself has: they have to lie where the type has pointers, and to lead where
//! these can. Where claims are left that contradict each other, the block has no type: unknown is better than wrong.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use memdump_format::{Dump, ObjectId, ReadError};

use crate::blocks::Blocks;
use crate::edges::{Edge, Vtables, read_edges, read_vtables};
use crate::fields::{Field, Pointee, Pointer};
use crate::kinds::{KindId, Kinds};
use crate::leads::Target;
use crate::program::Program;
use crate::roots::Roots;
use crate::site::BlockType;
use crate::types::TypeKey;

/// How often a block is judged anew when another claim appears; it keeps its last type then.
const MOST_JUDGEMENTS: u8 = 16;
/// Pointers to a block that are asked: what thousands point to, hundreds tell.
const MOST_CLAIMS: usize = 256;
/// References of a block that are held against its type.
const MOST_EVIDENCE: usize = 1024;
/// Of so many words without pointers, one may look like an address by chance, or be left of what was there before.
const WORDS_FOR_A_DOUBT: u64 = 16;

/// What pointers say of a block.
struct Claim {
    kind: KindId,
    /// By how many pointers.
    votes: u32,
    /// Whether one of them holds the block.
    is_owner: bool,
    /// Whether it says no more than which trait the block's value has.
    is_dynamic: bool,
}

/// The worth of a claim; the greater, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    /// References of the block that the type explains, without those that it contradicts.
    explained: i64,
    is_owner: bool,
}

struct Spread<'s, 'p, 'a> {
    blocks: &'s mut Blocks,
    program: &'p Program<'a>,
    kinds: &'s mut Kinds<'p, 'a>,
    /// By source.
    edges: Vec<Edge>,
    /// Places of the edges, by target.
    incoming: Vec<u32>,
    /// Pointers of static variables, and where they lead.
    roots: HashMap<ObjectId, Vec<(Pointer, u64)>>,
    /// Of the pointer at a place, what it points to.
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
    let edges = read_edges(dump, blocks, kinds)?;
    let vtables = read_vtables(dump, blocks, program)?;
    let mut incoming: Vec<u32> = (0..edges.len() as u32).collect();
    incoming.sort_by_key(|&edge| edges[edge as usize].target);
    let count = blocks.rows.len();
    let first = blocks.rows.iter().map(|block| block.kind).collect();
    let mut spread = Spread {
        blocks,
        program,
        kinds,
        edges,
        incoming,
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
            has_type(edge.source) || self.vtables.contains_key(&(edge.source, edge.place))
        };
        let targets = self.edges.iter().filter(tells);
        let targets: Vec<ObjectId> = targets.map(|edge| edge.target).collect();
        for target in targets {
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

    fn wait(&mut self, id: ObjectId) {
        let place = id.index();
        if !self.is_waiting[place] && self.is_open(id) && self.judgements[place] < MOST_JUDGEMENTS {
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
        for edge in self.outgoing(id) {
            let target = self.edges[edge].target;
            if !is_first || self.says_something_new(edge) {
                self.wait(target);
            }
        }
    }

    /// Whether an edge claims another type for its target than that has.
    fn says_something_new(&mut self, edge: usize) -> bool {
        let mut claims = Vec::new();
        self.claim_of_edge(edge, &mut claims);
        let Edge { target, .. } = self.edges[edge];
        let known = self.blocks.rows[target.index()].kind;
        claims
            .iter()
            .any(|claim| !self.kinds.are_same(claim.kind, known))
    }

    fn outgoing(&self, source: ObjectId) -> std::ops::Range<usize> {
        let start = self.edges.partition_point(|edge| edge.source < source);
        let own = self.edges[start..].partition_point(|edge| edge.source == source);
        start..start + own
    }

    /// What all pointers to a block say.
    fn claims(&mut self, id: ObjectId) -> Vec<Claim> {
        let mut claims = Vec::new();
        let told = self.first[id.index()];
        if self.kinds.get(told).block.is_some() {
            claims.push(Claim {
                kind: told,
                votes: 1,
                is_owner: false,
                is_dynamic: false,
            });
        }
        for (pointer, offset) in self.roots.get(&id).cloned().unwrap_or_default() {
            self.claim(&mut claims, id, &pointer, offset);
        }
        let target = |&edge: &u32| self.edges[edge as usize].target;
        let start = self.incoming.partition_point(|edge| target(edge) < id);
        let own = self.incoming[start..].partition_point(|edge| target(edge) == id);
        for place in start..start + own.min(MOST_CLAIMS) {
            self.claim_of_edge(self.incoming[place] as usize, &mut claims);
        }
        claims
    }

    fn claim_of_edge(&mut self, edge: usize, claims: &mut Vec<Claim>) {
        let Edge {
            source,
            place,
            target,
            offset,
        } = self.edges[edge];
        let block = self.blocks.rows[source.index()];
        let values = self.vtables.get(&(source, place)).cloned();
        let values = values.unwrap_or_default();
        let field = match &self.kinds.get(block.kind).block {
            Some(ty) => self.program.field(ty, block.size, place),
            None => Field::Unknown,
        };
        let Field::Pointer { either, .. } = field else {
            // Nobody knows what lies there; a pointer and a vtable next to each other hardly do by chance.
            if field == Field::Unknown {
                for &value in &*values {
                    self.claim_of(claims, target, &BlockType::One(value), offset, true);
                }
            }
            return;
        };
        let likely = match &self.kinds.get(block.kind).block {
            Some(ty) if either.len() > 1 => {
                let edges = &self.edges[self.outgoing(source)];
                let target = |at| {
                    let edge = edges.binary_search_by_key(&at, |edge| edge.place).ok()?;
                    let Edge { target, offset, .. } = edges[edge];
                    Some(self.target(target, offset))
                };
                self.program
                    .likeliest(ty, block.size, place, &either, target)
            }
            _ => either.to_vec(),
        };
        for pointer in &likely {
            let Pointee::Type(pointee) = &pointer.target else {
                continue;
            };
            let is_owner = pointer.is_owner;
            if self.program.is_dynamic(pointee) && !values.is_empty() {
                for &value in &*values {
                    let concrete = self.program.concrete(pointee, value);
                    self.claim_of(claims, target, &concrete, offset, is_owner);
                }
            } else {
                self.claim_of(claims, target, pointee, offset, is_owner);
            }
        }
    }

    fn claim(&mut self, claims: &mut Vec<Claim>, id: ObjectId, pointer: &Pointer, offset: u64) {
        if let Pointee::Type(pointee) = &pointer.target {
            self.claim_of(claims, id, pointee, offset, pointer.is_owner);
        }
    }

    /// A pointer to a block claims that it is of a type.
    fn claim_of(
        &mut self,
        claims: &mut Vec<Claim>,
        id: ObjectId,
        pointee: &BlockType,
        offset: u64,
        is_owner: bool,
    ) {
        let target = self.target(id, offset);
        let Some(whole) = self.program.whole(pointee, target) else {
            return;
        };
        let kind = self.kinds.of_type(&whole);
        let known = claims
            .iter_mut()
            .find(|claim| self.kinds.are_same(claim.kind, kind));
        match known {
            Some(claim) => {
                claim.votes += 1;
                claim.is_owner |= is_owner;
            }
            None => claims.push(Claim {
                kind,
                votes: 1,
                is_owner,
                is_dynamic: self.program.is_dynamic(&whole),
            }),
        }
    }

    fn target(&self, id: ObjectId, offset: u64) -> Target {
        self.blocks.rows[id.index()].as_target(self.kinds, offset)
    }

    /// The one claim that is better than all others.
    fn decide(&self, id: ObjectId, claims: &[Claim]) -> Option<KindId> {
        let boxed: Vec<TypeKey> = claims
            .iter()
            .filter_map(|claim| match self.kinds.get(claim.kind).block {
                Some(BlockType::One(ty)) if claim.is_owner => Some(ty),
                _ => None,
            })
            .collect();
        let is_told = claims.iter().any(|claim| !claim.is_dynamic);
        let worths = claims.iter().filter_map(|claim| {
            if is_told && claim.is_dynamic {
                return None;
            }
            let block = self.kinds.get(claim.kind).block.as_ref()?;
            // A vector has room for four elements when it begins to grow: one alone is rather in a box.
            if let BlockType::Array(one) = block
                && boxed.contains(one)
            {
                return None;
            }
            let explained = self.explained(id, block)?;
            let is_owner = claim.is_owner;
            Some((
                Worth {
                    explained,
                    is_owner,
                },
                claim,
            ))
        });
        let mut worths: Vec<(Worth, &Claim)> = worths.collect();
        worths.sort_by_key(|(worth, claim)| Reverse((*worth, claim.votes)));
        match worths.as_slice() {
            [(_, only)] => Some(only.kind),
            // A stale pointer is one among those that are true.
            [(best, first), (next, second), ..]
                if best > next || first.votes > 2 * second.votes =>
            {
                Some(first.kind)
            }
            _ => None,
        }
    }

    /// How many of the block's references a type explains, without those that it contradicts; `None` if these are too many.
    fn explained(&self, id: ObjectId, block: &BlockType) -> Option<i64> {
        let size = self.blocks.rows[id.index()].size;
        let (mut explained, mut contradicted) = (0_u64, 0_u64);
        for edge in self.edges[self.outgoing(id)].iter().take(MOST_EVIDENCE) {
            match self.program.field(block, size, edge.place) {
                Field::Unknown => {}
                Field::Nothing => contradicted += 1,
                Field::Pointer { either, .. } => {
                    let target = self.target(edge.target, edge.offset);
                    match either.iter().any(|one| self.program.can_lead(one, target)) {
                        true => explained += 1,
                        false => contradicted += 1,
                    }
                }
            }
        }
        let by_chance = (size / 8 / WORDS_FOR_A_DOUBT).max(explained);
        (contradicted <= by_chance).then_some(explained as i64 - contradicted as i64)
    }
}
