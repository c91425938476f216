//! What is written is read back, whatever it is and however it falls into blocks.

mod support;

use proptest::prelude::*;
use support::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_heap_in_any_blocks(heap in heap(), limits in limits()) {
        let bytes = write(&heap, SHIFT, limits);
        let dump = open(bytes).unwrap();
        prop_assert_eq!(dump.counts(), counts_of(&heap));
        prop_assert_eq!(read(&dump).unwrap(), heap);
        for block in dump.blocks() {
            dump.verify_block(block.number).unwrap();
        }
    }
}
