//! Types as DWARF describes them, read when they are asked for, and once.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use gimli::{DW_AT_byte_size, DW_AT_name, DW_AT_type, DwTag};

use crate::debug_info::{DebugInfo, Entry, Offset};
use crate::fields::Found;
use crate::program::ModuleSections;
use crate::type_name::{MAYBE_UNINIT, without_defaults};
use crate::written::Written;

/// A type: the module that describes it, and where.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeKey {
    /// Number of the module in its program.
    pub(crate) module: u32,
    pub(crate) entry: Offset,
}

/// Generic parameters that are types, by name.
type Parameters = Vec<(String, TypeKey)>;

/// A type's description.
#[derive(Debug)]
pub(crate) struct Description {
    /// With its path, without default parameters.
    pub(crate) name: Rc<str>,
    /// In bytes; `None` for types of no known size.
    pub(crate) size: Option<u64>,
    /// In bytes; `None` where the debug information does not say.
    pub(crate) alignment: Option<u64>,
    pub(crate) shape: Shape,
    pub(crate) parameters: Parameters,
}

/// What a type is made of.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A number or such, never a pointer.
    Scalar,
    /// A thin pointer.
    Pointer(Option<TypeKey>),
    /// A struct, a tuple, a union, an enum with payloads: members that may overlap.
    Members(Vec<Member>),
    /// So many elements; `None` for a slice.
    Array(TypeKey, Option<u64>),
    /// Not described.
    Unknown,
}

/// A field, or the payload of an enum's variant.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) offset: u64,
    pub(crate) ty: TypeKey,
}

/// The types of a program's modules.
pub(crate) struct Types<'a> {
    sections: &'a [ModuleSections<'a>],
    /// Read when something of them is asked for: most libraries of a program never are.
    modules: Vec<OnceCell<Option<DebugInfo<'a>>>>,
    known: RefCell<HashMap<TypeKey, Rc<Description>, RandomState>>,
    /// What was found at offsets; few of all offsets are ever asked for, those again and again.
    pub(crate) found: RefCell<HashMap<(TypeKey, u64), Found, RandomState>>,
    /// How surely offsets are written.
    pub(crate) written: RefCell<HashMap<(TypeKey, u64), Written, RandomState>>,
}

/// Namespaces in namespaces; more is an error in the debug information.
const DEEPEST_PATH: usize = 64;
/// Arrays of arrays of pointers without names of their own.
const DEEPEST_NAME: u32 = 16;

