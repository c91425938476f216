//! Writes the typed dump: the same objects under the names of their types, with the references that their layouts confirm.

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use memdump_format::{
    Address, Dump, Fault, Label, ObjectBatch, ObjectColumns, ObjectId, Reference, ReferenceBatch,
    ReferenceColumns, Root, StringId, Type, TypeFlags, TypeId, Writer,
};

use crate::blocks::{Block, Blocks};
use crate::error::ResolveError;
use crate::fields::Field;
use crate::kinds::{KindId, Kinds};
use crate::program::Program;
use crate::roots::{RootPlace, Roots};

/// What became of the blocks and references of a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Blocks.
    pub blocks: u64,
    /// Of these, typed by the stack that allocated them.
    pub typed_by_stack: u64,
    /// Of these, typed by the fields that point to them.
    pub typed_by_reference: u64,
    /// References that a layout gave a name.
    pub labelled: u64,
    /// References out of blocks of which no layout is known: kept, with their offset for a name.
    pub conservative: u64,
    /// What looked like a reference, where the layout has none.
    pub dropped: u64,
}

/// The key of the metadata that tells how a native dump came to its references.
pub(crate) const NATIVE: &str = "native";
/// Its value in a dump as the target wrote it.
pub(crate) const CONSERVATIVE: &str = "conservative";
/// Its value in a dump that has types.
pub(crate) const TYPED: &str = "typed";

/// Writes `dump` with the types that `program` tells; `facts` are added to its metadata.
///
/// # Errors
/// If the dump is damaged, or the sink fails.
pub fn write_typed<W: Write>(
    dump: &Dump,
    program: &Program<'_>,
    facts: &[(&str, String)],
    sink: W,
) -> Result<(W, Summary), ResolveError> {
    let mut kinds = Kinds::new(program, &dump.sites()?);
    let roots = Roots::read(dump, program)?;
    let blocks = Blocks::read(dump, program, &mut kinds, &roots)?;
    let metadata = dump.metadata()?;
    let mut writer = Writer::new(sink, dump.address_shift())?;
    if metadata.get("identity") == Some("exact") {
        writer = writer.with_births();
    }
    let mut typing = Typing {
        dump,
        program,
        blocks: &blocks,
        type_ids: vec![None; kinds.len()],
        kinds: &kinds,
        type_names: HashMap::new(),
        paths: HashMap::new(),
        strings: HashMap::new(),
        summary: Summary {
            blocks: blocks.len(),
            typed_by_stack: blocks.by_stack,
            typed_by_reference: blocks.by_reference,
            ..Summary::default()
        },
        writer,
    };
    typing.objects()?;
    typing.references()?;
    typing.roots(roots)?;
    for fault in dump.faults()? {
        let message = typing.copy(fault.message)?;
        let address = fault.address;
        typing.writer.fault(&Fault { address, message })?;
    }
    for (key, value) in metadata.iter().filter(|(key, _)| *key != NATIVE) {
        typing.writer.metadata(key, value)?;
    }
    typing.facts(facts)?;
    let summary = typing.summary;
    let (sink, _) = typing.writer.finish()?;
    Ok((sink, summary))
}

struct Typing<'d, 'p, 'a, W: Write> {
    dump: &'d Dump,
    program: &'p Program<'a>,
    blocks: &'d Blocks,
    kinds: &'d Kinds<'p, 'a>,
    /// By kind.
    type_ids: Vec<Option<TypeId>>,
    type_names: HashMap<String, TypeId>,
    paths: HashMap<Rc<str>, StringId>,
    /// Strings of the native dump that were copied.
    strings: HashMap<StringId, StringId>,
    summary: Summary,
    writer: Writer<W>,
}

