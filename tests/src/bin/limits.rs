//! What this machine can do at best, for the benchmark to print beside what memdump does: nanoseconds of CPU for each value
//! read in order, read at random, followed from one to the next, and decompressed.

use std::hint::black_box;
use std::io::{self, Write};

use clap::Parser;
use memdump_tests::Rng;
use rustix::time::{ClockId, clock_gettime};

/// Measure the limits of this machine, as one JSON object.
#[derive(Parser)]
struct Arguments {
    /// Values of the working set, 4 bytes each: as many as a heap has objects
    #[arg(long, default_value_t = 10_000_000)]
    values: u32,
}

/// How often each is measured; the least counts, as others use the machine too.
const TIMES: usize = 3;
/// Values read at random.
const READS: u32 = 10_000_000;

fn main() -> io::Result<()> {
    let Arguments { values } = Arguments::parse();
    let values = values.max(2);
    let cycle = random_cycle(values);
    let sequential = best(u64::from(values), || cycle.iter().fold(0, |a, &b| a ^ b));
    let independent = best(u64::from(READS), || gather(&cycle));
    let dependent = best(u64::from(READS), || follow(&cycle));
    let column = column();
    let decode = decode_limit(&column)?;
    writeln!(
        io::stdout(),
        "{{\"sequential_ns\": {sequential:.3}, \"independent_ns\": {independent:.3}, \
         \"dependent_ns\": {dependent:.3}, \"zstd_ns\": {decode:.3}}}"
    )
}

/// Nanoseconds of CPU for each of `count` steps of `work`.
fn best(count: u64, mut work: impl FnMut() -> u32) -> f64 {
    (0..TIMES)
        .map(|_| {
            let before = cpu_ns();
            black_box(work());
            (cpu_ns() - before) as f64 / count as f64
        })
        .fold(f64::INFINITY, f64::min)
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A permutation that is one cycle (Sattolo), so that following it visits everything.
fn random_cycle(values: u32) -> Vec<u32> {
    let mut rng = Rng::new(1);
    let mut cycle: Vec<u32> = (0..values).collect();
    for at in (1..values as usize).rev() {
        cycle.swap(at, rng.below(at as u64) as usize);
    }
    cycle
}

/// Reads at places that are known beforehand, so that the processor fetches many at once.
fn gather(column: &[u32]) -> u32 {
    let mut place = 1_u64;
    (0..READS).fold(0, |sum, _| {
        place = place
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = ((place >> 32) * column.len() as u64) >> 32;
        sum ^ column[at as usize]
    })
}

/// Reads at places that the read before tells, one by one.
fn follow(cycle: &[u32]) -> u32 {
    (0..READS).fold(0, |at, _| cycle[at as usize])
}

const BLOCK: u64 = 32_768;
const BLOCKS: u64 = 100;

/// A column of small differences as dumps have them: a byte or two each, in patterns that repeat, more or less.
fn column() -> Vec<u8> {
    let mut rng = Rng::new(2);
    let mut bytes = Vec::new();
    for record in 0..BLOCK {
        let regular = [2, 6, 2, 14, 2, 2, 40, 6][record as usize % 8];
        match rng.below(8) {
            0 => bytes.extend([0x80 | rng.below(128) as u8, rng.below(64) as u8]),
            _ => bytes.push(regular),
        }
    }
    bytes
}

fn decode_limit(column: &[u8]) -> io::Result<f64> {
    let frame = zstd::bulk::compress(column, 1)?;
    let mut decoder = zstd::bulk::Decompressor::new()?;
    let mut into = vec![0; column.len()];
    // Once before, so that the closure below cannot fail.
    decoder.decompress_to_buffer(&frame, &mut into[..])?;
    Ok(best(BLOCK * BLOCKS, || {
        (0..BLOCKS).fold(0, |sum, _| {
            let length = decoder.decompress_to_buffer(&frame, &mut into[..]);
            sum + length.unwrap_or(0) as u32
        })
    }))
}
