//! The kinds of blocks of a dump: a number for every type that a block turned out to have, and what blocks are called that have none.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use memdump_format::{Site, Sites, TypeId};

use crate::block_type::BlockType;
use crate::program::Program;
use crate::site::SiteTypes;

/// Number of a kind of block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct KindId(u32);

/// What is known of blocks of one kind.
pub(crate) struct Kind {
    /// Its type, if it is known.
    pub(crate) block: Option<BlockType>,
    /// `app::Row`; for a block of no known type `[64 bytes] app::handler`.
    pub(crate) name: String,
    /// The first kind of that name.
    first: KindId,
}

/// All kinds that were met.
pub(crate) struct Kinds<'p, 'a> {
    program: &'p Program<'a>,
    sites: Vec<(u64, SiteTypes)>,
    kinds: Vec<Kind>,
    by_name: HashMap<String, KindId>,
    by_type: HashMap<BlockType, KindId, RandomState>,
    by_site: HashMap<(TypeId, u64), KindId, RandomState>,
}

impl<'p, 'a> Kinds<'p, 'a> {
    /// Resolves the stacks of all sites.
    pub(crate) fn new(program: &'p Program<'a>, sites: &Sites) -> Kinds<'p, 'a> {
        let judge = |site: Site<'_>| {
            let alignment = 1_u64 << site.log2_alignment;
            (alignment, program.site(alignment, site.frames))
        };
        Kinds {
            program,
            sites: sites.iter().map(judge).collect(),
            kinds: Vec::new(),
            by_name: HashMap::new(),
            by_type: HashMap::default(),
            by_site: HashMap::default(),
        }
    }

    /// What is known of a kind.
    pub(crate) fn get(&self, id: KindId) -> &Kind {
        &self.kinds[id.0 as usize]
    }

    /// How many kinds there are.
    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Place of a kind in a table of all of them.
    pub(crate) fn index(id: KindId) -> usize {
        id.0 as usize
    }

    /// The alignment that a site asked for; 1 where nothing is known.
    pub(crate) fn alignment(&self, site: TypeId) -> u64 {
        self.sites.get(site.index()).map_or(1, |site| site.0)
    }

    /// Whether pointers may say more of the blocks of a kind and site than the stack does: it tells no type, or perhaps another function's.
    pub(crate) fn is_open(&self, kind: KindId, site: TypeId) -> bool {
        let is_sure = |(_, types): &(u64, SiteTypes)| types.is_sure;
        match &self.get(kind).block {
            None | Some(BlockType::Bytes) => true,
            Some(BlockType::Text) => false,
            Some(_) => !self.sites.get(site.index()).is_some_and(is_sure),
        }
    }

    /// The kind of a block, by its site and size.
    pub(crate) fn of(&mut self, site: TypeId, size: u64) -> KindId {
        if let Some(&known) = self.by_site.get(&(site, size)) {
            return known;
        }
        let known = self.sites.get(site.index());
        let block =
            known.and_then(|(alignment, types)| self.program.block_type(types, size, *alignment));
        let kind = match block {
            Some(block) => self.of_type(&block),
            None => {
                let function = known.and_then(|(_, types)| types.function.as_deref());
                let name = match function {
                    _ if self.alignment(site) == 1 && known.is_some() => "[u8]".to_owned(),
                    Some(function) => format!("[{size} bytes] {function}"),
                    None => format!("[{size} bytes]"),
                };
                self.add(None, name)
            }
        };
        self.by_site.insert((site, size), kind);
        kind
    }

    /// The kind of the blocks of a type.
    pub(crate) fn of_type(&mut self, block: &BlockType) -> KindId {
        if let Some(&known) = self.by_type.get(block) {
            return known;
        }
        let id = self.add(Some(block.clone()), self.program.name(block));
        self.by_type.insert(block.clone(), id);
        id
    }

    /// Whether blocks of a kind are of a type.
    pub(crate) fn is(&self, kind: KindId, block: &BlockType) -> bool {
        match self.by_type.get(block) {
            Some(&known) => self.are_same(kind, known),
            // No block has this description of the type; another description of it has the same name.
            None => {
                self.get(kind).block.is_some() && self.get(kind).name == self.program.name(block)
            }
        }
    }

    /// Whether two kinds have the same name: each compilation unit describes its types itself.
    pub(crate) fn are_same(&self, a: KindId, b: KindId) -> bool {
        self.get(a).first == self.get(b).first
    }

    fn add(&mut self, block: Option<BlockType>, name: String) -> KindId {
        let id = KindId(self.kinds.len() as u32);
        let first = *self.by_name.entry(name.clone()).or_insert(id);
        self.kinds.push(Kind { block, name, first });
        id
    }
}
