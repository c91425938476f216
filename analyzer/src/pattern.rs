//! Which types are meant: `SomeRef`, `app.models.SomeRef`, `*Ref`.

use std::fmt;
use std::str::FromStr;

use wildmatch::WildMatch;

use crate::snapshot::TypeName;

/// A pattern for type names, as people write it.
///
/// Without `*` and `?` it must equal the short name, the qualified name or the full name, or one of those that a name of Rust is [also
/// meant](TypeName::also_meant) by; with them it must match one of these as a whole.
#[derive(Clone, Debug)]
pub struct TypePattern {
    text: String,
    glob: WildMatch,
}

impl TypePattern {
    /// Whether the type is meant.
    pub fn matches(&self, name: &TypeName) -> bool {
        [
            name.short(),
            name.qualified(),
            &name.full(),
            &name.to_string(),
        ]
        .iter()
        .any(|form| self.glob.matches(form))
            || name.also_meant().iter().any(|form| self.glob.matches(form))
    }

    /// Names that the writer of a pattern that matches nothing may have meant, nearest first: before all, those that it is a part of.
    pub fn suggestions<'n>(&self, names: impl Iterator<Item = &'n TypeName>) -> Vec<String> {
        /// Below this the likeness is chance.
        const LIKE_ENOUGH: f64 = 0.85;
        const AT_MOST: usize = 3;
        let wanted = self.text.replace(['*', '?'], "").to_lowercase();
        let mut near: Vec<(f64, String)> = names
            .map(|name| {
                let forms = [name.short(), &name.full()].map(str::to_lowercase);
                let is_part = wanted.len() > 2 && forms[1].contains(&wanted);
                let likeness = forms
                    .iter()
                    .map(|form| strsim::jaro_winkler(&wanted, form))
                    .fold(0.0, f64::max)
                    + f64::from(u8::from(is_part));
                (likeness, name.to_string())
            })
            .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        near.dedup_by(|a, b| a.1 == b.1);
        near.truncate(AT_MOST);
        near.into_iter().map(|(_, name)| name).collect()
    }
}

/// A pattern that nothing can match.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a type pattern must not be empty; write a name such as `SomeRef`, `app.models.SomeRef` or `*Ref`"
)]
pub struct EmptyPattern;

impl FromStr for TypePattern {
    type Err = EmptyPattern;

    fn from_str(text: &str) -> Result<TypePattern, EmptyPattern> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmptyPattern);
        }
        Ok(TypePattern {
            text: text.to_owned(),
            glob: WildMatch::new(text),
        })
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, module: &str, qualified: &str) -> bool {
        pattern
            .parse::<TypePattern>()
            .expect("a pattern")
            .matches(&TypeName::new(module, qualified))
    }

    #[test]
    fn a_plain_name_is_the_short_the_qualified_or_the_full_one() {
        for pattern in ["SomeRef", "Outer.SomeRef", "app.models.Outer.SomeRef"] {
            assert!(matches(pattern, "app.models", "Outer.SomeRef"), "{pattern}");
        }
        for pattern in [
            "Ref",
            "someref",
            "models.Outer.SomeRef",
            "Outer",
            "app.models",
        ] {
            assert!(
                !matches(pattern, "app.models", "Outer.SomeRef"),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_glob_matches_a_whole_name() {
        assert!(matches("*Ref", "app.models", "SomeRef"));
        assert!(matches("app.*", "app.models", "SomeRef"));
        assert!(matches("Some???", "app.models", "SomeRef"));
        assert!(!matches("Some??", "app.models", "SomeRef"));
        assert!(!matches("*models", "app.models", "SomeRef"));
    }

    #[test]
    fn builtins_are_meant_with_and_without_their_module() {
        assert!(matches("dict", "builtins", "dict"));
        assert!(matches("builtins.dict", "builtins", "dict"));
    }

    #[test]
    fn names_like_the_wanted_one_are_suggested_nearest_first() {
        let names = [
            TypeName::new("app.models", "SomeRef"),
            TypeName::new("app.models", "SomeRefs"),
            TypeName::new("ast", "Store"),
        ];
        let pattern: TypePattern = "SomRef".parse().expect("a pattern");
        assert_eq!(
            pattern.suggestions(names.iter()),
            ["app.models.SomeRef", "app.models.SomeRefs"]
        );
        let pattern: TypePattern = "zzz".parse().expect("a pattern");
        assert!(pattern.suggestions(names.iter()).is_empty());
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert_eq!(" ".parse::<TypePattern>().err(), Some(EmptyPattern));
    }
}
