//! Which of the claims for a block holds.

use std::cmp::Reverse;

use memdump_format::ObjectId;

use super::Spread;
use super::claims::{Claim, Credit};
use crate::block_type::BlockType;
use crate::fields::{Field, Pointer};
use crate::kinds::KindId;
use crate::types::TypeKey;
use crate::written::Written;

/// References of a block that are held against its type.
const MOST_EVIDENCE: usize = 1024;
/// Of so many words without pointers, one may look like an address by chance, or be left of what was there before.
const WORDS_FOR_A_DOUBT: u64 = 16;

/// The worth of a claim; the greater, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    /// References of the block that the type explains, without those that it contradicts.
    explained: i64,
    credit: Credit,
}

impl Spread<'_, '_, '_> {
    /// The one claim that is better than all others.
    pub(super) fn decide(&self, id: ObjectId, claims: &[Claim]) -> Option<KindId> {
        let boxed: Vec<TypeKey> = claims
            .iter()
            .filter_map(|claim| match self.kinds.get(claim.kind).block {
                Some(BlockType::One(ty)) if claim.credit.is_owner => Some(ty),
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
            let credit = claim.credit;
            if credit.written != Written::Always && self.is_denied(id, block) {
                return None;
            }
            let explained = self.explained(id, block)?;
            Some((Worth { explained, credit }, claim))
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

    /// How many of the block's references a type explains, without those that it contradicts; `None` if these are too many. A word that need
    /// not be written may be left of what was there before, and does not count among the many.
    fn explained(&self, id: ObjectId, block: &BlockType) -> Option<i64> {
        let size = self.blocks.rows[id.index()].size;
        let (mut explained, mut contradicted, mut surely) = (0_u64, 0_u64, 0_u64);
        for edge in self.edges.from(id).iter().take(MOST_EVIDENCE) {
            let fits = match self.program.field(block, size, edge.place) {
                Field::Unknown => continue,
                Field::Nothing => false,
                Field::Pointer { either, .. } => {
                    let target = self.target(edge.target, edge.offset);
                    either.iter().any(|one| self.program.can_lead(one, target))
                }
            };
            if fits {
                explained += 1;
            } else {
                contradicted += 1;
                let written = self.program.written(block, size, edge.place);
                surely += u64::from(written == Written::Always);
            }
        }
        let by_chance = (size / 8 / WORDS_FOR_A_DOUBT).max(explained);
        (surely <= by_chance).then_some(explained as i64 - contradicted as i64)
    }

    /// Whether a pointer that is surely written leads into the block, to a value of which a block of the type has none there: what claims the type is a
    /// stale one then. So an `Arc` is told from a vector that lay there before, of which but a raw pointer to its value is kept.
    fn is_denied(&self, id: ObjectId, block: &BlockType) -> bool {
        let of_blocks = self.edges.to(id).take(MOST_EVIDENCE).filter_map(|edge| {
            let source = self.blocks.rows[edge.source.index()];
            let ty = self.kinds.get(source.kind).block.as_ref()?;
            let is_sure = edge.offset > 0
                && self.program.written(ty, source.size, edge.place) == Written::Always;
            match self.program.field(ty, source.size, edge.place) {
                Field::Pointer { either, .. } if is_sure => Some((either, edge.offset)),
                _ => None,
            }
        });
        let denies = |pointer: &Pointer, offset: u64| {
            offset > 0 && !self.program.may_hold(block, pointer, offset)
        };
        let mut of_roots = self.roots.get(&id).into_iter().flatten();
        of_roots.any(|(pointer, offset)| denies(pointer, *offset))
            || of_blocks
                .into_iter()
                .any(|(either, offset)| either.iter().all(|pointer| denies(pointer, offset)))
    }
}
