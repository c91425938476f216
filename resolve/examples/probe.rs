#![allow(missing_docs, clippy::print_stdout, clippy::expect_used)]
use memdump_resolve::*;
fn main() {
    let path = std::path::PathBuf::from(std::env::args().nth(1).expect("dump"));
    let dump = memdump_format::Dump::open(&path).expect("dump");
    let start = std::time::Instant::now();
    let (_, outcome) = open_typed(dump, &Symbols::default(), true).expect("typed");
    println!("{outcome:#?} {:?}", start.elapsed());
}
