//! The verdict, for people: first what is the matter, then the evidence, then the next command.

mod words;

pub use words::{ClearedWords, Fact, NoteWords, SuspectWords, Words, words};

use super::Width;
use super::chain::{chain_line, shape_line};
use super::number::{bytes, count, growth, minutes, per_minute, plural};
use super::style::{alarm, faint, strong};
use crate::analysis::identity::Identity;
use crate::analysis::suspects::{
    Acquittal, Cleared, Confidence, Note, NoteKind, NotePart, Place, Reason, Suspect, SuspectKind,
    Suspects, Taken,
};
use crate::analysis::trend::Trend;

/// What stands beneath a suspect is set in by so much.
const INDENT: &str = "    ";

/// The whole verdict; `more` suspects are not listed.
pub fn text(result: &Suspects, more: usize, width: Width) -> String {
    let mut text = headline(result, more) + "\n";
    text += &faint(&format!("{}\n", looked_at(result)));
    if let Some(line) = memory(result) {
        text += &format!("{line}\n");
    }
    for (number, suspect) in (1..).zip(&result.suspects) {
        text += "\n";
        text += &suspect_text(number, suspect, width);
    }
    if more > 0 {
        let more = plural(more as u64, "more suspect", "more suspects");
        text += &faint(&format!("\n… and {more}; `--limit 0` lists all\n"));
    }
    if !result.cleared.is_empty() {
        text += &format!("\n{}\n", strong("looked at and cleared"));
        for cleared in &result.cleared {
            text += &cleared_text(cleared, width);
        }
    }
    if !result.notes.is_empty() {
        text += &format!("\n{}\n", strong("also in the last dump"));
        for note in &result.notes {
            text += &note_text(note, width);
        }
    }
    text
}

fn headline(result: &Suspects, more: usize) -> String {
    let text = headline_text(result, more);
    let calm = result.series.len() < 2 || result.suspects.len() + more == 0;
    if calm { strong(&text) } else { alarm(&text) }
}

fn headline_text(result: &Suspects, more: usize) -> String {
    let of = |wanted: Confidence| {
        let suspects = result.suspects.iter();
        suspects.filter(|s| s.confidence == wanted).count() as u64
    };
    let all = result.suspects.len() + more;
    if result.series.len() < 2 {
        return "one dump: it cannot be told what grows; two or more can".to_owned();
    }
    if all == 0 {
        return "no suspects: nothing grows steadily".to_owned();
    }
    let classes = [
        (of(Confidence::Certain), "certain"),
        (of(Confidence::Likely), "likely"),
        (of(Confidence::Unclear), "unclear"),
    ];
    let classes = classes.iter().filter(|(number, _)| *number > 0);
    let classes: Vec<String> = classes.map(|(n, word)| format!("{n} {word}")).collect();
    let suspects = plural(all as u64, "suspect", "suspects");
    let listed = if more > 0 { "; of those listed " } else { ": " };
    format!("{suspects}{listed}{}", classes.join(", "))
}

/// What was looked at, and what limits the answer.
fn looked_at(result: &Suspects) -> String {
    let dumps = plural(result.series.len() as u64, "dump", "dumps");
    let Some(last) = result.series.last() else {
        return dumps;
    };
    let over = last.minutes.filter(|&passed| passed > 0.0);
    let over = over.map_or(String::new(), |passed| format!(" over {}", minutes(passed)));
    let objects = plural(last.objects, "object", "objects");
    let mut line = format!(
        "{dumps}{over}, {objects} of {} in the last",
        bytes(last.bytes)
    );
    if result.series.len() == 2 {
        line += "\nfrom three dumps on it can be told what grows steadily";
    }
    let quiet = result
        .series
        .iter()
        .filter(|taken: &&Taken| taken.quiet)
        .count();
    if quiet > 0 {
        line += &format!("\nthe process hardly worked in {}", intervals(quiet));
    }
    if let Identity::Unavailable { reason } = &result.identity {
        line += &format!("\n{reason}: containers are found by their names");
    }
    line
}

fn intervals(number: usize) -> String {
    plural(number as u64, "interval", "intervals")
}

