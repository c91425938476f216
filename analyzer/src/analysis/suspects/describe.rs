//! Puts findings into the words of the result: places, rates, reasons, commands.

use std::cmp::Reverse;

use memdump_format::ObjectId;

use super::super::AnalysisError;
use super::super::chain::HolderKind;
use super::super::sums::{Sum, sums};
use super::accumulations::{Accumulation, growth_of};
use super::climb::{Answer, Climb};
use super::commands::Commands;
use super::garbage::{Garbage, finaliser};
use super::judge::Judgement;
use super::linked::Linked;
use super::look::Look;
use super::names::Named;
use super::notes::{at_line, half_empty};
use super::replaced::Replaced;
use super::result::{
    Acquittal, Cleared, Confidence, Memory, Note, NotePart, Place, Reason, Suspect, SuspectKind,
};
use super::threads::{Crowd, Threads, place_of, stands_still};
use crate::graph::{DominatorTree, RetainedByClass, RetentionError};
use crate::progress::Progress;
use crate::snapshot::{ObjectSet, TypeName};

/// So many acquittals are told.
const MOST_CLEARED: usize = 5;
/// So many suspects' retained bytes are computed; the others are too small for anybody to come to them.
const MOST_SUSPECTS: usize = 100;

pub(super) struct Describe<'d, 's> {
    pub(super) look: &'d Look<'s>,
    pub(super) tree: &'d DominatorTree,
    pub(super) threads: &'d [Threads],
    pub(super) commands: &'d Commands,
    pub(super) kept_by_tracebacks: Option<&'d ObjectSet>,
    pub(super) progress: &'d dyn Progress,
}

/// What all kinds of suspects have in common, before it is known what they retain.
struct Draft<'d> {
    kind: SuspectKind,
    type_name: TypeName,
    /// What to name it by: the containers, the one that grew most first, or another object.
    holders: Vec<ObjectId>,
    also: Vec<ObjectId>,
    counts: &'d [Option<u64>],
    growth: u64,
    judgement: &'d Judgement,
    /// The new objects, which retain something.
    members: Vec<ObjectId>,
    /// How many of the type go with them: as many or, in a list that grows at its head, more.
    going: u64,
    /// More reasons.
    reasons: Vec<Reason>,
    parts: Vec<NotePart>,
}

const NO_CLASS: u32 = u32::MAX;

impl Describe<'_, '_> {
    pub(super) fn suspects(
        &self,
        accumulations: &[Accumulation],
        linked: &[Linked],
        garbage: &[Garbage],
        crowds: &[Crowd],
    ) -> Result<Vec<Suspect>, AnalysisError> {
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        drafts.extend(
            accumulations
                .iter()
                .map(|found| self.of_accumulation(found)),
        );
        drafts.extend(linked.iter().map(|found| self.of_linked(found)));
        drafts.extend(self.of_garbage(garbage)?);
        for crowd in crowds {
            drafts.extend(self.of_crowd(crowd)?);
        }
        drafts.truncate(MOST_SUSPECTS);
        let (retained, through) = self.retained(&drafts)?;
        let look = self.look;
        let objects = drafts
            .iter()
            .flat_map(|d| d.also.iter().chain(&d.holders).copied());
        let named = Named::new(
            look.snapshot,
            look.graph,
            &look.held.search,
            objects,
            self.progress,
        )?;
        let mut suspects = Vec::new();
        for ((draft, retained), through) in drafts.into_iter().zip(retained).zip(through) {
            // Where members are replaced, too, more are new than it grew by; where addresses were reused, fewer seem so. What
            // was measured on these holds for the growth.
            let (going, growth) = (draft.going.max(1), draft.growth);
            let share = |bytes: u64| {
                let share = u128::from(bytes) * u128::from(growth) / u128::from(going);
                u64::try_from(share).unwrap_or(u64::MAX)
            };
            let (retained, through) = (share(retained), share(through));
            if look.is_noteworthy(growth, retained) || draft.kind == SuspectKind::StuckThreads {
                suspects.extend(self.suspect(draft, &named, retained, through)?);
            }
        }
        suspects.sort_by_key(|s| {
            (
                Reverse(s.confidence),
                Reverse(s.retained),
                Reverse(s.growth),
            )
        });
        Ok(suspects)
    }

