//! What a type is called.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// The name of a type: its module and its qualified name in there. Two types of one name count as the same type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeName {
    module: String,
    qualified: String,
}

impl TypeName {
    /// The name of a type whose module (empty for none) and qualified name are given.
    pub fn new(module: impl Into<String>, qualified: impl Into<String>) -> TypeName {
        TypeName {
            module: module.into(),
            qualified: qualified.into(),
        }
    }

    /// `app.models`, or nothing.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// `Outer.SomeRef`.
    pub fn qualified(&self) -> &str {
        &self.qualified
    }

    /// `app.models.Outer.SomeRef`.
    pub fn full(&self) -> String {
        if self.module.is_empty() {
            self.qualified.clone()
        } else {
            format!("{}.{}", self.module, self.qualified)
        }
    }

    /// `SomeRef`: what stands behind the last separator that is in no brackets.
    pub fn short(&self) -> &str {
        last_part(&self.qualified)
    }

    /// Names of Rust that are meant by this one as well: the type without its generics, and what a block of the type wraps.
    /// `alloc::sync::Arc<app::SomeRef>`: `alloc::sync::Arc`, `Arc`, `app::SomeRef`, `SomeRef`. `[app::SomeRef]`: the last two.
    pub fn also_meant(&self) -> Vec<&str> {
        /// Hold one value each, and are not what anybody looks for.
        const WRAPPERS: [&str; 12] = [
            "Arc",
            "Rc",
            "Box",
            "Pin",
            "Mutex",
            "RwLock",
            "RefCell",
            "Cell",
            "UnsafeCell",
            "OnceLock",
            "OnceCell",
            "ManuallyDrop",
        ];
        let mut names = Vec::new();
        let mut rest = self.qualified.as_str();
        loop {
            if let Some(items) = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')) {
                rest = items;
                continue;
            }
            names.extend([rest, last_part(rest)]);
            let Some((base, arguments)) = rest.strip_suffix('>').and_then(|r| r.split_once('<'))
            else {
                return names;
            };
            names.extend([base, last_part(base)]);
            if !WRAPPERS.contains(&last_part(base)) {
                return names;
            }
            rest = arguments;
        }
    }
}

/// What stands behind the last separator that is in no brackets.
fn last_part(name: &str) -> &str {
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in name.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            '.' | ':' if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    &name[start..]
}

/// As people write it: builtins without their module.
impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.module.is_empty() || self.module == "builtins" {
            f.write_str(&self.qualified)
        } else {
            write!(f, "{}.{}", self.module, self.qualified)
        }
    }
}

impl Serialize for TypeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The string that it is in JSON.
impl JsonSchema for TypeName {
    fn schema_name() -> Cow<'static, str> {
        "TypeName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_rust_is_meant_by_what_it_wraps() {
        let meant =
            |name: &str, pattern: &str| TypeName::new("", name).also_meant().contains(&pattern);
        for pattern in [
            "alloc::sync::Arc",
            "Arc",
            "Arc<app::SomeRef>",
            "app::SomeRef",
            "SomeRef",
        ] {
            assert!(
                meant("alloc::sync::Arc<app::SomeRef>", pattern),
                "{pattern}"
            );
        }
        assert!(meant("[app::SomeRef]", "SomeRef") && meant("[[app::SomeRef]]", "app::SomeRef"));
        assert!(meant(
            "alloc::sync::Arc<std::sync::Mutex<app::Cache<app::Key>>>",
            "Cache"
        ));
        assert!(!meant("alloc::sync::Arc<app::Cache<app::Key>>", "Key"));
        assert!(!meant(
            "hashbrown::raw::RawTable<(u64, app::SomeRef)>",
            "SomeRef"
        ));
        for odd in [
            "",
            "[]",
            "<",
            ">",
            "<>",
            "[a",
            "a>",
            "Arc<",
            "Arc<>",
            "Arc<Arc<>>",
        ] {
            TypeName::new("", odd).also_meant();
        }
    }

    #[test]
    fn the_short_name_is_the_last_part_outside_of_brackets() {
        for (qualified, short) in [
            ("SomeRef", "SomeRef"),
            ("Outer.SomeRef", "SomeRef"),
            ("make.<locals>.SomeRef", "SomeRef"),
            ("alloc::sync::Arc<app::SomeRef>", "Arc<app::SomeRef>"),
            ("<odd", "<odd"),
            ("", ""),
        ] {
            assert_eq!(TypeName::new("m", qualified).short(), short);
        }
    }

    #[test]
    fn builtins_are_written_without_their_module() {
        assert_eq!(TypeName::new("builtins", "dict").to_string(), "dict");
        assert_eq!(TypeName::new("builtins", "dict").full(), "builtins.dict");
        assert_eq!(TypeName::new("", "T").to_string(), "T");
        assert_eq!(TypeName::new("a.b", "T").to_string(), "a.b.T");
    }
}
