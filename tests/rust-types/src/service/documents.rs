//! JSON, parsed and built.

use std::hint::black_box;

use serde_json::{Map, Value};

use crate::names::{Names, many};
use crate::recorder::making;

use super::string;

#[derive(Default)]
pub struct Documents {
    parsed: Vec<Value>,
    built: Vec<Value>,
    headers: Map<String, Value>,
}

/// What a parser makes: all texts are shorter than the shortest list.
fn parts() -> Names {
    static PARTS: std::sync::OnceLock<Names> = std::sync::OnceLock::new();
    PARTS.get_or_init(|| {
        let mut parts: Vec<(usize, &'static str)> = (1..32).map(|length| (length, "str")).collect();
        // As `BTreeMap`'s nodes are laid out: eleven keys and values, a parent, two numbers, and the edges of inner nodes.
        let leaf = 11 * (size_of::<String>() + size_of::<Value>()) + 8 + 2 * 2;
        let leaf = leaf.next_multiple_of(8);
        let node = "btree<alloc::string::String, serde_json::value::Value>";
        parts.push((leaf, node));
        parts.push((leaf + 12 * 8, node));
        parts.push((0, "[serde_json::value::Value]"));
        parts.leak()
    })
}

pub fn add(documents: &mut Documents, round: u64) {
    let text = source(round);
    let value: Value = making(parts(), || serde_json::from_str(&text).expect("JSON"));
    black_box(value["items"].as_array().map(Vec::len));
    crate::made::push(&mut documents.parsed, value);
    let value = built(round);
    crate::made::push(&mut documents.built, value);
    let (key, value) = (string(round), Value::String(string(round + 1)));
    making(parts(), || documents.headers.insert(key, value));
    if round % 8 == 7 {
        let again = making(parts(), || documents.parsed[round as usize].clone());
        crate::made::push(&mut documents.built, again);
    }
}

/// An answer with a list of items, each an object with lists and texts, some escaped.
fn source(round: u64) -> String {
    let items: Vec<String> = (0..3 + round % 6)
        .map(|item| {
            let tags: Vec<String> = (0..item).map(|tag| format!("\"tag {tag}\"")).collect();
            format!(
                r#"{{"id": {item}, "name": "item\tnumber {item}", "price": {item}.5, "tags": [{}], "stock": {{"here": {round}, "there": null}}, "sold": {}}}"#,
                tags.join(","),
                item % 2 == 0
            )
        })
        .collect();
    let many: Vec<String> = (0..14 + round % 9)
        .map(|key| format!("\"key {key}\": [{key}, \"{key}\"]"))
        .collect();
    format!(
        r#"{{"items": [{}], "page": {round}, "next": "/items?page={round}", "index": {{{}}}}}"#,
        items.join(", "),
        many.join(", ")
    )
}

fn built(round: u64) -> Value {
    let mut object = Map::new();
    for number in 0..round % 5 + 1 {
        let key = string(number);
        let text = Value::String(string(number));
        let list = making(many::<Value>(), || {
            vec![text, Value::from(number), Value::Null]
        });
        making(parts(), || object.insert(key, Value::Array(list)));
    }
    Value::Object(object)
}