    fn suspect(
        &self,
        draft: Draft<'_>,
        named: &Named<'_>,
        retained: u64,
        through: u64,
    ) -> Result<Option<Suspect>, AnalysisError> {
        let Judgement::Suspect {
            confidence,
            trend,
            reasons,
        } = draft.judgement
        else {
            return Ok(None);
        };
        let holder = named.common_place(&draft.holders)?;
        let Some(holder) = holder else {
            return Ok(None);
        };
        let mut reasons = reasons.clone();
        reasons.extend(draft.reasons);
        if holder.chain.holder.kind == HolderKind::Frame
            && draft.kind != SuspectKind::StuckThreads
            && let Some(thread) = &holder.chain.holder.thread
            && let Some((frame, dumps)) = stands_still(self.look.clock, self.threads, thread)
        {
            reasons.push(Reason::StandsStill {
                thread: thread.clone(),
                place: at_line(&frame.function, frame.line),
                dumps,
            });
        }
        if through * 2 > retained {
            reasons.push(Reason::ThroughTracebacks { bytes: through });
        }
        let mut commands = Vec::new();
        // Threads are no objects with a type to ask for, and what has no new members has no new chains.
        if draft.kind != SuspectKind::StuckThreads && !draft.members.is_empty() {
            commands.push(self.commands.chain(&draft.type_name));
        }
        commands.push(self.commands.show(holder.address));
        let mut also_held_by: Vec<Place> = Vec::new();
        for id in draft.also {
            also_held_by.extend(named.place(id)?);
        }
        let minutes = minutes(self.look, draft.counts);
        let per_minute = |amount: u64| minutes.map(|minutes| amount as f64 / minutes);
        Ok(Some(Suspect {
            confidence: *confidence,
            kind: draft.kind,
            type_name: draft.type_name,
            holder,
            holders: draft.holders.len() as u64,
            also_held_by,
            counts: draft.counts.to_vec(),
            growth: draft.growth,
            retained,
            per_minute: per_minute(draft.growth),
            bytes_per_minute: per_minute(retained),
            trend: *trend,
            reasons,
            parts: draft.parts,
            commands,
        }))
    }

    fn type_name(&self, key: crate::snapshot::TypeKey) -> TypeName {
        self.look.snapshot.types().name(key).clone()
    }

