//! Sites: where a block was allocated, as a small number: the alignment that was asked for and, if stacks are on, up to eight return addresses.
//!
//! 0 is a site of which nothing is known. The next ones are those of which only the alignment is known. The others have an entry in a
//! table, which is mapped when stacks are switched on and takes what its entries use. Entries are written once, and found without a lock.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Return addresses that are remembered, at most.
pub(crate) const MOST_FRAMES: usize = 8;
/// No code lies below.
const LEAST_ADDRESS: u64 = 4096;
/// The first site that has a stack.
const FIRST_WITH_STACK: u32 = 64;
/// Stacks that are remembered. Programs that were measured have some ten thousand.
const ENTRIES: usize = 1 << 17;
/// Twice as many, so that a search ends soon.
const SLOTS: usize = 2 * ENTRIES;
/// Stacks that each thread finds without a look at the table. The library that is preloaded has them in memory that libc takes from each thread's
/// stack, which may be small.
const CACHED: usize = if cfg!(feature = "preload") { 64 } else { 256 };

static DEPTH: AtomicU8 = AtomicU8::new(0);
static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());
static USED: AtomicU32 = AtomicU32::new(0);
static UNKEPT: AtomicU64 = AtomicU64::new(0);

/// All zero is an empty one.
#[repr(C)]
struct Table {
    /// Places of entries plus 1.
    slots: [AtomicU32; SLOTS],
    entries: [Entry; ENTRIES],
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    hash: u64,
    frames: [u64; MOST_FRAMES],
    count: u8,
    log2_alignment: u8,
}

/// The stacks that a thread has met last: hash and site.
pub(crate) struct Cache([Cell<(u64, u32)>; CACHED]);

impl Cache {
    #[cfg_attr(all(feature = "preload", not(test)), expect(dead_code))]
    pub(crate) const fn new() -> Cache {
        Cache([const { Cell::new((0, 0)) }; CACHED])
    }
}

/// How many return addresses are remembered of each new block; 0 = off.
#[inline(always)]
pub(crate) fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed).into()
}

/// From now on so many return addresses are remembered.
///
/// # Errors
///
/// The system refuses the table.
pub(crate) fn set_depth(depth: u8) -> io::Result<()> {
    if depth > 0 {
        map_table()?;
    }
    DEPTH.store(depth.min(MOST_FRAMES as u8), Ordering::Release);
    Ok(())
}

fn map_table() -> io::Result<()> {
    if !TABLE.load(Ordering::Acquire).is_null() {
        return Ok(());
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let length = size_of::<Table>();
    // SAFETY: a new mapping; zeroed memory is a valid table.
    let start = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    TABLE.store(start.cast(), Ordering::Release);
    Ok(())
}

/// The site of which only the alignment is known.
#[inline(always)]
pub(crate) fn of_alignment(align: usize) -> u32 {
    1 + align.trailing_zeros()
}

/// The return addresses of a call, innermost first.
pub(crate) trait Addresses: Copy {
    /// Adds each to what was made of those before it. There are up to [`MOST_FRAMES`].
    fn fold<R>(self, first: R, add: impl FnMut(R, u64) -> R) -> R;
}

/// The site of this alignment and these return addresses. Where the thread knows the stack they are gone through once, and nothing of them is
/// kept.
#[inline(always)]
pub(crate) fn of_stack(align: usize, addresses: impl Addresses, cache: &Cache) -> u32 {
    let hash = hash(align, addresses);
    let (known, site) = cache.0[hash as usize % CACHED].get();
    if known == hash {
        return site;
    }
    of_unknown_stack(hash, align, addresses, cache)
}

#[cold]
#[inline(never)]
fn of_unknown_stack(hash: u64, align: usize, addresses: impl Addresses, cache: &Cache) -> u32 {
    let none = Entry {
        hash,
        frames: [0; MOST_FRAMES],
        count: 0,
        log2_alignment: align.trailing_zeros() as u8,
    };
    let entry = addresses.fold(none, |mut entry, address| {
        // The outermost frame may have none, or what is no address.
        if address >= LEAST_ADDRESS
            && let Some(place) = entry.frames.get_mut(usize::from(entry.count))
        {
            *place = address;
            entry.count += 1;
        }
        entry
    });
    let Some(site) = find_or_add(&entry) else {
        UNKEPT.fetch_add(1, Ordering::Relaxed);
        return of_alignment(align);
    };
    cache.0[hash as usize % CACHED].set((hash, site));
    site
}

/// Never 0. 64 bits tell all stacks of a program apart, so that nothing else need be compared.
#[inline(always)]
fn hash(align: usize, addresses: impl Addresses) -> u64 {
    const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
    // A polynomial; the alignment is not 0, so the number of addresses counts, too.
    let sum = addresses.fold(align as u64, |sum, address| {
        sum.wrapping_mul(FACTOR).wrapping_add(address)
    });
    let mixed = (sum ^ sum >> 32).wrapping_mul(FACTOR);
    (mixed ^ mixed >> 29).max(1)
}

fn find_or_add(entry: &Entry) -> Option<u32> {
    let table = TABLE.load(Ordering::Acquire);
    if table.is_null() {
        return None;
    }
    let mut added = None;
    for step in 0..SLOTS {
        let place = (entry.hash as usize).wrapping_add(step) % SLOTS;
        // SAFETY: within the table, which is never unmapped.
        let slot = unsafe { &(*table).slots[place] };
        let mut found = slot.load(Ordering::Acquire);
        if found == 0 {
            let own = match added {
                Some(own) => own,
                None => add(table, *entry)?,
            };
            added = Some(own);
            match slot.compare_exchange(0, own + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(FIRST_WITH_STACK + own),
                // Another thread was faster: with the same stack, perhaps.
                Err(theirs) => found = theirs,
            }
        }
        // SAFETY: an entry is written before a slot tells of it, and never again.
        if unsafe { (*table).entries[found as usize - 1].hash } == entry.hash {
            return Some(FIRST_WITH_STACK + found - 1);
        }
    }
    None
}

/// Writes an entry that no slot tells of yet; gives its place.
fn add(table: *mut Table, entry: Entry) -> Option<u32> {
    if USED.load(Ordering::Relaxed) as usize >= ENTRIES {
        return None;
    }
    let own = USED.fetch_add(1, Ordering::Relaxed);
    if own as usize >= ENTRIES {
        return None;
    }
    // SAFETY: within the table; the place is this call's alone.
    unsafe { (&raw mut (*table).entries[own as usize]).write(entry) };
    Some(own)
}

fn entry(site: u32) -> Option<&'static Entry> {
    let table = TABLE.load(Ordering::Acquire);
    let place = site.checked_sub(FIRST_WITH_STACK)? as usize;
    // SAFETY: a site is given out when its entry is written.
    (!table.is_null() && place < ENTRIES).then(|| unsafe { &(*table).entries[place] })
}

