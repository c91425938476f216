//! Tables without lines: numbers to the right, text to the left.

use std::ops::RangeInclusive;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::Width;
use crate::snapshot::TypeName;

/// A column's heading, and whether it holds numbers.
pub(super) enum Column<'h> {
    Number(&'h str),
    Text(&'h str),
}

/// The column of names, the last one, is at least so wide on a terminal, in characters.
const SHORTEST_NAME: u16 = 16;
/// Other texts are not cut into lines before they are so long.
const SHORTEST_TEXT: u16 = 20;
/// Between two columns.
const GAP: u16 = 2;

/// How a row is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Emphasis {
    None,
    Strong,
}

/// How wide these columns want to be on a terminal: all but the last are not cut, and names of usual length are not, either.
pub(super) fn wanted_width(columns: &[Column<'_>], rows: &[Vec<String>]) -> usize {
    const USUAL_NAME: RangeInclusive<usize> = 20..=28;
    let Some((_, before)) = columns.split_last() else {
        return 0;
    };
    let width = |(number, column): (usize, &Column<'_>)| {
        let (Column::Number(heading) | Column::Text(heading)) = column;
        let cells = rows.iter().map(|row| row[number].as_str());
        let longest = cells
            .chain([*heading])
            .map(|cell| cell.chars().count())
            .max();
        longest.unwrap_or(0) + usize::from(GAP)
    };
    let names = rows.iter().filter_map(|row| row.last());
    let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let name = longest.clamp(*USUAL_NAME.start(), *USUAL_NAME.end());
    before.iter().enumerate().map(width).sum::<usize>() + name
}

/// An object's type and, where the dump tells it, what it held: `str 'Anna'`.
pub(super) fn type_and_value(name: &TypeName, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name} {value}"),
        None => name.to_string(),
    }
}

/// A table as text, each line ended.
pub(super) fn table(
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = (Emphasis, Vec<String>)>,
    width: Width,
) -> String {
    let mut table = Table::new();
    // Styles are taken out again where they are not wanted, once and for all kinds of text.
    table.load_style(NOTHING).enforce_styling();
    match width {
        Width::Columns(columns) => table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns),
        Width::Unlimited => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table.set_header(columns.iter().map(|column| {
        let (Column::Number(heading) | Column::Text(heading)) = column;
        Cell::new(heading).add_attribute(Attribute::Dim)
    }));
    for (emphasis, row) in rows {
        table.add_row(row.into_iter().map(|text| match emphasis {
            Emphasis::Strong => Cell::new(text).add_attribute(Attribute::Bold),
            Emphasis::None => Cell::new(text),
        }));
    }
    let longest = table.column_max_content_widths();
    for (number, column) in columns.iter().enumerate() {
        if let Some(laid_out) = table.column_mut(number) {
            laid_out.set_padding((0, GAP));
            if matches!(column, Column::Number(_)) {
                laid_out.set_cell_alignment(CellAlignment::Right);
                laid_out.set_constraint(ColumnConstraint::ContentWidth);
            } else if width != Width::Unlimited {
                // Names in shreds are worse than a line that is too long.
                let least = match number + 1 == columns.len() {
                    true => SHORTEST_NAME,
                    false => longest[number].min(SHORTEST_TEXT),
                };
                let least = comfy_table::Width::Fixed(least + GAP);
                laid_out.set_constraint(ColumnConstraint::LowerBoundary(least));
            }
        }
    }
    // Else blanks at the ends of lines would be styled, and could not be trimmed.
    table.style_text_only();
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_narrow_terminal_no_text_is_in_shreds() {
        let columns = [
            Column::Text("address"),
            Column::Number("size"),
            Column::Text("trend"),
            Column::Text("type"),
        ];
        let cells = [
            "0x7f9dc574b110",
            "80 B",
            "steady since +18s",
            "app.models.Order",
        ];
        let row = (Emphasis::None, cells.map(str::to_owned).to_vec());
        let text = table(&columns, [row], Width::Columns(30));
        assert_eq!(text.lines().count(), 2, "{text}");
        for cell in cells {
            assert!(text.contains(cell), "{text}");
        }
    }
}
