//! One dump, window by window.

use std::io::{self, Write};

use super::cluster::{End, Link, Name, links};
use super::names::{Builtin, CLASS, Names, index, shared_string, type_address};
use super::place::{CLUSTERS, ROLES, SHIFT, WINDOW, first_slot};
use super::{CLASSES, LEAKED_BEFORE, Moment, Population, Written};
use crate::record::{Object, RawLabel, Reference};
use crate::rng::{Rng, mix};
use crate::stream::Stream;

/// One dump on its way.
pub(super) struct Walk<'a, W: Write> {
    pub(super) population: &'a Population,
    pub(super) moment: Moment,
    pub(super) stream: Stream<W>,
    pub(super) names: Names,
    pub(super) leak_type: u64,
    pub(super) written: Written,
}

impl<'a, W: Write> Walk<'a, W> {
    pub(super) fn start(population: &'a Population, moment: Moment, sink: W) -> io::Result<Self> {
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

    pub(super) fn object(
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

    pub(super) fn refer(&mut self, source: u64, target: u64, label: RawLabel) -> io::Result<()> {
        self.written.references += 1;
        self.stream.reference(Reference {
            source,
            target,
            label,
            weak: false,
            offset: 0,
        })
    }

    pub(super) fn leaked(&self) -> u64 {
        LEAKED_BEFORE
            + if self.moment == Moment::After {
                self.population.leaked
            } else {
                0
            }
    }

    pub(super) fn old_windows(&self) -> u64 {
        self.population.clusters().div_ceil(CLUSTERS)
    }

    pub(super) fn new_windows(&self) -> u64 {
        if self.moment == Moment::After {
            self.population.newborn().div_ceil(CLUSTERS)
        } else {
            0
        }
    }

    /// The slot of a leaked instance; its payload has the next.
    pub(super) fn leak_slot(&self, number: u64) -> u64 {
        let windows = self.old_windows() + self.population.newborn().div_ceil(CLUSTERS);
        windows * WINDOW + 2 * number
    }

    pub(super) fn leak(&mut self) -> io::Result<()> {
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

    pub(super) fn windows(&mut self) -> io::Result<()> {
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
    pub(super) fn window(&mut self, window: u64, members: &[(u64, u64)]) -> io::Result<()> {
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

    pub(super) fn cluster(
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
    pub(super) fn class(&self, chance: u64) -> u64 {
        let mut rng = Rng::new(chance);
        if rng.once_in(50) {
            return self.leak_type;
        }
        let rank = (0..3).map(|_| rng.below(CLASSES)).min().unwrap_or_default();
        Builtin::ALL.len() as u64 + rank
    }
}
