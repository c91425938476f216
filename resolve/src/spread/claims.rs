//! What the pointers to a block claim.

use std::rc::Rc;

use memdump_format::ObjectId;

use super::Spread;
use crate::block_type::BlockType;
use crate::edges::Edge;
use crate::fields::{Field, Pointee, Pointer};
use crate::kinds::KindId;
use crate::written::Written;

/// Pointers to a block that are asked: what thousands point to, hundreds tell.
const MOST_CLAIMS: usize = 256;

/// What pointers say of a block.
pub(super) struct Claim {
    pub(super) kind: KindId,
    /// By how many pointers.
    pub(super) votes: u32,
    /// The best of them.
    pub(super) credit: Credit,
    /// Whether it says no more than which trait the block's value has.
    pub(super) is_dynamic: bool,
}

/// Why a pointer is to be believed; the greater, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Credit {
    /// Whether it holds the block.
    pub(super) is_owner: bool,
    /// How surely it is one.
    pub(super) written: Written,
}

impl Spread<'_, '_, '_> {
    /// What all pointers to a block say.
    pub(super) fn claims(&mut self, id: ObjectId) -> Vec<Claim> {
        let mut claims = Vec::new();
        let told = self.first[id.index()];
        // Texts are bytes to most of the functions that make them.
        let kind = self.kinds.get(told);
        if kind.block.is_some() && kind.name != "[u8]" {
            claims.push(Claim {
                kind: told,
                votes: 1,
                credit: Credit {
                    is_owner: false,
                    written: Written::Perhaps,
                },
                is_dynamic: false,
            });
        }
        // What frees the block knows best what it is.
        for &(ty, functions) in self.vtables.within(id) {
            let kind = self.kinds.of_type(&BlockType::One(ty));
            let credit = Credit {
                is_owner: true,
                written: Written::Always,
            };
            let claim = Claim {
                kind,
                votes: functions,
                credit,
                is_dynamic: false,
            };
            self.add(&mut claims, claim);
        }
        for (pointer, offset) in self.roots.get(&id).cloned().unwrap_or_default() {
            self.claim(&mut claims, id, &pointer, offset);
        }
        for &edge in self.edges.to(id).take(MOST_CLAIMS) {
            self.claim_of_edge(edge, &mut claims);
        }
        claims
    }

    pub(super) fn claim_of_edge(&mut self, edge: Edge, claims: &mut Vec<Claim>) {
        let Edge {
            source,
            place,
            target,
            offset,
        } = edge;
        let block = self.blocks.rows[source.index()];
        let ty = self.kinds.get(block.kind).block.as_ref();
        let field = ty.map_or(Field::Unknown, |ty| {
            self.program.field(ty, block.size, place)
        });
        let either = match field {
            Field::Pointer { either, .. } => either,
            Field::Nothing => return,
            // Nobody knows what lies there; a pointer and a vtable next to each other hardly do by chance.
            Field::Unknown => {
                for value in self.vtables.beside(source, place).iter() {
                    let credit = Credit {
                        is_owner: true,
                        written: Written::Perhaps,
                    };
                    self.claim_of(claims, target, &BlockType::One(*value), offset, credit);
                }
                return;
            }
        };
        let written = ty.map_or(Written::Perhaps, |ty| {
            self.program.written(ty, block.size, place)
        });
        let likeliest;
        let likely = match ty {
            Some(ty) if either.len() > 1 => {
                let edges = self.edges.from(source);
                let target = |at| {
                    let edge = edges.binary_search_by_key(&at, |edge| edge.place).ok()?;
                    let Edge { target, offset, .. } = edges[edge];
                    Some(self.target(target, offset))
                };
                likeliest = self
                    .program
                    .likeliest(ty, block.size, place, &either, target);
                &*likeliest
            }
            _ => &*either,
        };
        for pointer in likely {
            let Pointee::Type(pointee) = &pointer.target else {
                continue;
            };
            let credit = Credit {
                is_owner: pointer.is_owner,
                written,
            };
            let values = match self.program.is_dynamic(pointee) {
                true => self.vtables.beside(source, place),
                false => Rc::default(),
            };
            for &value in &*values {
                let concrete = self.program.concrete(pointee, value);
                self.claim_of(claims, target, &concrete, offset, credit);
            }
            if values.is_empty() {
                self.claim_of(claims, target, pointee, offset, credit);
            }
        }
    }

    fn claim(&mut self, claims: &mut Vec<Claim>, id: ObjectId, pointer: &Pointer, offset: u64) {
        if let Pointee::Type(pointee) = &pointer.target {
            let credit = Credit {
                is_owner: pointer.is_owner,
                written: Written::Always,
            };
            self.claim_of(claims, id, pointee, offset, credit);
        }
    }

    /// A pointer to a block claims that it is of a type.
    fn claim_of(
        &mut self,
        claims: &mut Vec<Claim>,
        id: ObjectId,
        pointee: &BlockType,
        offset: u64,
        credit: Credit,
    ) {
        let target = self.target(id, offset);
        let Some(whole) = self.program.whole(pointee, target) else {
            return;
        };
        let claim = Claim {
            kind: self.kinds.of_type(&whole),
            votes: 1,
            credit,
            is_dynamic: self.program.is_dynamic(&whole),
        };
        self.add(claims, claim);
    }

    /// Adds a claim, or its votes to one for the same type.
    fn add(&self, claims: &mut Vec<Claim>, claim: Claim) {
        let known = claims
            .iter_mut()
            .find(|known| self.kinds.are_same(known.kind, claim.kind));
        match known {
            Some(known) => {
                known.votes += claim.votes;
                known.credit = known.credit.max(claim.credit);
            }
            None => claims.push(claim),
        }
    }
}
