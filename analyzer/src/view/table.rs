//! Tables without lines: numbers to the right, text to the left.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::Width;

/// A column's heading, and whether it holds numbers.
pub(super) enum Column<'h> {
    Number(&'h str),
    Text(&'h str),
}

/// The column of names, the last one, is at least so wide on a terminal, in characters.
const SHORTEST_NAME: u16 = 20;

/// How a row is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Emphasis {
    None,
    Strong,
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
    for (number, column) in columns.iter().enumerate() {
        if let Some(laid_out) = table.column_mut(number) {
            laid_out.set_padding((0, 2));
            if matches!(column, Column::Number(_)) {
                laid_out.set_cell_alignment(CellAlignment::Right);
                laid_out.set_constraint(ColumnConstraint::ContentWidth);
            } else if number + 1 == columns.len() && width != Width::Unlimited {
                // Names in shreds are worse than a line that is too long.
                let least = comfy_table::Width::Fixed(SHORTEST_NAME);
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
