//! `chain(dump, object)`.

use std::sync::Arc;

use memdump_format::{Address, Label, ObjectId};

use super::{Arguments, Look, root_text};
use crate::analysis::label_text::write_label;
use crate::sql::catalogue::ChainColumn as Column;
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, NoRows, Rows};
use crate::sql::sources::{Held, OpenDump, Sources, reference_place};

pub(super) fn chain(
    sources: Arc<Sources>,
    arguments: &Arguments<'_>,
) -> Result<Box<dyn Rows>, SqlError> {
    let Some((place, id)) = arguments.object(&sources) else {
        return Ok(Box::new(NoRows));
    };
    let reach = sources.at(place).reach(sources.progress())?;
    let mut steps = Vec::new();
    let mut next = reach.distance(id).map(|_| id);
    while let Some(step) = next {
        steps.push(step);
        next = reach.parent(step);
    }
    Ok(Box::new(Chain {
        sources,
        place,
        length: steps.len(),
        steps,
        step: 0,
    }))
}

/// The objects of a chain, the one that is held last.
struct Chain {
    sources: Arc<Sources>,
    place: usize,
    steps: Vec<ObjectId>,
    length: usize,
    /// Rows given so far.
    step: usize,
}

impl Chain {
    fn object(&self, step: usize) -> Option<ObjectId> {
        self.steps.get(self.length.checked_sub(step + 1)?).copied()
    }
}

impl Rows for Chain {
    fn advance(&mut self) -> Result<bool, SqlError> {
        self.step += 1;
        Ok(self.step <= self.length)
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        let step = self.step - 1;
        let (Some(column), Some(id)) = (Column::of(column), self.object(step)) else {
            return Ok(Cell::Null);
        };
        let dump = self.sources.at(self.place);
        let look = Look { dump, id };
        let before = step.checked_sub(1).and_then(|before| self.object(before));
        Ok(match column {
            Column::Step => Cell::count(step as u64),
            Column::Id => id.0.into(),
            Column::TypeName => look.type_name()?.into(),
            Column::Label => match before {
                Some(before) => label_between(&self.sources, dump, before, look.address()?)?.into(),
                None => held_by(&self.sources, dump, id)?.1.into(),
            },
            Column::Root => match before {
                Some(_) => Cell::Null,
                None => held_by(&self.sources, dump, id)?.0.into(),
            },
            Column::Address => Cell::address(look.address()?),
            Column::Size => Cell::count(look.size()?),
            Column::Dump | Column::Object => Cell::Null,
        })
    }
}

/// What holds an object directly, and how.
fn held_by(sources: &Sources, dump: &OpenDump, id: ObjectId) -> Result<(String, String), SqlError> {
    let progress = sources.progress();
    match dump.reach(progress)?.held(id) {
        Some(Held::Garbage) => return Ok(("nothing".to_owned(), String::new())),
        Some(Held::Native) if dump.graph(progress)?.roots.of(id).next().is_none() => {
            return Ok(("native code".to_owned(), String::new()));
        }
        _ => {}
    }
    let mut label = String::new();
    let text = match dump.graph(progress)?.roots.of(id).next() {
        Some(root) => {
            write_label(dump.dump(), root.label, &mut label)?;
            root_text(dump, root)?
        }
        None => String::new(),
    };
    Ok((text, label))
}

/// What a strong reference from one object to another's address is called: the first that has a name.
fn label_between(
    sources: &Sources,
    dump: &OpenDump,
    source: ObjectId,
    target: Address,
) -> Result<String, SqlError> {
    let graph = dump.graph(sources.progress())?;
    let kept = dump.kept_references();
    let mut text = String::new();
    for number in graph.forward.row(source) {
        let (block, at) = reference_place(graph.blocks(), number);
        if kept.targets(dump.dump(), block)?.get(at) != Some(&target) {
            continue;
        }
        let labels = kept.labels(dump.dump(), block)?;
        let Some((kind, value)) = labels.get(at) else {
            continue;
        };
        let label = kind.label(*value);
        if kind.strength() == memdump_format::Strength::Strong && label != Label::None {
            write_label(dump.dump(), label, &mut text)?;
            break;
        }
    }
    Ok(text)
}
