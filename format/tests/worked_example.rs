//! The worked example at the end of FORMAT.md is a dump: the writer makes these bytes, and the reader reads them.

mod support;

use memdump_format::*;
use support::*;

fn example() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 4).unwrap();
    let module = writer.string("app").unwrap();
    let name = writer.string("Ref").unwrap();
    let cache = writer.string("cache").unwrap();
    let some_ref = writer
        .define_type(&Type {
            address: Address(0),
            module,
            name,
            flags: TypeFlags::COLLECTED,
        })
        .unwrap();
    let object = |address, refcount| Object {
        address: Address(address),
        type_id: some_ref,
        size: 48,
        refcount: Some(refcount),
        flags: ObjectFlags::TRACKED,
        serial: None,
    };
    let first = writer.object(&object(0x7f00_0000_1000, 1)).unwrap();
    let second = writer.object(&object(0x7f00_0000_1030, 2)).unwrap();
    let reference = |target, label, strength| Reference {
        target: Address(target),
        label,
        strength,
        offset: 0,
    };
    let strong = reference(0x7f00_0000_1030, Label::Attribute(cache), Strength::Strong);
    let weak = reference(0x7f00_0000_1000, Label::Index(3), Strength::Weak);
    writer.reference(first, &strong).unwrap();
    writer.reference(second, &weak).unwrap();
    let root = Root {
        kind: RootKind::Module,
        name: Some(module),
        thread: None,
        line: 0,
        depth: 0,
        label: Label::None,
        target: Address(0x7f00_0000_1000),
        offset: 0,
    };
    writer.root(&root).unwrap();
    writer.metadata("pid", "7").unwrap();
    writer.finish().unwrap().0
}

/// The bytes of the example's hex dump: lines of `offset  bytes  | what they are`.
fn from_text() -> Vec<u8> {
    let text = include_str!("../FORMAT.md");
    let (_, example) = text
        .split_once("## A worked example")
        .expect("there is one");
    let (_, example) = example.split_once("```text\n").expect("it has a hex dump");
    let (example, _) = example.split_once("```").expect("which ends");
    let mut bytes = Vec::new();
    for line in example.lines().filter(|line| !line.is_empty()) {
        let (line, _) = line.split_once('|').expect("an explanation on every line");
        let mut words = line.split_whitespace();
        let offset = words.next().expect("an offset");
        assert_eq!(usize::from_str_radix(offset, 16), Ok(bytes.len()), "{line}");
        bytes.extend(words.map(|word| u8::from_str_radix(word, 16).expect("two hex digits")));
    }
    bytes
}

#[test]
fn the_example_is_what_the_writer_writes() {
    let written: Vec<String> = example().iter().map(|byte| format!("{byte:02x}")).collect();
    let text: Vec<String> = from_text()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(text.join(" "), written.join(" "));
}

#[test]
fn the_example_is_sound() {
    let bytes = from_text();
    verify(bytes.clone()).unwrap();
    let heap = read(&open(bytes).unwrap()).unwrap();
    assert_eq!(heap.strings, ["app", "Ref", "cache"]);
    assert_eq!(heap.references.len(), 2);
    assert_eq!(heap.metadata, [("pid".to_string(), "7".to_string())]);
}
