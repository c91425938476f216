//! Heaps of any size, like a service's: many small clusters of objects held by registries, and a leak. They are streamed to a file
//! with bounded memory, and the same population can be dumped at two moments.
//!
//! A *cluster* is an instance of one of forty classes with its strings, lists and dict, ten objects in all; a *window* is a thousand
//! clusters and the list that holds them. Clusters refer to clusters of their own window only, so that reference counts are exact
//! although only one window is ever in memory. Between the two moments one cluster in sixteen is freed; half of the new ones take
//! addresses of freed ones.

use std::io::{self, Write};

use crate::kind;
use crate::record::{Object, RawLabel, Reference, Root, Type};
use crate::rng::{Rng, mix};
use crate::stream::Stream;

const ROLES: u64 = 10;
const CLUSTERS: u64 = 1_000;
const WINDOW: u64 = 1 + CLUSTERS * ROLES;
const FREED_ONE_IN: u64 = 16;
const CLASSES: u64 = 40;
const SHARED_STRINGS: u64 = 64;
/// Leaked instances at the first moment.
const LEAKED_BEFORE: u64 = 18;

const STATIC_BASE: u64 = 0x5500_0000_0000;
const HEAP_BASE: u64 = 0x7f00_0000_0000;
const SHIFT: u8 = 4;

/// How addresses follow the order in which objects were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As in a fresh heap: they rise, pool by pool.
    Birth,
    /// As in an aged heap: they are scattered.
    Shuffled,
}

/// When the dump is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// First.
    Before,
    /// Later: some clusters are gone, others new, and the leak has grown.
    After,
}

/// A population of objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Population {
    /// How many objects the dump has at the first moment, give or take a cluster. There are some two hundred at least.
    pub objects: u64,
    /// See [`Order`].
    pub order: Order,
    /// Module and name of the type that leaks; one cluster in fifty has a healthy instance of it.
    pub leak: (String, String),
    /// How many instances leak between the two moments. The leak holds 18 at the first.
    pub leaked: u64,
    /// Decides all that is random.
    pub seed: u64,
}

/// How many records a dump has been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Objects.
    pub objects: u64,
    /// References.
    pub references: u64,
}

impl Population {
    /// Streams the dump of one moment.
    pub fn write<W: Write>(&self, moment: Moment, sink: W) -> io::Result<(W, Written)> {
        let mut walk = Walk::start(self, moment, sink)?;
        walk.prologue()?;
        walk.windows()?;
        walk.leak()?;
        let written = walk.written;
        Ok((walk.stream.finish()?, written))
    }

    fn clusters(&self) -> u64 {
        let fixed = Builtin::ALL.len() as u64
            + CLASSES
            + 1
            + SHARED_STRINGS
            + Global::COUNT
            + 2 * LEAKED_BEFORE;
        (self.objects.saturating_sub(fixed) / ROLES).max(1)
    }

    fn is_freed(&self, cluster: u64) -> bool {
        mix(self.seed ^ (cluster << 8)).is_multiple_of(FREED_ONE_IN)
    }

    /// Clusters that are born between the two moments: about as many as are freed.
    fn newborn(&self) -> u64 {
        self.clusters() / FREED_ONE_IN
    }

    /// The address of the object in a slot; slots are numbered window by window, the leak's behind them all.
    fn address(&self, slot: u64) -> u64 {
        match self.order {
            Order::Birth => HEAP_BASE + birth_offset(slot),
            Order::Shuffled => {
                let windows =
                    self.clusters().div_ceil(CLUSTERS) + self.newborn().div_ceil(CLUSTERS);
                let slots = windows * WINDOW + 2 * (LEAKED_BEFORE + self.leaked);
                HEAP_BASE + scattered(slot, slots, self.seed) * 256
            }
        }
    }
}

/// Each role of a window has a pool of its own, as small sizes have in real allocators.
fn birth_offset(slot: u64) -> u64 {
    const SIZES: [u64; ROLES as usize] = [64, 112, 96, 240, 64, 64, 112, 48, 32, 112];
    const POOLS: u64 = 16_384;
    const BYTES: u64 = POOLS + CLUSTERS * (64 + 112 + 96 + 240 + 64 + 64 + 112 + 48 + 32 + 112);
    let (window, place) = (slot / WINDOW, slot % WINDOW);
    let Some(place) = place.checked_sub(1) else {
        return window * BYTES;
    };
    let (cluster, role) = (place / ROLES, (place % ROLES) as usize);
    let pool: u64 = SIZES[..role].iter().sum::<u64>() * CLUSTERS;
    window * BYTES + POOLS + pool + cluster * SIZES[role]
}

