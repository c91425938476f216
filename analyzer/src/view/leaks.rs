//! What nothing holds, as a table.

use super::Width;
use super::number::{bytes, count, identity, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table};
use crate::analysis::leaks::{LeakedKind, Leaks};

/// The table; `more` kinds are not listed.
pub fn text(result: &Leaks, more: usize, width: Width) -> String {
    let how = result.identity.as_ref().map(identity);
    let sure = match result.conservative {
        true => "what looks like a reference counts as one, so more may be leaked",
        false => "only the collector can free it",
    };
    let notes: Vec<&str> = how.as_deref().into_iter().chain([sure]).collect();
    let notes = notes.join("; ");
    if result.kinds.is_empty() {
        return format!(
            "no leaks: something holds every object {}\n",
            faint(&format!("({notes})"))
        );
    }
    let mut columns = vec![Column::Number("leaks")];
    columns.extend(how.is_some().then_some(Column::Number("new")));
    columns.extend([
        Column::Number("bytes"),
        Column::Number("held objects"),
        Column::Number("held bytes"),
        Column::Text("example"),
        Column::Text("type"),
    ]);
    let rows = result.kinds.iter().map(|kind| {
        let mut cells = vec![count(kind.count)];
        cells.extend(kind.new.map(count));
        cells.extend([
            bytes(kind.bytes),
            count(kind.held_objects),
            bytes(kind.held_bytes),
            kind.example.address.to_string(),
            name(kind),
        ]);
        (Emphasis::None, cells)
    });
    let mut text = table(&columns, rows, width);
    if more > 0 {
        let more = plural(more as u64, "more kind", "more kinds");
        text += &faint(&format!("… and {more}\n"));
    }
    let objects = plural(result.objects, "object", "objects");
    let total = format!(
        "nothing holds {objects}, {} of {} ({notes})\n",
        bytes(result.bytes),
        bytes(result.total_bytes),
    );
    text + &faint(&total)
}

/// `app.Node`, or `app.Node, dict in cycles`.
fn name(kind: &LeakedKind) -> String {
    const SHOWN: usize = 3;
    let shown = kind.types.iter().take(SHOWN).map(ToString::to_string);
    let mut name = shown.collect::<Vec<_>>().join(", ");
    if let more @ 1.. = kind.types.len().saturating_sub(SHOWN) {
        name += &format!(" and {}", plural(more as u64, "more type", "more types"));
    }
    if kind.in_cycles {
        name += " in cycles";
    }
    name
}
