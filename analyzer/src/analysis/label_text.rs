//! Labels as people read them.

use memdump_format::{Label, ReadError};

use crate::snapshot::Snapshot;

/// `.name`, `['key']`, `[3]`, `<local req>`; nothing for a reference without a name.
pub(super) fn label_text(snapshot: &Snapshot, label: Label) -> Result<String, ReadError> {
    let text = |id| snapshot.text(id);
    Ok(match label {
        Label::None => String::new(),
        Label::Attribute(name) => format!(".{}", text(name)?),
        Label::Key(key) => format!("[{}]", text(key)?),
        Label::KeyObject(key) => format!("<key {}>", text(key)?),
        Label::Index(position) => format!("[{position}]"),
        Label::IntegerKey(key) => format!("[{key}]"),
        Label::Closure(name) => format!("<closure {}>", text(name)?),
        Label::Local(name) => format!("<local {}>", text(name)?),
        Label::Stack(position) => format!("<stack {position}>"),
        Label::Type => ".__class__".to_owned(),
        Label::Internal(name) => format!("<{}>", text(name)?),
        Label::Element => "<element>".to_owned(),
    })
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
