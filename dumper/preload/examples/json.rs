//! Work for `make bench-preload` and `make bench-rust`: parses a document of JSON again and again, which allocates a block for each text, list and
//! object. Knows nothing of memdump.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "as a module of another program it has no `main`")]

use std::fmt::Write;
use std::hint::black_box;

use serde_json::Value;

const RECORDS: u32 = 20_000;

fn main() {
    let times = std::env::args()
        .nth(1)
        .map_or(10, |text| text.parse().unwrap());
    parse(times);
}

/// Parses the document so often.
pub fn parse(times: u32) {
    let mut text = String::from("[");
    for number in 0..RECORDS {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"id":{number},"name":"customer number {number}","tags":["a","b{number}"],"address":{{"street":"{number} Long Street","zip":"{:05}"}},"balance":{}.5}}"#,
            number % 100_000,
            number * 7
        )
        .unwrap();
    }
    text.push(']');
    // The document before is alive while the next one is parsed.
    let mut last = Value::Null;
    for _ in 0..times {
        last = black_box(serde_json::from_str(&text).unwrap());
    }
    assert_eq!(last.as_array().map(Vec::len), Some(RECORDS as usize));
}
