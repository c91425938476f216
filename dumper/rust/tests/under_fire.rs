//! Dumps of a program whose threads allocate and free at full speed: each is whole, has every block that is kept, and the program goes on.
//! `MEMDUMP_FIRE_DUMPS` says how many.

mod support;

use memdump_format::{Dump, ObjectBatch, ObjectColumns, Root, RootKind};
use support::{Fire, LOG, file_of, wait_for_end};

#[test]
fn dumps_under_fire_are_whole_and_the_program_goes_on() {
    let count = std::env::var("MEMDUMP_FIRE_DUMPS").map_or(20, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut fire = Fire::start(directory.path(), "8", &[]);
    let (mut rounds, mut watermark, mut faults) = (0, 0, 0);
    let log = directory.path().join(LOG);
    for number in 0..count {
        fire.ask();
        let path = file_of(&wait_for_end(&log, number));
        let dump = Dump::open(&path).unwrap();
        for block in dump.blocks() {
            dump.verify_block(block.number).unwrap();
        }
        let metadata = dump.metadata().unwrap();
        let later = metadata.get("watermark").unwrap().parse().unwrap();
        assert!(later > watermark);
        watermark = later;
        let mut found = 0;
        let mut batch = ObjectBatch::default();
        for block in dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut batch).unwrap();
            let kept = batch.addresses.iter().zip(&batch.sizes);
            found += kept
                .filter(|(address, size)| fire.kept.contains(&address.0) && **size == 24)
                .count();
            assert!(batch.serials.iter().all(|&serial| serial <= watermark));
        }
        assert_eq!(found, fire.kept.len());
        let strings = dump.strings();
        let is_place = |text: &str| text.starts_with("fire+0x");
        let is_local = |root: &Root| {
            root.target.0 == fire.local
                && root.kind == RootKind::Thread
                && root
                    .name
                    .is_some_and(|name| strings.get(name).is_ok_and(is_place))
        };
        assert!(dump.roots().unwrap().iter().any(is_local));
        faults += dump.counts().faults;
        // No block of a thread at work is lost for good: each has two tables, a map and their entries.
        assert!(dump.counts().objects > 1000 + 8 * 100);
        drop(dump);
        std::fs::remove_file(path).unwrap();
        rounds = fire.goes_on(rounds);
    }
    // Threads are held while the process is copied, so at most a block a thread is halfway.
    assert!(
        faults <= 8 * count as u64,
        "{faults} faults in {count} dumps"
    );
}