/// A permutation of the numbers below `count`: a Feistel network over the next power of four, walked until it hits the range.
fn scattered(number: u64, count: u64, seed: u64) -> u64 {
    let half = count
        .max(4)
        .next_power_of_two()
        .trailing_zeros()
        .div_ceil(2);
    let mask = (1 << half) - 1;
    let mut at = number;
    loop {
        for round in 0..3 {
            let (left, right) = (at >> half, at & mask);
            at = right << half | (left ^ (mix(right ^ seed ^ (round << 56)) & mask));
        }
        if at < count {
            return at;
        }
    }
}

/// The builtin types, in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Builtin {
    Type,
    Module,
    Dict,
    List,
    Tuple,
    Str,
    Bytes,
    Int,
    ModelState,
}

impl Builtin {
    const ALL: [(Builtin, &'static str, &'static str); 9] = [
        (Builtin::Type, "builtins", "type"),
        (Builtin::Module, "builtins", "module"),
        (Builtin::Dict, "builtins", "dict"),
        (Builtin::List, "builtins", "list"),
        (Builtin::Tuple, "builtins", "tuple"),
        (Builtin::Str, "builtins", "str"),
        (Builtin::Bytes, "builtins", "bytes"),
        (Builtin::Int, "builtins", "int"),
        (Builtin::ModelState, "django.db.models.base", "ModelState"),
    ];

    fn id(self) -> u64 {
        self as u64
    }
}

/// The objects behind the module-level names that hold everything, in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Global {
    Views,
    ViewsDict,
    Data,
    Leaked,
    Registry,
    RegistryDict,
    Windows,
}

impl Global {
    const COUNT: u64 = 7;

    fn address(self) -> u64 {
        STATIC_BASE + 0x10_0000 + self as u64 * 4096
    }
}

fn type_address(id: u64) -> u64 {
    STATIC_BASE + 0x1_0000 + id * 1088
}

fn shared_string(number: u64) -> u64 {
    STATIC_BASE + number % SHARED_STRINGS * 64
}

