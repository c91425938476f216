//! Texts of a dump, made harmless for terminals.

use std::borrow::Cow;

/// The text with characters escaped that a terminal obeys instead of showing them: a dump is input that nobody vouches for.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_obeyed(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Control characters, those that turn the direction of what follows, and so can show a name as another, and ends of lines.
fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        assert_eq!(
            printable("größe \u{1b}[31m\n\u{9b}"),
            "größe \\u{1b}[31m\\n\\u{9b}"
        );
        assert_eq!(
            printable("a\u{202e}b\u{2066}c\u{2029}"),
            "a\\u{202e}b\\u{2066}c\\u{2029}"
        );
        assert!(matches!(
            printable("größe"),
            std::borrow::Cow::Borrowed("größe")
        ));
    }
}
