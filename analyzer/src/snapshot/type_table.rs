//! The types of one dump, folded by name.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{Dump, ReadError, TypeId};

use super::printable::printable;
use super::type_name::TypeName;

/// The number of a distinct type name in one dump.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeKey(u32);

impl TypeKey {
    /// Marks what is no object: the record was lost, or repeats another object's address.
    pub const NONE: TypeKey = TypeKey(u32::MAX);

    /// As an index into a column that has an entry for each key.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The distinct type names of a dump, and which of them each type record has.
///
/// A program that reloads a module or makes classes in a function has several type objects of one name: for people they
/// are one type.
pub struct TypeTable {
    names: Vec<TypeName>,
    keys: Vec<TypeKey>,
    unknown: TypeKey,
}

impl TypeTable {
    /// Reads the types of a dump.
    pub fn read(dump: &Dump) -> Result<TypeTable, ReadError> {
        let strings = dump.strings();
        let names = dump
            .types()?
            .iter()
            .map(|record| {
                let module = strings.get(record.module)?;
                let name = strings.get(record.name)?;
                Ok(TypeName::new(printable(module), printable(name)))
            })
            .collect::<Result<Vec<TypeName>, ReadError>>()?;
        Ok(TypeTable::new(names))
    }

    /// The table of types with these names, in the order of their ids.
    ///
    /// Names that people write alike are one: `b.C` in the module `a` and `C` in `a.b`, a builtin and a type without a module.
    pub fn new(of: Vec<TypeName>) -> TypeTable {
        let mut known: HashMap<String, TypeKey, RandomState> = HashMap::default();
        let mut names = Vec::new();
        let mut key_of = |name: TypeName| {
            *known.entry(name.to_string()).or_insert_with(|| {
                names.push(name);
                TypeKey(names.len() as u32 - 1)
            })
        };
        let keys = of.into_iter().map(&mut key_of).collect();
        let unknown = key_of(TypeName::new("", "<unknown type>"));
        TypeTable {
            names,
            keys,
            unknown,
        }
    }

    /// The key of a type record. Types whose records were lost share one.
    pub fn key(&self, id: TypeId) -> TypeKey {
        self.keys.get(id.index()).copied().unwrap_or(self.unknown)
    }

    /// What a type is called.
    pub fn name(&self, key: TypeKey) -> &TypeName {
        &self.names[key.index()]
    }

    /// Every distinct name, in the order of the keys.
    pub fn names(&self) -> &[TypeName] {
        &self.names
    }

    /// Every key and its name.
    pub fn iter(&self) -> impl Iterator<Item = (TypeKey, &TypeName)> {
        (0..).map(TypeKey).zip(&self.names)
    }

    /// How many distinct names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_one_name_share_a_key() {
        let name = |n: &str| TypeName::new("m", n);
        let table = TypeTable::new(vec![name("A"), name("B"), name("A")]);
        assert_eq!(table.key(TypeId(0)), table.key(TypeId(2)));
        assert_ne!(table.key(TypeId(0)), table.key(TypeId(1)));
        assert_eq!(table.name(table.key(TypeId(1))), &name("B"));
    }

    #[test]
    fn names_that_are_written_alike_are_one() {
        let names = [("a", "b.C"), ("builtins", "T"), ("a.b", "C"), ("", "T")];
        let names = names.map(|(module, qualified)| TypeName::new(module, qualified));
        let table = TypeTable::new(names.to_vec());
        assert_eq!(table.key(TypeId(0)), table.key(TypeId(2)));
        assert_eq!(table.key(TypeId(1)), table.key(TypeId(3)));
        assert_ne!(table.key(TypeId(0)), table.key(TypeId(1)));
    }

    #[test]
    fn a_lost_type_is_unknown() {
        let table = TypeTable::new(vec![]);
        assert_eq!(
            table.name(table.key(TypeId(7))).to_string(),
            "<unknown type>"
        );
    }
}