/// Logarithm to the base 2 of a site's alignment; `None` where nothing is known.
pub(crate) fn log2_alignment(site: u32) -> Option<u8> {
    match site {
        0 => None,
        1..FIRST_WITH_STACK => Some((site - 1) as u8),
        _ => entry(site).map(|entry| entry.log2_alignment),
    }
}

/// Return addresses of a site, innermost first; none where they are not known.
pub(crate) fn frames(site: u32) -> &'static [u64] {
    entry(site).map_or(&[], |entry| {
        &entry.frames[..usize::from(entry.count).min(MOST_FRAMES)]
    })
}

/// Blocks so far whose stack was not remembered because there were too many.
pub(crate) fn unkept() -> u64 {
    UNKEPT.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many times the same address.
    #[derive(Clone, Copy)]
    struct Stack(u64, usize);

    impl Addresses for Stack {
        fn fold<R>(self, first: R, add: impl FnMut(R, u64) -> R) -> R {
            std::iter::repeat_n(self.0, self.1).fold(first, add)
        }
    }

    fn stack(number: u64) -> Stack {
        Stack(0x40_0000 + number, 1 + number as usize % MOST_FRAMES)
    }

    /// One test, because there is one table: the same stacks in many threads at once, then more than it takes.
    #[test]
    fn a_stack_has_one_site_whoever_asks_and_a_full_table_is_told() {
        map_table().unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let cache = Cache::new();
                    let sites = (0..20_000).map(|number| of_stack(8, stack(number), &cache));
                    sites.collect::<Vec<_>>()
                })
            })
            .collect();
        let sites: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        for (number, &site) in sites[0].iter().enumerate() {
            assert!(sites.iter().all(|other| other[number] == site));
            let Stack(address, count) = stack(number as u64);
            assert_eq!(frames(site), vec![address; count]);
            assert_eq!(log2_alignment(site), Some(3));
        }
        let cache = Cache::new();
        assert_ne!(
            of_stack(16, stack(1), &cache),
            sites[0][1],
            "another alignment"
        );

        for number in 0..2 * ENTRIES as u64 {
            of_stack(8, stack(1_000_000 + number), &cache);
        }
        assert!(unkept() > 0);
        assert_eq!(of_stack(8, stack(u64::MAX / 2), &cache), of_alignment(8));
        assert_eq!(
            of_stack(8, stack(7), &cache),
            sites[0][7],
            "old ones are still found"
        );
    }
}
