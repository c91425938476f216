//! From an address to an object id, in about 5 bytes per object and without a hash map over the objects.
//!
//! A bitmap over the used parts of the address space has a bit set where an object lies. The rank of the bit (how many
//! are set before it) is the object's place in address order, and one permutation turns that into its id.
//!
//! The bitmap has two levels, so that empty address space costs nothing: *regions* of 64 *lines*, of which only the
//! used lines exist. A line is one cache line and answers a rank by itself.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use foldhash::fast::RandomState;
use memdump_format::{Address, ObjectId};
use rayon::prelude::*;

const WORDS: usize = 6;
/// Address units that a line covers.
const LINE_UNITS: u64 = (WORDS * 64) as u64;
const REGION_LINES: u64 = 64;
const REGION_UNITS: u64 = LINE_UNITS * REGION_LINES;
/// No alignment beyond this is worth shifting away.
const MAX_SHIFT: u32 = 12;
const NO_OBJECT: ObjectId = ObjectId(u32::MAX);

/// Addresses that are looked up at a time: first the ranks of all, then their ids. Each of these reads goes to an unforeseeable
/// place, but none waits for another, so the processor has many of them under way at once. Beyond this many the first would
/// have left the nearest cache before they are used.
const BATCH: usize = 256;
/// Addresses that a thread indexes at a time.
const PART: usize = 1 << 16;

/// One cache line: the bits, and the ranks of their words.
#[derive(Default)]
#[repr(C, align(64))]
struct Line {
    /// Atomic because many threads set them; once that is done, nobody does.
    bits: [AtomicU64; WORDS],
    /// Bits set in all lines before this one.
    before: u32,
    /// Bits set in this line before each word.
    within: [u16; WORDS],
}

#[derive(Clone, Copy)]
struct Region {
    /// Bit `i` is set when line `i` of the region exists.
    used: u64,
    /// Where its first line lies.
    first: u32,
}

/// Where the bit of an address is.
#[derive(Clone, Copy, Default)]
struct Place {
    line: u32,
    word: u8,
    bit: u8,
}

/// Where a unit lies in its region; the line is one of the region.
fn place_in_region(unit: u64) -> Place {
    let in_region = unit % REGION_UNITS;
    let in_line = in_region % LINE_UNITS;
    Place {
        line: (in_region / LINE_UNITS) as u32,
        word: (in_line / 64) as u8,
        bit: (in_line % 64) as u8,
    }
}

/// Finds the object that lies at an address.
pub struct AddressIndex {
    /// Addresses are multiples of `1 << shift`.
    shift: u32,
    regions: HashMap<u64, Region, RandomState>,
    /// The regions' keys in rising order, which is the order of the lines.
    keys: Vec<u64>,
    /// The last one is empty: it is where addresses are looked for that have none.
    lines: Vec<Line>,
    /// From a rank to an id; the last one is none.
    ids: Vec<ObjectId>,
    duplicates: Vec<ObjectId>,
}

impl AddressIndex {
    /// Indexes objects by their addresses, given in the order of their ids. Address 0 is no object's.
    ///
    /// Of several objects with one address the first is found; the others are the [`duplicates`](Self::duplicates).
    pub fn new(addresses: &[Address]) -> AddressIndex {
        let any = addresses.par_iter().map(|a| a.0).reduce(|| 0, |a, b| a | b);
        let shift = any.trailing_zeros().min(MAX_SHIFT);
        let (regions, keys, line_count) = lay_out(addresses, shift);
        let mut lines = Vec::new();
        lines.resize_with(line_count + 1, Line::default);
        let mut index = AddressIndex {
            shift,
            regions,
            keys,
            lines,
            ids: Vec::new(),
            duplicates: Vec::new(),
        };
        index.set_bits(addresses);
        let ranks = index.count_ranks();
        index.fill_ids(addresses, ranks);
        index
    }

    fn set_bits(&self, addresses: &[Address]) {
        addresses.par_chunks(PART).for_each(|part| {
            let mut near = Near::default();
            // Neighbours in a dump are neighbours in memory, mostly, so many bits of a word are set at once.
            let (mut at, mut bits) = (self.absent(), 0);
            for &address in part {
                let place = near.place(self, address);
                if (place.line, place.word) != (at.line, at.word) {
                    self.set_in_word(at, bits);
                    (at, bits) = (place, 0);
                }
                bits |= 1 << place.bit;
            }
            self.set_in_word(at, bits);
        });
    }

