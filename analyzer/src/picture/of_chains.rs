//! Chains as a picture: their shapes as one tree, in which what they have in common is drawn once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{Line, Node, NodeId, NodeKind, Picture, holder_lines, type_lines};
use crate::analysis::chain::{Explained, Holder, HolderKind, HolderShape, ShapeGroup, ShapeStep};
use crate::snapshot::TypeName;
use crate::view::chain::{chain_line, headline, holder_text, is_module};
use crate::view::number::{count, plural};

/// Of steps that nothing branches off, so many at each end are drawn where the rest is folded.
const ENDS_OF_RUN: usize = 3;

/// The picture of the shapes of chains, the most frequent first, in about `nodes` boxes.
pub fn picture(result: &Explained, nodes: usize) -> Picture {
    let tree = Tree::of(&result.groups);
    // The tree of one more shape has no fewer boxes.
    let drawn = (1..=result.groups.len())
        .take_while(|&groups| groups == 1 || tree.kept(groups).boxes() <= nodes)
        .last()
        .unwrap_or(0);
    let mut picture = Picture {
        headline: headline(result),
        ..Picture::default()
    };
    tree.draw(drawn, nodes, &mut picture);
    let more = result.shapes - result.groups.len() as u64;
    if more > 0 {
        let listed: u64 = result.groups.iter().map(|group| group.count).sum();
        let shapes = plural(more, "more shape", "more shapes");
        let objects = plural(result.explained - listed, "object", "objects");
        picture
            .notes
            .push(format!("… and {shapes} of {objects}; --limit 0 takes all"));
    }
    if result.objects > result.explained {
        let objects = count(result.objects - result.explained);
        picture.notes.push(format!(
            "to {objects} of the objects leads no chain that was asked for"
        ));
    }
    picture
}

/// What tells a step from others after the same step.
#[derive(PartialEq, Eq, Hash)]
enum Key<'r> {
    Holder(HolderKind, Option<&'r str>),
    Step(&'r str, &'r TypeName),
}

/// The number of a step in the tree.
type StepId = usize;

struct Step<'r> {
    before: Option<StepId>,
    what: What<'r>,
    /// How the step before refers to it.
    label: &'r str,
    /// So many steps, up to this one, recur.
    recurring: usize,
    /// Objects whose chains lead through it, or end here.
    objects: u64,
    /// The groups whose chains end here.
    ends: Vec<usize>,
}

