//! How many objects of each type a dump has, so that the next one of the same process can tell at once what grew. Counted in the
//! snapshot process, which also compares; the target only keeps the memory that both share.
#![allow(unsafe_code)]

use std::fmt::Write;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::sys;

/// A type with its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeCount {
    /// What the caller knows it by, in this dump.
    pub id: u32,
    /// What it is known by in all dumps: a hash of its name. Types of one name count as one.
    pub key: u64,
    /// How many objects there are.
    pub objects: u64,
}

/// A type with more objects than the dump before had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeGrowth {
    /// Name of the type, shortened to a hundred characters or so.
    pub name: String,
    /// How many more.
    pub objects: u64,
}

/// So many types are remembered, those with the most objects: what has few of them cannot have grown by many.
const TYPES: usize = 4096;
/// So many types are named.
const NAMED: usize = 5;
const NAME_LIMIT: usize = 100;
const TEXT: usize = 1024;

/// All zero is its state before the types were counted.
#[repr(C)]
struct Page {
    /// Length of the text, plus 1; 0 = nothing was compared.
    text_length: AtomicU32,
    text: [AtomicU8; TEXT],
    /// Types in the table.
    length: AtomicU32,
    /// Objects of the least type in the table, if there were more types than it takes.
    least: AtomicU64,
    table: [Entry; TYPES],
}

#[repr(C)]
struct Entry {
    key: AtomicU64,
    objects: AtomicU64,
}

/// The census of one dump, in memory that target and snapshot process share. Of the table only what is used takes memory.
#[derive(Debug)]
pub(crate) struct Census {
    page: NonNull<Page>,
}

// SAFETY: the page is made of atomics and is unmapped by its one owner.
unsafe impl Send for Census {}
// SAFETY: as above.
unsafe impl Sync for Census {}

impl Drop for Census {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; nothing borrows from the page longer than `self`.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
    }
}

impl Census {
    pub(crate) fn new() -> std::io::Result<Self> {
        let page = sys::map_shared(size_of::<Page>())?.cast();
        Ok(Self { page })
    }

    fn page(&self) -> &Page {
        // SAFETY: a mapping of this size, zeroed by the kernel (which is a valid Page), page-aligned, alive as long as `self`.
        unsafe { self.page.as_ref() }
    }

    /// Takes down the counts and, if there is an earlier census, what grew since.
    pub(crate) fn take(
        &self,
        types: &mut Vec<TypeCount>,
        previous: Option<&Self>,
        name: &mut dyn FnMut(u32, &mut dyn Write),
    ) {
        merge(types);
        if let Some(previous) = previous {
            self.tell(&previous.grown(types), name);
        }
        if types.len() > TYPES {
            types.sort_unstable_by_key(|one| std::cmp::Reverse(one.objects));
            let least = types[TYPES - 1].objects;
            self.page().least.store(least, Ordering::Relaxed);
            types.truncate(TYPES);
            types.sort_unstable_by_key(|one| one.key);
        }
        for (entry, one) in self.page().table.iter().zip(types.iter()) {
            entry.key.store(one.key, Ordering::Relaxed);
            entry.objects.store(one.objects, Ordering::Relaxed);
        }
        let length = types.len() as u32;
        self.page().length.store(length, Ordering::Release);
    }

    /// How many objects a type had.
    fn objects(&self, key: u64) -> u64 {
        let page = self.page();
        let length = page.length.load(Ordering::Acquire) as usize;
        let table = &page.table[..length.min(TYPES)];
        match table.binary_search_by_key(&key, |entry| entry.key.load(Ordering::Relaxed)) {
            Ok(found) => table[found].objects.load(Ordering::Relaxed),
            // As many as it may have had without coming into the table, so that growth is never overstated.
            Err(_) => page.least.load(Ordering::Relaxed),
        }
    }

    /// The types that grew most.
    fn grown(&self, types: &[TypeCount]) -> Vec<(u32, u64)> {
        let mut most: Vec<(u32, u64)> = Vec::new();
        for one in types {
            let growth = one.objects.saturating_sub(self.objects(one.key));
            let place = most.partition_point(|&(_, more)| more >= growth);
            if growth > 0 && place < NAMED {
                most.truncate(NAMED - 1);
                most.insert(place, (one.id, growth));
            }
        }
        most
    }

    fn tell(&self, grown: &[(u32, u64)], name: &mut dyn FnMut(u32, &mut dyn Write)) {
        let mut text = String::new();
        for &(id, growth) in grown {
            let mut line = Line(String::new());
            name(id, &mut line);
            if text.len() + line.0.len() + 24 > TEXT {
                break;
            }
            let _ = writeln!(text, "{growth} {}", line.0);
        }
        let page = self.page();
        for (to, from) in page.text.iter().zip(text.bytes()) {
            to.store(from, Ordering::Relaxed);
        }
        page.text_length
            .store(text.len() as u32 + 1, Ordering::Release);
    }

