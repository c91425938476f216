//! What writing and reading cost: CPU nanoseconds per object on a made-up heap in birth order, and bytes per object.
//!
//! `cargo run --release --example throughput -p memdump-format [OBJECTS]`

use std::path::Path;

use memdump_format::*;

/// CPU time of this thread, in nanoseconds. (Its own clock: the machine may be busy with other things.)
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(f64::NAN)
}

fn measure<R>(what: &str, objects: usize, mut run: impl FnMut() -> R) -> R {
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..5 {
        let before = cpu_ns();
        last = Some(run());
        best = best.min(cpu_ns() - before);
    }
    eprintln!("{what:<44} {:7.1} ns/object", best / objects as f64);
    last.expect("it ran")
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % limit
    }
}

/// Instances with a dict each, of 200 types of very different frequency, that refer to strings, numbers, lists and each other.
fn heap(count: usize) -> (Vec<Object>, Vec<(ObjectId, Reference)>) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut objects = Vec::with_capacity(count);
    let mut references = Vec::new();
    // Objects of a size lie in pools of their own, as they do in CPython.
    let mut pools = [0u64; 8].map(|_| 0u64);
    for (place, pool) in pools.iter_mut().enumerate() {
        *pool = 0x7f00_0000_0000 + ((place as u64) << 32);
    }
    for id in 0..count {
        let skewed = random.below(200) * random.below(200) / 200;
        let class = (skewed % 8) as usize;
        let size = 48 + 16 * class as u64;
        let address = pools[class];
        pools[class] += size;
        if random.below(300) == 0 {
            pools[class] += 0x4000 - pools[class] % 0x4000;
        }
        let variable = if skewed.is_multiple_of(5) {
            8 * random.below(6)
        } else {
            0
        };
        objects.push(Object {
            address: Address(address),
            type_id: TypeId(skewed as u32),
            size: size + variable,
            refcount: Some(1 + random.below(2) * random.below(3)),
            flags: ObjectFlags::TRACKED,
            serial: None,
        });
        let group = [0, 1, 1, 2, 4, 1, 2, 2][class];
        for place in 0..group {
            let near = random.below(4) != 0;
            let target = if near {
                id as u64 - random.below(30).min(id as u64)
            } else {
                random.below(id as u64 + 1)
            };
            let label = match place {
                0 => Label::Attribute(StringId(skewed as u32)),
                1 => Label::Index(place),
                2 => Label::Key(StringId(skewed as u32 + place as u32)),
                _ => Label::Type,
            };
            let target = objects[target as usize].address;
            references.push((
                ObjectId(id as u32),
                Reference {
                    target,
                    label,
                    strength: Strength::Strong,
                    offset: 0,
                },
            ));
        }
    }
    (objects, references)
}

fn write<W: std::io::Write>(
    sink: W,
    objects: &[Object],
    references: &[(ObjectId, Reference)],
) -> W {
    let mut writer = Writer::new(sink, 3).expect("a sink that does not fail");
    let nothing = writer.string("").expect("room");
    for _ in 0..1000 {
        writer.string("attribute").expect("room");
    }
    for _ in 0..200 {
        let record = Type {
            address: Address(0),
            module: nothing,
            name: nothing,
            flags: TypeFlags::default(),
        };
        writer.define_type(&record).expect("room");
    }
    let mut next = references.iter().peekable();
    for record in objects {
        let id = writer.object(record).expect("room");
        while let Some((_, reference)) = next.next_if(|(source, _)| *source == id) {
            writer.reference(id, reference).expect("room");
        }
    }
    writer.finish().expect("a sink that does not fail").0
}

fn main() {
    let count = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let (objects, references) = heap(count);
    let bytes = write(Vec::new(), &objects, &references);
    eprintln!(
        "{} objects, {:.2} references each, {:.2} bytes per object",
        count,
        references.len() as f64 / count as f64,
        bytes.len() as f64 / count as f64
    );
    measure("write to nowhere", count, || {
        write(std::io::sink(), &objects, &references)
    });
    let dump = Dump::from_bytes(Path::new("made up"), bytes).expect("a sound dump");
    let mut stored = std::collections::BTreeMap::<u8, (u64, u64)>::new();
    for block in dump.blocks() {
        let kind = stored.entry(block.kind.number()).or_default();
        *kind = (kind.0 + block.length, kind.1 + 1);
    }
    for (kind, (bytes, blocks)) in stored {
        eprintln!(
            "  kind {kind:<2} {:6.2} bytes per object in {blocks} blocks",
            bytes as f64 / count as f64
        );
    }

    let mut batch = ObjectBatch::default();
    for (what, want) in [
        ("types", ObjectColumns::TYPE),
        ("types, addresses", ObjectColumns::ADDRESS),
        ("types, sizes", ObjectColumns::SIZE),
        ("reference counts", ObjectColumns::REFCOUNT),
        ("flags", ObjectColumns::FLAGS),
        ("all columns of objects", ObjectColumns::ALL),
    ] {
        measure(&format!("read {what}"), count, || {
            for block in dump.object_blocks() {
                block.decode(want, &mut batch).expect("a sound block");
            }
        });
    }
    let mut batch = ReferenceBatch::default();
    for (what, want) in [
        ("targets", ReferenceColumns::TARGETS),
        ("strengths", ReferenceColumns::STRENGTHS),
        ("labels", ReferenceColumns::LABELS),
        ("all columns of references", ReferenceColumns::ALL),
    ] {
        measure(&format!("read groups, {what}"), count, || {
            for block in dump.reference_blocks() {
                block.decode(want, &mut batch).expect("a sound block");
            }
        });
    }
    measure("verify", count, || {
        dump.blocks()
            .iter()
            .for_each(|block| dump.verify_block(block.number).expect("a sound block"));
    });
}
