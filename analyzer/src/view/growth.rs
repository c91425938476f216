//! What grew, as a table.

use super::Width;
use super::number::{bytes, bytes_growth, count, growth, identity, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table};
use crate::analysis::growth::{Change, Growth};

/// The table; `more` types that changed are not listed, and `unchanged` ones that did not.
pub fn text(result: &Growth, more: usize, unchanged: usize, width: Width) -> String {
    use Column::{Number, Text};
    let mut columns = vec![
        Number("before"),
        Number("after"),
        Number("growth"),
        Number("bytes"),
        Number("growth"),
    ];
    let known = result.identity.is_available();
    if known {
        columns.extend([Number("new"), Number("gone")]);
    }
    let has_retained = result.total.retained_by_new.is_some();
    if has_retained {
        columns.push(Number("retained"));
    }
    columns.push(Text("type"));
    let row = |change: &Change, name: String| {
        let mut row = vec![
            count(change.count_before),
            count(change.count_after),
            growth(change.count_growth),
            bytes(change.bytes_after),
            bytes_growth(change.bytes_growth),
        ];
        row.extend([change.new, change.gone].into_iter().flatten().map(count));
        row.extend(change.retained_by_new.map(bytes));
        row.push(name);
        row
    };
    let types = result.types.iter();
    let rows = types.map(|t| (Emphasis::None, row(&t.change, t.type_name.to_string())));
    let total = (Emphasis::Strong, row(&result.total, "total".to_owned()));
    let mut text = table(&columns, rows.chain([total]), width);
    for (types, one, many) in [
        (more, "more type", "more types"),
        (unchanged, "unchanged type", "unchanged types"),
    ] {
        if types > 0 {
            text += &faint(&format!("… and {}\n", plural(types as u64, one, many)));
        }
    }
    if has_retained {
        text += &faint("(retained: what is kept alive only through the new objects)\n");
    }
    text + &faint(&format!("({})\n", identity(&result.identity)))
}
