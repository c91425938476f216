//! Which types a pattern means in given dumps.

use std::path::Path;

use super::AnalysisError;
use crate::pattern::TypePattern;
use crate::snapshot::{Snapshot, TypeKey, TypeName};

/// The types of one dump that are meant.
pub struct SelectedTypes(Option<Vec<bool>>);

impl SelectedTypes {
    /// Every type.
    pub fn all() -> SelectedTypes {
        SelectedTypes(None)
    }

    /// The types of `of` that the pattern matches. That a type has objects in another dump only (`also`) is no error.
    pub fn matching(
        pattern: &TypePattern,
        of: &Snapshot,
        also: Option<&Snapshot>,
    ) -> Result<SelectedTypes, AnalysisError> {
        let selected = SelectedTypes::any_of(std::slice::from_ref(pattern), of);
        let dumps = || also.into_iter().chain([of]);
        if dumps().any(|dump| used_names(dump).any(|name| pattern.matches(name))) {
            return Ok(selected);
        }
        Err(AnalysisError::NoSuchType {
            pattern: pattern.to_string(),
            files: dumps()
                .map(|dump| dump.path().display().to_string())
                .collect(),
            suggestions: pattern.suggestions(dumps().flat_map(used_names)),
        })
    }

    /// The types that one of the patterns matches; perhaps none.
    pub fn any_of(patterns: &[TypePattern], of: &Snapshot) -> SelectedTypes {
        let names = of.types().names().iter();
        let matched = names.map(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        SelectedTypes(Some(matched.collect()))
    }

    /// Whether the type is meant.
    pub fn contains(&self, key: TypeKey) -> bool {
        key != TypeKey::NONE && self.0.as_ref().is_none_or(|matched| matched[key.index()])
    }
}

/// Leaves out rows of types that are not meant. A name that is misspelt must not pass for one that does not grow.
///
/// # Errors
/// If no row of these dumps is of such a type.
pub fn retain_matching<T>(
    pattern: &TypePattern,
    rows: &mut Vec<T>,
    name: impl Fn(&T) -> &TypeName,
    dumps: &[&Path],
) -> Result<(), AnalysisError> {
    if !rows.iter().any(|row| pattern.matches(name(row))) {
        return Err(AnalysisError::NoSuchType {
            pattern: pattern.to_string(),
            files: dumps
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            suggestions: pattern.suggestions(rows.iter().map(name)),
        });
    }
    rows.retain(|row| pattern.matches(name(row)));
    Ok(())
}

/// Names of types that have objects.
fn used_names(dump: &Snapshot) -> impl Iterator<Item = &TypeName> {
    let counts = dump.census().counts.iter();
    let used = dump.types().names().iter().zip(counts);
    used.filter(|&(_, &count)| count > 0).map(|(name, _)| name)
}
