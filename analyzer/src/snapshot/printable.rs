//! Texts of a dump, made harmless for terminals.

use std::borrow::Cow;

/// The text with its control characters escaped: a dump is input that nobody vouches for, and a terminal obeys them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
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
        assert!(matches!(
            printable("größe"),
            std::borrow::Cow::Borrowed("größe")
        ));
    }
}
