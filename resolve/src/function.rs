//! What a function of a stack is called, in which module it is, and for which types it was compiled.

use crate::debug_info::{FoundFunction, Offset};
use crate::type_name::split_generics;
use crate::types::{TypeKey, Types};

/// A function of a stack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Function {
    /// `alloc::vec`: namespaces, without the type that it belongs to.
    pub(crate) module: String,
    /// `push`, without generic parameters.
    pub(crate) name: String,
    /// The type that it is a method of, if the debug information says.
    pub(crate) owner: Option<TypeKey>,
    /// The owner's name.
    pub(crate) owner_name: String,
    /// Its generic parameters.
    pub(crate) generics: Generics,
    /// Whether the compiler made it a function of its own, rather than a part of another one.
    pub(crate) is_whole: bool,
}

/// For which types a function was compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generics {
    /// By name, as full debug information has them.
    pub(crate) types: Vec<(String, TypeKey)>,
    /// As they stand in the function's name.
    pub(crate) written: Vec<String>,
}

impl Function {
    /// What is known of a function that was found.
    pub(crate) fn describe(types: &Types<'_>, module: u32, found: &FoundFunction) -> Function {
        let mut function = Function::default();
        if let Some(entry) = found.entry {
            function.read(types, module, entry);
        }
        if function.module.is_empty()
            && let Some(file) = &found.file
        {
            function.module = module_of_file(file);
        }
        function
    }

    fn read(&mut self, types: &Types<'_>, module: u32, entry: Offset) {
        let Some(info) = types.module(module) else {
            return;
        };
        for (at, entry) in info.origins(entry) {
            if self.name.is_empty()
                && let Some(name) = info.text(at, &entry, gimli::DW_AT_name)
            {
                let (base, written) = split_generics(&name);
                self.name = base.to_owned();
                self.generics.written = written.into_iter().map(str::to_owned).collect();
            }
            if self.generics.types.is_empty() {
                self.generics.types = generics(types, module, at);
            }
            // The declaration lies where the function belongs to; definitions and copies may lie anywhere.
            self.place(types, module, at);
        }
    }

    fn place(&mut self, types: &Types<'_>, module: u32, at: Offset) {
        let Some(info) = types.module(module) else {
            return;
        };
        let Some(parent) = info.parent(at) else {
            return;
        };
        let Some(entry) = info.entry(parent) else {
            return;
        };
        match entry.tag() {
            gimli::DW_TAG_namespace => self.module = types.path(module, at),
            gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type => {
                let owner = TypeKey {
                    module,
                    entry: parent,
                };
                self.module = types.path(module, parent);
                self.owner_name = info
                    .text(parent, &entry, gimli::DW_AT_name)
                    .unwrap_or_default();
                self.owner = Some(owner);
            }
            _ => {}
        }
    }

    /// `alloc::vec::Vec::push`, for people.
    pub(crate) fn full_name(&self) -> String {
        let owner = split_generics(&self.owner_name).0;
        let parts = [&self.module, owner, &self.name];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("::")
    }

    /// Whether it was compiled for types, so that the code may be another's: LLVM merges functions that come out equal.
    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.types.is_empty()
            || !self.generics.written.is_empty()
            || self.owner_name.contains('<')
    }

    /// Whether it belongs to Rust's own libraries, or C++'s.
    pub(crate) fn is_library(&self) -> bool {
        ["core", "alloc", "std", "__gnu_cxx"]
            .iter()
            .any(|name| self.is_in(name))
    }

    /// Whether it lies in this module or one below.
    pub(crate) fn is_in(&self, module: &str) -> bool {
        self.module
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

fn generics(types: &Types<'_>, module: u32, at: Offset) -> Vec<(String, TypeKey)> {
    let mut found = Vec::new();
    if let Some(info) = types.module(module) {
        // What could be read counts, even if something behind it could not.
        let _ = info.each_below(at, |at, depth, entry| {
            if depth == 1 && entry.tag() == gimli::DW_TAG_template_type_parameter {
                let name = info.text(at, entry, gimli::DW_AT_name)?;
                let entry = info.reference(at, entry, gimli::DW_AT_type)?;
                found.push((name, TypeKey { module, entry }));
            }
            Some(())
        });
    }
    found
}

/// Line tables alone name no modules, but files: `…/library/alloc/src/raw_vec/mod.rs` is `alloc::raw_vec`.
fn module_of_file(file: &str) -> String {
    let Some((before, inside)) = file.rsplit_once("/src/") else {
        return String::new();
    };
    let name = before.rsplit('/').next().unwrap_or(before);
    // `hashbrown-0.15.2`, as the registry's sources are called.
    let name = match name.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        _ => name,
    };
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut path = vec![name.replace('-', "_")];
    path.extend(inside.split('/').map(str::to_owned));
    if matches!(
        path.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        path.pop();
    }
    path.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_the_module() {
        for (file, module) in [
            (
                "/rustc/59807/library/alloc/src/raw_vec/mod.rs",
                "alloc::raw_vec",
            ),
            (
                "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs",
                "hashbrown::raw",
            ),
            ("/src/my-app/src/main.rs", "my_app"),
            ("/src/my-app/src/store/cache.rs", "my_app::store::cache"),
            ("odd.rs", ""),
        ] {
            assert_eq!(module_of_file(file), module);
        }
    }
}