impl<W: Write> Typing<'_, '_, '_, W> {
    fn objects(&mut self) -> Result<(), ResolveError> {
        let mut batch = ObjectBatch::default();
        let mut id = ObjectId(0);
        for block in self.dump.object_blocks() {
            block.decode(ObjectColumns::ALL, &mut batch)?;
            for place in 0..batch.types.len() {
                let (Some(mut object), Some(block)) = (batch.object(place), self.blocks.get(id))
                else {
                    continue;
                };
                object.type_id = self.type_id(block.kind)?;
                self.writer.object(&object)?;
                id.0 += 1;
            }
        }
        Ok(())
    }

    /// Kinds of the same name are one type: each compilation unit has its own description of it.
    fn type_id(&mut self, kind: KindId) -> Result<TypeId, ResolveError> {
        let place = Kinds::index(kind);
        if let Some(id) = self.type_ids[place] {
            return Ok(id);
        }
        let name = &self.kinds.get(kind).name;
        let id = match self.type_names.get(name) {
            Some(&id) => id,
            None => {
                let id = self.writer.string(name)?;
                let module = self.path("".into())?;
                let record = Type {
                    address: Address(0),
                    module,
                    name: id,
                    flags: TypeFlags::default(),
                };
                let id = self.writer.define_type(&record)?;
                self.type_names.insert(name.clone(), id);
                id
            }
        };
        self.type_ids[place] = Some(id);
        Ok(id)
    }

    fn references(&mut self) -> Result<(), ResolveError> {
        let mut batch = ReferenceBatch::default();
        for block in self.dump.reference_blocks() {
            block.decode(ReferenceColumns::ALL, &mut batch)?;
            let mut next = 0;
            for group in &batch.groups {
                let start = next;
                next += group.count as usize;
                for place in start..next {
                    if let Some(reference) = batch.reference(place) {
                        self.reference(group.source, reference)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn reference(&mut self, source: ObjectId, found: Reference) -> Result<(), ResolveError> {
        let label = match (self.blocks.get(source), found.label) {
            (Some(block), Label::Offset(at)) => match self.field(block, at) {
                Field::Pointer { index, either } => {
                    let target = self.blocks.target(self.kinds, found.target, found.offset);
                    let chosen = match target {
                        Some((block, target)) => {
                            block.choose(self.program, self.kinds, &either, target)
                        }
                        None => either.first(),
                    };
                    let Some(pointer) = chosen else {
                        self.summary.dropped += 1;
                        return Ok(());
                    };
                    self.label(index, Rc::clone(&pointer.path))?
                }
                Field::Unknown => found.label,
                Field::Nothing => {
                    self.summary.dropped += 1;
                    return Ok(());
                }
            },
            (_, label) => label,
        };
        if matches!(label, Label::Offset(_)) {
            self.summary.conservative += 1;
        } else {
            self.summary.labelled += 1;
        }
        let reference = Reference {
            label,
            offset: 0,
            ..found
        };
        Ok(self.writer.reference(source, &reference)?)
    }

    fn field(&self, block: Block, offset: u64) -> Field {
        match &self.kinds.get(block.kind).block {
            Some(ty) => self.program.field(ty, block.size, offset),
            None => Field::Unknown,
        }
    }

    /// `.cache.table`, or `[3]` for an element that is itself the pointer. A field of an element is told without the element's index:
    /// there would be as many names as elements.
    fn label(&mut self, index: Option<u64>, path: Rc<str>) -> Result<Label, ResolveError> {
        if let Some(name) = path.strip_prefix('.') {
            return Ok(Label::Attribute(self.path(name.into())?));
        }
        let inner = path
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match (index, inner.and_then(|digits| digits.parse().ok())) {
            (None, Some(position)) => Ok(Label::Index(position)),
            (None, None) if path.is_empty() => Ok(Label::None),
            (Some(position), _) if path.is_empty() => Ok(Label::Index(position)),
            _ => Ok(Label::Attribute(self.path(path)?)),
        }
    }

    fn path(&mut self, text: Rc<str>) -> Result<StringId, ResolveError> {
        if let Some(&id) = self.paths.get(&text) {
            return Ok(id);
        }
        let id = self.writer.string(&text)?;
        self.paths.insert(text, id);
        Ok(id)
    }

    fn roots(&mut self, roots: Roots) -> Result<(), ResolveError> {
        for found in roots.0 {
            let root = found.root;
            let thread = root.thread.map(|thread| self.copy(thread)).transpose()?;
            let (name, label) = match found.place {
                RootPlace::Unknown => {
                    let name = root.name.map(|name| self.copy(name)).transpose()?;
                    (name, root.label)
                }
                RootPlace::Frame(name) => (Some(self.path(name.into())?), root.label),
                RootPlace::Field { name, either } => {
                    let target = self.blocks.target(self.kinds, root.target, root.offset);
                    let chosen = target.and_then(|(block, target)| {
                        block.choose(self.program, self.kinds, &either, target)
                    });
                    // What a static variable is said to hold it has held: it is not left out for a doubt.
                    let path = chosen
                        .or(either.first())
                        .map(|pointer| Rc::clone(&pointer.path));
                    let name = self.path(name.into())?;
                    (Some(name), self.label(None, path.unwrap_or_default())?)
                }
                RootPlace::Nothing => {
                    self.summary.dropped += 1;
                    continue;
                }
            };
            self.writer.root(&Root {
                name,
                thread,
                label,
                offset: 0,
                ..root
            })?;
        }
        Ok(())
    }

    fn copy(&mut self, id: StringId) -> Result<StringId, ResolveError> {
        if let Some(&known) = self.strings.get(&id) {
            return Ok(known);
        }
        let copied = self.writer.string(self.dump.strings().get(id)?)?;
        self.strings.insert(id, copied);
        Ok(copied)
    }

    fn facts(&mut self, facts: &[(&str, String)]) -> Result<(), ResolveError> {
        let Summary {
            typed_by_stack,
            typed_by_reference,
            labelled,
            conservative,
            dropped,
            ..
        } = self.summary;
        self.writer.metadata(NATIVE, TYPED)?;
        for (key, value) in [
            ("typed_by_stack", typed_by_stack),
            ("typed_by_reference", typed_by_reference),
            ("references_named", labelled),
            ("references_unsure", conservative),
            ("references_dropped", dropped),
        ] {
            self.writer.metadata(key, &value.to_string())?;
        }
        for (key, value) in facts {
            self.writer.metadata(key, value)?;
        }
        Ok(())
    }
}