    fn set_in_word(&self, place: Place, bits: u64) {
        if place.line != self.absent().line {
            let line = &self.lines[place.line as usize];
            line.bits[usize::from(place.word)].fetch_or(bits, Relaxed);
        }
    }

    /// How many there are.
    fn count_ranks(&mut self) -> usize {
        let mut total = 0_u32;
        for line in &mut self.lines {
            line.before = total;
            let mut within = 0_u16;
            for (word, rank) in line.bits.iter_mut().zip(&mut line.within) {
                *rank = within;
                within += word.get_mut().count_ones() as u16;
            }
            total += u32::from(within);
        }
        total as usize
    }

    fn fill_ids(&mut self, addresses: &[Address], ranks: usize) {
        let mut ids: Vec<AtomicU32> = Vec::new();
        ids.resize_with(ranks + 1, || AtomicU32::new(NO_OBJECT.0));
        let ids_of_part = |(part, addresses): (usize, &[Address])| {
            let mut near = Near::default();
            let mut placed = 0;
            self.each_rank(addresses, &mut near, |at, found| {
                for (number, &rank) in found.iter().enumerate() {
                    if rank as usize != ranks {
                        ids[rank as usize].store((part * PART + at + number) as u32, Relaxed);
                        placed += 1;
                    }
                }
            });
            placed
        };
        let placed: usize = addresses
            .par_chunks(PART)
            .enumerate()
            .map(ids_of_part)
            .sum();
        let ids = ids.into_iter().map(AtomicU32::into_inner);
        self.ids = ids.map(ObjectId).collect();
        if placed > ranks {
            self.settle_duplicates(addresses);
        }
    }

    /// Several objects claim one address, and any of them was filled in. Once more, in order.
    fn settle_duplicates(&mut self, addresses: &[Address]) {
        let mut ids = std::mem::take(&mut self.ids);
        ids.fill(NO_OBJECT);
        let none = ids.len() - 1;
        let mut duplicates = Vec::new();
        self.each_rank(addresses, &mut Near::default(), |at, found| {
            for (number, &rank) in found.iter().enumerate() {
                let id = ObjectId((at + number) as u32);
                let slot = &mut ids[rank as usize];
                if *slot != NO_OBJECT {
                    duplicates.push(id);
                } else if rank as usize != none {
                    *slot = id;
                }
            }
        });
        (self.ids, self.duplicates) = (ids, duplicates);
    }

    /// The object that begins at `address`.
    pub fn find(&self, address: Address) -> Option<ObjectId> {
        self.find_near(address, &mut Near::default())
    }

    /// As [`find`](Self::find), quicker when `near` was last used for an address not far away.
    pub fn find_near(&self, address: Address, near: &mut Near) -> Option<ObjectId> {
        let place = near.place(self, address);
        let rank = self.rank(place);
        Some(self.ids[rank as usize]).filter(|&id| id != NO_OBJECT)
    }

    /// Finds the objects that begin at many addresses, which is quicker than one by one. `found` is given the place of
    /// each address in `addresses`, in order, and the object if there is one. Quicker still when `near` was last used for
    /// addresses not far away.
    pub fn find_each(
        &self,
        addresses: &[Address],
        near: &mut Near,
        mut found: impl FnMut(usize, Option<ObjectId>),
    ) {
        self.each_rank(addresses, near, |at, ranks| {
            for (number, &rank) in ranks.iter().enumerate() {
                let id = self.ids[rank as usize];
                found(at + number, (id != NO_OBJECT).then_some(id));
            }
        });
    }

    /// Gives the ranks of addresses, a batch at a time, with the place of the first of it; the highest rank is none's.
    fn each_rank(
        &self,
        addresses: &[Address],
        near: &mut Near,
        mut take: impl FnMut(usize, &[u32]),
    ) {
        let mut ranks = [0; BATCH];
        for (number, batch) in addresses.chunks(BATCH).enumerate() {
            for (rank, &address) in ranks.iter_mut().zip(batch) {
                *rank = self.rank(near.place(self, address));
            }
            take(number * BATCH, &ranks[..batch.len()]);
        }
    }

    fn absent(&self) -> Place {
        Place {
            line: self.lines.len() as u32 - 1,
            ..Place::default()
        }
    }

    /// The rank of the bit at a place; that of none if it is not set.
    #[inline]
    fn rank(&self, place: Place) -> u32 {
        let line = &self.lines[place.line as usize];
        let bits = line.bits[usize::from(place.word)].load(Relaxed);
        let below = bits & ((1 << place.bit) - 1);
        let within = u32::from(line.within[usize::from(place.word)]) + below.count_ones();
        if bits >> place.bit & 1 == 1 {
            line.before + within
        } else {
            // The empty line at the end has the count of all ranks.
            self.lines[self.lines.len() - 1].before
        }
    }

