//! Which block begins at an address.

use memdump_format::{Address, ObjectId};

/// Addresses in a step: few enough to lie side by side in the processor's cache, and so many that the first ones of all steps stay in it.
const STEP: usize = 64;

/// The addresses of all blocks.
#[derive(Default)]
pub(crate) struct Places {
    /// In rising order.
    addresses: Vec<Address>,
    /// The first address of each [`STEP`]: where to look is found without a visit to memory for each halving.
    firsts: Vec<Address>,
    /// The blocks in the order of their addresses, where that is not the order of the dump.
    order: Option<Vec<ObjectId>>,
}

impl Places {
    /// Of the blocks of a dump, in its order.
    pub(crate) fn new(mut addresses: Vec<Address>) -> Places {
        let order = (!addresses.is_sorted()).then(|| {
            let mut order: Vec<ObjectId> = (0..addresses.len() as u32).map(ObjectId).collect();
            order.sort_by_key(|id| addresses[id.index()]);
            addresses.sort_unstable();
            order
        });
        let firsts = addresses.iter().copied().step_by(STEP).collect();
        Places {
            addresses,
            firsts,
            order,
        }
    }

    /// The last block that begins at an address or before it, and how far before: whether it reaches so far its size tells.
    pub(crate) fn before(&self, address: u64) -> Option<(ObjectId, u64)> {
        let is_before = |own: &Address| own.0 <= address;
        let step = self.firsts.partition_point(is_before).checked_sub(1)?;
        let start = step * STEP;
        let end = self.addresses.len().min(start + STEP);
        let inside = self.addresses[start..end].partition_point(is_before);
        // The first of the step is before it.
        let place = start + inside - 1;
        let id = match &self.order {
            Some(order) => *order.get(place)?,
            None => ObjectId(place as u32),
        };
        Some((id, address - self.addresses[place].0))
    }

    /// The block at an address; `None` if none begins there.
    pub(crate) fn find(&self, address: Address) -> Option<ObjectId> {
        let (id, offset) = self.before(address.0)?;
        (offset == 0).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_any_order() {
        for addresses in [[16, 32, 64], [64, 16, 32]] {
            let places = Places::new(addresses.map(Address).to_vec());
            for (id, &address) in addresses.iter().enumerate() {
                assert_eq!(places.find(Address(address)), Some(ObjectId(id as u32)));
            }
            assert_eq!(places.find(Address(40)), None);
            let last = addresses.iter().position(|&address| address == 32);
            let last = last.map(|id| (ObjectId(id as u32), 8));
            assert_eq!(places.before(40), last);
            assert_eq!(places.before(15), None);
        }
    }

    #[test]
    fn blocks_are_found_in_every_step() {
        let of = |id: usize| Address(16 + 48 * id as u64);
        for count in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP] {
            let places = Places::new((0..count).map(of).collect());
            for id in 0..count {
                let found = Some(ObjectId(id as u32));
                assert_eq!(places.find(of(id)), found);
                assert_eq!(places.before(of(id).0 + 47), found.map(|id| (id, 47)));
            }
            assert_eq!(places.find(of(count)), None);
        }
    }
}
