//! Texts of labels as numbers, so that equal texts are equal numbers. A dump may hold one text several times.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{Label, ReadError, StringId};

use super::super::label_text::{attribute_of_key, label_text};
use crate::snapshot::Snapshot;

/// The number of a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Name(u32);

#[cfg(test)]
impl Name {
    pub(super) fn numbered(number: u32) -> Name {
        Name(number)
    }
}

/// All texts met so far.
pub(super) struct Names<'s> {
    snapshot: &'s Snapshot,
    texts: Vec<String>,
    by_text: HashMap<String, Name, RandomState>,
    by_label: HashMap<Label, Name, RandomState>,
    attributes: HashMap<StringId, Option<Name>, RandomState>,
}

impl<'s> Names<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Names<'s> {
        Names {
            snapshot,
            texts: Vec::new(),
            by_text: HashMap::default(),
            by_label: HashMap::default(),
            attributes: HashMap::default(),
        }
    }

    /// The name of a text.
    pub(super) fn intern(&mut self, text: String) -> Name {
        *self.by_text.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            Name(self.texts.len() as u32 - 1)
        })
    }

    /// A label as it is printed.
    pub(super) fn label(&mut self, label: Label) -> Result<Name, ReadError> {
        if let Some(&known) = self.by_label.get(&label) {
            return Ok(known);
        }
        let name = self.intern(label_text(self.snapshot, label)?);
        self.by_label.insert(label, name);
        Ok(name)
    }

    /// `.x`, if the key of a namespace is a name.
    pub(super) fn attribute(&mut self, key: StringId) -> Result<Option<Name>, ReadError> {
        if let Some(&known) = self.attributes.get(&key) {
            return Ok(known);
        }
        let text = self.snapshot.text(key)?;
        let name = attribute_of_key(&text).map(|attribute| self.intern(format!(".{attribute}")));
        self.attributes.insert(key, name);
        Ok(name)
    }

    /// A name's text.
    pub(super) fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}
