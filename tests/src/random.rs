//! Random contents and plans for property tests: all kinds of records, with the values at the ends of their ranges among them.

use crate::plan::{Packing, Plan};
use crate::record::{Contents, Fault, Module, Object, RawLabel, Reference, Root, Site, Type};
use crate::rng::Rng;

/// Random contents that a right file can say under this plan, of roughly `size` objects.
pub fn contents(seed: u64, size: u64, plan: &Plan) -> Contents {
    let mut chance = Chance {
        rng: Rng::new(seed),
        shift: plan.address_shift,
        strings: 1,
        objects: Vec::new(),
        native: false,
    };
    chance.native = chance.rng.once_in(2);
    let strings = (0..1 + chance.rng.below(size + 1))
        .map(|_| chance.text())
        .collect::<Vec<_>>();
    chance.strings = strings.len() as u64;
    let types = (0..1 + chance.rng.below(size.min(600) + 1))
        .map(|_| chance.type_())
        .collect::<Vec<_>>();
    let objects = (0..chance.rng.below(2 * size + 1))
        .map(|_| chance.object(types.len() as u64))
        .collect::<Vec<_>>();
    let births = if chance.rng.once_in(2) {
        objects.iter().map(|_| chance.number()).collect()
    } else {
        Vec::new()
    };
    chance.objects = objects.iter().map(|object| object.address).collect();
    let references = (0..objects.len() as u64)
        .flat_map(|source| chance.group(source))
        .collect();
    let values = if chance.rng.once_in(2) {
        (0..objects.len() as u64)
            .filter_map(|object| match chance.rng.once_in(3) {
                true => Some((object, chance.text())),
                false => None,
            })
            .collect()
    } else {
        Vec::new()
    };
    let few = 1 + size / 4;
    let (sites, modules, vtables) = if chance.native {
        let described = chance.rng.below(types.len() as u64 + 1);
        (described, chance.rng.below(few), chance.rng.below(few))
    } else {
        (0, 0, 0)
    };
    Contents {
        metadata: (0..chance.rng.below(few))
            .map(|_| (chance.text(), chance.text()))
            .collect(),
        roots: (0..chance.rng.below(few)).map(|_| chance.root()).collect(),
        faults: (0..chance.rng.below(few)).map(|_| chance.fault()).collect(),
        sites: (0..sites).map(|_| chance.site()).collect(),
        modules: (0..modules).map(|_| chance.module()).collect(),
        vtables: (0..vtables)
            .map(|_| (chance.number(), chance.number()))
            .collect(),
        strings,
        types,
        objects,
        births,
        references,
        values,
    }
}

/// A random plan, mostly of small blocks.
pub fn plan(seed: u64) -> Plan {
    let mut rng = Rng::new(seed);
    Plan {
        address_shift: rng.below(13) as u8,
        records_per_block: *rng.one_of(&[1, 2, 3, 7, 16, 17, 100, 1000, 65_536]),
        blocks_per_index: *rng.one_of(&[1, 2, 5, 100, 65_536]),
        packing: *rng.one_of(&[Packing::Plain, Packing::Zstd, Packing::Alternating]),
        shuffle: rng.once_in(2).then(|| rng.number()),
    }
}

struct Chance {
    rng: Rng,
    shift: u8,
    strings: u64,
    objects: Vec<u64>,
    /// Whether it is the dump of a native heap.
    native: bool,
}

impl Chance {
    /// Small numbers mostly, but all widths that a varint can have, and the greatest number of all.
    fn number(&mut self) -> u64 {
        match self.rng.below(16) {
            0 => 0,
            1 => u64::MAX,
            2 => self.rng.number(),
            3 => i64::MIN as u64,
            4 => self.rng.number() >> self.rng.below(64),
            _ => self.rng.below(300),
        }
    }

    fn narrow(&mut self) -> u64 {
        self.number() & u64::from(u32::MAX)
    }

    fn address(&mut self) -> u64 {
        let address = if self.rng.once_in(8) {
            self.number()
        } else {
            0x7f00_0000_0000 + self.rng.below(1 << 30)
        };
        address >> self.shift << self.shift
    }

    fn string_id(&mut self) -> u64 {
        self.rng.below(self.strings)
    }

    fn text(&mut self) -> String {
        let length = if self.rng.once_in(50) {
            self.rng.below(65_536 / 4)
        } else {
            self.rng.below(20)
        };
        (0..length)
            .map(|_| {
                *self
                    .rng
                    .one_of(&['a', 'b', '.', '\0', '\'', 'ß', '猫', '🦀'])
            })
            .collect()
    }

    fn type_(&mut self) -> Type {
        let address = if self.rng.once_in(5) {
            0
        } else {
            self.address()
        };
        Type {
            address,
            module: self.string_id(),
            name: self.string_id(),
            flags: self.rng.below(4),
        }
    }

    fn object(&mut self, types: u64) -> Object {
        Object {
            address: self.address(),
            type_id: self.rng.below(types),
            size: self.number(),
            refcount: self.number(),
            flags: self.rng.below(4) as u8,
        }
    }

    fn label(&mut self) -> RawLabel {
        let kind = self.rng.below(13) as u8;
        let mut label = RawLabel { kind, value: 0 };
        label.value = if label.names_a_string() {
            self.string_id()
        } else {
            self.number()
        };
        label.normal()
    }

    /// The references of one source: mostly few, often none, seldom very many.
    fn group(&mut self, source: u64) -> Vec<Reference> {
        let count = match self.rng.below(20) {
            0 => self.rng.below(60),
            1..=5 => 0,
            _ => self.rng.below(5),
        };
        (0..count).map(|_| self.reference(source)).collect()
    }

    fn reference(&mut self, source: u64) -> Reference {
        let dangling = self.objects.is_empty() || self.rng.once_in(10);
        let target = if dangling {
            self.address()
        } else {
            *self.rng.one_of(&self.objects)
        };
        Reference {
            source,
            target,
            label: self.label(),
            weak: self.rng.once_in(8),
            offset: self.offset(),
        }
    }

    fn root(&mut self) -> Root {
        let mut maybe = |id| self.rng.once_in(2).then_some(id);
        let (has_name, has_thread) = (maybe(()), maybe(()));
        Root {
            kind: 1 + self.rng.below(6) as u8,
            name: has_name.map(|()| self.string_id()),
            thread: has_thread.map(|()| self.string_id()),
            line: self.narrow(),
            depth: self.narrow(),
            label: self.label(),
            target: self.address(),
            offset: self.offset(),
        }
    }

    fn offset(&mut self) -> u64 {
        if self.native && self.rng.once_in(3) {
            self.number()
        } else {
            0
        }
    }

    fn site(&mut self) -> Site {
        let frames = match self.rng.below(20) {
            0 => 64,
            1..=4 => 0,
            _ => self.rng.below(9),
        };
        Site {
            alignment: self.rng.below(64) as u8,
            frames: (0..frames).map(|_| self.number()).collect(),
        }
    }

    fn module(&mut self) -> Module {
        let first = self.number();
        Module {
            bias: self.number(),
            first,
            length: self.number().min(u64::MAX - first),
            path: self.string_id(),
            build_id: self.string_id(),
        }
    }

    fn fault(&mut self) -> Fault {
        Fault {
            address: self.address(),
            message: self.string_id(),
        }
    }
}
