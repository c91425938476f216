//! The allocator against a model: what it gave out, and what the program has written there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;

static HEAP: Heap = Heap::system();

#[derive(Clone, Debug)]
enum Step {
    Allocate {
        size: usize,
        log2: u32,
        zeroed: bool,
    },
    Resize {
        which: usize,
        size: usize,
    },
    Free {
        which: usize,
    },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![5 => 1usize..200, 3 => 1usize..5_000, 1 => 1usize..400_000]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (size(), 0u32..14, any::<bool>())
            .prop_map(|(size, log2, zeroed)| Step::Allocate { size, log2, zeroed }),
        2 => (any::<usize>(), size()).prop_map(|(which, size)| Step::Resize { which, size }),
        2 => any::<usize>().prop_map(|which| Step::Free { which }),
    ]
}

/// A block as the program sees it.
struct Live {
    layout: Layout,
    fill: u8,
    serial: u64,
}

fn header(address: usize) -> Option<Header> {
    let block = ptr::with_exposed_provenance::<u8>(address);
    assert!(map::is_told(address), "{address:#x} has no mark");
    // SAFETY: a live block of this allocator.
    unsafe { Header::read(block) }
}

fn check(address: usize, live: &Live, bytes: usize) {
    let block = ptr::with_exposed_provenance::<u8>(address);
    assert_eq!(address % live.layout.align(), 0);
    // SAFETY: a live block of this length.
    let content = unsafe { std::slice::from_raw_parts(block, bytes) };
    assert!(content.iter().all(|&byte| byte == live.fill));
    let told = header(address).expect("it has a header");
    assert_eq!(told.size, live.layout.size() as u64);
    assert_eq!(told.serial, live.serial);
    let log2 = live.layout.align().trailing_zeros();
    assert_eq!(sites::log2_alignment(told.site), Some(log2 as u8));
}

fn nth(live: &BTreeMap<usize, Live>, which: usize) -> Option<usize> {
    live.keys().nth(which % live.len().max(1)).copied()
}

fn run(steps: Vec<Step>) {
    let mut live = BTreeMap::<usize, Live>::new();
    let mut fill = 0u8;
    let mut newest = 0;
    for step in steps {
        fill = fill.wrapping_add(1);
        match step {
            Step::Allocate { size, log2, zeroed } => {
                let layout = Layout::from_size_align(size, 1 << log2).unwrap();
                // SAFETY: the layout is not empty; the block is written in its bounds.
                let address = unsafe {
                    let block = if zeroed {
                        HEAP.alloc_zeroed(layout)
                    } else {
                        HEAP.alloc(layout)
                    };
                    assert!(!block.is_null());
                    if zeroed {
                        let content = std::slice::from_raw_parts(block, size);
                        assert!(content.iter().all(|&byte| byte == 0));
                    }
                    block.write_bytes(fill, size);
                    block.expose_provenance()
                };
                let serial = header(address).unwrap().serial;
                assert!(serial > newest, "serials of one thread rise");
                newest = serial;
                let next = live.range(address..).next().map(|(&start, _)| start);
                assert!(next.is_none_or(|next| address + size <= next));
                let before = live.insert(
                    address,
                    Live {
                        layout,
                        fill,
                        serial,
                    },
                );
                assert!(before.is_none());
            }
            Step::Resize { which, size } => {
                let Some(address) = nth(&live, which) else {
                    continue;
                };
                let mut block = live.remove(&address).unwrap();
                let kept = block.layout.size().min(size);
                // SAFETY: a live block of this layout.
                let moved = unsafe {
                    let start = ptr::with_exposed_provenance_mut::<u8>(address);
                    let moved = HEAP.realloc(start, block.layout, size);
                    assert!(!moved.is_null());
                    moved.expose_provenance()
                };
                assert!(moved == address || !map::is_told(address));
                block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                check(moved, &block, kept);
                // SAFETY: the block has this length now.
                unsafe { ptr::with_exposed_provenance_mut::<u8>(moved).write_bytes(fill, size) };
                live.insert(moved, Live { fill, ..block });
            }
            Step::Free { which } => {
                let Some(address) = nth(&live, which) else {
                    continue;
                };
                let block = live.remove(&address).unwrap();
                check(address, &block, block.layout.size());
                // SAFETY: a live block of this layout, not used again.
                unsafe { HEAP.dealloc(ptr::with_exposed_provenance_mut(address), block.layout) };
                assert!(!map::is_told(address));
            }
        }
    }
    for (address, block) in live {
        check(address, &block, block.layout.size());
        // SAFETY: as above.
        unsafe { HEAP.dealloc(ptr::with_exposed_provenance_mut(address), block.layout) };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_use_is_remembered_rightly(steps in prop::collection::vec(step(), 1..200)) {
        run(steps);
    }
}

#[test]
fn eight_threads_do_not_disturb_one_another() {
    let threads: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(|| {
                let strategy = prop::collection::vec(step(), 3_000);
                let mut runner = proptest::test_runner::TestRunner::default();
                run(strategy.new_tree(&mut runner).unwrap().current());
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn what_no_address_space_has_is_refused() {
    let layout = Layout::from_size_align(isize::MAX as usize - 63, 64).unwrap();
    // SAFETY: the layout is not empty.
    assert!(unsafe { HEAP.alloc(layout) }.is_null());
    let small = Layout::from_size_align(64, 64).unwrap();
    // SAFETY: a block of this layout, which a refused move leaves as it was.
    unsafe {
        let block = HEAP.alloc(small);
        assert!(
            HEAP.realloc(block, small, isize::MAX as usize - 63)
                .is_null()
        );
        assert_eq!(header(block.addr()).map(|told| told.size), Some(64));
        HEAP.dealloc(block, small);
    }
}

#[test]
fn a_size_beyond_its_field_is_told_in_full() {
    let size = 1usize << 36;
    let layout = Layout::from_size_align(size, 8).unwrap();
    // SAFETY: nothing of the block is touched but its header. A system that does not lend so much refuses, as it may.
    unsafe {
        let block = HEAP.alloc(layout);
        if !block.is_null() {
            assert_eq!(
                header(block.addr()).map(|told| told.size),
                Some(size as u64)
            );
            let serial = header(block.addr()).unwrap().serial;
            block.write(7);
            let small = HEAP.realloc(block, layout, 100);
            assert_eq!(small.read(), 7);
            let told = header(small.addr()).unwrap();
            assert_eq!((told.size, told.serial), (100, serial));
            HEAP.dealloc(small, Layout::from_size_align(100, 8).unwrap());
        }
    }
}

#[test]
fn own_blocks_are_marked_as_such_and_stay_so() {
    let layout = Layout::from_size_align(100, 8).unwrap();
    // SAFETY: a block of this layout.
    unsafe {
        let block = crate::local::own(|| HEAP.alloc(layout));
        assert_eq!(map::get(block.addr()), map::OWN);
        let block = HEAP.realloc(block, layout, 100_000);
        assert_eq!(map::get(block.addr()), map::OWN);
        HEAP.dealloc(block, Layout::from_size_align(100_000, 8).unwrap());
    }
}
