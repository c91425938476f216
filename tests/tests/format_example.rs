//! FORMAT.md's worked example, read by the slow reader: the text's bytes mean what the text says.

use memdump_tests::{Object, RawLabel, Reference, kind, slow_reader};

/// The bytes of the hex dump: lines of an offset, bytes, and `|` with a remark.
fn example() -> Vec<u8> {
    let text = include_str!("../../format/FORMAT.md");
    let dump = text
        .split("## A worked example")
        .nth(1)
        .expect("the example is there");
    let dump = dump.split("```").nth(1).expect("it has a block of code");
    let mut bytes = Vec::new();
    for line in dump.lines().filter(|line| line.contains('|')) {
        let mut words = line
            .split('|')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let offset = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert_eq!(offset, bytes.len(), "the offset of: {line}");
        bytes.extend(words.map(|word| u8::from_str_radix(word, 16).unwrap()));
    }
    bytes
}

#[test]
fn the_worked_example_says_what_the_text_says() {
    let read = slow_reader::read(&example()).unwrap();
    let text = |id: u64| read.strings[id as usize].as_str();
    let [first, second] = read.objects[..] else {
        panic!("two objects")
    };
    let object = Object {
        address: first.address,
        type_id: 0,
        size: 48,
        refcount: 1,
        flags: 1,
    };
    assert_eq!(first, object);
    assert_eq!(
        second,
        Object {
            address: second.address,
            refcount: 2,
            ..object
        }
    );
    assert_eq!(
        (text(read.types[0].module), text(read.types[0].name)),
        ("app", "Ref")
    );
    let [cache, weak] = read.references[..] else {
        panic!("two references")
    };
    assert_eq!(
        (cache.source, cache.target, cache.weak, cache.label.kind),
        (0, second.address, false, 1)
    );
    assert_eq!(text(cache.label.value), "cache");
    let label = RawLabel { kind: 4, value: 3 };
    assert_eq!(
        weak,
        Reference {
            source: 1,
            target: first.address,
            label,
            weak: true,
            offset: 0,
        }
    );
    let [module] = read.roots[..] else {
        panic!("one root")
    };
    assert_eq!(
        (module.kind, module.target, module.name.map(text)),
        (kind::root::MODULE, first.address, Some("app"))
    );
}