    /// How many objects have an address of their own.
    pub fn len(&self) -> usize {
        self.ids.len() - 1
    }

    /// Whether nothing is indexed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Objects whose address an earlier object has, in rising order. There are none in a sound dump.
    pub fn duplicates(&self) -> &[ObjectId] {
        &self.duplicates
    }

    /// Ranges of regions that together are the whole index, for [`walk`](Self::walk) in parallel.
    pub fn parts(&self) -> impl IndexedParallelIterator<Item = Range<usize>> + '_ {
        const REGIONS: usize = 16;
        (0..self.keys.len().div_ceil(REGIONS))
            .into_par_iter()
            .map(move |n| n * REGIONS..((n + 1) * REGIONS).min(self.keys.len()))
    }

    /// Gives every object of a part, in rising order of address.
    pub fn walk(&self, part: Range<usize>, mut each: impl FnMut(Address, ObjectId)) {
        for &key in &self.keys[part] {
            let region = self.regions[&key];
            let lines = (0..REGION_LINES).filter(|line| region.used >> line & 1 == 1);
            for (line_in_region, number) in lines.zip(region.first as usize..) {
                let line = &self.lines[number];
                let mut rank = line.before as usize;
                for (word, bits) in line.bits.iter().enumerate() {
                    // The last line reaches beyond the end of the address space, but no bit is set there.
                    let in_region = line_in_region * LINE_UNITS + word as u64 * 64;
                    let first = (key * REGION_UNITS).wrapping_add(in_region);
                    let mut rest = bits.load(Relaxed);
                    while rest != 0 {
                        let unit = first + u64::from(rest.trailing_zeros());
                        each(Address(unit << self.shift), self.ids[rank]);
                        rank += 1;
                        rest &= rest - 1;
                    }
                }
            }
        }
    }
}

/// Remembers the region of the last look-up: neighbours in a dump are neighbours in memory, and most look-ups need no
/// hashing.
#[derive(Default)]
pub struct Near(Option<(u64, Region)>);

impl Near {
    /// Where the bit of an address is; on the empty line if it has none.
    #[inline]
    fn place(&mut self, index: &AddressIndex, address: Address) -> Place {
        let unit = address.0 >> index.shift;
        if unit << index.shift != address.0 || unit == 0 {
            return index.absent();
        }
        let key = unit / REGION_UNITS;
        let region = match self.0 {
            Some((known, region)) if known == key => region,
            _ => match index.regions.get(&key) {
                Some(&region) => {
                    self.0 = Some((key, region));
                    region
                }
                None => return index.absent(),
            },
        };
        let place = place_in_region(unit);
        if region.used >> place.line & 1 == 0 {
            return index.absent();
        }
        let lines_before = (region.used & ((1 << place.line) - 1)).count_ones();
        Place {
            line: region.first + lines_before,
            ..place
        }
    }
}

type Regions = HashMap<u64, Region, RandomState>;

/// Finds the used lines and gives each its place, in address order.
fn lay_out(addresses: &[Address], shift: u32) -> (Regions, Vec<u64>, usize) {
    let used: HashMap<u64, u64, RandomState> = addresses
        .par_chunks(PART)
        .map(|part| used_lines(part, shift))
        .reduce(HashMap::default, |a, b| {
            let (mut into, from) = if a.len() < b.len() { (b, a) } else { (a, b) };
            for (key, lines) in from {
                *into.entry(key).or_default() |= lines;
            }
            into
        });
    let mut keys: Vec<u64> = used.keys().copied().collect();
    keys.par_sort_unstable();
    let mut first = 0_u32;
    let mut regions = HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
    for &key in &keys {
        let used = used[&key];
        regions.insert(key, Region { used, first });
        first += used.count_ones();
    }
    (regions, keys, first as usize)
}