fn memory(result: &Suspects) -> Option<String> {
    let memory = &result.memory;
    let used = bytes(memory.rss_bytes?);
    let of = match memory.limit_bytes {
        Some(limit) => format!("{used} of {} used", bytes(limit)),
        None => format!("{used} used, of how much is unknown"),
    };
    let fills = match (memory.bytes_per_minute, memory.minutes_left) {
        (Some(rate), Some(left)) => {
            let rate = bytes(rate.round() as u64);
            format!(", {rate} more per minute: full in {}", minutes(left))
        }
        (Some(rate), None) => format!(", {} more per minute", bytes(rate.round() as u64)),
        (None, _) => String::new(),
    };
    Some(format!("memory: {of}{fills}"))
}

fn suspect_text(number: usize, suspect: &Suspect, width: Width) -> String {
    let confidence = confidence(suspect.confidence);
    let sentence = format!("{number}. {confidence}: {}", sentence(suspect));
    let mut text = strong(&sentence) + "\n";
    let mut lines = |what: &str, said: &[String]| {
        for (at, said) in said.iter().enumerate() {
            let what = if at == 0 { what } else { "" };
            text += &format!("{INDENT}{what:<8} {said}\n");
        }
    };
    for fact in facts(suspect, width) {
        lines(fact.name, &fact.lines);
    }
    lines("next", &suspect.commands);
    text
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
        Confidence::Unclear => "unclear",
    }
}

/// The evidence, in words.
fn facts(suspect: &Suspect, width: Width) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name, lines: Vec<String>| facts.push(Fact { name, lines });
    let place = |holder| width.fit(&place(holder), INDENT.len() + 9);
    fact("where", vec![place(&suspect.holder)]);
    for also in &suspect.also_held_by {
        fact("also", vec![place(also)]);
    }
    let mut counts = counts(&suspect.counts);
    counts += &format!("  ({}", growth(suspect.growth as i64));
    counts += &suspect
        .per_minute
        .map_or(String::new(), |r| format!(", {} per minute", per_minute(r)));
    fact("count", vec![counts + ")"]);
    fact("keeps", vec![keeps(suspect)]);
    let reasons = suspect.reasons.iter();
    fact(
        "because",
        reasons.map(|reason| reason_text(reason, suspect)).collect(),
    );
    let cycles = suspect.parts.iter().map(|part| {
        let objects = plural(part.objects, "object", "objects");
        format!("{} with {objects}, {}", part.what, bytes(part.bytes))
    });
    fact("cycles", cycles.collect());
    facts.retain(|fact| !fact.lines.is_empty());
    facts
}

fn sentence(suspect: &Suspect) -> String {
    let what = &suspect.type_name;
    let verb = match suspect.trend {
        Trend::Unknown => "grew in number",
        _ => "accumulates",
    };
    match suspect.kind {
        SuspectKind::Container if suspect.holders > 1 => {
            format!("{what} {verb} in {} containers", count(suspect.holders))
        }
        SuspectKind::Container => {
            format!("{what} {verb} in a {}", suspect.holder.type_name.short())
        }
        SuspectKind::Linked => format!("{what} {verb} in a linked structure"),
        SuspectKind::Cycles => {
            format!("{what} {verb} in cycles that only the collector could free")
        }
        SuspectKind::StuckThreads => "threads that stand at one place become more".to_owned(),
    }
}

/// The way to an object, or what ways of one shape have in common.
fn place(place: &Place) -> String {
    match &place.shape {
        Some(shape) => shape_line(shape),
        None => chain_line(&place.chain),
    }
}

fn counts(counts: &[Option<u64>]) -> String {
    let told: Vec<String> = counts
        .iter()
        .map(|number| number.map_or("–".to_owned(), count))
        .collect();
    told.join(" → ")
}

fn keeps(suspect: &Suspect) -> String {
    let mut text = bytes(suspect.retained);
    if let Some(each) = suspect.retained.checked_div(suspect.growth) {
        text += &format!(", {} each", bytes(each));
    }
    if let Some(rate) = suspect.bytes_per_minute {
        text += &format!(", {} more per minute", bytes(rate.round() as u64));
    }
    text
}

