//! Newtyped numbers, so that an address is never taken for an id.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number as an index into a column.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// Where an object lay in the target. Printed as `0x…`.
    Address(u64)
}
id! {
    /// The number of an object: its place in the file's object records, from 0.
    ObjectId(u32)
}
id! {
    /// The number of a type: its place in the file's type records, from 0.
    TypeId(u32)
}
id! {
    /// The number of a string: its place in the file's string records, from 0.
    StringId(u32)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
