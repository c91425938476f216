//! Which of the claims for a block holds.

use std::cmp::Reverse;

use memdump_format::ObjectId;

use super::Spread;
use super::claims::{Claim, Credit};
use crate::block_type::BlockType;
use crate::fields::Field;
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
            let explained = self.explained(id, block)?;
            let credit = claim.credit;
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
}
