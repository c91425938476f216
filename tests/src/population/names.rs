//! What a population's objects are called, and the addresses of those that do not move: types, shared strings, globals.

use crate::record::RawLabel;

pub(super) const SHARED_STRINGS: u64 = 64;
const STATIC_BASE: u64 = 0x5500_0000_0000;

/// The builtin types, in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Builtin {
    Type,
    Module,
    Dict,
    List,
    Tuple,
    Str,
    Bytes,
    Int,
    ModelState,
}

impl Builtin {
    pub(super) const ALL: [(Builtin, &'static str, &'static str); 9] = [
        (Builtin::Type, "builtins", "type"),
        (Builtin::Module, "builtins", "module"),
        (Builtin::Dict, "builtins", "dict"),
        (Builtin::List, "builtins", "list"),
        (Builtin::Tuple, "builtins", "tuple"),
        (Builtin::Str, "builtins", "str"),
        (Builtin::Bytes, "builtins", "bytes"),
        (Builtin::Int, "builtins", "int"),
        (Builtin::ModelState, "django.db.models.base", "ModelState"),
    ];

    pub(super) fn id(self) -> u64 {
        self as u64
    }
}

/// The objects behind the module-level names that hold everything, in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Global {
    Views,
    ViewsDict,
    Data,
    Leaked,
    Registry,
    RegistryDict,
    Windows,
}

impl Global {
    pub(super) const COUNT: u64 = 7;

    pub(super) fn address(self) -> u64 {
        STATIC_BASE + 0x10_0000 + self as u64 * 4096
    }
}

pub(super) fn type_address(id: u64) -> u64 {
    STATIC_BASE + 0x1_0000 + id * 1088
}

pub(super) fn shared_string(number: u64) -> u64 {
    STATIC_BASE + number % SHARED_STRINGS * 64
}

/// The string ids of names and keys that labels use.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) Vec<(&'static str, u64)>);

impl Names {
    pub(super) const ALL: [&'static str; 16] = [
        "name",
        "tags",
        "options",
        "created",
        "owner",
        "_state",
        "db",
        "fields_cache",
        "'id'",
        "'kind'",
        "'link'",
        "__dict__",
        "'global_data'",
        "'a'",
        "'windows'",
        "payload",
    ];

    pub(super) fn id(&self, text: &str) -> u64 {
        self.0
            .iter()
            .find(|(name, _)| *name == text)
            .expect("the name is in the list")
            .1
    }

    pub(super) fn attribute(&self, name: &str) -> RawLabel {
        RawLabel {
            kind: 1,
            value: self.id(name),
        }
    }

    pub(super) fn key(&self, text: &str) -> RawLabel {
        RawLabel {
            kind: 2,
            value: self.id(text),
        }
    }

    pub(super) fn key_object(&self, text: &str) -> RawLabel {
        RawLabel {
            kind: 3,
            value: self.id(text),
        }
    }
}

pub(super) fn index(position: u64) -> RawLabel {
    RawLabel {
        kind: 4,
        value: position,
    }
}

pub(super) const CLASS: RawLabel = RawLabel { kind: 9, value: 0 };
