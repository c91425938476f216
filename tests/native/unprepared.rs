//! A program in Rust that knows nothing of memdump.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

pub struct Receipt {
    pub number: u64,
    pub text: String,
    pub lines: Vec<u32>,
}

static RECEIPTS: Mutex<Vec<Arc<Receipt>>> = Mutex::new(Vec::new());

#[inline(never)]
fn make(number: u64) -> Arc<Receipt> {
    Arc::new(Receipt {
        number,
        text: format!("receipt {number}"),
        lines: vec![1, 2, 3],
    })
}

fn main() {
    for number in 0..1000 {
        RECEIPTS.lock().unwrap().push(make(number));
    }
    let mut boxes: HashMap<u64, Box<[u64; 6]>> = HashMap::new();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for number in 0..500 {
        boxes.insert(number, Box::new([number; 6]));
        names.insert(number, number.to_string());
    }
    println!("listening");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(boxes.len(), names.len());
}
