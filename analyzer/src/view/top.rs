//! Types by count and bytes, as a table.

use super::Width;
use super::number::{bytes, count, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table};
use crate::analysis::top::Top;

/// The table; `more` types are not listed.
pub fn text(result: &Top, more: usize, width: Width) -> String {
    let mut columns = vec![
        Column::Number("count"),
        Column::Number("bytes"),
        Column::Number("share"),
        Column::Number("average"),
    ];
    let has_retained = result.types.iter().any(|row| row.retained.is_some());
    if has_retained {
        columns.push(Column::Number("retained"));
    }
    columns.push(Column::Text("type"));
    let share = |part: u64| match result.bytes {
        0 => "–".to_owned(),
        all => format!("{:.1} %", part as f64 / all as f64 * 100.0),
    };
    let rows = result.types.iter().map(|row| {
        let mut cells = vec![
            count(row.count),
            bytes(row.bytes),
            share(row.bytes),
            bytes(row.average),
        ];
        cells.extend(row.retained.map(bytes));
        cells.push(row.type_name.to_string());
        (Emphasis::None, cells)
    });
    let average = result.bytes.checked_div(result.objects).unwrap_or(0);
    let mut total = vec![
        count(result.objects),
        bytes(result.bytes),
        share(result.bytes),
        bytes(average),
    ];
    total.extend(has_retained.then(|| bytes(result.bytes)));
    total.push("total".to_owned());
    let mut text = table(&columns, rows.chain([(Emphasis::Strong, total)]), width);
    if more > 0 {
        text += &faint(&format!(
            "… and {}\n",
            plural(more as u64, "more type", "more types")
        ));
    }
    text
}
