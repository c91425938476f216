//! Objects by what they retain, as a table.

use super::Width;
use super::number::{bytes, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table, type_and_value};
use crate::analysis::biggest::{Biggest, Dominating};

/// The table.
pub fn text(result: &Biggest, width: Width) -> String {
    let columns = [
        Column::Number("retained"),
        Column::Number("share"),
        Column::Number("size"),
        Column::Text("address"),
        Column::Text("dominator"),
        Column::Text("type"),
    ];
    let share = |part: u64| match result.bytes {
        0 => "–".to_owned(),
        all => format!("{:.1} %", part as f64 / all as f64 * 100.0),
    };
    let row = |row: &Dominating| {
        let dominator = row.dominator.as_ref();
        vec![
            bytes(row.retained),
            share(row.retained),
            bytes(row.object.size),
            row.object.address.to_string(),
            dominator.map_or_else(|| "–".to_owned(), |object| object.address.to_string()),
            type_and_value(&row.object.type_name, row.object.value.as_deref()),
        ]
    };
    let rows = result.objects.iter();
    let mut text = table(&columns, rows.map(|of| (Emphasis::None, row(of))), width);
    let more = result.total - result.objects.len() as u64;
    if more > 0 {
        text += &faint(&format!(
            "… and {}\n",
            plural(more, "more object", "more objects")
        ));
    }
    text
}
