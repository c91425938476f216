//! Where objects lie: slots, numbered window by window, and their addresses.

use crate::rng::mix;

/// Objects in a cluster.
pub(super) const ROLES: u64 = 10;
/// Clusters in a window.
pub(super) const CLUSTERS: u64 = 1_000;
/// Slots in a window: the registry's, and its clusters'.
pub(super) const WINDOW: u64 = 1 + CLUSTERS * ROLES;
pub(super) const HEAP_BASE: u64 = 0x7f00_0000_0000;
/// All addresses are multiples of 16.
pub(super) const SHIFT: u8 = 4;

/// The first slot of a cluster.
pub(super) fn first_slot(cluster: u64) -> u64 {
    cluster / CLUSTERS * WINDOW + 1 + cluster % CLUSTERS * ROLES
}

/// Each role of a window has a pool of its own, as small sizes have in real allocators.
pub(super) fn birth_offset(slot: u64) -> u64 {
    const SIZES: [u64; ROLES as usize] = [64, 112, 96, 240, 64, 64, 112, 48, 32, 112];
    const POOLS: u64 = 16_384;
    const BYTES: u64 = POOLS + CLUSTERS * (64 + 112 + 96 + 240 + 64 + 64 + 112 + 48 + 32 + 112);
    let (window, place) = (slot / WINDOW, slot % WINDOW);
    let Some(place) = place.checked_sub(1) else {
        return window * BYTES;
    };
    let (cluster, role) = (place / ROLES, (place % ROLES) as usize);
    let pool: u64 = SIZES[..role].iter().sum::<u64>() * CLUSTERS;
    window * BYTES + POOLS + pool + cluster * SIZES[role]
}

/// A permutation of the numbers below `count`: a Feistel network over the next power of four, walked until it hits the range.
pub(super) fn scattered(number: u64, count: u64, seed: u64) -> u64 {
    let half = count
        .max(4)
        .next_power_of_two()
        .trailing_zeros()
        .div_ceil(2);
    let mask = (1 << half) - 1;
    let mut at = number;
    loop {
        for round in 0..3 {
            let (left, right) = (at >> half, at & mask);
            at = right << half | (left ^ (mix(right ^ seed ^ (round << 56)) & mask));
        }
        if at < count {
            return at;
        }
    }
}