    fn of_accumulation<'a>(&self, found: &'a Accumulation) -> Draft<'a> {
        Draft {
            kind: SuspectKind::Container,
            type_name: self.type_name(found.type_key),
            holders: found.containers.clone(),
            also: found.also.iter().map(|also| also.containers[0]).collect(),
            counts: &found.counts,
            growth: found.growth,
            judgement: &found.judgement,
            going: found.members.len() as u64,
            members: found.members.clone(),
            reasons: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn of_linked<'a>(&self, found: &'a Linked) -> Draft<'a> {
        Draft {
            kind: SuspectKind::Linked,
            type_name: self.type_name(found.type_key),
            holders: vec![found.first],
            also: Vec::new(),
            counts: &found.counts,
            growth: found.growth,
            judgement: &found.judgement,
            going: found.going,
            members: found.members.clone(),
            reasons: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// All garbage that is not collected has one cause, so it is one suspect, told by the greatest part of it.
    fn of_garbage<'a>(&self, garbage: &'a [Garbage]) -> Result<Option<Draft<'a>>, AnalysisError> {
        let look = self.look;
        let suspected: Vec<&Garbage> = garbage
            .iter()
            .filter(|kind| matches!(kind.judgement, Judgement::Suspect { .. }))
            .filter(|kind| look.is_noteworthy(kind.not_young(), kind.sum.bytes))
            .filter(|kind| kind.not_young() > 0)
            .collect();
        let Some(first) = suspected.first() else {
            return Ok(None);
        };
        let Some(key) = first.main_type(look) else {
            return Ok(None);
        };
        let mut reasons = vec![Reason::NotCollected {
            objects: suspected.iter().map(|kind| kind.not_young()).sum(),
        }];
        reasons
            .extend(finaliser(look, first.first)?.map(|type_name| Reason::Finaliser { type_name }));
        let parts = suspected.iter().filter_map(|kind| {
            let name = look.snapshot.types().name(kind.main_type(look)?);
            Some(NotePart {
                what: name.to_string(),
                objects: kind.sum.objects,
                bytes: kind.sum.bytes,
                example: None,
            })
        });
        Ok(Some(Draft {
            kind: SuspectKind::Cycles,
            type_name: self.type_name(key),
            holders: vec![first.first],
            also: Vec::new(),
            counts: &first.counts,
            growth: growth_of(&first.counts),
            judgement: &first.judgement,
            going: growth_of(&first.counts),
            members: suspected
                .iter()
                .flat_map(|kind| kind.new.iter().copied())
                .collect(),
            reasons,
            parts: parts.take(5).collect(),
        }))
    }

    /// Named by a new object that only their frames hold, the one that retains the most.
    fn of_crowd<'a>(&self, crowd: &'a Crowd) -> Result<Option<Draft<'a>>, AnalysisError> {
        let look = self.look;
        let mut members = Vec::new();
        let mut first: Option<(u64, Reverse<ObjectId>)> = None;
        for (id, beginning) in look.held.beginnings(&look.held.only_frames) {
            let mut ours = false;
            for root in look.graph.roots.of(beginning) {
                if let Some(thread) = root.thread {
                    ours |= crowd.names.contains(&*look.snapshot.text(thread)?);
                }
            }
            if ours && !look.is_old(id) {
                members.push(id);
                first = first.max(Some((self.tree.retained(id), Reverse(id))));
            }
        }
        let (Some((_, Reverse(object))), Some(frame)) = (first, place_of(&crowd.stack)) else {
            return Ok(None);
        };
        let names = crowd.names.iter().next().cloned();
        Ok(Some(Draft {
            kind: SuspectKind::StuckThreads,
            type_name: TypeName::new("", "thread"),
            holders: vec![object],
            also: Vec::new(),
            counts: &crowd.counts,
            growth: growth_of(&crowd.counts),
            judgement: &crowd.judgement,
            going: growth_of(&crowd.counts),
            members,
            reasons: vec![Reason::StandsStill {
                thread: names.unwrap_or_default(),
                place: at_line(&frame.function, frame.line),
                dumps: crowd.counts.iter().flatten().count(),
            }],
            parts: Vec::new(),
        }))
    }

    /// What the new members of each draft retain together; and of that, what only tracebacks keep.
    fn retained(&self, drafts: &[Draft<'_>]) -> Result<(Vec<u64>, Vec<u64>), AnalysisError> {
        let look = self.look;
        let mut class_of = vec![NO_CLASS; look.snapshot.id_limit()];
        for (class, draft) in (0..).zip(drafts) {
            for id in &draft.members {
                class_of[id.index()] = class;
            }
        }
        let class = |id: ObjectId| Some(class_of[id.index()]).filter(|&class| class != NO_CLASS);
        let by_class = RetainedByClass::new(
            look.snapshot,
            look.graph,
            drafts.len(),
            class,
            self.progress,
        );
        let retained = match by_class {
            Ok(retained) => retained.bytes,
            Err(RetentionError::Read(error)) => return Err(error.into()),
            // Too much shared in too many ways: what each retains by itself is the least that it can be.
            Err(RetentionError::TooEntangled(_)) => {
                let each = drafts.iter().map(|draft| draft.members.iter());
                let sum = |sum: u64, &id: &ObjectId| sum.saturating_add(self.tree.retained(id));
                each.map(|members| members.fold(0, sum)).collect()
            }
        };
        let mut through = vec![0; drafts.len()];
        if let Some(kept) = self.kept_by_tracebacks {
            let mut nearest =
                Climb::new(self.tree, look.snapshot.id_limit(), |id| match class(id) {
                    Some(class) => Answer::Here(class),
                    None => Answer::Above,
                });
            let of: std::collections::BTreeMap<ObjectId, u32> = kept
                .iter()
                .filter_map(|id| Some((id, nearest.from(id)?)))
                .collect();
            let class_of = |id: ObjectId| of.get(&id).map(|&class| class as usize);
            let sums: Vec<Sum> = sums(look.snapshot, drafts.len(), class_of)?;
            through = sums.into_iter().map(|sum| sum.bytes).collect();
        }
        Ok((retained, through))
    }

    pub(super) fn cleared(
        &self,
        rest: &[Accumulation],
        replaced: &[Replaced],
    ) -> Result<Vec<Cleared>, AnalysisError> {
        let look = self.look;
        let cleared = rest.iter().filter_map(|found| match found.judgement {
            Judgement::Cleared(because) => Some((found, because)),
            _ => None,
        });
        let cleared: Vec<_> = cleared.take(MOST_CLEARED).collect();
        let containers = cleared
            .iter()
            .flat_map(|(found, _)| found.containers.iter().copied());
        let objects = containers.chain(replaced.iter().map(|r| r.container));
        let named = Named::new(
            look.snapshot,
            look.graph,
            &look.held.search,
            objects,
            self.progress,
        )?;
        let mut told = Vec::new();
        for r in replaced {
            let holder = named.place(r.container)?;
            told.extend(holder.map(|holder| Cleared {
                type_name: self.type_name(r.type_key),
                holder,
                counts: vec![Some(r.count)],
                because: Acquittal::Replaced { new: r.new },
            }));
        }
        for (found, because) in cleared {
            let holder = named.common_place(&found.containers)?;
            told.extend(holder.map(|holder| Cleared {
                type_name: self.type_name(found.type_key),
                holder,
                counts: found.counts.clone(),
                because,
            }));
        }
        told.truncate(MOST_CLEARED);
        Ok(told)
    }

    pub(super) fn half_empty(&self) -> Result<Option<Note>, AnalysisError> {
        let look = self.look;
        let mut addresses = Vec::new();
        let places = |ids: &[ObjectId]| {
            let named = Named::new(
                look.snapshot,
                look.graph,
                &look.held.search,
                ids.iter().copied(),
                self.progress,
            )?;
            let mut texts = Vec::new();
            for &id in ids {
                if let Some(place) = named.place(id)? {
                    addresses.push(place.address);
                    let expression = place.chain.expression;
                    texts.push(
                        expression
                            .unwrap_or_else(|| format!("{} {}", place.address, place.type_name)),
                    );
                }
            }
            Ok(texts)
        };
        let mut note = half_empty(look, places)?;
        if let (Some(note), Some(&address)) = (&mut note, addresses.first()) {
            note.commands.push(self.commands.show(address));
        }
        Ok(note)
    }

    /// How long memory will do.
    pub(super) fn memory(&self, suspects: &[Suspect]) -> Memory {
        let moments = &self.look.clock.moments;
        let (first, last) = (self.look.clock.first_of_last(), moments.len() - 1);
        let (rss, limit) = (moments[last].rss_bytes, moments[last].limit_bytes);
        let minutes = self.look.clock.minutes_between(first, last);
        let grown = rss
            .zip(moments[first].rss_bytes)
            .map(|(after, before)| after.saturating_sub(before));
        let of_process = grown
            .zip(minutes)
            .map(|(grown, minutes)| grown as f64 / minutes);
        let sure = suspects
            .iter()
            .filter(|s| s.confidence > Confidence::Unclear);
        let of_suspects: f64 = sure.filter_map(|s| s.bytes_per_minute).sum();
        let rate = of_process.unwrap_or(0.0).max(of_suspects);
        let rate = Some(rate).filter(|&rate| rate > 0.0 && minutes.is_some());
        let left = limit.zip(rss).map(|(limit, rss)| limit.saturating_sub(rss));
        Memory {
            rss_bytes: rss,
            limit_bytes: limit,
            bytes_per_minute: rate,
            minutes_left: left.zip(rate).map(|(left, rate)| left as f64 / rate),
        }
    }
}

/// Minutes between the first dump with a count and the last, if both are of one process.
fn minutes(look: &Look<'_>, counts: &[Option<u64>]) -> Option<f64> {
    let first = counts.iter().position(Option::is_some)?;
    let last = counts.len() - 1;
    if !look.clock.is_same_process(first, last) {
        return None;
    }
    look.clock.minutes_between(first, last)
}
