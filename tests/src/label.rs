//! Labels as people read them: `.cache`, `['a']`, `[3]`, `<local req>`.

use std::fmt;
use std::str::FromStr;

/// What a reference is called, with its text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Label {
    /// Nothing.
    None,
    /// `.name`
    Attribute(String),
    /// `[text]`
    Key(String),
    /// `<key text>`
    KeyObject(String),
    /// `[3]`
    Index(u64),
    /// `[3]`, too; parsed from text only where no position can be meant: `[-3]`.
    IntegerKey(i64),
    /// `<closure name>`
    Closure(String),
    /// `<local name>`
    Local(String),
    /// `<stack 3>`
    Stack(u64),
    /// `.__class__`
    Type,
    /// `<name>`
    Internal(String),
    /// `<element>`
    Element,
    /// `+0x18`
    Offset(u64),
}

/// A text that is no label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoLabel(String);

impl fmt::Display for NoLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no label: write `.name`, `['key']`, `[3]`, `<local x>` or the like",
            self.0
        )
    }
}

impl std::error::Error for NoLabel {}

impl FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let error = || NoLabel(text.to_owned());
        if text.is_empty() {
            return Ok(Label::None);
        }
        if let Some(name) = text.strip_prefix('.').filter(|name| !name.is_empty()) {
            return Ok(if name == "__class__" {
                Label::Type
            } else {
                Label::Attribute(name.to_owned())
            });
        }
        if let Some(key) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return Ok(match (key.parse(), key.parse()) {
                (Ok(position), _) => Label::Index(position),
                (_, Ok(integer)) => Label::IntegerKey(integer),
                _ => Label::Key(key.to_owned()),
            });
        }
        if let Some(bytes) = text.strip_prefix("+0x") {
            return u64::from_str_radix(bytes, 16)
                .map(Label::Offset)
                .map_err(|_| error());
        }
        let inner = text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .ok_or_else(error)?;
        Ok(match inner.split_once(' ') {
            Some(("key", key)) => Label::KeyObject(key.to_owned()),
            Some(("closure", name)) => Label::Closure(name.to_owned()),
            Some(("local", name)) => Label::Local(name.to_owned()),
            Some(("stack", position)) => Label::Stack(position.parse().map_err(|_| error())?),
            None if inner == "element" => Label::Element,
            _ => Label::Internal(inner.to_owned()),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::None => Ok(()),
            Label::Attribute(name) => write!(f, ".{name}"),
            Label::Key(text) => write!(f, "[{text}]"),
            Label::KeyObject(text) => write!(f, "<key {text}>"),
            Label::Index(position) => write!(f, "[{position}]"),
            Label::IntegerKey(integer) => write!(f, "[{integer}]"),
            Label::Closure(name) => write!(f, "<closure {name}>"),
            Label::Local(name) => write!(f, "<local {name}>"),
            Label::Stack(position) => write!(f, "<stack {position}>"),
            Label::Type => f.write_str(".__class__"),
            Label::Internal(name) => write!(f, "<{name}>"),
            Label::Element => f.write_str("<element>"),
            Label::Offset(bytes) => write!(f, "+{bytes:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_read_as_it_is_printed() {
        let labels = [
            ("", Label::None),
            (".cache", Label::Attribute("cache".to_owned())),
            (".__class__", Label::Type),
            ("['a']", Label::Key("'a'".to_owned())),
            ("[(1, 2)]", Label::Key("(1, 2)".to_owned())),
            ("[3]", Label::Index(3)),
            ("[-3]", Label::IntegerKey(-3)),
            ("<key 'a'>", Label::KeyObject("'a'".to_owned())),
            ("<closure x>", Label::Closure("x".to_owned())),
            ("<local req>", Label::Local("req".to_owned())),
            ("<stack 3>", Label::Stack(3)),
            ("<element>", Label::Element),
            ("+0x18", Label::Offset(24)),
            ("<mro>", Label::Internal("mro".to_owned())),
        ];
        for (text, label) in labels {
            assert_eq!(text.parse(), Ok(label.clone()), "{text}");
            assert_eq!(label.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for text in ["cache", ".", "['a'", "<stack x>", "<local", "+0x"] {
            assert!(text.parse::<Label>().is_err(), "{text}");
        }
    }
}
