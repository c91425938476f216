//! New objects, as a table.

use super::Width;
use super::number::{bytes, count, identity, plural};
use super::style::faint;
use super::table::{Column, Emphasis, table, type_and_value};
use crate::analysis::ObjectRow;
use crate::analysis::new_objects::NewObjects;

/// The table of new objects.
pub fn text(result: &NewObjects, width: Width) -> String {
    let identity = identity(&result.identity);
    if result.total == 0 {
        let none = match result.born {
            None | Some(0) => "no new objects".to_owned(),
            Some(born) => format!("none of {} stayed", between(born)),
        };
        return format!("{none} {}\n", faint(&format!("({identity})")));
    }
    let columns = [
        Column::Text("address"),
        Column::Number("size"),
        Column::Number("refcount"),
        Column::Text("type"),
    ];
    let row = |object: &ObjectRow| {
        vec![
            object.address.to_string(),
            bytes(object.size),
            object.refcount.map_or("–".to_owned(), count),
            type_and_value(&object.type_name, object.value.as_deref()),
        ]
    };
    let rows = result
        .objects
        .iter()
        .map(|object| (Emphasis::None, row(object)));
    let mut text = table(&columns, rows, width);
    let more = result.total - result.objects.len() as u64;
    if more > 0 {
        text += &faint(&format!(
            "… and {}\n",
            plural(more, "more object", "more objects")
        ));
    }
    let total = match result.born {
        None => plural(result.total, "new object", "new objects"),
        Some(born) => format!("{} of {} stayed", count(result.total), between(born)),
    };
    text + &faint(&format!("{total} ({identity})\n"))
}

/// `9 objects that were new in the second dump`.
fn between(born: u64) -> String {
    let objects = plural(born, "object", "objects");
    format!("{objects} that were new in the second dump")
}
