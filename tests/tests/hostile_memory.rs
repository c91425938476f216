//! Memory that reading a damaged file takes: a small multiple of the file, whatever the file claims.
//!
//! The counting allocator sees what Rust code asks for; what zstd's C code maps shows in the process's peak of resident memory.

mod format_support;

use std::fs;

use format_support::read;
use memdump_tests::{Rng, odd, random, wrong};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The reader's own tables, and one column of the greatest legal length with what it decodes to: 4 MiB each of plain bytes, and
/// per record, of which there are 65,536, a few words.
const FIXED: usize = 1 << 20;
const PER_BYTE: usize = 4;

/// The bytes that reading takes at its peak, beyond what was allocated before.
fn peak_of(bytes: &[u8]) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let _ = read(bytes);
    HEAP.peak_usage().saturating_sub(before)
}

/// The peak of resident memory since the last call, in bytes.
fn resident_peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("the peak is in it");
    let kilobytes: usize = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number");
    // 5 = forget the peak.
    fs::write("/proc/self/clear_refs", "5").expect("a process may forget its own peak");
    kilobytes * 1024
}

// One test, because the counters are the whole process's.
#[test]
fn reading_takes_no_more_than_a_small_multiple_of_the_file() {
    let mut files: Vec<(String, Vec<u8>)> = wrong::files()
        .into_iter()
        .map(|file| (file.name, file.bytes))
        .collect();
    files.extend(
        odd::files()
            .into_iter()
            .map(|file| (file.name.to_owned(), file.bytes)),
    );
    let mut rng = Rng::new(9);
    let plan = random::plan(4);
    let right = random::contents(9, 300, &plan).bytes(&plan);
    for number in 0..300 {
        let mut bytes = right.clone();
        bytes.truncate(1 + rng.below(right.len() as u64) as usize);
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << rng.below(8);
        files.push((format!("damage {number}"), bytes));
    }
    for (name, bytes) in &files {
        resident_peak();
        let before = resident_peak();
        let peak = peak_of(bytes);
        let grown = resident_peak().saturating_sub(before);
        let allowed = FIXED + PER_BYTE * bytes.len();
        assert!(
            peak <= allowed,
            "{name}: {peak} bytes allocated at the peak for a file of {}",
            bytes.len()
        );
        assert!(
            grown <= allowed,
            "{name}: {grown} bytes more resident for a file of {}",
            bytes.len()
        );
    }
}
