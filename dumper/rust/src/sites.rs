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

#[repr(C)]
struct Entry {
    hash: u64,
    frames: [u64; MOST_FRAMES],
    count: u8,
    log2_alignment: u8,
}

/// Return addresses, innermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) frames: [u64; MOST_FRAMES],
    pub(crate) count: usize,
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

/// The site of this alignment and stack.
#[inline]
pub(crate) fn of_stack(align: usize, stack: &Stack, cache: &Cache) -> u32 {
    let log2 = align.trailing_zeros() as u8;
    let hash = hash(log2, stack);
    let cached = &cache.0[hash as usize % CACHED];
    let (known, site) = cached.get();
    if known == hash {
        return site;
    }
    let Some(site) = find_or_add(hash, log2, stack) else {
        UNKEPT.fetch_add(1, Ordering::Relaxed);
        return of_alignment(align);
    };
    cached.set((hash, site));
    site
}

/// Never 0. 64 bits tell all stacks of a program apart, so that nothing else need be compared. The products do not wait for one another; the
/// frames that are not there are 0.
#[inline]
fn hash(log2_alignment: u8, stack: &Stack) -> u64 {
    const FACTORS: [u64; MOST_FRAMES] = [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
        0xd6e8_feb8_6659_fd93,
        0xa076_1d64_78bd_642f,
        0xe703_7ed1_a0b4_28db,
        0x8ebc_6af0_9c88_c6e3,
        0x5899_65cc_7537_4cc3,
    ];
    let products = stack
        .frames
        .iter()
        .zip(FACTORS)
        .map(|(frame, factor)| frame.wrapping_mul(factor));
    let sum = products.fold(u64::from(log2_alignment), u64::wrapping_add);
    let mixed = (sum ^ sum >> 32).wrapping_mul(FACTORS[3]);
    (mixed ^ mixed >> 29).max(1)
}

#[cold]
#[inline(never)]
fn find_or_add(hash: u64, log2_alignment: u8, stack: &Stack) -> Option<u32> {
    let table = TABLE.load(Ordering::Acquire);
    if table.is_null() {
        return None;
    }
    let mut added = None;
    for step in 0..SLOTS {
        let place = (hash as usize).wrapping_add(step) % SLOTS;
        // SAFETY: within the table, which is never unmapped.
        let slot = unsafe { &(*table).slots[place] };
        let mut found = slot.load(Ordering::Acquire);
        if found == 0 {
            let own = match added {
                Some(own) => own,
                None => add(table, hash, log2_alignment, stack)?,
            };
            added = Some(own);
            match slot.compare_exchange(0, own + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(FIRST_WITH_STACK + own),
                // Another thread was faster: with the same stack, perhaps.
                Err(theirs) => found = theirs,
            }
        }
        // SAFETY: an entry is written before a slot tells of it, and never again.
        if unsafe { (*table).entries[found as usize - 1].hash } == hash {
            return Some(FIRST_WITH_STACK + found - 1);
        }
    }
    None
}

/// Writes an entry that no slot tells of yet; gives its place.
fn add(table: *mut Table, hash: u64, log2_alignment: u8, stack: &Stack) -> Option<u32> {
    if USED.load(Ordering::Relaxed) as usize >= ENTRIES {
        return None;
    }
    let own = USED.fetch_add(1, Ordering::Relaxed);
    if own as usize >= ENTRIES {
        return None;
    }
    let entry = Entry {
        hash,
        frames: stack.frames,
        count: stack.count as u8,
        log2_alignment,
    };
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

    fn stack(number: u64) -> Stack {
        let count = 1 + number as usize % MOST_FRAMES;
        let mut frames = [0; MOST_FRAMES];
        frames[..count].fill(0x40_0000 + number);
        Stack { frames, count }
    }

    /// One test, because there is one table: the same stacks in many threads at once, then more than it takes.
    #[test]
    fn a_stack_has_one_site_whoever_asks_and_a_full_table_is_told() {
        map_table().unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let cache = Cache::new();
                    let sites = (0..20_000).map(|number| of_stack(8, &stack(number), &cache));
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
            let stack = stack(number as u64);
            assert_eq!(frames(site), &stack.frames[..stack.count]);
            assert_eq!(log2_alignment(site), Some(3));
        }
        let cache = Cache::new();
        assert_ne!(
            of_stack(16, &stack(1), &cache),
            sites[0][1],
            "another alignment"
        );

        for number in 0..2 * ENTRIES as u64 {
            of_stack(8, &stack(1_000_000 + number), &cache);
        }
        assert!(unkept() > 0);
        assert_eq!(of_stack(8, &stack(u64::MAX / 2), &cache), of_alignment(8));
        assert_eq!(
            of_stack(8, &stack(7), &cache),
            sites[0][7],
            "old ones are still found"
        );
    }
}
