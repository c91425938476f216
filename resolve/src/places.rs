//! Which block begins at an address.

use memdump_format::{Address, ObjectId};

/// The addresses of all blocks.
#[derive(Default)]
pub(crate) struct Places {
    addresses: Vec<Address>,
    /// The blocks in the order of their addresses, where that is not the order of the dump.
    order: Option<Vec<ObjectId>>,
}

impl Places {
    /// Of the blocks of a dump, in its order.
    pub(crate) fn new(mut addresses: Vec<Address>) -> Places {
        if addresses.is_sorted() {
            let order = None;
            return Places { addresses, order };
        }
        let mut order: Vec<ObjectId> = (0..addresses.len() as u32).map(ObjectId).collect();
        order.sort_by_key(|id| addresses[id.index()]);
        addresses.sort_unstable();
        let order = Some(order);
        Places { addresses, order }
    }

    /// The last block that begins at an address or before it, and how far before: whether it reaches so far its size tells.
    pub(crate) fn before(&self, address: u64) -> Option<(ObjectId, u64)> {
        let after = self.addresses.partition_point(|own| own.0 <= address);
        let place = after.checked_sub(1)?;
        let id = match &self.order {
            Some(order) => *order.get(place)?,
            None => ObjectId(place as u32),
        };
        Some((id, address - self.addresses.get(place)?.0))
    }

    /// The block at an address; `None` if none begins there.
    pub(crate) fn find(&self, address: Address) -> Option<ObjectId> {
        let place = self.addresses.binary_search(&address).ok()?;
        match &self.order {
            Some(order) => order.get(place).copied(),
            None => Some(ObjectId(place as u32)),
        }
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
}