impl<'a> Types<'a> {
    /// Of modules, some of which have no debug information.
    pub(crate) fn new(sections: &'a [ModuleSections<'a>]) -> Types<'a> {
        Types {
            sections,
            modules: sections.iter().map(|_| OnceCell::new()).collect(),
            known: RefCell::default(),
            found: RefCell::default(),
            written: RefCell::default(),
        }
    }

    /// A module's debug information; `None` if there is none that can be read.
    pub(crate) fn module(&self, number: u32) -> Option<&DebugInfo<'a>> {
        let number = number as usize;
        let read = || self.sections.get(number)?.debug_info();
        self.modules.get(number)?.get_or_init(read).as_ref()
    }

    /// What is known of a type.
    pub(crate) fn describe(&self, key: TypeKey) -> Rc<Description> {
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let described = self.read(key).unwrap_or_else(|| Description {
            name: self.read_name(key),
            size: None,
            alignment: None,
            shape: Shape::Unknown,
            parameters: Vec::new(),
        });
        let described = Rc::new(described);
        self.known.borrow_mut().insert(key, Rc::clone(&described));
        described
    }

    /// The generic parameter of that name.
    pub(crate) fn parameter(&self, key: TypeKey, name: &str) -> Option<TypeKey> {
        let description = self.describe(key);
        let found = description.parameters.iter().find(|(own, _)| own == name);
        found.map(|&(_, ty)| ty)
    }

    /// The type of a value, without the `MaybeUninit` that it wears until it is written.
    pub(crate) fn initialised(&self, key: TypeKey) -> TypeKey {
        match self.describe(key).name.starts_with(MAYBE_UNINIT) {
            true => self.parameter(key, "T").unwrap_or(key),
            false => key,
        }
    }

    /// The type whose functions a vtable of this type holds; `None` for what is no vtable.
    pub(crate) fn behind_vtable(&self, vtable: TypeKey) -> Option<TypeKey> {
        let TypeKey { module, entry: at } = vtable;
        let info = self.module(module)?;
        let entry = info.reference(at, &info.entry(at)?, gimli::DW_AT_containing_type)?;
        Some(TypeKey { module, entry })
    }

    /// What an array is one of.
    pub(crate) fn element(&self, array: TypeKey) -> Option<TypeKey> {
        match self.describe(array).shape {
            Shape::Array(element, _) => Some(element),
            _ => None,
        }
    }

    /// The path of the namespaces and types that an entry lies in: `app::models`.
    pub(crate) fn path(&self, module: u32, entry: Offset) -> String {
        let mut names = Vec::new();
        let Some(info) = self.module(module) else {
            return String::new();
        };
        let mut at = entry;
        while let Some(parent) = info.parent(at)
            && names.len() < DEEPEST_PATH
        {
            at = parent;
            let Some(entry) = info.entry(at) else { break };
            if !adds_to_path(entry.tag()) {
                break;
            }
            if let Some(name) = info.text(at, &entry, DW_AT_name) {
                names.push(name);
            }
        }
        names.reverse();
        names.join("::")
    }

    /// A variable's name with its path; both may stand in its declaration only.
    pub(crate) fn variable_name(&self, module: u32, entry: Offset) -> String {
        let Some(info) = self.module(module) else {
            return String::new();
        };
        let origins = info.origins(entry);
        let named = origins
            .iter()
            .find_map(|(at, entry)| info.text(*at, entry, DW_AT_name));
        let path = origins.last().map(|(at, _)| self.path(module, *at));
        let parts = [path.unwrap_or_default(), named.unwrap_or_default()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("::")
    }

    /// A type's name with its path, without default parameters; empty if it has none.
    pub(crate) fn name(&self, key: TypeKey) -> Rc<str> {
        Rc::clone(&self.describe(key).name)
    }

    fn read_name(&self, key: TypeKey) -> Rc<str> {
        without_defaults(&self.name_within(key, DEEPEST_NAME)).into()
    }

    fn name_within(&self, key: TypeKey, deepest: u32) -> String {
        let TypeKey { module, entry: at } = key;
        let Some(info) = self.module(module) else {
            return String::new();
        };
        let Some(entry) = info.entry(at) else {
            return String::new();
        };
        if let Some(name) = info.text(at, &entry, DW_AT_name) {
            let path = self.path(module, at);
            return if path.is_empty() {
                name
            } else {
                format!("{path}::{name}")
            };
        }
        let inner = info.reference(at, &entry, DW_AT_type);
        let inner = match inner {
            Some(entry) if deepest > 0 => self.name_within(TypeKey { module, entry }, deepest - 1),
            _ => "_".into(),
        };
        match entry.tag() {
            gimli::DW_TAG_array_type => match self.count(key) {
                Some(count) => format!("[{inner}; {count}]"),
                None => format!("[{inner}]"),
            },
            gimli::DW_TAG_pointer_type => format!("*{inner}"),
            _ => inner,
        }
    }

    fn read(&self, key: TypeKey) -> Option<Description> {
        let TypeKey { module, entry: at } = key;
        let info = self.module(module)?;
        let entry = info.entry(at)?;
        let refers = |at, entry: &Entry<'a>| {
            let entry = info.reference(at, entry, DW_AT_type)?;
            Some(TypeKey { module, entry })
        };
        let mut size = number(&entry, DW_AT_byte_size);
        let mut alignment = number(&entry, gimli::DW_AT_alignment);
        let mut parameters = Vec::new();
        let shape = match entry.tag() {
            // Programs in C keep pointers, tagged ones above all, in integers of their size; those in Rust have pointers for it.
            gimli::DW_TAG_base_type
                if size == Some(POINTER)
                    && info
                        .text(at, &entry, DW_AT_name)
                        .is_some_and(|name| name.contains("long")) =>
            {
                alignment = alignment.or(size);
                Shape::Unknown
            }
            gimli::DW_TAG_base_type | gimli::DW_TAG_enumeration_type => {
                alignment = alignment.or(size);
                Shape::Scalar
            }
            gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => {
                size = size.or(Some(POINTER));
                alignment = Some(POINTER);
                Shape::Pointer(refers(at, &entry))
            }
            gimli::DW_TAG_subroutine_type => Shape::Scalar,
            gimli::DW_TAG_array_type => {
                let count = self.count(key);
                let element = refers(at, &entry)?;
                let each = self.describe_element(element);
                size = count.and_then(|count| each.0?.checked_mul(count));
                alignment = each.1;
                Shape::Array(element, count)
            }
            gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_union_type => {
                let (members, generics) = self.members(key)?;
                parameters = generics;
                if number(&entry, gimli::DW_AT_declaration).is_some() {
                    Shape::Unknown
                } else {
                    Shape::Members(members)
                }
            }
            gimli::DW_TAG_typedef
            | gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_atomic_type => {
                let offset = 0;
                let ty = refers(at, &entry)?;
                let (own, align) = self.describe_element(ty);
                (size, alignment) = (size.or(own), alignment.or(align));
                let name = String::new();
                Shape::Members(vec![Member { name, offset, ty }])
            }
            _ => Shape::Unknown,
        };
        let name = self.read_name(key);
        Some(Description {
            name,
            size,
            alignment,
            shape,
            parameters,
        })
    }

    /// Size and alignment of an element, read from its entry: arrays in arrays are followed no deeper than the path of names may be.
    fn describe_element(&self, element: TypeKey) -> (Option<u64>, Option<u64>) {
        let Some(info) = self.module(element.module) else {
            return (None, None);
        };
        let mut at = element.entry;
        let mut times = Some(1_u64);
        for _ in 0..DEEPEST_PATH {
            let Some(entry) = info.entry(at) else {
                break;
            };
            let own = number(&entry, DW_AT_byte_size);
            let alignment = number(&entry, gimli::DW_AT_alignment);
            let inner = info.reference(at, &entry, DW_AT_type);
            match entry.tag() {
                gimli::DW_TAG_pointer_type => {
                    return (times.and_then(|n| n.checked_mul(POINTER)), Some(POINTER));
                }
                gimli::DW_TAG_base_type | gimli::DW_TAG_enumeration_type => {
                    let size = own.and_then(|own| own.checked_mul(times?));
                    return (size, alignment.or(own));
                }
                gimli::DW_TAG_array_type => {
                    let module = element.module;
                    let count = self.count(TypeKey { module, entry: at });
                    times = count.and_then(|count| count.checked_mul(times?));
                }
                _ if own.is_some() => {
                    let size = own.and_then(|own| own.checked_mul(times?));
                    return (size, alignment);
                }
                _ => {}
            }
            let Some(inner) = inner else { break };
            at = inner;
        }
        (None, None)
    }

    /// How many elements an array has.
    fn count(&self, array: TypeKey) -> Option<u64> {
        let info = self.module(array.module)?;
        let mut count = None;
        info.each_below(array.entry, |_, depth, entry| {
            if depth == 1 && entry.tag() == gimli::DW_TAG_subrange_type {
                let bound = number(entry, gimli::DW_AT_upper_bound);
                let own = number(entry, gimli::DW_AT_count)
                    .or_else(|| bound.and_then(|last| last.checked_add(1)));
                count = Some(own);
            }
            Some(())
        })?;
        count.flatten()
    }

    /// The members of a struct, a union, or all variants of an enum, and the generic parameters.
    fn members(&self, key: TypeKey) -> Option<(Vec<Member>, Parameters)> {
        let TypeKey { module, entry: at } = key;
        let info = self.module(module)?;
        let mut members = Vec::new();
        let mut parameters = Vec::new();
        // How deep in variant parts: entry kinds by depth, as long as they are variant parts and variants.
        let mut open = 0;
        info.each_below(at, |at, depth, entry| {
            open = open.min(depth - 1);
            if depth - 1 > open {
                return Some(());
            }
            let tag = entry.tag();
            match tag {
                gimli::DW_TAG_variant_part | gimli::DW_TAG_variant => open = depth,
                // What all objects of the class share lies elsewhere.
                gimli::DW_TAG_member if entry.attr_value(gimli::DW_AT_external).is_some() => {}
                gimli::DW_TAG_inheritance => {
                    // Without a number it is told at run time where the base lies: nothing is known of such a class.
                    let offset = number(entry, gimli::DW_AT_data_member_location)?;
                    let ty = info.reference(at, entry, DW_AT_type)?;
                    members.push(Member {
                        name: String::new(),
                        offset,
                        ty: TypeKey { module, entry: ty },
                    });
                }
                gimli::DW_TAG_member => {
                    let ty = info.reference(at, entry, DW_AT_type)?;
                    members.push(Member {
                        name: field_name(info.text(at, entry, DW_AT_name)),
                        offset: number(entry, gimli::DW_AT_data_member_location).unwrap_or(0),
                        ty: TypeKey { module, entry: ty },
                    });
                }
                gimli::DW_TAG_template_type_parameter => {
                    if let (Some(name), Some(entry)) = (
                        info.text(at, entry, DW_AT_name),
                        info.reference(at, entry, DW_AT_type),
                    ) {
                        parameters.push((name, TypeKey { module, entry }));
                    }
                }
                _ => {}
            }
            Some(())
        })?;
        Some((members, parameters))
    }
}

/// Bytes of a pointer on the targets that there are.
const POINTER: u64 = 8;

/// `__0`, the field of a tuple, is written `0`.
fn field_name(name: Option<String>) -> String {
    let name = name.unwrap_or_default();
    match name.strip_prefix("__") {
        Some(digits) if digits.bytes().all(|c| c.is_ascii_digit()) => digits.to_owned(),
        _ => name,
    }
}

fn adds_to_path(tag: DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
    )
}

/// The value of an attribute that is a number.
pub(crate) fn number(entry: &Entry<'_>, name: gimli::DwAt) -> Option<u64> {
    match entry.attr_value(name)? {
        gimli::AttributeValue::Flag(flag) => flag.then_some(1),
        value => value.udata_value(),
    }
}
