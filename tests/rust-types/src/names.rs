//! What blocks are called: by the type of what owns them.

use std::any::type_name;

/// Names of types by the size of the block, 0 = any size.
pub type Names = &'static [(usize, &'static str)];

pub fn of<T: ?Sized>(wrap: impl Fn(&str) -> String) -> Names {
    let name: &'static str = wrap(type_name::<T>()).leak();
    vec![(0, name)].leak()
}
pub fn one<T>() -> Names {
    of::<T>(|name| name.into())
}
pub fn many<T>() -> Names {
    of::<T>(|name| format!("[{name}]"))
}
pub fn shared<T: ?Sized>() -> Names {
    of::<T>(|name| format!("alloc::sync::Arc<{name}>"))
}
pub fn counted<T: ?Sized>() -> Names {
    of::<T>(|name| format!("alloc::rc::Rc<{name}>"))
}
pub fn table<T>() -> Names {
    of::<T>(|name| format!("hashbrown::raw::RawTable<{name}>"))
}
pub fn nodes<K, V>() -> Names {
    of::<(K, V)>(|_| format!("btree<{}, {}>", type_name::<K>(), type_name::<V>()))
}
pub fn text() -> Names {
    of::<str>(|name| name.into())
}
/// Memory of no one type.
pub fn mixed() -> Names {
    of::<str>(|_| "mixed".into())
}
/// Blocks that hold a value of a type whose name nobody can write: the value itself, and what its size tells apart.
pub fn value<T>(_: &T) -> Names {
    of::<T>(|name| name.into())
}