enum What<'r> {
    Holder(&'r HolderShape),
    Module(&'r str),
    Type(&'r TypeName),
}

/// The shapes of all groups as a tree, each step after the one before it; a holder is a step as well.
struct Tree<'r> {
    groups: &'r [ShapeGroup],
    steps: Vec<Step<'r>>,
}

impl<'r> Tree<'r> {
    fn of(groups: &'r [ShapeGroup]) -> Tree<'r> {
        let mut tree = Tree {
            groups,
            steps: Vec::new(),
        };
        let mut known: HashMap<(Option<StepId>, Key<'r>), StepId, RandomState> = HashMap::default();
        for (number, group) in groups.iter().enumerate() {
            let holder = &group.holder;
            let mut at = *known
                .entry((None, Key::Holder(holder.kind, holder.name.as_deref())))
                .or_insert_with(|| tree.push(None, what_holds(group), "", 0));
            tree.steps[at].objects += group.count;
            let in_holder = matches!(tree.steps[at].what, What::Module(_));
            for (place, step) in group.steps.iter().enumerate().skip(usize::from(in_holder)) {
                let label = if place == 0 {
                    &holder.label
                } else {
                    &step.label
                };
                let key = Key::Step(label, &step.type_name);
                at = *known
                    .entry((Some(at), key))
                    .or_insert_with(|| tree.push(Some(at), What::Type(&step.type_name), label, 0));
                let recurring = usize::from(step.recurring);
                let step = &mut tree.steps[at];
                step.objects += group.count;
                step.recurring = step.recurring.max(recurring);
            }
            tree.steps[at].ends.push(number);
        }
        tree
    }

    fn push(
        &mut self,
        before: Option<StepId>,
        what: What<'r>,
        label: &'r str,
        recurring: usize,
    ) -> StepId {
        self.steps.push(Step {
            before,
            what,
            label,
            recurring,
            objects: 0,
            ends: Vec::new(),
        });
        self.steps.len() - 1
    }

    /// The steps from `last` back to the holder.
    fn back(&self, last: StepId) -> impl Iterator<Item = StepId> + '_ {
        std::iter::successors(Some(last), |&step| self.steps[step].before)
    }

    /// What is drawn of the first so many groups.
    fn kept(&self, groups: usize) -> Kept {
        let mut kept = Kept {
            after: vec![0; self.steps.len()],
            drawn: vec![false; self.steps.len()],
            runs: BTreeMap::new(),
            rest: BTreeMap::new(),
        };
        let mut fixed = vec![false; self.steps.len()];
        for (id, step) in self.steps.iter().enumerate() {
            let (drawn, rest): (Vec<usize>, Vec<usize>) =
                step.ends.iter().partition(|&&group| group < groups);
            if !drawn.is_empty() {
                fixed[id] = true;
                for step in self.back(id) {
                    if !std::mem::replace(&mut kept.drawn[step], true)
                        && let Some(before) = self.steps[step].before
                    {
                        kept.after[before] += 1;
                    }
                }
            }
            if !rest.is_empty() {
                kept.rest.insert(id, rest);
            }
        }
        // The rest hangs on the last step that is drawn.
        for (id, groups) in std::mem::take(&mut kept.rest) {
            let on = self.back(id).find(|&step| kept.drawn[step]);
            let place = on.unwrap_or(NOWHERE);
            kept.rest.entry(place).or_default().extend(groups);
            if place != NOWHERE {
                fixed[place] = true;
            }
        }
        // Arrows lead back between the steps of a loop.
        for (id, step) in self.steps.iter().enumerate() {
            if step.recurring > 0 {
                for step in self.back(id).take(step.recurring) {
                    fixed[step] = true;
                }
            }
        }
        let is_plain =
            |id: StepId| !fixed[id] && kept.after[id] == 1 && self.steps[id].before.is_some();
        // From its end, which is a step that is not plain, or one whose next is not.
        let ends = (0..self.steps.len()).filter(|&id| kept.drawn[id] && !is_plain(id));
        let mut runs = BTreeMap::new();
        for end in ends {
            let run: Vec<StepId> = self
                .back(end)
                .skip(1)
                .take_while(|&id| is_plain(id))
                .collect();
            if run.len() > 2 * ENDS_OF_RUN + 1 {
                let hidden = run[ENDS_OF_RUN..run.len() - ENDS_OF_RUN].to_vec();
                runs.insert(run[ENDS_OF_RUN - 1], hidden);
            }
        }
        for &id in runs.values().flatten() {
            kept.drawn[id] = false;
        }
        kept.runs = runs;
        kept
    }

    fn draw(&self, groups: usize, nodes: usize, picture: &mut Picture) {
        let kept = self.kept(groups);
        let mut boxes: HashMap<StepId, NodeId> = HashMap::new();
        for id in (0..self.steps.len()).filter(|&id| kept.drawn[id]) {
            boxes.insert(id, picture.add(self.step_node(id)));
        }
        for (&id, &node) in boxes.iter().collect::<BTreeMap<_, _>>() {
            let step = &self.steps[id];
            if let Some(hidden) = kept.runs.get(&id) {
                let fold = picture.add(self.run_node(hidden));
                picture.link(fold, node, step.label);
                let first = hidden[hidden.len() - 1];
                if let Some(before) = self.steps[first]
                    .before
                    .and_then(|before| boxes.get(&before))
                {
                    picture.link(*before, fold, self.steps[first].label);
                }
            } else if let Some(before) = step.before.and_then(|before| boxes.get(&before)) {
                picture.link(*before, node, step.label);
            }
            if let Some(begin) = step
                .recurring
                .checked_sub(1)
                .and_then(|back| self.back(id).nth(back))
                && let Some(&to) = boxes.get(&begin)
            {
                picture.link(node, to, self.steps[begin].label);
            }
        }
        let mut rest: Vec<(StepId, &Vec<usize>)> =
            kept.rest.iter().map(|(&id, rest)| (id, rest)).collect();
        rest.sort_by_key(|(_, groups)| Reverse(self.objects(groups)));
        // Where they branch off is told for the most frequent ones; the others are counted.
        let most = (nodes / 5).max(1);
        for (on, groups) in rest.iter().take(most).filter(|(on, _)| *on != NOWHERE) {
            let more = picture.add(self.rest_node(groups));
            picture.link(boxes[on], more, "");
        }
        let apart: Vec<usize> = rest
            .iter()
            .enumerate()
            .filter(|(place, (on, _))| *place >= most || *on == NOWHERE)
            .flat_map(|(_, (_, groups))| (*groups).clone())
            .collect();
        if !apart.is_empty() {
            let shapes = plural(apart.len() as u64, "more shape", "more shapes");
            let objects = plural(self.objects(&apart), "object", "objects");
            picture.notes.push(format!(
                "not drawn: {shapes} of {objects}; --max-nodes draws more"
            ));
        }
    }

    fn objects(&self, groups: &[usize]) -> u64 {
        groups.iter().map(|&group| self.groups[group].count).sum()
    }

    fn step_node(&self, id: StepId) -> Node {
        let step = &self.steps[id];
        let (mut kind, mut lines, name) = match step.what {
            What::Module(name) => (
                NodeKind::Root,
                vec![Line::faint("module"), Line::strong(name)],
                format!("module {name}"),
            ),
            What::Holder(holder) => {
                let holder = holder_of(holder);
                (NodeKind::Root, holder_lines(&holder), holder_text(&holder))
            }
            What::Type(name) => (NodeKind::Object, type_lines(name), name.to_string()),
        };
        let mut tooltip = format!(
            "{name}\n{} lead through here",
            plural(step.objects, "object's chain", "objects' chains")
        );
        if !step.ends.is_empty() {
            kind = NodeKind::Target;
            let count = self.objects(&step.ends);
            lines.push(Line::faint(plural(count, "object", "objects")));
        }
        if step.recurring > 0 {
            tooltip += "\nagain and again";
        }
        if let Some(&first) = step.ends.first() {
            let example = &self.groups[first].example;
            tooltip += &format!("\ne.g. {}", chain_line(example));
            if let Some(last) = example.steps.last() {
                tooltip += &format!("  →  {}", last.address);
            }
        }
        Node {
            kind,
            lines,
            tooltip,
        }
    }

    fn run_node(&self, hidden: &[StepId]) -> Node {
        let path = hidden.iter().rev().map(|&id| {
            let step = &self.steps[id];
            match step.what {
                What::Type(name) => format!("{} → {name}", step.label),
                What::Holder(_) | What::Module(_) => String::new(),
            }
        });
        Node {
            kind: NodeKind::More,
            lines: vec![Line::strong(plural(
                hidden.len() as u64,
                "more step",
                "more steps",
            ))],
            tooltip: path.collect::<Vec<_>>().join("\n"),
        }
    }

    fn rest_node(&self, groups: &[usize]) -> Node {
        let objects = self.objects(groups);
        let examples = groups.iter().take(8).map(|&group| {
            let group = &self.groups[group];
            format!("{} × {}", count(group.count), chain_line(&group.example))
        });
        Node {
            kind: NodeKind::More,
            lines: vec![
                Line::strong(format!("+{} more", count(objects))),
                Line::faint(format!(
                    "in {}",
                    plural(groups.len() as u64, "shape", "shapes")
                )),
            ],
            tooltip: examples.collect::<Vec<_>>().join("\n"),
        }
    }
}

/// Stands for what hangs on no step that is drawn.
const NOWHERE: StepId = StepId::MAX;

/// What is drawn of a tree.
struct Kept {
    /// How many of the steps after each are drawn.
    after: Vec<u32>,
    drawn: Vec<bool>,
    /// By the step after them: steps that are drawn as one, the last one first.
    runs: BTreeMap<StepId, Vec<StepId>>,
    /// By the step that they branch off: groups that are not drawn.
    rest: BTreeMap<StepId, Vec<usize>>,
}

impl Kept {
    fn boxes(&self) -> usize {
        self.drawn.iter().filter(|drawn| **drawn).count() + self.runs.len()
    }
}

fn what_holds(group: &ShapeGroup) -> What<'_> {
    let first = group.steps.first();
    match (&group.holder.name, first) {
        (Some(name), Some(ShapeStep { type_name, .. }))
            if is_module(&holder_of(&group.holder), type_name) =>
        {
            What::Module(name)
        }
        _ => What::Holder(&group.holder),
    }
}

fn holder_of(shape: &HolderShape) -> Holder {
    Holder {
        kind: shape.kind,
        name: shape.name.clone(),
        thread: None,
        line: None,
        label: shape.label.clone(),
    }
}
