//! Says what there is, one line each:
//!
//! `module BIAS FIRST END PATH`, `block ADDRESS SIZE ALIGNMENT FRAME,… TRUTH` (`-` if nobody knows), `reference SOURCE AT TARGET OFFSET`; a
//! reference is any aligned word of a block that is an address in a block, or behind its last byte in a table's case.

use std::io::Write;

use crate::recorder::{self, Block};

pub fn print() {
    let mut blocks = recorder::live();
    blocks.sort_by_key(|block| block.address);
    let out = std::io::stdout();
    let mut out = std::io::BufWriter::new(out.lock());
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    let own = std::env::current_exe().expect("own path");
    let own = own.display().to_string();
    let mut lines = maps.lines().filter(|line| line.ends_with(&own));
    let first = address(lines.next().expect("mapped"), 0);
    let end = lines.last().map_or(first, |line| address(line, 1));
    writeln!(out, "module {first:x} {first:x} {end:x} {own}").expect("stdout");
    for block in &blocks {
        let frames = block.frames.iter().filter(|&&frame| frame != 0);
        let frames: Vec<String> = frames.map(|frame| format!("{frame:x}")).collect();
        writeln!(
            out,
            "block {:x} {} {} {} {}",
            block.address,
            block.size,
            block.alignment,
            frames.join(","),
            block.truth.unwrap_or("-")
        )
        .expect("stdout");
    }
    for block in blocks.iter().filter(|block| block.alignment > 1) {
        for at in (0..block.size / 8).map(|word| word * 8) {
            // SAFETY: the block is live, and only this thread runs.
            let word = unsafe { *((block.address + at) as *const usize) };
            if let Some(target) = holding(&blocks, word) {
                let offset = word - target.address;
                writeln!(out, "reference {:x} {at} {:x} {offset}", block.address, target.address).expect("stdout");
            }
        }
    }
    out.flush().expect("stdout");
}

fn holding(blocks: &[Block], word: usize) -> Option<&Block> {
    let after = blocks.partition_point(|block| block.address <= word);
    let block = blocks.get(after.checked_sub(1)?)?;
    (word - block.address < block.size).then_some(block)
}

fn address(line: &str, which: usize) -> usize {
    let range = line.split(' ').next().expect("a range");
    usize::from_str_radix(range.split('-').nth(which).expect("two ends"), 16).expect("digits")
}
