//! The objects of a type, the new ones or all, those that retain most first.

use memdump_format::ObjectId;
use serde::{Deserialize, Serialize};

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::page;
use crate::analysis::biggest::{Biggest, page_of_biggest};
use crate::analysis::identity::Identity;
use crate::analysis::select::SelectedTypes;
use crate::pattern::TypePattern;

#[derive(Deserialize)]
pub(super) struct Instances {
    dump: Option<usize>,
    /// Only those that this dump does not have.
    before: Option<usize>,
    #[serde(rename = "type")]
    pattern: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Listed {
    /// How new objects were told from old ones; none if all were asked for.
    identity: Option<Identity>,
    #[serde(flatten)]
    objects: Biggest,
}

pub(super) fn instances(explorer: &Explorer, question: Instances) -> Result<Answer, Refusal> {
    let number = explorer.chosen(question.dump, explorer.last())?;
    let snapshot = explorer.snapshot(number)?;
    let new = explorer.new_since(question.before, number)?;
    let mut paths = vec![explorer.path(number)];
    if let Some(new) = &new {
        paths.insert(0, explorer.path(new.before));
    }
    let ids: Vec<ObjectId> = match question.pattern.as_deref().filter(|text| !text.is_empty()) {
        Some(pattern) => {
            let pattern: TypePattern = pattern.parse()?;
            let before = new
                .as_ref()
                .map(|new| explorer.snapshot(new.before))
                .transpose()?;
            let types = SelectedTypes::matching(&pattern, snapshot, before)?;
            let by_type = explorer.dump(number).by_type(explorer.progress())?;
            let keys = snapshot.types().iter().map(|(key, _)| key);
            let chosen = keys.filter(|&key| types.contains(key));
            chosen
                .flat_map(|key| by_type.of(key.index()))
                .copied()
                .collect()
        }
        None => snapshot.ids().collect(),
    };
    let is_wanted = |id: &ObjectId| new.as_ref().is_none_or(|new| new.objects().contains(*id));
    let ids = ids.into_iter().filter(is_wanted).collect();
    let page = page(question.offset, question.limit);
    let objects = page_of_biggest(snapshot, explorer.tree(number)?, ids, page)?;
    let identity = new.map(|new| new.identity);
    Answer::document("top_objects", &paths, &Listed { identity, objects })
}
