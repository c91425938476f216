//! Labels and the numbers that stand for them in a file.

use crate::ids::StringId;
use crate::model::{Label, Strength};

/// A label's kind and strength as one byte of the file; without the value that belongs to it, it is no [`Label`] yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(transparent)]
pub struct LabelKind(pub u8);

const WEAK: u8 = 0x80;

/// The kinds whose value is a string's id, a bit each.
const NAMED: u128 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 10;

impl LabelKind {
    /// The kind without the strength.
    #[inline(always)]
    pub(crate) fn number(self) -> u8 {
        self.0 & !WEAK
    }

    /// Whether the value is a string's id.
    #[inline(always)]
    pub fn has_name(self) -> bool {
        NAMED >> self.number() & 1 != 0
    }

    /// Whether the reference keeps its target alive.
    #[inline]
    pub fn strength(self) -> Strength {
        if self.0 & WEAK == 0 {
            Strength::Strong
        } else {
            Strength::Weak
        }
    }

    /// The whole label. A kind of a later version reads as [`Label::None`].
    #[inline]
    pub fn label(self, value: u64) -> Label {
        let string = StringId(value as u32);
        match self.number() {
            1 => Label::Attribute(string),
            2 => Label::Key(string),
            3 => Label::KeyObject(string),
            4 => Label::Index(value),
            5 => Label::IntegerKey(value as i64),
            6 => Label::Closure(string),
            7 => Label::Local(string),
            8 => Label::Stack(value),
            9 => Label::Type,
            10 => Label::Internal(string),
            11 => Label::Element,
            12 => Label::Offset(value),
            _ => Label::None,
        }
    }

    /// The byte and the value that stand for a label.
    #[inline(always)]
    pub(crate) fn encode(label: Label, strength: Strength) -> (LabelKind, u64) {
        let (number, value) = match label {
            Label::None => (0, 0),
            Label::Attribute(string) => (1, u64::from(string.0)),
            Label::Key(string) => (2, u64::from(string.0)),
            Label::KeyObject(string) => (3, u64::from(string.0)),
            Label::Index(position) => (4, position),
            Label::IntegerKey(integer) => (5, integer as u64),
            Label::Closure(string) => (6, u64::from(string.0)),
            Label::Local(string) => (7, u64::from(string.0)),
            Label::Stack(position) => (8, position),
            Label::Type => (9, 0),
            Label::Internal(string) => (10, u64::from(string.0)),
            Label::Element => (11, 0),
            Label::Offset(bytes) => (12, bytes),
        };
        let weak = match strength {
            Strength::Strong => 0,
            Strength::Weak => WEAK,
        };
        (LabelKind(number | weak), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_survives_with_the_number_of_the_text() {
        let labels = [
            Label::None,
            Label::Attribute(StringId(1)),
            Label::Key(StringId(u32::MAX)),
            Label::KeyObject(StringId(3)),
            Label::Index(u64::MAX),
            Label::IntegerKey(-1),
            Label::Closure(StringId(4)),
            Label::Local(StringId(5)),
            Label::Stack(7),
            Label::Type,
            Label::Internal(StringId(8)),
            Label::Element,
            Label::Offset(24),
        ];
        for (number, label) in labels.into_iter().enumerate() {
            for strength in [Strength::Strong, Strength::Weak] {
                let (kind, value) = LabelKind::encode(label, strength);
                assert_eq!(usize::from(kind.0 & 0x7f), number);
                assert_eq!(kind.0 & 0x80 != 0, strength == Strength::Weak);
                assert_eq!((kind.label(value), kind.strength()), (label, strength));
                let named = !matches!(
                    label,
                    Label::None
                        | Label::Index(_)
                        | Label::IntegerKey(_)
                        | Label::Stack(_)
                        | Label::Type
                        | Label::Element
                        | Label::Offset(_)
                );
                assert_eq!(kind.has_name(), named);
            }
        }
        assert_eq!(LabelKind(13).label(5), Label::None);
        assert_eq!(LabelKind(0xff).label(5), Label::None);
    }
}
