//! What blocks are called: by the type of what owns them.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::recorder::making;

/// Names of types by the size of the block, 0 = any size.
pub type Names = &'static [(usize, &'static str)];

/// Whether names are kept but once: of a service they would be most of all blocks.
static ONCE: AtomicBool = AtomicBool::new(false);

/// From here on each name is kept once.
#[cfg(feature = "service")]
pub fn keep_once() {
    ONCE.store(true, Ordering::Relaxed);
}

pub fn of<T: ?Sized>(wrap: impl Fn(&str) -> String) -> Names {
    let name = wrap(type_name::<T>());
    match ONCE.load(Ordering::Relaxed) {
        true => any_size(name),
        false => vec![(0, &*name.leak())].leak(),
    }
}
/// The name of blocks of any size.
pub fn any_size(name: String) -> Names {
    by_size([(0, name)])
}
/// Each list of names is kept once, and is nobody's truth.
pub fn by_size<const N: usize>(names: [(usize, String); N]) -> Names {
    static KNOWN: Mutex<BTreeMap<Vec<(usize, String)>, Names>> = Mutex::new(BTreeMap::new());
    making(&[], || {
        let mut known = KNOWN.lock().expect("no panic");
        let names = names.to_vec();
        if let Some(known) = known.get(&names) {
            return *known;
        }
        let leak = |(size, name): &(usize, String)| (*size, &*name.clone().leak());
        let leaked: Vec<(usize, &'static str)> = names.iter().map(leak).collect();
        *known.entry(names).or_insert(leaked.leak())
    })
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