/// The string ids of names and keys that labels use.
#[derive(Clone, Debug, Default)]
struct Names(Vec<(&'static str, u64)>);

impl Names {
    const ALL: [&'static str; 16] = [
        "name",
        "tags",
        "options",
        "created",
        "owner",
        "_state",
        "db",
        "fields_cache",
        "'id'",
        "'kind'",
        "'link'",
        "__dict__",
        "'global_data'",
        "'a'",
        "'windows'",
        "payload",
    ];

    fn id(&self, text: &str) -> u64 {
        self.0
            .iter()
            .find(|(name, _)| *name == text)
            .expect("the name is in the list")
            .1
    }

    fn attribute(&self, name: &str) -> RawLabel {
        RawLabel {
            kind: 1,
            value: self.id(name),
        }
    }

    fn key(&self, text: &str) -> RawLabel {
        RawLabel {
            kind: 2,
            value: self.id(text),
        }
    }

    fn key_object(&self, text: &str) -> RawLabel {
        RawLabel {
            kind: 3,
            value: self.id(text),
        }
    }
}

fn index(position: u64) -> RawLabel {
    RawLabel {
        kind: 4,
        value: position,
    }
}

const CLASS: RawLabel = RawLabel { kind: 9, value: 0 };

/// One dump on its way.
struct Walk<'a, W: Write> {
    population: &'a Population,
    moment: Moment,
    stream: Stream<W>,
    names: Names,
    leak_type: u64,
    written: Written,
}

impl<'a, W: Write> Walk<'a, W> {
    fn start(population: &'a Population, moment: Moment, sink: W) -> io::Result<Self> {
        let mut stream = Stream::new(sink, SHIFT)?;
        let (sequence, time) = match moment {
            Moment::Before => ("1", "2026-11-01T12:00:00.000000Z"),
            Moment::After => ("2", "2026-11-01T12:10:00.000000Z"),
        };
        let rss = (population.objects * 100).to_string();
        for (key, value) in [
            ("producer", "memdump-synth 0.1.0"),
            ("runtime", "CPython 3.11.7"),
            ("host", "synth"),
            ("pid", "4242"),
            ("program", "synth"),
            ("time", time),
            ("sequence", sequence),
            ("identity", "address"),
            ("rss_bytes", &rss),
            ("labels", "on"),
        ] {
            stream.metadata(key, value);
        }
        let mut names = Names::default();
        for name in Names::ALL {
            names.0.push((name, stream.string(name)?));
        }
        Ok(Walk {
            population,
            moment,
            stream,
            names,
            leak_type: 0,
            written: Written::default(),
        })
    }

    fn object(
        &mut self,
        address: u64,
        type_id: u64,
        size: u64,
        refcount: u64,
        flags: u8,
    ) -> io::Result<u64> {
        self.written.objects += 1;
        self.stream.object(Object {
            address,
            type_id,
            size,
            refcount,
            flags,
        })
    }

    fn refer(&mut self, source: u64, target: u64, label: RawLabel) -> io::Result<()> {
        self.written.references += 1;
        self.stream.reference(Reference {
            source,
            target,
            label,
            weak: false,
        })
    }

    fn leaked(&self) -> u64 {
        LEAKED_BEFORE
            + if self.moment == Moment::After {
                self.population.leaked
            } else {
                0
            }
    }

    fn old_windows(&self) -> u64 {
        self.population.clusters().div_ceil(CLUSTERS)
    }

    fn new_windows(&self) -> u64 {
        if self.moment == Moment::After {
            self.population.newborn().div_ceil(CLUSTERS)
        } else {
            0
        }
    }

    /// Types, shared strings, and the globals that hold the rest. What is not counted (0) here is immortal.
    fn prologue(&mut self) -> io::Result<()> {
        let population = self.population;
        let builtins = Builtin::ALL.map(|(_, module, name)| (module.to_owned(), name.to_owned()));
        let classes = (0..CLASSES)
            .map(|class| (format!("app.models_{}", class % 7), format!("Model{class}")));
        let types = builtins
            .into_iter()
            .chain(classes)
            .chain([population.leak.clone()]);
        for (module, name) in types.collect::<Vec<_>>() {
            let (module, name) = (self.stream.string(&module)?, self.stream.string(&name)?);
            let address = type_address(self.leak_type);
            self.leak_type = self.stream.define_type(Type {
                address,
                module,
                name,
                flags: 2,
            })? + 1;
        }
        self.leak_type -= 1;
        for id in 0..=self.leak_type {
            self.object(type_address(id), Builtin::Type.id(), 1072, 0, 3)?;
        }
        for number in 0..SHARED_STRINGS {
            self.object(
                shared_string(number),
                Builtin::Str.id(),
                49 + number % 15,
                0,
                2,
            )?;
        }
        let global_root = |name, target: Global| Root {
            kind: kind::root::MODULE,
            name: Some(name),
            target: target.address(),
            ..Root::default()
        };
        for (module, target) in [
            ("app.views", Global::Views),
            ("app.registry", Global::Registry),
        ] {
            let name = self.stream.string(module)?;
            self.stream.root(global_root(name, target));
        }
        self.globals()
    }

    fn globals(&mut self) -> io::Result<()> {
        let names = self.names.clone();
        let dict = names.attribute("__dict__");
        // In the order of `Global`, as the addresses are.
        for (from, type_, to, label) in [
            (
                Global::Views,
                Builtin::Module,
                Some(Global::ViewsDict),
                dict,
            ),
            (
                Global::ViewsDict,
                Builtin::Dict,
                Some(Global::Data),
                names.key("'global_data'"),
            ),
            (
                Global::Data,
                Builtin::Dict,
                Some(Global::Leaked),
                names.key("'a'"),
            ),
            (Global::Leaked, Builtin::List, None, CLASS),
            (
                Global::Registry,
                Builtin::Module,
                Some(Global::RegistryDict),
                dict,
            ),
            (
                Global::RegistryDict,
                Builtin::Dict,
                Some(Global::Windows),
                names.key("'windows'"),
            ),
            (Global::Windows, Builtin::List, None, CLASS),
        ] {
            let members = match from {
                Global::Leaked => self.leaked(),
                Global::Windows => self.old_windows() + self.new_windows(),
                _ => 1,
            };
            let size = if type_ == Builtin::List {
                72 + 8 * members
            } else {
                248
            };
            let source = self.object(from.address(), type_.id(), size, 1, 1)?;
            if let Some(to) = to {
                self.refer(source, to.address(), label)?;
                continue;
            }
            for number in 0..members {
                let slot = if from == Global::Leaked {
                    self.leak_slot(number)
                } else {
                    number * WINDOW
                };
                self.refer(source, self.population.address(slot), index(number))?;
            }
        }
        Ok(())
    }

    /// The slot of a leaked instance; its payload has the next.
    fn leak_slot(&self, number: u64) -> u64 {
        let windows = self.old_windows() + self.population.newborn().div_ceil(CLUSTERS);
        windows * WINDOW + 2 * number
    }

    fn leak(&mut self) -> io::Result<()> {
        for number in 0..self.leaked() {
            let slot = self.leak_slot(number);
            let (instance, payload) = (
                self.population.address(slot),
                self.population.address(slot + 1),
            );
            let source = self.object(instance, self.leak_type, 48, 1, 1)?;
            self.refer(source, type_address(self.leak_type), CLASS)?;
            self.refer(source, payload, self.names.attribute("payload"))?;
            self.object(payload, Builtin::Str.id(), 100, 1, 0)?;
        }
        Ok(())
    }

    fn windows(&mut self) -> io::Result<()> {
        let population = self.population;
        let clusters = population.clusters();
        let after = self.moment == Moment::After;
        for window in 0..self.old_windows() {
            let all = window * CLUSTERS..clusters.min((window + 1) * CLUSTERS);
            let alive = all.filter(|&cluster| !(after && population.is_freed(cluster)));
            let members = alive
                .map(|cluster| (cluster, first_slot(cluster)))
                .collect::<Vec<_>>();
            self.window(window, &members)?;
        }
        let mut freed = (0..clusters)
            .filter(|&cluster| population.is_freed(cluster))
            .map(first_slot);
        for new in 0..self.new_windows() {
            let window = self.old_windows() + new;
            let first = window * CLUSTERS;
            let count = CLUSTERS.min(population.newborn() - new * CLUSTERS);
            let members = (first..first + count)
                .map(|cluster| {
                    let reused = if cluster % 2 == 0 { freed.next() } else { None };
                    (cluster, reused.unwrap_or(first_slot(cluster)))
                })
                .collect::<Vec<_>>();
            self.window(window, &members)?;
        }
        Ok(())
    }

    /// Writes a window's registry and clusters, each given by its number and the first of its slots.
    fn window(&mut self, window: u64, members: &[(u64, u64)]) -> io::Result<()> {
        let population = self.population;
        let addresses: Vec<u64> = members
            .iter()
            .flat_map(|&(_, slot)| (0..ROLES).map(move |role| population.address(slot + role)))
            .collect();
        let clusters: Vec<Vec<Link>> = members
            .iter()
            .zip(0..)
            .map(|(&(cluster, _), place)| {
                links(population.seed, cluster, place, members.len() as u64)
            })
            .collect();
        // One for each cluster's instance, from the registry.
        let mut refcounts: Vec<u64> = (0..addresses.len() as u64)
            .map(|slot| u64::from(slot % ROLES == 0))
            .collect();
        for link in clusters.iter().flatten() {
            if let End::Local(slot) = link.to {
                refcounts[slot as usize] += 1;
            }
        }
        let registry = population.address(window * WINDOW);
        let source = self.object(
            registry,
            Builtin::List.id(),
            72 + 8 * members.len() as u64,
            1,
            1,
        )?;
        for place in 0..members.len() as u64 {
            self.refer(source, addresses[(place * ROLES) as usize], index(place))?;
        }
        for ((&(cluster, _), links), place) in members.iter().zip(&clusters).zip(0..) {
            self.cluster(cluster, place, links, &addresses, &refcounts)?;
        }
        Ok(())
    }

    fn cluster(
        &mut self,
        cluster: u64,
        place: u64,
        links: &[Link],
        addresses: &[u64],
        refcounts: &[u64],
    ) -> io::Result<()> {
        let chance = mix(self.population.seed ^ cluster);
        let class = self.class(chance);
        let names = self.names.clone();
        let text = chance >> 32;
        let roles = [
            (class, 64, 1),
            (Builtin::Str.id(), 49 + text % 60, 0),
            (Builtin::List.id(), 96, 1),
            (Builtin::Dict.id(), 232, 1),
            (Builtin::Tuple.id(), 56, 1),
            (Builtin::ModelState.id(), 48, 1),
            (Builtin::Str.id(), 49 + text / 60 % 60, 0),
            (Builtin::Bytes.id(), 33 + text / 3600 % 15, 0),
            (Builtin::Int.id(), 28, 0),
            (Builtin::List.id(), 112, 1),
        ];
        let mut links = links.iter().peekable();
        for ((type_id, size, flags), role) in roles.into_iter().zip(0..) {
            let slot = (place * ROLES + role) as usize;
            let source = self.object(addresses[slot], type_id, size, refcounts[slot], flags)?;
            while let Some(link) = links.next_if(|link| link.role == role) {
                let target = match link.to {
                    End::Local(slot) => addresses[slot as usize],
                    End::Shared(number) => shared_string(number),
                    End::OwnType => type_address(type_id),
                };
                let label = match link.label {
                    Name::Class => CLASS,
                    Name::Attribute(name) => names.attribute(name),
                    Name::Key(text) => names.key(text),
                    Name::KeyObject(text) => names.key_object(text),
                    Name::Index(position) => index(position),
                };
                self.refer(source, target, label)?;
            }
        }
        Ok(())
    }

    /// The class of a cluster's instance: a few are common and many rare.
    fn class(&self, chance: u64) -> u64 {
        let mut rng = Rng::new(chance);
        if rng.once_in(50) {
            return self.leak_type;
        }
        let rank = (0..3).map(|_| rng.below(CLASSES)).min().unwrap_or_default();
        Builtin::ALL.len() as u64 + rank
    }
}

fn first_slot(cluster: u64) -> u64 {
    cluster / CLUSTERS * WINDOW + 1 + cluster % CLUSTERS * ROLES
}

/// A reference from one role of a cluster.
struct Link {
    role: u64,
    to: End,
    label: Name,
}

/// Where a link leads: to a place in the same window, to a shared string, to the source's type.
enum End {
    Local(u64),
    Shared(u64),
    OwnType,
}

enum Name {
    Class,
    Attribute(&'static str),
    Key(&'static str),
    KeyObject(&'static str),
    Index(u64),
}

/// The 26 references of a cluster, by role; with the registry's that makes 2.7 an object.
fn links(seed: u64, cluster: u64, place: u64, places: u64) -> Vec<Link> {
    let mut rng = Rng::new(seed ^ mix(cluster));
    let own = |role| End::Local(place * ROLES + role);
    let mut other = || End::Local(rng.below(places) * ROLES);
    let mut links = vec![
        (0, End::OwnType, Name::Class),
        (0, own(1), Name::Attribute("name")),
        (0, own(2), Name::Attribute("tags")),
        (0, own(3), Name::Attribute("options")),
        (0, own(4), Name::Attribute("created")),
        (0, other(), Name::Attribute("owner")),
        (0, own(5), Name::Attribute("_state")),
        (2, own(6), Name::Index(0)),
        (2, own(7), Name::Index(1)),
        (2, End::Shared(cluster), Name::Index(2)),
        (3, End::Shared(0), Name::KeyObject("'id'")),
        (3, own(8), Name::Key("'id'")),
        (3, End::Shared(1), Name::KeyObject("'kind'")),
        (3, End::Shared(cluster % 8), Name::Key("'kind'")),
        (3, End::Shared(2), Name::KeyObject("'link'")),
        (3, other(), Name::Key("'link'")),
        (4, own(8), Name::Index(0)),
        (4, own(9), Name::Index(1)),
        (5, End::OwnType, Name::Class),
        (5, End::Shared(3), Name::Attribute("db")),
        (5, own(3), Name::Attribute("fields_cache")),
    ];
    links.extend((0..5).map(|position| (9, other(), Name::Index(position))));
    links
        .into_iter()
        .map(|(role, to, label)| Link { role, to, label })
        .collect()
}
