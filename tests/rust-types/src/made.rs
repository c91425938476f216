//! Blocks as a service makes them again and again, with what they truly are.

use crate::names::{Names, many, of, one};
use crate::recorder::making;

/// A value in a box.
pub fn boxed<T>(value: T) -> Box<T> {
    making(one::<T>(), || Box::new(value))
}

/// One more element of a vector.
pub fn push<T>(all: &mut Vec<T>, value: T) {
    making(many::<T>(), || all.push(value));
}

/// Blocks that hold a value of a type whose name nobody can write, behind the counts of a pointer.
pub fn behind<T>(owner: &str, _: &T) -> Names {
    of::<T>(|name| format!("{owner}<{name}>"))
}
