//! One object, for people.

use super::Width;
use super::chain::{chain_line, holder_text};
use super::number::{bytes, count, plural};
use super::style::{faint, strong};
use super::table::{Column, Emphasis, table, type_and_value};
use crate::analysis::show::{Neighbour, Neighbours, Shown};

/// The object, what holds it, and its neighbours.
pub fn text(shown: &Shown, width: Width) -> String {
    let object = &shown.object;
    let title = format!("{} {}", object.address, object.type_name);
    let mut text = strong(&title) + "\n";
    let mut facts = vec![
        format!("size {}", bytes(object.size)),
        format!("retains {}", bytes(shown.retained)),
    ];
    facts.push(match object.refcount {
        Some(refcount) => format!("refcount {}", count(refcount)),
        None => "references not counted".to_owned(),
    });
    if shown.tracked {
        facts.push("tracked by the collector".to_owned());
    }
    if shown.is_static {
        facts.push("static".to_owned());
    }
    text += &format!("{}\n", facts.join(", "));
    if let Some(value) = &object.value {
        text += &format!("value: {}\n", width.fit(value, 7));
    }
    text.push('\n');
    text += &format!("chain: {}\n", width.fit(&chain_line(&shown.chain), 7));
    text += &match &shown.dominator {
        Some(object) => format!("dominator: {} {}\n", object.address, object.type_name),
        None => "dominator: none; no single object keeps it alive\n".to_owned(),
    };
    for root in &shown.roots {
        let label = if root.label.is_empty() {
            String::new()
        } else {
            format!(" {}", root.label)
        };
        text += &format!("root: {}{label}\n", holder_text(root));
    }
    text += &neighbours("reference", "references", &shown.references, width);
    text += &neighbours("referrer", "referrers", &shown.referrers, width);
    text
}

fn neighbours(one: &str, many: &str, neighbours: &Neighbours, width: Width) -> String {
    let mut text = format!("\n{}\n", strong(&plural(neighbours.total, one, many)));
    if neighbours.listed.is_empty() {
        return text;
    }
    let columns = [
        Column::Text("label"),
        Column::Text("address"),
        Column::Number("size"),
        Column::Text("type"),
    ];
    let row = |other: &Neighbour| {
        let kind = match &other.type_name {
            Some(name) => type_and_value(name, other.value.as_deref()),
            None => "<not in the dump>".to_owned(),
        };
        vec![
            other.label.clone(),
            other.address.to_string(),
            other.size.map_or(String::new(), bytes),
            if other.strong {
                kind
            } else {
                format!("{kind} (weak)")
            },
        ]
    };
    let rows = neighbours
        .listed
        .iter()
        .map(|other| (Emphasis::None, row(other)));
    text += &table(&columns, rows, width);
    let more = neighbours.total - neighbours.listed.len() as u64;
    if more > 0 {
        text += &faint(&format!("… and {} more\n", count(more)));
    }
    text
}
