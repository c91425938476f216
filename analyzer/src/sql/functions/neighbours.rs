//! `referrers(dump, object)` and `dominated_by(dump, object)`.

use std::sync::Arc;

use memdump_format::{ObjectId, Root, Strength};

use super::{Arguments, Look, root_text};
use crate::analysis::label_text::write_label;
use crate::sql::catalogue::{DominatedColumn, ReferrersColumn};
use crate::sql::error::SqlError;
use crate::sql::relation::{Cell, NoRows, Rows};
use crate::sql::sources::{Sources, reference_place};

pub(super) fn referrers(
    sources: Arc<Sources>,
    arguments: &Arguments<'_>,
) -> Result<Box<dyn Rows>, SqlError> {
    let Some((place, id)) = arguments.object(&sources) else {
        return Ok(Box::new(NoRows));
    };
    let progress = sources.progress();
    let dump = sources.at(place);
    let references = dump.referrers(progress)?.of(id).iter();
    let roots = dump.graph(progress)?.roots.of(id).copied();
    let rows: Vec<Referrer> = references
        .map(|&number| Referrer::Reference(number as usize))
        .chain(roots.map(Referrer::Root))
        .collect();
    Ok(Box::new(Referrers {
        rows: rows.into_iter(),
        row: None,
        sources,
        place,
    }))
}

#[derive(Clone, Copy)]
enum Referrer {
    Reference(usize),
    Root(Root),
}

struct Referrers {
    sources: Arc<Sources>,
    place: usize,
    rows: std::vec::IntoIter<Referrer>,
    row: Option<Referrer>,
}

impl Rows for Referrers {
    fn advance(&mut self) -> Result<bool, SqlError> {
        self.row = self.rows.next();
        Ok(self.row.is_some())
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        use ReferrersColumn as Column;
        let (Some(column), Some(row)) = (Column::of(column), self.row) else {
            return Ok(Cell::Null);
        };
        let dump = self.sources.at(self.place);
        let number = match row {
            Referrer::Reference(number) => number,
            Referrer::Root(root) => {
                return Ok(match column {
                    Column::Root => root_text(dump, &root)?.into(),
                    Column::Label => {
                        let mut text = String::new();
                        write_label(dump.dump(), root.label, &mut text)?;
                        text.into()
                    }
                    Column::IsWeak => Cell::flag(false),
                    _ => Cell::Null,
                });
            }
        };
        let graph = dump.graph(self.sources.progress())?;
        let id = ObjectId(graph.forward.sources(&(number..number + 1)).start);
        let look = Look { dump, id };
        let label = || {
            let (block, at) = reference_place(graph.blocks(), number);
            let labels = dump.kept_references().labels(dump.dump(), block)?;
            Ok::<_, SqlError>(labels.get(at).copied().unwrap_or_default())
        };
        Ok(match column {
            Column::Source => id.0.into(),
            Column::TypeName => look.type_name()?.into(),
            Column::Label => {
                let (kind, value) = label()?;
                let mut text = String::new();
                write_label(dump.dump(), kind.label(value), &mut text)?;
                text.into()
            }
            Column::IsWeak => Cell::flag(label()?.0.strength() == Strength::Weak),
            Column::Address => Cell::address(look.address()?),
            Column::Root | Column::Dump | Column::Object => Cell::Null,
        })
    }
}

pub(super) fn dominated(
    sources: Arc<Sources>,
    arguments: &Arguments<'_>,
) -> Result<Box<dyn Rows>, SqlError> {
    let Some((place, id)) = arguments.object(&sources) else {
        return Ok(Box::new(NoRows));
    };
    let below = sources.at(place).dominated(sources.progress())?;
    Ok(Box::new(Dominated {
        ids: below.by(Some(id)).to_vec().into_iter(),
        id: ObjectId(0),
        sources,
        place,
    }))
}

struct Dominated {
    sources: Arc<Sources>,
    place: usize,
    ids: std::vec::IntoIter<ObjectId>,
    id: ObjectId,
}

impl Rows for Dominated {
    fn advance(&mut self) -> Result<bool, SqlError> {
        let next = self.ids.next();
        self.id = next.unwrap_or(self.id);
        Ok(next.is_some())
    }

    fn value(&mut self, column: usize) -> Result<Cell<'_>, SqlError> {
        use DominatedColumn as Column;
        let (dump, id) = (self.sources.at(self.place), self.id);
        let look = Look { dump, id };
        Ok(match Column::of(column) {
            Some(Column::Id) => id.0.into(),
            Some(Column::TypeName) => look.type_name()?.into(),
            Some(Column::Size) => Cell::count(look.size()?),
            Some(Column::Retained) => {
                Cell::count(dump.dominators(self.sources.progress())?.retained(id))
            }
            Some(Column::Address) => Cell::address(look.address()?),
            Some(Column::Dump | Column::Object) | None => Cell::Null,
        })
    }
}