fn used_lines(addresses: &[Address], shift: u32) -> HashMap<u64, u64, RandomState> {
    let mut used: HashMap<u64, u64, RandomState> = HashMap::default();
    let mut last = (0, 0);
    for &address in addresses.iter().filter(|a| a.0 != 0) {
        let unit = address.0 >> shift;
        let key = unit / REGION_UNITS;
        let line = 1 << place_in_region(unit).line;
        if last.0 != key || last.1 & line == 0 {
            let lines = used.entry(key).or_default();
            *lines |= line;
            last = (key, *lines);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::btree_map::Entry;

    fn addresses(of: &[u64]) -> Vec<Address> {
        of.iter().copied().map(Address).collect()
    }

    fn walked(index: &AddressIndex) -> Vec<(u64, u32)> {
        let parts: Vec<_> = index.parts().collect();
        let mut all = Vec::new();
        for part in parts {
            index.walk(part, |address, id| all.push((address.0, id.0)));
        }
        all
    }

    #[test]
    fn finds_each_object_and_nothing_between() {
        let index = AddressIndex::new(&addresses(&[0x7fff_0000_0010, 0x40, 0x7fff_0000_0000]));
        assert_eq!(index.find(Address(0x40)), Some(ObjectId(1)));
        assert_eq!(index.find(Address(0x7fff_0000_0000)), Some(ObjectId(2)));
        assert_eq!(index.find(Address(0x7fff_0000_0010)), Some(ObjectId(0)));
        for absent in [0, 0x41, 0x48, 0x50, 0x7fff_0000_0020, u64::MAX] {
            assert_eq!(index.find(Address(absent)), None, "{absent:#x}");
        }
    }

    #[test]
    fn the_first_of_duplicates_is_found_and_the_others_are_told() {
        let index = AddressIndex::new(&addresses(&[16, 32, 16, 0, 16]));
        assert_eq!(index.find(Address(16)), Some(ObjectId(0)));
        assert_eq!(index.duplicates(), [ObjectId(2), ObjectId(4)]);
        assert_eq!(index.len(), 2);
    }

    #[test]
    fn an_empty_heap_has_an_index() {
        let index = AddressIndex::new(&[]);
        assert!(index.is_empty());
        assert_eq!(index.find(Address(8)), None);
        assert_eq!(walked(&index), []);
    }

    #[test]
    fn sparse_addresses_cost_a_line_each() {
        let sparse: Vec<Address> = (1..=1000).map(|n| Address(n << 40 | 1)).collect();
        let index = AddressIndex::new(&sparse);
        assert_eq!(index.lines.len(), 1000 + 1);
    }

    #[test]
    fn many_threads_index_as_one_does() {
        // Every thousandth address is given again much later, where another thread reads it.
        const ADDRESSES: u64 = 3 * PART as u64;
        let scattered = (0..ADDRESSES).map(|n| (n * 7919 % ADDRESSES + 1) * 16);
        let again = (0..ADDRESSES).step_by(1000);
        let given: Vec<u64> = scattered.clone().collect();
        let given: Vec<u64> = scattered
            .chain(again.clone().map(|n| given[n as usize]))
            .collect();
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let index = pool
                .expect("a pool")
                .install(|| AddressIndex::new(&addresses(&given)));
            let mut first = (0..).zip(&given).take(ADDRESSES as usize);
            assert!(first.all(|(id, &address)| index.find(Address(address)) == Some(ObjectId(id))));
            let later = (ADDRESSES as u32..)
                .zip(again.clone())
                .map(|(id, _)| ObjectId(id));
            assert!(
                index.duplicates().iter().copied().eq(later),
                "{threads} threads"
            );
        }
    }

    fn any_address() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..5_000_u64,
            (0..200_000_u64).prop_map(|n| n * 16),
            any::<u64>(),
            (0..64_u64).prop_map(|n| u64::MAX - n),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(of in prop::collection::vec(any_address(), 0..400), probes in prop::collection::vec(any_address(), 50)) {
            let index = AddressIndex::new(&addresses(&of));
            let mut model = std::collections::BTreeMap::new();
            let mut duplicates = Vec::new();
            for (id, &address) in of.iter().enumerate().filter(|(_, a)| **a != 0) {
                match model.entry(address) {
                    Entry::Occupied(_) => duplicates.push(ObjectId(id as u32)),
                    Entry::Vacant(free) => _ = free.insert(id as u32),
                }
            }
            let probes = addresses(&[&of[..], &probes].concat());
            let expected: Vec<_> = probes.iter().map(|probe| model.get(&probe.0).map(|&id| ObjectId(id))).collect();
            let one_by_one: Vec<_> = probes.iter().map(|&probe| index.find(probe)).collect();
            prop_assert_eq!(&one_by_one, &expected);
            let mut together = Vec::new();
            index.find_each(&probes, &mut Near::default(), |at, found| {
                assert_eq!(at, together.len());
                together.push(found);
            });
            prop_assert_eq!(&together, &expected);
            prop_assert_eq!(index.duplicates(), &duplicates[..]);
            prop_assert_eq!(walked(&index), model.into_iter().collect::<Vec<_>>());
        }
    }
}
