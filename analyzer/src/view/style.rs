//! What is emphasised, and how.

use anstyle::{AnsiColor, Style};

/// Headings, and the number that matters.
const STRONG: Style = Style::new().bold();
/// What most readers need not read.
const FAINT: Style = Style::new().dimmed();
/// What is wrong.
const ALARM: Style = AnsiColor::Red.on_default().bold();

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn strong(text: &str) -> String {
    styled(STRONG, text)
}

pub(super) fn faint(text: &str) -> String {
    styled(FAINT, text)
}

pub(super) fn alarm(text: &str) -> String {
    styled(ALARM, text)
}
