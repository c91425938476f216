//! Says what there is, one line each:
//!
//! `module BIAS FIRST END PATH`, `block ADDRESS SIZE ALIGNMENT FRAME,… TRUTH` (`-` if nobody knows), `reference SOURCE AT TARGET OFFSET`; a
//! reference is any aligned word of a block that is an address in a block; `stale …` one that was there before the block was. `vtable PLACE ADDRESS` is an address in constant memory in the word behind one, or at the start of a block; PLACE is the word before. `root ADDRESS_IN_FILE TARGET OFFSET` is the same of static memory, `thread PLACE TARGET OFFSET` of the thread-local memory of this thread.

use std::io::Write;

use crate::recorder::{self, Block, STALE};

/// In so many bytes of a block, a word that is an address in constant memory counts whatever lies before it.
const HEAD: usize = 32;

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
    let constants = maps
        .lines()
        .filter(|line| line.ends_with(&own) && line.contains(" r--"));
    let constants: Vec<_> = constants
        .map(|line| address(line, 0)..address(line, 1))
        .collect();
    for block in blocks.iter().filter(|block| block.alignment > 1) {
        for at in (0..block.size / 8).map(|word| word * 8) {
            // SAFETY: the block is live, and only this thread runs.
            let word = unsafe { *((block.address + at) as *const usize) };
            let kind = match word & STALE {
                0 => "reference",
                _ => "stale",
            };
            let word = word & !STALE;
            if let Some(target) = holding(&blocks, word) {
                let offset = word - target.address;
                writeln!(
                    out,
                    "{kind} {:x} {at} {:x} {offset}",
                    block.address, target.address
                )
                .expect("stdout");
                if at + 16 <= block.size {
                    let place = block.address + at;
                    // SAFETY: as above.
                    let next = unsafe { *((place + 8) as *const usize) } & !STALE;
                    if constants.iter().any(|range| range.contains(&next)) {
                        writeln!(out, "vtable {place:x} {next:x}").expect("stdout");
                    }
                }
            } else if at < HEAD && constants.iter().any(|range| range.contains(&word)) {
                let place = block.address + at - 8;
                let before = match at {
                    0 => 0,
                    // SAFETY: as above.
                    _ => unsafe { *(place as *const usize) & !STALE },
                };
                if holding(&blocks, before).is_none() {
                    writeln!(out, "vtable {place:x} {word:x}").expect("stdout");
                }
            }
        }
    }
    let mut end_of_file = 0;
    for line in maps.lines() {
        let (from, to) = (address(line, 0), address(line, 1));
        let is_own = line.ends_with(&own);
        // Static memory without contents of its own follows what the file has, without a name.
        let is_static = is_own || (from == end_of_file && line.split_whitespace().count() == 5);
        if is_static {
            end_of_file = to;
        }
        if !is_static || !line.contains(" rw") {
            continue;
        }
        for at in (from..to).step_by(8) {
            // SAFETY: it is mapped for reading, and only this thread runs.
            let word = unsafe { *(at as *const usize) };
            if let Some(target) = holding(&blocks, word) {
                let offset = word - target.address;
                writeln!(out, "root {:x} {:x} {offset}", at - first, target.address)
                    .expect("stdout");
            }
        }
    }
    let (local, length) = thread_local();
    for at in (0..length).step_by(8) {
        // SAFETY: it is this thread's.
        let word = unsafe { *((local + at) as *const usize) };
        if let Some(target) = holding(&blocks, word) {
            let offset = word - target.address;
            writeln!(out, "thread {at:x} {:x} {offset}", target.address).expect("stdout");
        }
    }
    out.flush().expect("stdout");
}

/// Where this thread's variables of the program itself lie, and how many bytes.
fn thread_local() -> (usize, usize) {
    unsafe extern "C" fn first(
        info: *mut libc::dl_phdr_info,
        _: libc::size_t,
        found: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: what the loader passes on is valid, and `found` is the variable below.
        unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            let own = headers.iter().find(|header| header.p_type == libc::PT_TLS);
            let length = own.map_or(0, |header| header.p_memsz as usize);
            *found.cast() = (info.dlpi_tls_data.addr(), length);
        }
        // The program is told first, and nothing else is of interest.
        1
    }
    let mut found = (0, 0);
    // SAFETY: the function takes what it is given.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut found).cast()) };
    found
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
