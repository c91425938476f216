//! The verdict in words that are not set out yet.

use serde::Serialize;

use super::{
    because, confidence, facts, headline_text, looked_at, memory, note_line, part_text, place,
    sentence,
};
use crate::analysis::suspects::{NotePart, Suspects};
use crate::view::Width;
use crate::view::number::bytes;

/// The verdict in words, for whoever sets them out in another way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Words {
    /// How many suspects there are, and how sure that is.
    pub headline: String,
    /// What was looked at, what limits the answer, and how long memory will do.
    pub lines: Vec<String>,
    /// What leaks, or may.
    pub suspects: Vec<SuspectWords>,
    /// How many further suspects there are.
    pub more: usize,
    /// What looked like it and is none.
    pub cleared: Vec<ClearedWords>,
    /// What else keeps memory.
    pub notes: Vec<NoteWords>,
}

/// A suspect in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuspectWords {
    /// How sure that is.
    pub confidence: &'static str,
    /// What is the matter.
    pub sentence: String,
    /// The evidence.
    pub facts: Vec<Fact>,
    /// What shows more.
    pub commands: Vec<String>,
}

/// A part of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// Of what it tells.
    pub name: &'static str,
    /// What it tells.
    pub lines: Vec<String>,
}

/// What was cleared, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClearedWords {
    /// The container.
    pub place: String,
    /// Why it is no suspect.
    pub because: String,
}

/// What else keeps memory, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoteWords {
    /// What it is, and how much.
    pub what: String,
    /// The greatest parts of it.
    pub parts: Vec<String>,
    /// What shows more.
    pub commands: Vec<String>,
}

/// The verdict in words, with at most so many suspects and as many of the rest.
pub fn words(result: &Suspects, most: usize) -> Words {
    let suspects = result.suspects.iter().take(most);
    let cleared = result.cleared.iter().take(most);
    let notes = result.notes.iter().take(most);
    let part = |part: &NotePart| format!("{}  {}", bytes(part.bytes), part_text(part));
    let looked_at = looked_at(result);
    let lines = looked_at.lines().map(str::to_owned);
    Words {
        headline: headline_text(result, 0),
        lines: lines.chain(memory(result)).collect(),
        more: result.suspects.len().saturating_sub(most),
        suspects: suspects
            .map(|suspect| SuspectWords {
                confidence: confidence(suspect.confidence),
                sentence: sentence(suspect),
                facts: facts(suspect, Width::Unlimited),
                commands: suspect.commands.clone(),
            })
            .collect(),
        cleared: cleared
            .map(|cleared| ClearedWords {
                place: place(&cleared.holder),
                because: because(cleared),
            })
            .collect(),
        notes: notes
            .map(|note| NoteWords {
                what: note_line(note),
                parts: note.parts.iter().map(part).collect(),
                commands: note.commands.clone(),
            })
            .collect(),
    }
}