fn reason_text(reason: &Reason, suspect: &Suspect) -> String {
    match reason {
        Reason::SteadinessUnknown => "it grew; two dumps cannot tell whether it goes on".to_owned(),
        Reason::Grew { grew, intervals: 1 } => format!("it grew in {} of 1 interval", grew),
        Reason::Grew { grew, intervals } if grew == intervals => {
            format!("it grew in each of {intervals} intervals")
        }
        Reason::Grew { grew, intervals } => format!("it grew in {grew} of {intervals} intervals"),
        Reason::AllStayed { kept } => {
            format!("all {} of the first dump are still there", count(*kept))
        }
        Reason::SomeWent { of, kept } => {
            let (of, kept) = (
                count(*of),
                if *kept == 0 {
                    "none".to_owned()
                } else {
                    count(*kept)
                },
            );
            format!("but of the {of} of the first dump {kept} are left: they come and go")
        }
        Reason::Slowing => {
            "but it grows more slowly than before: it may be a cache that fills".to_owned()
        }
        Reason::Uneven => "but it grows now and then".to_owned(),
        Reason::JustNow => {
            "but nearly all of it came in the last interval; one more dump tells".to_owned()
        }
        Reason::DifferentProcesses => "but the dumps are of different processes".to_owned(),
        Reason::Quiet { intervals: number } => {
            format!(
                "not counted: {} in which the process hardly worked",
                intervals(*number)
            )
        }
        Reason::StandsStill { place, dumps, .. } if suspect.kind == SuspectKind::StuckThreads => {
            format!("they stand at {place} in {} dumps", dumps)
        }
        Reason::StandsStill {
            thread,
            place,
            dumps,
        } => {
            format!("thread {thread} stands at {place} in all {dumps} dumps")
        }
        Reason::Finaliser { type_name } => format!("{type_name} has a finaliser"),
        Reason::NotCollected { objects } => {
            let objects = plural(*objects, "object", "objects");
            format!("{objects} wait for a whole interval and longer: is the collector off?")
        }
        Reason::ThroughTracebacks { bytes: kept } => {
            format!(
                "{} of it hang on tracebacks: frames and their locals",
                bytes(*kept)
            )
        }
    }
}

fn cleared_text(cleared: &Cleared, width: Width) -> String {
    let place = width.fit(&place(&cleared.holder), INDENT.len());
    let because = because(cleared);
    format!("{INDENT}{place}\n{INDENT}{INDENT}{because}\n")
}

fn because(cleared: &Cleared) -> String {
    let last = cleared
        .counts
        .iter()
        .rev()
        .flatten()
        .next()
        .copied()
        .unwrap_or(0);
    let because = match cleared.because {
        Acquittal::Stopped => format!("{}: it stopped growing", counts(&cleared.counts)),
        Acquittal::OneStep => format!("{}: it grew once", counts(&cleared.counts)),
        Acquittal::UpAndDown => format!("{}: it rises and falls", counts(&cleared.counts)),
        Acquittal::Replaced { new } => {
            format!(
                "{} all the time, {} of them new: it is bounded",
                count(last),
                count(new)
            )
        }
    };
    format!("{} {because}", cleared.type_name)
}

fn note_text(note: &Note, width: Width) -> String {
    let mut text = format!("{INDENT}{}\n", note_line(note));
    for part in &note.parts {
        let what = width.fit(&part_text(part), INDENT.len() * 2 + 14);
        text += &format!("{INDENT}{INDENT}{:>12}  {what}\n", bytes(part.bytes));
    }
    for command in &note.commands {
        text += &faint(&format!("{INDENT}{INDENT}{command}\n"));
    }
    text
}

fn note_line(note: &Note) -> String {
    let what = match note.kind {
        NoteKind::Unreachable => "unreachable: only the collector can free it",
        NoteKind::OnlyFrames => "kept alive only by frames",
        NoteKind::OnlyTracebacks => "kept alive only by tracebacks",
        NoteKind::OnlyNative => "kept alive only by native code",
        NoteKind::HalfEmpty => "room in containers that is not used",
        NoteKind::Duplicates => "duplicates: objects that hold what another of their type holds",
    };
    let objects = plural(note.objects, "object", "objects");
    format!("{} {what} ({objects})", bytes(note.bytes))
}

fn part_text(part: &NotePart) -> String {
    match part.example {
        Some(address) => format!("{}, one at {address}", part.what),
        None => part.what.clone(),
    }
}