    /// What grew since the dump before, most first; `None` if nothing was compared.
    pub(crate) fn growth(&self) -> Option<Vec<TypeGrowth>> {
        let page = self.page();
        let length = page.text_length.load(Ordering::Acquire).checked_sub(1)? as usize;
        let text = page.text.iter().take(length);
        let text: Vec<u8> = text.map(|byte| byte.load(Ordering::Relaxed)).collect();
        let lines = String::from_utf8_lossy(&text);
        let growth = lines.lines().filter_map(|line| {
            let (objects, name) = line.split_once(' ')?;
            Some(TypeGrowth {
                name: name.into(),
                objects: objects.parse().ok()?,
            })
        });
        Some(growth.collect())
    }
}

/// Sorts by key, and makes one of types with the same.
fn merge(types: &mut Vec<TypeCount>) {
    types.sort_unstable_by_key(|one| one.key);
    types.dedup_by(|one, kept| {
        let same = one.key == kept.key;
        if same {
            kept.objects += one.objects;
        }
        same
    });
}

/// Part of a line of the log between quotation marks: names of types may hold anything.
struct Line(String);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.0.len() < NAME_LIMIT {
                self.0.push(match c {
                    '"' => '\'',
                    c if c.is_control() => '?',
                    c => c,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(id: u32, key: u64, objects: u64) -> TypeCount {
        TypeCount { id, key, objects }
    }

    fn growth(before: &[TypeCount], after: &[TypeCount]) -> Vec<(String, u64)> {
        let first = Census::new().unwrap();
        first.take(&mut before.to_vec(), None, &mut |_, _| unreachable!());
        assert_eq!(first.growth(), None);
        let second = Census::new().unwrap();
        second.take(&mut after.to_vec(), Some(&first), &mut |id, to| {
            write!(to, "type {id}").unwrap();
        });
        let growth = second.growth().unwrap();
        growth
            .into_iter()
            .map(|one| (one.name, one.objects))
            .collect()
    }

    #[test]
    fn the_types_that_grew_most_are_named() {
        let before: Vec<_> = (0..20).map(|n| count(n, u64::from(n) * 7, 100)).collect();
        let mut after = before.clone();
        after[3].objects += 9;
        after[19].objects += 10;
        after[4].objects -= 50;
        after.push(count(20, 1, 5));
        let expected = [("type 19", 10), ("type 3", 9), ("type 20", 5)];
        assert_eq!(
            growth(&before, &after),
            expected.map(|(n, o)| (n.into(), o))
        );
        assert_eq!(growth(&before, &before), []);
    }

    #[test]
    fn only_a_few_are_named() {
        let after: Vec<_> = (1..50).map(|n| count(n, n.into(), n.into())).collect();
        let told = growth(&[], &after);
        let objects: Vec<u64> = told.into_iter().map(|(_, objects)| objects).collect();
        assert_eq!(objects, [49, 48, 47, 46, 45]);
    }

    #[test]
    fn types_of_one_name_count_as_one() {
        let before = [count(0, 5, 10), count(1, 5, 20)];
        let after = [count(3, 5, 1), count(2, 5, 31)];
        assert_eq!(growth(&before, &after).iter().map(|g| g.1).sum::<u64>(), 2);
    }

    #[test]
    fn growth_is_not_overstated_where_there_are_too_many_types() {
        let many = TYPES as u32 + 500;
        let before: Vec<_> = (0..many)
            .map(|n| count(n, n.into(), u64::from(n) + 1))
            .collect();
        let mut after = before.clone();
        // Not in the table: it may have had up to 501.
        after[0].objects = 600;
        after[4000].objects += 7;
        let told = growth(&before, &after);
        assert_eq!(told, [("type 0".into(), 99), ("type 4000".into(), 7)]);
    }

    #[test]
    fn names_cannot_break_the_line() {
        let first = Census::new().unwrap();
        let second = Census::new().unwrap();
        let types = [count(0, 1, 3)];
        second.take(&mut types.to_vec(), Some(&first), &mut |_, to| {
            write!(to, "a\n\"b\" {}", "é".repeat(300)).unwrap();
        });
        let growth = second.growth().unwrap();
        assert_eq!((growth.len(), growth[0].objects), (1, 3));
        assert!(growth[0].name.starts_with("a?'b' éé") && growth[0].name.len() < 110);
    }
}
