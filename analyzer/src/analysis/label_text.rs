//! Labels as people read them.

use std::fmt::Write as _;

use memdump_format::{Dump, Label, ReadError};

use crate::snapshot::{Snapshot, printable};

/// `.name`, `['key']`, `[3]`, `<local req>`; nothing for a reference without a name.
pub(super) fn label_text(snapshot: &Snapshot, label: Label) -> Result<String, ReadError> {
    let mut text = String::new();
    write_label(snapshot.dump(), label, &mut text)?;
    Ok(text)
}

/// Appends what a label is as people read it.
pub(crate) fn write_label(dump: &Dump, label: Label, into: &mut String) -> Result<(), ReadError> {
    let mut named = |before: &str, name, after: &str| {
        let name = printable(dump.strings().get(name)?);
        Ok(write!(into, "{before}{name}{after}"))
    };
    let written = match label {
        Label::None => Ok(()),
        Label::Attribute(name) => named(".", name, "")?,
        Label::Key(key) => named("[", key, "]")?,
        Label::KeyObject(key) => named("<key ", key, ">")?,
        Label::Closure(name) => named("<closure ", name, ">")?,
        Label::Local(name) => named("<local ", name, ">")?,
        Label::Internal(name) => named("<", name, ">")?,
        Label::Index(position) => write!(into, "[{position}]"),
        Label::IntegerKey(key) => write!(into, "[{key}]"),
        Label::Stack(position) => write!(into, "<stack {position}>"),
        Label::Type => into.write_str(".__class__"),
        Label::Element => into.write_str("<element>"),
        Label::Offset(bytes) => write!(into, "+{bytes:#x}"),
    };
    // Memory takes every text.
    debug_assert!(written.is_ok());
    Ok(())
}

/// The attribute that the value under this key of a `__dict__` is, if the key is a name: `x` for `'x'`.
pub(super) fn attribute_of_key(key: &str) -> Option<&str> {
    let inner = key
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))?;
    let mut chars = inner.chars();
    let first = chars.next()?;
    let is_name =
        (first.is_alphabetic() || first == '_') && chars.all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(inner)
}

/// What a namespace is called where it is an attribute.
pub(super) const NAMESPACE: &str = "__dict__";

#[cfg(test)]
mod tests {
    use super::attribute_of_key;

    #[test]
    fn only_a_quoted_name_is_an_attribute() {
        assert_eq!(attribute_of_key("'cache'"), Some("cache"));
        assert_eq!(attribute_of_key("'_größe1'"), Some("_größe1"));
        for key in ["'a b'", "'1a'", "''", "cache", "'a'b'", "b'a'", "'", "3"] {
            assert_eq!(attribute_of_key(key), None, "{key}");
        }
    }
}
