//! The references within a cluster and to its neighbours.

use super::place::ROLES;
use crate::rng::{Rng, mix};

/// A reference from one role of a cluster.
pub(super) struct Link {
    pub(super) role: u64,
    pub(super) to: End,
    pub(super) label: Name,
}

/// Where a link leads: to a place in the same window, to a shared string, to the source's type.
pub(super) enum End {
    Local(u64),
    Shared(u64),
    OwnType,
}

pub(super) enum Name {
    Class,
    Attribute(&'static str),
    Key(&'static str),
    KeyObject(&'static str),
    Index(u64),
}

/// The 26 references of a cluster, by role; with the registry's that makes 2.7 an object.
pub(super) fn links(seed: u64, cluster: u64, place: u64, places: u64) -> Vec<Link> {
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
